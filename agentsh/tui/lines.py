"""Lines by the hundred thousand: only those on the screen are made, and none is a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agentsh.tui.text import Row, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.binding import BindingType

STYLES = (
    "added",
    "removed",
    "changed",
    "added-word",
    "removed-word",
    "hunk",
    "heading",
    "title",
    "flag",
    "dim",
    "person",
    "code",
    "match",
    "cursor",
    "error",
    "picked",
    "added-line",
    "removed-line",
    "word",
    "syn-comment",
    "syn-string",
    "syn-number",
    "syn-keyword",
    "syn-name",
)
"""The names that a :class:`Span` may bear, one or several with blanks between; ``agentsh.tcss`` has their looks."""


class LineView(ScrollView, can_focus=True):
    """A scrolling view of rows, with a cursor and a search.

    A subclass overrides :meth:`row`, and calls :meth:`resized` when there are more or fewer of them.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{name}" for name in STYLES}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", id="lines.down", show=False),
        Binding("up,k", "move(-1)", "Up", id="lines.up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", id="lines.page-down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", id="lines.page-up", show=False),
        Binding("home,g", "edge(False)", "First line", id="lines.first", show=False),
        Binding("end,G", "edge(True)", "Last line", id="lines.last", show=False),
        Binding("left", "sideways(-8)", "Scroll left", id="lines.left", show=False),
        Binding("right", "sideways(8)", "Scroll right", id="lines.right", show=False),
        Binding("n", "search(1)", "Next match", id="lines.next-match", show=False),
        Binding("N", "search(-1)", "Match before", id="lines.match-before", show=False),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)  # two lines change: see watch_cursor
    needle: reactive[str] = reactive("")

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, view: LineView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> LineView:
            """The view."""
            return self.view

    class Chosen(Moved):
        """A row was clicked while the cursor was on it."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - as Textual's widgets
        super().__init__(id=id, classes=classes)
        self._count = 0
        self._columns = 0
        self._base = Style.null()

    # -- for subclasses ------------------------------------------------------------------------------------------

    def row(self, y: int) -> Row:
        """The row ``y``, from 0."""
        raise NotImplementedError

    def stops(self, y: int) -> bool:
        """Whether the cursor may rest on row ``y``."""
        del y
        return True

    def matches(self, y: int, needle: str) -> bool:
        """Whether row ``y`` has ``needle``, which is in small letters."""
        return needle in plain(self.row(y)).lower()

    def resized(self, count: int, columns: int = 0) -> None:
        """There are ``count`` rows now, the widest of ``columns`` cells."""
        self._count, self._columns = count, columns
        self.virtual_size = Size(columns, count)
        self.cursor = max(0, min(self.cursor, count - 1))
        self.refresh()

    # -- the line API --------------------------------------------------------------------------------------------

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return self._count

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the view."""
        self._base = self.rich_style  # which asks all widgets above: once, not for each line
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        scroll_x, scroll_y = self.scroll_offset
        at = scroll_y + y
        width = self.size.width
        base = self._base
        if not 0 <= at < self._count:
            return Strip.blank(width, base)
        spans = self.row(at)
        under = base
        if at == self.cursor and self.shows_cursor:
            under = base + self.get_component_rich_style("lines--cursor", partial=True)
        over = self.get_component_rich_style("lines--picked", partial=True) if self.picks(at) else Style.null()
        segments = [Segment(s.text, self._styled(under, s.style) + over) for s in spans]
        if self.needle:
            mark = self.get_component_rich_style("lines--match", partial=True)
            segments = list(_marked(segments, self.needle.lower(), mark))
        strip = Strip(segments).crop(scroll_x, scroll_x + width)
        return strip.extend_cell_length(width, under + over).apply_offsets(scroll_x, at)

    def _styled(self, under: Style, names: str) -> Style:
        for name in names.split():
            under += self.get_component_rich_style(f"lines--{name}", partial=True)
        return under

    def picks(self, y: int) -> bool:
        """Whether row ``y`` is among those that are chosen."""
        del y
        return False

    @property
    def shows_cursor(self) -> bool:
        """Whether the row under the cursor looks different: always, for colour alone would not tell where it is."""
        return True

    # -- moving --------------------------------------------------------------------------------------------------

    def watch_cursor(self, old: int, new: int) -> None:
        """Show the row."""
        if old != new:
            self.scroll_to_region(Region(int(self.scroll_x), new, 1, 1), animate=False, force=True)
            for at in (old, new):  # where it scrolled, all of it is painted anyway
                self.refresh_line(at)
            self.post_message(self.Moved(self))

    def watch_needle(self) -> None:
        """Mark what is searched for."""
        self.refresh()

    def _step(self, start: int, by: int) -> int:
        """The nearest row from ``start`` on where the cursor may rest, or where it is."""
        at = max(0, min(start, self._count - 1))
        while 0 <= at < self._count and not self.stops(at):
            at += 1 if by > 0 else -1
        return at if 0 <= at < self._count else self.cursor

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.cursor = self._step(self.cursor + by, by)

    def action_page(self, by: int) -> None:
        """Move the cursor by screens."""
        self.cursor = self._step(self.cursor + by * max(1, self.size.height - 1), by)

    def action_edge(self, last: bool) -> None:  # noqa: FBT001 - a key binding's argument
        """Move the cursor to the first or the last row."""
        self.cursor = self._step(self._count - 1, -1) if last else self._step(0, 1)

    def action_sideways(self, by: int) -> None:
        """Scroll sideways by columns."""
        self.scroll_relative(x=by, animate=False)

    def action_search(self, by: int) -> None:
        """Move the cursor to the next row, or the one before, that has the text that is searched for."""
        needle = self.needle.lower()
        if not needle:
            return
        for at in self._around(by):
            if self.matches(at, needle):
                self.cursor = at
                return
        self.app.bell()

    def _around(self, by: int) -> Iterable[int]:
        return ((self.cursor + by * k) % self._count for k in range(1, self._count + 1))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a second click chooses."""
        at = event.y + self.scroll_offset.y
        if not 0 <= at < self._count or not self.stops(at):
            return
        if at == self.cursor:
            self.post_message(self.Chosen(self))
        self.cursor = at


def _marked(segments: Iterable[Segment], needle: str, mark: Style) -> Iterable[Segment]:
    """The segments, with what is searched for in a style of its own; a match across two of them is not marked."""
    for segment in segments:
        text, style = segment.text, segment.style or Style.null()
        lower, start = text.lower(), 0
        while len(lower) == len(text) and (found := lower.find(needle, start)) >= 0:
            yield Segment(text[start:found], style)
            yield Segment(text[found : found + len(needle)], style + mark)
            start = found + len(needle)
        yield Segment(text[start:], style)
