"""The screen of conflicts: base, both sides and the result, answered hunk by hunk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import ConflictError
from agentsh.runtime.editor import edit_merge
from agentsh.runtime.merge import Merge
from agentsh.tui import words
from agentsh.tui.diffpaint import heading
from agentsh.tui.diffview import DiffView
from agentsh.tui.lines import LineView
from agentsh.tui.merging import Answer, Spot, list_rows, result_page, side_page
from agentsh.tui.rows import RowsView
from agentsh.tui.screens import SideScreen
from agentsh.tui.text import Row, Safe, Span, path, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.history import Resolution, Side
    from agentsh.core.report import CommitResult
    from agentsh.runtime.workspace import Workspace
    from agentsh.tui.wishes import Wish

_WIDE = 75
"""Columns of the pane from which the three texts stand beside each other."""


class ConflictScreen(SideScreen):
    """Paths that newer work changed too: the person answers for each, and then all is written at once.

    Args:
        wish: what is to be undone.
        preview: what it would do, and what is in the way.
        given: answers from before, to conflicts that are no longer among these.
    """

    NAME = "Conflict"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "side('ours')", "Ours (now)", id="conflict.ours"),
        Binding("t", "side('theirs')", "Theirs (undone)", id="conflict.theirs"),
        Binding("b", "both", "Both", id="conflict.both"),
        Binding("e", "edit", "Edit", id="conflict.edit"),
        Binding("E", "edit_all", "Edit the file", id="conflict.edit-all", show=False),
        Binding("s", "layout", "Beside each other or below", id="conflict.layout", show=False),
        Binding("y", "go", "Do it", id="conflict.go"),
    ]

    def __init__(self, wish: Wish, preview: CommitResult, given: Sequence[Resolution] = ()) -> None:
        super().__init__()
        self._wish = wish
        self._diffs = [replace(d, state=None) for d in preview.diffs]
        self._given = tuple(given)
        self._answers = [Answer(c) for c in preview.conflicts]
        self._spots: list[Spot | None] = []
        self._wide: bool | None = None

    def compose(self) -> ComposeResult:
        """The heading, the conflicts, the texts of the one under the cursor and what it becomes."""
        yield Static(Content("Conflict"), id="heading")
        with Horizontal(id="body"):
            yield RowsView(id="files")
            with Vertical(id="texts"):
                yield RowsView(id="sides", cursor=False)
                yield Static(Content("Result"), id="between")
                yield RowsView(id="result", cursor=False)
            yield DiffView(id="diff")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin with the first."""
        self._list.focus()
        self.query_one("#texts").display = False
        self.start(self._load(), group="load", exclusive=True)

    async def _load(self) -> None:
        def take_apart(workspace: Workspace) -> None:
            for answer in self._answers:
                answer.apart = workspace.take_apart(answer.conflict)

        await self.work.look(take_apart)
        self._show()
        await self._show_texts()

    @property
    def _list(self) -> RowsView:
        return self.query_one("#files", RowsView)

    @property
    def _spot(self) -> Spot | None:
        """What the cursor is on."""
        return self._spots[self._list.cursor] if self._list.cursor < len(self._spots) else None

    def _show(self) -> None:
        left = sum(not a.done for a in self._answers)
        what = f"{words.count(left, 'conflict')} to answer" if left else "all answered. y: do it"
        self.query_one("#heading", Static).update(Content(f"{self._wish.verb} {self._wish.name}: {what}"))
        rows: list[Row] = []
        self._spots = []
        for row, spot in list_rows(self._answers):
            rows.append(row)
            self._spots.append(spot)
        if self._diffs:
            rows += [(), (Span(Safe("In no conflict"), "heading"),)]
            self._spots += [None, None]
        for n, diff in enumerate(self._diffs):
            rows.append(heading(diff))
            self._spots.append(Spot(-1, diff=n))
        self._list.show(rows, stops=frozenset(y for y, s in enumerate(self._spots) if s is not None))

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        """Another conflict, or another hunk of it."""
        if event.view is self._list:
            self.start(self._show_texts(), group="texts", exclusive=True)

    def on_resize(self, event: events.Resize) -> None:
        """The texts stand beside each other as soon as there is room for it."""
        del event
        self.call_after_refresh(lambda: self.start(self._show_texts(), group="texts", exclusive=True))

    async def _show_texts(self) -> None:
        spot = self._spot
        if spot is None:
            return
        answer = self._answers[spot.answer] if spot.answer >= 0 else None
        apart = answer is not None and answer.apart is not None
        self.query_one("#texts").display, self.query_one(DiffView).display = apart, not apart
        if answer is None:
            await self.query_one(DiffView).show(self._diffs[spot.diff : spot.diff + 1])
            return
        if not apart:
            await self._show_states(answer)
            return
        sides, result = (self.query_one(f"#{name}", RowsView) for name in ("sides", "result"))
        width = sides.scrollable_content_region.width or self.size.width
        wide = width >= _WIDE if self._wide is None else self._wide
        for view, page in ((sides, side_page(answer, width, wide=wide)), (result, result_page(answer))):
            view.show(page.rows)
            place = spot.place or 0
            view.scroll_to(0, max(0, page.starts[place] - 1) if place < len(page.starts) else 0, animate=False)
        conflict = answer.conflict
        between = f"Result  {path(conflict.path)}: {safe(answer.said())}"
        self.query_one("#between", Static).update(Content(between))

    async def _show_states(self, answer: Answer) -> None:
        """A conflict that is about no text: what stands on both sides, in words."""
        conflict = answer.conflict
        of = f" ({conflict.action})" if conflict.action else ""
        why = (
            f"{path(conflict.path)}{of}: {conflict.why}",
            f"base: {words.state_text(conflict.base)}",
            f"ours, now: {words.state_text(conflict.ours)}",
            f"theirs, undone: {words.state_text(conflict.theirs)}",
            f"result: {answer.said()}",
        )
        if conflict.diff is not None:
            await self.query_one(DiffView).show([replace(conflict.diff, state=None)], reasons=[why])
        else:
            await self.query_one(DiffView).show((), empty="; ".join(why))

    def action_layout(self) -> None:
        """The three texts beside each other, or below, where long lines are shown whole."""
        width = self.query_one("#sides").scrollable_content_region.width
        self._wide = not (width >= _WIDE if self._wide is None else self._wide)
        self.start(self._show_texts(), group="texts", exclusive=True)

    # -- answers -------------------------------------------------------------------------------------------------

    def _here(self) -> tuple[Answer, int | None] | None:
        spot = self._spot
        if spot is None or spot.answer < 0:
            self.say("This path is in no conflict.", bad=True)
            return None
        return self._answers[spot.answer], spot.place

    def action_side(self, side: Side) -> None:
        """Take one side where the two are in conflict; what is in no conflict is merged all the same."""
        here = self._here()
        if here is not None:
            here[0].take(side, here[1])
            self._answered()

    def action_both(self) -> None:
        """Take the lines of both sides: ours first; pressed again, theirs first."""
        here = self._here()
        if here is None:
            return
        answer, place = here
        if answer.apart is None:
            self.say("There is no text to put together: take one side.", bad=True)
            return
        again = answer.picks.get(place or 0) == "both"
        answer.take("both-theirs-first" if again else "both", place)
        self._answered(stay=True)

    def action_edit(self) -> None:
        """Write the hunk in $EDITOR."""
        here = self._here()
        if here is None:
            return
        answer, place = here
        if answer.apart is None:
            self.say("There is no text to merge: take one side.", bad=True)
        elif place is None and answer.places > 1:
            self.start(self._edit_all(answer), group="edit")
        else:
            self.start(self._edit(answer, place or 0), group="edit")

    def action_edit_all(self) -> None:
        """Write the whole file in $EDITOR, with what is answered in it."""
        here = self._here()
        if here is not None and here[0].apart is not None:
            self.start(self._edit_all(here[0]), group="edit")
        else:
            self.app.bell()

    async def _edit(self, answer: Answer, place: int) -> None:
        if answer.apart is not None:
            region = answer.apart.places[place]
            known = answer.apart.picked(answer.picks)
            merge = Merge((region,), 1)
            if place in answer.picks:
                at = [n for n, p in enumerate(answer.apart.parts) if not isinstance(p, bytes)][place]
                merge = Merge((known.parts[at],), 0)
            text = self._in_editor(answer, merge)
            if text and not text.endswith(b"\n") and region is not answer.apart.parts[-1]:
                text += b"\n"  # the next line stays one of its own
            answer.take(text, place, await self._clean(text))
            self._answered()

    async def _edit_all(self, answer: Answer) -> None:
        if answer.apart is not None:
            text = self._in_editor(answer, answer.apart.picked(answer.picks))
            answer.write(text, await self._clean(text))
            self._answered()

    def _in_editor(self, answer: Answer, merge: Merge) -> bytes:
        with self.app.suspend():
            text = edit_merge(answer.conflict, merge)
        self.app.refresh()
        return text

    async def _clean(self, text: bytes) -> bytes:
        """A text as it is shown."""
        shown = text.decode("utf-8", "surrogateescape")
        clean: str = await self.work.look(lambda workspace: workspace.clean(shown))
        return clean.encode("utf-8", "surrogateescape")

    def _answered(self, *, stay: bool = False) -> None:
        at = self._spot
        self._show()
        if not stay and at is not None:
            self._list.cursor = self._next(at)
        self.start(self._show_texts(), group="texts", exclusive=True)

    def _next(self, at: Spot) -> int:
        """The row of the next hunk that is not answered; where there is none, the one that was."""
        for y, spot in enumerate(self._spots):
            if spot is None or spot.answer < 0:
                continue
            answer = self._answers[spot.answer]
            if not answer.done and (spot.place not in answer.picks if answer.places > 1 else True):
                if spot.place is None and answer.places > 1:
                    continue
                return y
        return self._spots.index(at)

    def action_go(self) -> None:
        """Write it, when all is answered."""
        if all(a.done for a in self._answers):
            self.start(self._go(), group="go", exclusive=True)
        else:
            self.say("Every conflict needs an answer first: o, t, b or e.", bad=True)

    async def _go(self) -> None:
        wish = self._wish
        answers = [*(a.resolution for a in self._answers), *self._given]

        def go(workspace: Workspace) -> CommitResult:
            try:
                return wish.run(workspace, answers=answers)
            except ConflictError as e:
                if not e.conflicts:
                    raise
                return wish.run(workspace, dry_run=True, answers=answers)

        result = await self.work.act(go)
        if result.dry_run:
            # One action's answer may bring another one's conflict up; or something changed since. What was answered
            # holds for the conflicts that are as they were.
            self.app.switch_screen(ConflictScreen(wish, result, answers))
            self.say("There are further conflicts, and nothing was written. Answer these too.", bad=True)
            return
        self.app.pop_screen()
        self.say(wish.said(result))
