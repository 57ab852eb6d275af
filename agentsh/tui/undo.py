"""The way back of one undo: its preview, and the answers to its conflicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import ConflictError
from agentsh.core.history import Resolution
from agentsh.runtime.editor import edit_conflicts
from agentsh.tui import words
from agentsh.tui.diffview import DiffView
from agentsh.tui.lines import LineView
from agentsh.tui.rows import RowsView
from agentsh.tui.screens import SideScreen
from agentsh.tui.text import Row, Safe, Span, join, path, safe, title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.history import PathConflict, Side
    from agentsh.core.report import CommitResult

_SAID = {"ours": "keep what is there now", "theirs": "take the undone state"}


class RevertScreen(SideScreen):
    """What undoing some actions would write; nothing is written before the person says so.

    Args:
        actions: committed ones.
    """

    NAME = "Revert"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "go", "Revert", id="revert.go"),
    ]

    def __init__(self, actions: Sequence[str]) -> None:
        super().__init__()
        self._actions = tuple(actions)
        self._preview: CommitResult | None = None

    def compose(self) -> ComposeResult:
        """The heading and the difference."""
        yield Static(Content("Revert"), id="heading")
        yield DiffView(id="diff")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Work out what it would do."""
        self.query_one(DiffView).focus()
        self.start(self._load(), group="load", exclusive=True)

    async def _load(self) -> None:
        actions = self._actions
        # A preview takes its turn too: it reads what is there now.
        preview = await self.work.act(lambda workspace: workspace.revert(actions, dry_run=True))
        if preview.conflicts:
            self.app.switch_screen(ConflictScreen(actions, preview.conflicts))
            return
        self._preview = preview
        would = words.count(len(preview.paths), "path")
        names = join([safe(a) for a in actions])
        if preview.requests:
            would += join([Safe(" and send"), *(title(r.title, most=80) for r in preview.requests)])
        if preview.stands:
            would += join([Safe("; what it sent stands:"), *(title(r.title, most=80) for r in preview.stands)])
        self.query_one("#heading", Static).update(
            Content(f"Revert {names}?  It would change {would}. y: do it   esc: leave it")
        )
        diffs = [replace(d, state=None) for d in preview.diffs]  # they stand nowhere yet
        await self.query_one(DiffView).show(diffs, empty="There is nothing to undo: all of it is gone already.")

    def action_go(self) -> None:
        """Do it."""
        if self._preview is not None:
            self.start(self._go(), group="go", exclusive=True)

    async def _go(self) -> None:
        actions = self._actions
        try:
            result = await self.work.act(lambda workspace: workspace.revert(actions))
        except ConflictError as e:
            if not e.conflicts:
                raise
            self.app.switch_screen(ConflictScreen(actions, e.conflicts))
            return
        self.app.pop_screen()
        self.say(said(result, actions))


class ConflictScreen(SideScreen):
    """Paths that newer work changed too: the person answers for each, and then all is written at once.

    Args:
        actions: the actions to undo.
        conflicts: what is in the way.
    """

    NAME = "Conflict"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "side('ours')", "Keep ours (now)", id="conflict.ours"),
        Binding("t", "side('theirs')", "Take theirs (undone)", id="conflict.theirs"),
        Binding("e", "edit", "Edit", id="conflict.edit"),
        Binding("y", "go", "Revert", id="conflict.go"),
    ]

    def __init__(self, actions: Sequence[str], conflicts: Sequence[PathConflict]) -> None:
        super().__init__()
        self._actions = tuple(actions)
        self._conflicts = tuple(conflicts)
        self._answers: dict[int, Resolution] = {}

    def compose(self) -> ComposeResult:
        """The heading, the conflicts, the difference between both sides."""
        yield Static(Content("Conflict"), id="heading")
        with Horizontal(id="body"):
            yield RowsView(id="files")
            yield DiffView(id="diff")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin with the first."""
        self._list.focus()
        self._show()
        self.start(self._show_sides(), group="sides", exclusive=True)

    @property
    def _list(self) -> RowsView:
        return self.query_one("#files", RowsView)

    def _show(self) -> None:
        left = len(self._conflicts) - len(self._answers)
        names = join([safe(a) for a in self._actions])
        what = f"{words.count(left, 'conflict')} to answer" if left else "all answered. y: revert"
        self.query_one("#heading", Static).update(Content(f"Revert {names}: {what}"))
        self._list.show([self._row(k, c) for k, c in enumerate(self._conflicts)])

    def _row(self, at: int, conflict: PathConflict) -> Row:
        answer = self._answers.get(at)
        if answer is None:
            mark = Span(Safe("[ ] "), "changed")
            said: tuple[Span, ...] = ()
        else:
            mark = Span(Safe("[✓] "), "added")
            said = (Span(safe(f"  {_SAID[answer.side] if answer.side else 'edited'}"), "dim"),)
        return (mark, Span(path(conflict.path)), *said)

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        """Both sides of the conflict."""
        if event.view is self._list:
            self.start(self._show_sides(), group="sides", exclusive=True)

    async def _show_sides(self) -> None:
        conflict = self._conflicts[self._list.cursor]
        of = f" ({conflict.action})" if conflict.action else ""
        why = (
            f"{path(conflict.path)}{of}: {conflict.why}",
            f"ours, now: {words.state_text(conflict.ours)}",
            f"theirs, undone: {words.state_text(conflict.theirs)}",
        )
        if conflict.diff is not None:
            await self.query_one(DiffView).show([replace(conflict.diff, state=None)], reasons=[why])
        else:
            await self.query_one(DiffView).show((), empty="; ".join(why))

    # -- answers -------------------------------------------------------------------------------------------------

    def action_side(self, side: Side) -> None:
        """Take one side where the two are in conflict; what is in no conflict is merged all the same."""
        at = self._list.cursor
        self._answers[at] = Resolution(side, conflict=self._conflicts[at], path=self._conflicts[at].path)
        self._answered()

    def action_edit(self) -> None:
        """Merge the text by hand in $EDITOR."""
        self.start(self._edit(self._list.cursor), group="edit")

    async def _edit(self, at: int) -> None:
        conflict = self._conflicts[at]
        if conflict.text is None:
            self.say("There is no text to merge: take one side.", bad=True)
            return
        with self.app.suspend():
            (answer,) = edit_conflicts([conflict])
        self.app.refresh()
        self._answers[at] = answer
        self._answered()

    def _answered(self) -> None:
        self._show()
        left = [k for k in range(len(self._conflicts)) if k not in self._answers]
        if left:
            self._list.cursor = left[0]

    def action_go(self) -> None:
        """Write it, when all is answered."""
        if len(self._answers) < len(self._conflicts):
            self.say("Every conflict needs an answer first: o, t or e.", bad=True)
            return
        self.start(self._go(), group="go", exclusive=True)

    async def _go(self) -> None:
        actions, answers = self._actions, list(self._answers.values())
        try:
            result = await self.work.act(lambda workspace: workspace.revert(actions, answers=answers))
        except ConflictError as e:
            if not e.conflicts:
                raise
            # Something changed since: what was answered of it holds no more.
            self.app.switch_screen(ConflictScreen(actions, e.conflicts))
            self.say("Newer changes came meanwhile; look again. " + e.files, bad=True)
            return
        self.app.pop_screen()
        self.say(said(result, actions))


def said(result: CommitResult, actions: Sequence[str]) -> str:
    """What an undo did."""
    if result.commit is None:
        return "There was nothing to write."
    taken = result.actions[-1] if result.actions else result.commit
    wrote = words.count(len(result.paths), "path")
    return f"Reverted {' '.join(actions)} as {taken}: {wrote}. It can be reverted too."
