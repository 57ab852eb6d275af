"""The view of a diff: unified or side by side, with the hunks that a person can answer about."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.reactive import reactive

from agentsh.tui.diffpaint import paint
from agentsh.tui.diffrows import NO_ROWS, rows_of
from agentsh.tui.lines import LineView
from agentsh.tui.picking import pick, runs_of
from agentsh.tui.syntax import language_of, syntax_of
from agentsh.tui.text import Safe, Span, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.binding import BindingType

    from agentsh.core.diff import FileDiff, Hunk
    from agentsh.tui.picking import Picked, Run
    from agentsh.tui.syntax import Syntax
    from agentsh.tui.text import Row

SPLIT_FROM = 110
"""Columns of the view from which both sides stand side by side, unless a person says otherwise."""

_MOST_COLOURED = 200
"""Files whose colours are looked for."""

_IN_THREAD = 2_000
"""Lines past which rows are made in a thread: fewer take a few milliseconds."""


class DiffView(LineView):
    """Some files' differences."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "hunk(1)", "Next hunk", id="diff.next-hunk", key_display="]", show=False),
        Binding("left_square_bracket", "hunk(-1)", "Hunk before", id="diff.hunk-before", key_display="[", show=False),
        Binding("v", "pick", "Choose lines", id="diff.lines"),
        Binding("shift+down,J", "extend(1)", "Choose the line below too", id="diff.lines-down", show=False),
        Binding("shift+up,K", "extend(-1)", "Choose the line above too", id="diff.lines-up", show=False),
        Binding("s", "layout", "Side by side or unified", id="diff.layout", show=False),
        Binding("w", "marks", "Show blanks", id="diff.blanks", show=False),
    ]

    marks: reactive[bool] = reactive(False)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as Textual's widgets
        super().__init__(id=id)
        self.diffs: tuple[FileDiff, ...] = ()
        self._reasons: tuple[tuple[str, ...], ...] = ()
        self._rows = NO_ROWS
        self._wanted: bool | None = None
        self._empty: Safe = Safe("")
        self._turn = 0
        self._from: int | None = None
        self._picked: Picked | None = None
        self._runs: list[Run] = []
        self._syntax: dict[int, Syntax] = {}

    async def show(
        self, diffs: Sequence[FileDiff], *, reasons: Sequence[Sequence[str]] = (), empty: str = "", keep: bool = False
    ) -> None:
        """Show ``diffs``.

        Args:
            diffs: the files.
            reasons: for each file why a person is asked about it.
            empty: a sentence for when there are none.
            keep: leave the cursor where it is.
        """
        self.diffs, self._reasons = tuple(diffs), tuple(tuple(r) for r in reasons)
        self._empty = safe(empty)
        self._unpick()
        self._syntax = {}
        at = self.cursor if keep else 0
        await self._lay_out()
        self.cursor = min(at, max(0, self.row_count - 1))
        if not keep:
            self.scroll_to(0, 0, animate=False)
        self.run_worker(self._colour(), group="syntax", exclusive=True)

    async def _colour(self) -> None:
        """Find the colours of the files, one after the other; what is shown meanwhile is plain."""
        diffs = self.diffs
        for at, diff in enumerate(diffs[:_MOST_COLOURED]):
            if not diff.hunks or not language_of(diff.path):
                continue
            found = await asyncio.to_thread(syntax_of, diff)
            if diffs is not self.diffs:
                return
            self._syntax[at] = found
            self.refresh()

    @property
    def split(self) -> bool:
        """Whether both sides stand side by side."""
        return self.size.width >= SPLIT_FROM if self._wanted is None else self._wanted

    async def _lay_out(self) -> None:
        self._turn = turn = self._turn + 1
        diffs, split, reasons = self.diffs, self.split, self._reasons
        if sum(d.added + d.removed for d in diffs) > _IN_THREAD:
            rows = await asyncio.to_thread(rows_of, diffs, split=split, reasons=reasons)
        else:
            rows = rows_of(diffs, split=split, reasons=reasons)
        if turn == self._turn:
            self._rows = rows
            columns = self.size.width if split else rows.columns
            self.resized(len(rows.rows) or bool(self._empty), columns if rows.rows else len(self._empty))

    async def on_resize(self, event: events.Resize) -> None:
        """Side by side as soon as there is room for it."""
        del event
        if self.split != self._rows.split and self.diffs:
            at = self._position()
            self._unpick()
            await self._lay_out()
            self._go_to(at)

    def row(self, y: int) -> Row:
        """See :meth:`LineView.row`."""
        if not self._rows.rows:
            return (Span(self._empty, "dim"),)
        row = self._rows.rows[y]
        syntax = self._syntax.get(row.file)
        return paint(row, self._rows, self.diffs, self.size.width, marks=self.marks, syntax=syntax)

    # -- where the cursor is -------------------------------------------------------------------------------------

    @property
    def file(self) -> FileDiff | None:
        """The file under the cursor."""
        return self.diffs[self._rows.rows[self.cursor].file] if self._rows.rows else None

    @property
    def hunk(self) -> Hunk | None:
        """The hunk under the cursor; None on a heading."""
        if not self._rows.rows:
            return None
        row = self._rows.rows[self.cursor]
        return self.diffs[row.file].hunks[row.hunk] if row.hunk >= 0 else None

    @property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """The lines that are chosen, as ranges of the state after; none when nothing is."""
        return self._picked.lines if self._picked is not None else ()

    @property
    def picked(self) -> int:
        """How many changed lines are chosen."""
        return self._picked.changed if self._picked is not None else 0

    def picks(self, y: int) -> bool:
        """See :meth:`LineView.picks`."""
        return self._picked is not None and any(a <= y < b for a, b in self._picked.rows)

    def _unpick(self) -> None:
        self._from = self._picked = None

    def watch_cursor(self, old: int, new: int) -> None:
        """The choice of lines reaches to the cursor."""
        self._pick_again()
        super().watch_cursor(old, new)

    def _pick_again(self) -> None:
        if self._from is None or not self._rows.rows:
            return
        first, last = sorted((self._from, self.cursor))
        self._picked = pick(self._runs, first, last)
        self.refresh()

    def action_pick(self) -> None:
        """Begin to choose lines, or choose none."""
        if self._from is not None:
            self._unpick()
        elif self.hunk is None or not self.hunk.number:
            self.app.bell()
            return
        else:
            file = self._rows.rows[self.cursor].file
            self._runs = runs_of(self._rows, file)
            self._from = self.cursor
            self._pick_again()
        self.refresh()
        self.post_message(self.Moved(self))

    def action_extend(self, by: int) -> None:
        """Choose the next line too."""
        if self._from is None:
            self.action_pick()
        if self._from is not None:
            self.action_move(by)

    def _position(self) -> tuple[int, int]:
        if not self._rows.rows:
            return 0, -1
        row = self._rows.rows[self.cursor]
        return row.file, row.hunk

    def _go_to(self, position: tuple[int, int]) -> None:
        self.cursor = self._rows.rows.first_of(*position)

    def action_hunk(self, by: int) -> None:
        """Go to the next hunk, or the one before."""
        found = self._rows.rows.next_hunk(self.cursor, by)
        if found is None:
            self.app.bell()
        else:
            self.cursor = found
            self.scroll_to(y=max(0, found - 1), animate=False)

    async def action_layout(self) -> None:
        """Change between side by side and unified."""
        self._unpick()
        at = self._position()
        self._wanted = not self.split
        await self._lay_out()
        self._go_to(at)

    def action_marks(self) -> None:
        """Show blanks at line ends and tabs, or do not."""
        self.marks = not self.marks
