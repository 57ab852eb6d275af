"""Views of rows that are made beforehand, or one by one of something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from agentsh.tui.bytelines import ByteLines
from agentsh.tui.lines import LineView
from agentsh.tui.text import Row, Safe, Span, plain, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_COLUMNS = 2_000


class RowsView(LineView):
    """Shows the rows it is given."""

    def __init__(self, *, id: str | None = None, cursor: bool = True) -> None:  # noqa: A002 - as Textual's widgets
        super().__init__(id=id)
        self._given: Sequence[Row] = ()
        self._stops: frozenset[int] | None = None
        self._shows_cursor = cursor

    def show(self, rows: Sequence[Row], *, stops: frozenset[int] | None = None) -> None:
        """Show ``rows``.

        Args:
            rows: from the top.
            stops: the rows on which the cursor may rest; all, when None.
        """
        self._given, self._stops = rows, stops
        self.resized(len(rows), max((cell_len(plain(r)) for r in rows), default=0))
        if not self.stops(self.cursor):
            self.cursor = self._step(self.cursor, 1)

    def row(self, y: int) -> Row:
        """See :meth:`LineView.row`."""
        return self._given[y]

    def stops(self, y: int) -> bool:
        """See :meth:`LineView.stops`."""
        return self._stops is None or not self._stops or y in self._stops

    @property
    def shows_cursor(self) -> bool:
        """See :meth:`LineView.shows_cursor`."""
        return self._shows_cursor


class BytesView(LineView):
    """Shows raw bytes, such as an action's output, line by line; a line becomes text when it is painted."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as Textual's widgets
        super().__init__(id=id)
        self._parts: list[tuple[int, ByteLines, str]] = []

    def show(self, parts: Sequence[tuple[bytes, str]]) -> None:
        """Show ``parts``, one below the other, each with its style and without the line end of its last line."""
        self._parts = []
        count = columns = 0
        for data, style in parts:
            lines = ByteLines(data)
            self._parts.append((count, lines, style))
            count += len(lines)
            columns = max(columns, _MOST_COLUMNS if lines.cells is None else lines.cells)
        self.resized(count, min(_MOST_COLUMNS, columns))

    def row(self, y: int) -> Row:
        """See :meth:`LineView.row`."""
        first, lines, style = next(part for part in reversed(self._parts) if part[0] <= y)
        return (Span(safe(lines[y - first]) or Safe(" "), style),)
