"""Views of rows that are made beforehand, or one by one of something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from agentsh.tui.lines import LineView
from agentsh.tui.text import Row, Safe, Span, plain, safe

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        self._lines: Sequence[tuple[bytes, str]] = ()

    def show(self, lines: Sequence[tuple[bytes, str]]) -> None:
        """Show ``lines``, each with its style."""
        self._lines = lines
        # Escapes take up to four cells for a byte; the bound of a line's length holds all the same.
        self.resized(len(lines), min(2_000, 4 * max((len(line) for line, _ in lines), default=0)))

    def row(self, y: int) -> Row:
        """See :meth:`LineView.row`."""
        line, style = self._lines[y]
        return (Span(safe(line.removesuffix(b"\n")) or Safe(" "), style),)
