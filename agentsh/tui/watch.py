"""The screen of one who looks on: what a session in another process says and does, as its journal gets it.

It only reads, so it waits for nobody and nobody waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import AgentshError
from agentsh.tui import words
from agentsh.tui.blocks import Card
from agentsh.tui.conversation import Conversation
from agentsh.tui.screens import OutputScreen, WorkScreen
from agentsh.tui.text import safe, title
from agentsh.tui.told import Told, blocks_of, look_at

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.runtime.workspace import Workspace

_EVERY_S = 0.25


class WatchScreen(WorkScreen):
    """Shows a session that runs elsewhere.

    Args:
        session: its id; empty for the newest one, also when that is another one later.
    """

    NAME = "Watch"
    AUTO_FOCUS = "#conversation"
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, session: str) -> None:
        super().__init__()
        self._wanted = session
        self._session = ""
        self._told = 0
        self._cards: dict[str, Card] = {}
        self._looking = False
        self._runs = False

    def compose(self) -> ComposeResult:
        """The heading and the conversation."""
        yield Static(Content("Watch"), id="heading")
        yield Conversation(id="conversation")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look, and go on looking."""
        self.set_interval(_EVERY_S, self._tick)
        self._tick()

    def _tick(self) -> None:
        if not self._looking:
            self._looking = True
            self.start(self._look(), group="watch")

    async def _look(self) -> None:
        told, known = self._told, self._session
        # While it runs, no newer one can have begun of which this workspace would say more.
        wanted = self._wanted or (known if self._runs else "")

        def read(workspace: Workspace) -> Told | None:
            session = wanted
            if not session:
                found = workspace.sessions()
                session = found[-1].id if found else ""
            if not session:
                return None
            return look_at(workspace, session, told if session == known else 0)

        try:
            found = await self.work.look(read)
        except AgentshError as e:
            if not self._told:
                self.gone(e)
                return
            raise
        finally:
            self._looking = False
        if found is None:
            self.query_one("#heading", Static).update(
                Content("Watch  no session yet; it is shown as soon as it begins")
            )
            return
        self._show(found)

    def gone(self, error: AgentshError) -> None:
        """There is nothing to look at."""
        self.home.leave(error)

    def _show(self, told: Told) -> None:
        record, acts = told
        view = self.query_one(Conversation)
        if record.id != self._session:
            self._session, self._told = record.id, 0
            self._cards.clear()
            view.clear()
        for block in blocks_of(told, self._told):
            view.add(block)
            if isinstance(block, Card):
                self._cards[block.action] = block
        by_id = {a.id: a for a, _ in acts}
        self._told, self._runs = len(record.messages), record.status == "running"
        changed = False
        for action, card in self._cards.items():
            if action in by_id:
                before = card.status
                card.stands(by_id[action].status.value)
                changed |= card.status != before
        if changed:
            view.lay_out(0)
        acted = words.count(len(acts), "action")
        now = (
            f"Watch  {safe(record.id)} {title(record.status)}  ·  {title(record.task, most=60)}  ·  {acted}, read only"
        )
        self.query_one("#heading", Static).update(Content(now))

    def on_conversation_asked(self, event: Conversation.Asked) -> None:
        """More of an action: what it printed, for to answer is not this screen's."""
        self.app.push_screen(OutputScreen(event.action))
