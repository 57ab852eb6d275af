"""Styled text: one description of what to show, colours on a terminal, plain text elsewhere.

Every span's text has been sanitised by whoever made it; rich's markup is never interpreted.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from agentsh.cli.output import is_terminal, write_bytes
from agentsh.core.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.text import Text


@record(frozen=True, slots=True)
class Span:
    """A piece of a line; ``style`` is a rich style, empty for none."""

    text: str
    style: str = ""


Line = list[Span]


@dataclass(slots=True)
class Page:
    """Lines to show, built up one by one.

    Attributes:
        lines: what to show.
        clipped: the numbers of lines that a terminal shows in one row, cut where they are longer.
    """

    lines: list[Line] = field(default_factory=list)
    clipped: set[int] = field(default_factory=set)

    def add(self, *spans: Span | str, clip: bool = False) -> None:
        """Append one line of spans; a bare string has no style."""
        if clip:
            self.clipped.add(len(self.lines))
        self.lines.append([s if isinstance(s, Span) else Span(s) for s in spans])

    def table(self, rows: Sequence[Sequence[Span]], *, gap: str = "  ", indent: str = "", clip: bool = False) -> None:
        """Append rows with their columns aligned; the last column is free, or cut at a terminal's edge."""
        if clip:
            self.clipped.update(range(len(self.lines), len(self.lines) + len(rows)))
        widths: dict[int, int] = {}
        for row in rows:
            for i, span in enumerate(row[:-1]):
                widths[i] = max(widths.get(i, 0), cells(span.text))
        for row in rows:
            line: Line = [Span(indent)] if indent else []
            for i, span in enumerate(row):
                last = i == len(row) - 1
                pad = "" if last else " " * (widths[i] - cells(span.text)) + gap
                line += [span, Span(pad)] if pad else [span]
            self.lines.append(line)

    def fitted(self, columns: int) -> Page:
        """The page with its clipped lines cut to a terminal's width."""
        lines = [_cut(line, columns) if n in self.clipped else line for n, line in enumerate(self.lines)]
        return Page(lines)

    def plain(self) -> str:
        """The page without colours."""
        return "".join("".join(s.text for s in line).rstrip() + "\n" for line in self.lines)


def cells(text: str) -> int:
    """Terminal cells of ``text``."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - only for text that needs it

    return cell_len(text)


def _cut(line: Line, columns: int) -> Line:
    """``line``, or as much of it as fits before an ellipsis."""
    if sum(cells(s.text) for s in line) <= columns:
        return line
    out: Line = []
    left = columns - 1
    for span in line:
        text = span.text
        while cells(text) > left:
            text = text[: min(left, len(text) - 1)]
        out.append(Span(text, span.style))
        left -= cells(text)
        if text != span.text:
            break
    return [*out, Span("…", "dim")]


def colours(stream: TextIO) -> bool:
    """Whether ``stream`` takes colours: a terminal, and neither NO_COLOR nor a dumb TERM says otherwise."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(page: Page, *, stream: TextIO | None = None, pager: bool = False) -> None:
    """Write a page.

    Args:
        page: what to show.
        stream: stdout unless given.
        pager: use ``$PAGER`` where stdout is a terminal and the page is higher than it.
    """
    out = stream or sys.stdout
    if not page.lines:
        return
    if page.clipped and is_terminal(out):
        page = page.fitted(shutil.get_terminal_size().columns)
    painted = _painted(page) if colours(out) else page.plain()
    if (
        pager
        and is_terminal(out)
        and is_terminal(sys.stdin)
        and is_terminal(sys.stdout)
        and painted.count("\n") >= shutil.get_terminal_size().lines
    ):
        import click  # noqa: PLC0415 - its pager

        os.environ.setdefault("LESS", "FRX")
        click.echo_via_pager(painted, color=True)
        return
    write_bytes(painted.encode("utf-8", "backslashreplace"), out)


def _painted(page: Page) -> str:
    """The page with SGR colours, for a terminal."""
    from rich.console import Console  # noqa: PLC0415 - slow, and only for terminals

    buffer = io.StringIO()
    console = Console(
        file=buffer,
        force_terminal=True,
        width=shutil.get_terminal_size().columns,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
        legacy_windows=False,
    )
    for line in page.lines:
        console.print(_text(line))
    return buffer.getvalue()


def _text(line: Iterable[Span]) -> Text:
    from rich.text import Text  # noqa: PLC0415 - as above

    text = Text(end="")
    for span in line:
        text.append(span.text, style=span.style or None)
    return text
