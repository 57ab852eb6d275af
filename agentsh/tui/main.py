"""The main screen: a conversation, a line to speak on, and what waits for an answer."""

from __future__ import annotations

import asyncio
from collections import deque
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import AgentshError
from agentsh.runtime.events import (
    ActionFinished,
    ActionStarted,
    MessageDone,
    Notice,
    OutputPiece,
    SessionEnded,
    SessionStarted,
    TextDelta,
)
from agentsh.runtime.tell import OutputEvents
from agentsh.tui import words
from agentsh.tui.blocks import Block, Card, Words, error_words
from agentsh.tui.conversation import Conversation
from agentsh.tui.paths import completions
from agentsh.tui.prompt import Prompt
from agentsh.tui.rows import RowsView
from agentsh.tui.screens import Confirm, OutputScreen, WorkScreen
from agentsh.tui.side import LATELY, Facts, side_rows
from agentsh.tui.text import path, safe, title

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer

    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff
    from agentsh.runtime.events import Event
    from agentsh.runtime.workspace import Workspace

_FRAME_S = 1 / 30
_AT_ONCE = 5_000  # events taken in one frame; a command that prints a lot must not hold up the keys

WELCOME = """\
Say what to do, or run a shell line yourself: !ls

Everything runs in a sandbox on a staged copy of your files. You see what it would change, line by line, and nothing \
reaches your files before you commit it. Whatever was committed can be taken back later.

  ctrl+r  review what is staged        ctrl+t  the timeline, and undo
  ctrl+o  sessions, go on with one     f1      all keys
  ctrl+q  leave: nothing is lost
"""

GO_ON = "Go on."
"""What is written for the person when a session that had not come to its end goes on."""

NO_MODEL = """\
No model is configured, so only ! lines work for now.
To choose one: agentsh tui --model openai:NAME, or --model local for the one of this machine;
or default_model in the configuration.
"""


class MainScreen(WorkScreen):
    """The screen that the program opens with."""

    NAME = "Main"
    AUTO_FOCUS = "#prompt"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "review", "Review", id="main.review", priority=True),
        Binding("ctrl+t", "timeline", "Timeline", id="main.timeline", priority=True),
        Binding("ctrl+o", "sessions", "Sessions", id="main.sessions", priority=True),
        Binding("escape", "stop", "Stop", id="main.stop"),
        Binding("ctrl+c", "stop", "Stop", id="main.stop-too", show=False, priority=True),
        Binding("ctrl+n", "fresh", "New session", id="main.new-session", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._inbox: deque[Event] = deque()
        self._timer: Timer | None = None
        self._facts = Facts()
        self._said: Words | None = None
        self._card: Card | None = None

    def compose(self) -> ComposeResult:
        """The heading, the conversation with the panel beside it, the prompt."""
        yield Static(Content("agentsh"), id="heading")
        with Horizontal(id="body"):
            with Vertical(id="middle"):
                yield Conversation(id="conversation")
                yield Prompt()
            yield RowsView(id="side", cursor=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look at the workspace."""
        self.query_one("#side").can_focus = False
        self.query_one(Prompt).focus()
        self._add(Words(WELCOME, style="dim"))
        self.start(self._open())

    def on_screen_resume(self) -> None:
        """What stands otherwise since the person was elsewhere."""
        self.start(self.refresh_facts(), group="facts", exclusive=True)

    @property
    def _conversation(self) -> Conversation:
        return self.query_one(Conversation)

    def _add(self, block: Block) -> None:
        self._conversation.add(block)

    async def _open(self) -> None:
        def look(workspace: Workspace) -> tuple[tuple[str, ...], bool]:
            notices = [*workspace.config.notices]
            notices += [f"Recovered {r.commit or r.action}: {r.outcome}." for r in workspace.recovered]
            return tuple(notices), bool(workspace.config.default_model)

        try:
            notices, has_model = await self.work.look(look)
        except AgentshError as e:
            self.home.leave(e)
            return
        for text in notices:
            self._add(Words(text, mark="! ", style="changed"))
        if not (has_model or self.home.model):
            self._add(Words(NO_MODEL, mark="! ", style="changed"))
        await self.refresh_facts()
        # Whoever opens the timeline, or with the same parts the review, does not wait for their modules.
        await asyncio.to_thread(import_module, "agentsh.tui.timeline")

    # -- what stands beside the conversation ---------------------------------------------------------------------

    async def refresh_facts(self) -> None:
        """Ask how things stand, and show it."""

        def look(workspace: Workspace) -> tuple[Facts, dict[str, str]]:
            status = workspace.status()
            known = {b.action: workspace.show(b.action).status.value for b in shown}
            model = workspace.config.default_model
            diffs = tuple(workspace.diff()) if status.pending else ()
            lately = tuple(reversed(workspace.log(limit=LATELY)))
            return Facts(status.policy, model, pending=status.pending, diffs=diffs, lately=lately), known

        shown = [b for b in self._conversation.blocks if isinstance(b, Card) and b.action]
        now, known = await self.work.look(look)
        for block in shown:
            block.stands(known[block.action])
        if shown:
            self._conversation.lay_out(0)
        facts = self._facts
        facts.policy, facts.model = now.policy, self.home.model or now.model
        facts.pending, facts.diffs, facts.lately = now.pending, now.diffs, now.lately
        self._show_facts()

    def _show_facts(self) -> None:
        facts = self._facts
        waits = f"{words.count(len(facts.pending), 'action')} to review" if facts.pending else "nothing to review"
        state = "working" if self.work.busy or self._timer is not None else waits
        where = title(self.home.directory, most=max(10, self.size.width - 46))
        policy = title(facts.policy.rpartition("/")[2], most=20)
        self.query_one("#heading", Static).update(Content(f"agentsh  {where}  ·  {policy}  ·  {state}"))
        self.query_one("#side", RowsView).show(side_rows(facts, self.query_one("#side").size.width - 2))

    # -- talking -------------------------------------------------------------------------------------------------

    def on_prompt_sent(self, event: Prompt.Sent) -> None:
        """A task, or a shell line behind a ``!``."""
        if self.work.busy:
            self.say("Something still runs: esc stops it.")
            self.query_one(Prompt).text = event.text
            return
        line = event.text[1:].strip() if event.text.startswith("!") else ""
        if line:
            self.start(self._exec(line))
        elif not event.text.startswith("!"):
            self.start(self._work_on(event.text))

    async def _exec(self, line: str) -> None:
        card = self._card = Card(line)
        self._add(card)
        output = OutputEvents("", self._inbox.append)

        def run(workspace: Workspace) -> tuple[ActionRecord, list[FileDiff]]:
            record = workspace.exec(line, on_output=output.take)
            output.end()
            return record, workspace.diff(record.id) if 0 < len(record.changes) <= 50 else []

        self._listen()
        try:
            record, diffs = await self.work.act(run)
        except AgentshError as e:
            self._drain(everything=True)
            card.stands("refused")
            self._conversation.changed(card)
            self._add(error_words(e))
        else:
            self._drain(everything=True)
            card.finish_record(record, diffs)
            self._conversation.changed(card)
        finally:
            self._quiet()
        await self.refresh_facts()

    async def _work_on(self, task: str) -> None:
        self._add(Words(task, mark="> ", style="person"))
        self._listen()
        try:
            result = await self.work.run(
                task, model=self.home.model, resume=self._facts.session, on_event=self._inbox.append
            )
        except AgentshError as e:
            self._drain(everything=True)
            self._add(error_words(e))
        else:
            self._drain(everything=True)
            if result.error is not None:
                self._add(error_words(result.error))
        finally:
            self._quiet()
        await self.refresh_facts()
        if self._facts.pending:
            self.app.bell()
            waits = words.count(len(self._facts.pending), "action")
            self._add(Words(f"{waits} to review, and nothing is written yet: ctrl+r", mark="? ", style="changed"))

    def _listen(self) -> None:
        if self._timer is None:
            self._timer = self.set_interval(_FRAME_S, self._drain)
        self._show_facts()

    def _quiet(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._said = self._card = None

    def _drain(self, *, everything: bool = False) -> None:
        """Show what was told since the last frame, in one go."""
        pieces: list[str] = []
        spoken = False
        for _ in range(len(self._inbox) if everything else min(_AT_ONCE, len(self._inbox))):
            event = self._inbox.popleft()
            if isinstance(event, (TextDelta, OutputPiece)):
                if pieces and isinstance(event, TextDelta) is not spoken:
                    self._tell("".join(pieces), spoken=spoken)
                    pieces.clear()
                spoken = isinstance(event, TextDelta)
                pieces.append(event.text)
                continue
            if pieces:
                self._tell("".join(pieces), spoken=spoken)
                pieces.clear()
            self._take(event)
        if pieces:
            self._tell("".join(pieces), spoken=spoken)

    def _tell(self, text: str, *, spoken: bool) -> None:
        """Something that the model says, or that its action prints."""
        if not spoken:
            if self._card is not None:
                self._card.output(text)
                self._conversation.changed(self._card)
            return
        if self._said is None:
            self._said = Words("", mark="• ", prose=True)
            self._add(self._said)
        self._said.append(text)
        self._conversation.changed(self._said)

    def _take(self, event: Event) -> None:
        match event:
            case SessionStarted():
                self._facts.session = event.session
                self._show_facts()
            case MessageDone():
                if self._said is None and event.text:
                    self._tell(event.text, spoken=True)
                self._said = None
                self._facts.tokens_in += event.prompt_tokens
                self._facts.tokens_out += event.completion_tokens
                if event.cost is not None:
                    self._facts.cost = (self._facts.cost or 0.0) + event.cost
                self._show_facts()
            case ActionStarted():
                self._card = Card(event.title)
                self._add(self._card)
            case ActionFinished():
                card, self._card = self._card or Card(event.tool), None
                card.finish_event(event)
                if card in self._conversation.blocks:
                    self._conversation.changed(card)
                else:
                    self._add(card)
            case Notice():
                self._add(Words(event.text, mark="! ", style="dim"))
            case SessionEnded() if event.status in ("interrupted", "step-limit"):
                why = "Stopped." if event.status == "interrupted" else "The step limit ended it."
                self._add(Words(f"{why} What it staged is kept for review.", mark="! ", style="changed"))
            case _:
                return

    # -- keys ----------------------------------------------------------------------------------------------------

    def action_review(self) -> None:
        """Look at what is staged and answer."""
        from agentsh.tui.review import ReviewScreen  # noqa: PLC0415 - not on the way to the first frame

        self.app.push_screen(ReviewScreen())

    def action_timeline(self) -> None:
        """What happened here, and the way back."""
        from agentsh.tui.timeline import TimelineScreen  # noqa: PLC0415 - as above

        self.app.push_screen(TimelineScreen())

    def action_sessions(self) -> None:
        """All sessions, and the way back into one."""
        from agentsh.tui.sessions import SessionsScreen  # noqa: PLC0415 - as above

        self.app.push_screen(SessionsScreen(lambda session: self.start(self._resume(session))))

    async def _resume(self, session: str) -> None:
        from agentsh.tui.told import blocks_of, look_at  # noqa: PLC0415 - as above

        told = await self.work.look(lambda workspace: look_at(workspace, session))
        self._facts.session = session
        self._facts.tokens_in = self._facts.tokens_out = 0
        self._facts.cost = None
        self._conversation.clear()
        for block in blocks_of(told):
            self._add(block)
        status = told.record.status
        self._add(Words(f"{session} goes on with what you say next. It was {status}.", mark="! ", style="dim"))
        prompt = self.query_one(Prompt)
        if status != "done" and not prompt.text:
            prompt.text = GO_ON
        prompt.focus()
        self._show_facts()

    def action_stop(self) -> None:
        """Stop what runs."""
        if self.work.busy:
            self.work.interrupt()
        elif self.focused is not self.query_one(Prompt):
            self.query_one(Prompt).focus()
        else:
            self.say("Nothing runs. ctrl+q leaves; what is staged stays staged.")

    def action_fresh(self) -> None:
        """Begin a new session: the model forgets what was said, what is staged stays."""

        def begin(yes: bool | None) -> None:  # noqa: FBT001 - a callback's argument
            if yes:
                self._facts.session = None
                self._facts.tokens_in = self._facts.tokens_out = 0
                self._facts.cost = None
                self._conversation.clear()
                self._add(Words("A new session. What is staged stays.", style="dim"))
                self._show_facts()

        if not self.work.busy:
            self.app.push_screen(Confirm("Begin a new session?", "The model forgets what was said."), begin)

    def on_conversation_asked(self, event: Conversation.Asked) -> None:
        """More of an action."""
        from agentsh.tui.review import ReviewScreen  # noqa: PLC0415 - as above

        self.app.push_screen(OutputScreen(event.action) if event.output else ReviewScreen(event.action))

    def on_prompt_completing(self, event: Prompt.Completing) -> None:
        """Complete a path."""
        self.start(self._complete(event.start), group="complete", exclusive=True)

    async def _complete(self, start: str) -> None:
        names = await self.work.look(lambda workspace: completions(workspace.path, start))
        if len(names) > 1:
            self.say("  ".join(path(n.encode()) for n in names[:12]))
        self.query_one(Prompt).complete(start, [str(safe(n)) for n in names])
