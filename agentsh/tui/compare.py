"""Two points in time beside each other: what leads from the one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import AgentshError
from agentsh.tui import words
from agentsh.tui.diffview import DiffView
from agentsh.tui.screens import SideScreen
from agentsh.tui.text import safe

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from agentsh.core.diff import FileDiff
    from agentsh.runtime.workspace import Workspace


class CompareScreen(SideScreen):
    """What changed between two points.

    Args:
        old: a point, as :meth:`Workspace.diff` takes it.
        new: likewise.
    """

    NAME = "Compare"

    def __init__(self, old: str, new: str) -> None:
        super().__init__()
        self._old = old
        self._new = new

    def compose(self) -> ComposeResult:
        """The heading and the difference."""
        yield Static(Content(""), id="heading")
        yield DiffView(id="diff")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Work it out."""
        self._head("looking ...")
        self.query_one(DiffView).focus()
        self.start(self._load(), group="load", exclusive=True)

    def _head(self, what: str) -> None:
        text = f"From {safe(self._old)} to {safe(self._new)}: {safe(what)}"
        self.query_one("#heading", Static).update(Content(text))

    async def _load(self) -> None:
        def read(workspace: Workspace) -> tuple[list[FileDiff], bool]:
            return workspace.diff(self._old, self._new), workspace.stale

        try:
            diffs, stale = await self.work.look(read)
        except AgentshError as e:
            self._head("not known")
            await self.query_one(DiffView).show((), empty=f"{e.what} {e.next_step}")
            return
        later = "; something works here, so it is as of the last snapshot" if stale and self._new == "now" else ""
        self._head(words.count(len(diffs), "path") + later)
        await self.query_one(DiffView).show(diffs, empty="Nothing is different.")
