"""The one door through which data becomes text on the screen.

A terminal obeys what it is sent, and Textual passes on what it is given: an OSC 52 in a file's name would set the
clipboard. So no other module of this package makes text of data. What comes out of here is :data:`Safe`: a string
without a control, invisible or reordering character, which is never read as markup. A type checker holds the rest to
it, for spans take nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NewType

from rich.cells import cell_len
from textual.content import Content

from agentsh.core.sanitise import visible, visible_line, visible_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Safe = NewType("Safe", str)
"""One line of text that a terminal shows and does not obey."""

MOST_COLUMNS = 2_000
"""Characters of one line that are shown; a minified file must not stall the screen."""


class Span(NamedTuple):
    """A piece of a line in one style, by its name among the component classes of :mod:`agentsh.tui.lines`."""

    text: Safe
    style: str = ""


Row = tuple[Span, ...]
"""One line of the screen."""


def safe(data: str | bytes, *, most: int = MOST_COLUMNS) -> Safe:
    """``data`` on one line: whatever a terminal would obey is escaped, and tabs are spaces.

    Args:
        data: text or raw bytes; bytes that are no UTF-8 are shown as escapes.
        most: characters after which it is cut, with a mark.
    """
    text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
    # Twice the bound is enough of it: a megabyte on one line is not looked through to its end.
    shown = visible(text[: 2 * most + 1]).replace("\n", "\\n").expandtabs(4)
    return Safe(shown if len(shown) <= most else shown[: most - 1] + "…")


def title(data: str, *, most: int = 160) -> Safe:
    """As :func:`safe`, for what names something: a mark where its lines end, and no indentation."""
    shown = visible_title(data[: 4 * most])
    return Safe(shown if len(shown) <= most else shown[: most - 1] + "…")


def path(data: bytes) -> Safe:
    """A path, tabs and line ends escaped too."""
    return Safe(visible_line(data.decode("utf-8", "surrogateescape")))


def join(parts: Iterable[Safe], between: str = " ") -> Safe:
    """Safe texts, one after the other."""
    return Safe(visible_line(between).join(parts))


def content(data: str | bytes, style: str = "") -> Content:
    """What Textual's own widgets take: several lines, never markup."""
    text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
    return Content("\n".join(safe(line) for line in text.split("\n"))).stylize(style)


def wrap(text: Safe, width: int) -> list[Safe]:
    """``text`` in lines of at most ``width`` cells, broken between words where there are any."""
    lines: list[Safe] = []
    rest = str(text)
    while cell_len(rest) > width > 0:
        cut, cells, gap = 0, 0, 0
        for ch in rest:
            cells += cell_len(ch)
            if cells > width:
                break
            cut += 1
            gap = cut if ch == " " else gap
        cut = gap or max(cut, 1)
        lines.append(Safe(rest[:cut].rstrip()))
        rest = rest[cut:]
    lines.append(Safe(rest))
    return lines


def fit(text: Safe, width: int) -> Safe:
    """``text`` in exactly ``width`` cells: cut with a mark, or filled up."""
    if cell_len(text) > width:
        kept, cells = [], 0
        for ch in text:
            cells += cell_len(ch)
            if cells > width - 1:
                break
            kept.append(ch)
        text = Safe("".join(kept) + "…") if width > 0 else Safe("")
    return Safe(text + " " * (width - cell_len(text)))


def plain(row: Sequence[Span]) -> str:
    """A row without its styles."""
    return "".join(span.text for span in row)
