"""The way back of one undo: its preview, and the answers to its conflicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import AgentshError, ConflictError
from agentsh.core.history import Resolution
from agentsh.runtime.editor import edit_conflicts
from agentsh.tui import words
from agentsh.tui.diffview import DiffView
from agentsh.tui.lines import LineView
from agentsh.tui.rows import RowsView
from agentsh.tui.screens import SideScreen
from agentsh.tui.text import Row, Safe, Span, join, path, safe, title

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.history import PathConflict, Side
    from agentsh.core.report import CommitResult
    from agentsh.runtime.workspace import Workspace
    from agentsh.tui.wishes import Wish

_SAID = {"ours": "keep what is there now", "theirs": "take the undone state"}


class RevertScreen(SideScreen):
    """What an undo would write; nothing is written before the person says so.

    Args:
        wish: what is to be undone.
    """

    NAME = "Revert"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "go", "Revert", id="revert.go"),
    ]

    def __init__(self, wish: Wish) -> None:
        super().__init__()
        self._wish = wish
        self._preview: CommitResult | None = None

    def compose(self) -> ComposeResult:
        """The heading and the difference."""
        yield Static(Content(self._wish.verb), id="heading")
        yield DiffView(id="diff")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Work out what it would do."""
        self.query_one(DiffView).focus()
        self.start(self._load(), group="load", exclusive=True)

    async def _load(self) -> None:
        wish = self._wish
        try:
            # A preview takes its turn too: it reads what is there now.
            preview = await self.work.act(lambda workspace: wish.run(workspace, dry_run=True))
        except AgentshError as e:
            self._head("nothing can be done")
            await self.query_one(DiffView).show((), empty=f"{e.what} {e.next_step}")
            return
        if preview.conflicts:
            self.app.switch_screen(ConflictScreen(wish, preview))
            return
        self._preview = preview
        would = f"It would change {words.count(len(preview.paths), 'path')}"
        if preview.requests:
            would += join([Safe(" and send"), *(title(r.title, most=80) for r in preview.requests)])
        if preview.stands:
            would += join([Safe("; what it sent stands:"), *(title(r.title, most=80) for r in preview.stands)])
        if preview.stays:
            would += join([Safe("; something else is in"), *(path(p) for p in preview.stays[:3]), Safe("so it stays")])
        self._head(f"{would}. y: do it   esc: leave it")
        diffs = [replace(d, state=None) for d in preview.diffs]  # they stand nowhere yet
        await self.query_one(DiffView).show(diffs, empty="There is nothing to undo: all of it is gone already.")

    def _head(self, what: str) -> None:
        text = f"{self._wish.verb} {self._wish.name}?  {what}"
        self.query_one("#heading", Static).update(Content(text))

    def action_go(self) -> None:
        """Do it."""
        if self._preview is not None:
            self.start(self._go(self._preview), group="go", exclusive=True)

    async def _go(self, shown: CommitResult) -> None:
        wish = self._wish

        def go(workspace: Workspace) -> CommitResult | None:
            return wish.run(workspace) if alike(wish.run(workspace, dry_run=True), shown) else None

        try:
            result = await self.work.act(go)
        except ConflictError as e:
            if not e.conflicts:
                raise
            result = None
        if result is None:
            self._preview = None
            await self._load()
            self.say("Something changed since this was shown, and nothing was written: look again.", bad=True)
            return
        self.app.pop_screen()
        self.say(wish.said(result))


def alike(one: CommitResult, other: CommitResult) -> bool:
    """Whether two previews would do the same."""

    def would(preview: CommitResult) -> list[object]:
        return [
            [(d.path, d.before, d.after) for d in preview.diffs],
            [(c.path, c.action, c.base, c.ours, c.theirs) for c in preview.conflicts],
            [(r.method, r.url, r.body) for r in preview.requests],
        ]

    return would(one) == would(other)


class ConflictScreen(SideScreen):
    """Paths that newer work changed too: the person answers for each, and then all is written at once.

    Args:
        wish: what is to be undone.
        preview: what it would do, and what is in the way.
    """

    NAME = "Conflict"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "side('ours')", "Keep ours (now)", id="conflict.ours"),
        Binding("t", "side('theirs')", "Take theirs (undone)", id="conflict.theirs"),
        Binding("e", "edit", "Edit", id="conflict.edit"),
        Binding("y", "go", "Revert", id="conflict.go"),
    ]

    def __init__(self, wish: Wish, preview: CommitResult) -> None:
        super().__init__()
        self._wish = wish
        self._conflicts = preview.conflicts
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
        what = f"{words.count(left, 'conflict')} to answer" if left else "all answered. y: revert"
        self.query_one("#heading", Static).update(Content(f"{self._wish.verb} {self._wish.name}: {what}"))
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
        wish, answers = self._wish, list(self._answers.values())
        try:
            result = await self.work.act(lambda workspace: wish.run(workspace, answers=answers))
        except ConflictError as e:
            if not e.conflicts:
                raise
            # Something changed since: what was answered of it holds no more.
            self.app.switch_screen(RevertScreen(wish))
            self.say("Newer changes came meanwhile; look again. " + e.files, bad=True)
            return
        self.app.pop_screen()
        self.say(wish.said(result))
