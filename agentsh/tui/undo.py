"""An undo before it is done: what it would write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import AgentshError, ConflictError
from agentsh.tui import words
from agentsh.tui.conflict import ConflictScreen
from agentsh.tui.diffview import DiffView
from agentsh.tui.screens import SideScreen
from agentsh.tui.text import Safe, join, path, title

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.report import CommitResult
    from agentsh.runtime.workspace import Workspace
    from agentsh.tui.wishes import Wish


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
