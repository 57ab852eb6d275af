"""What all screens have: the work, the talk, the search; and the two small questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, Input, Static

from agentsh.core.errors import AgentshError
from agentsh.tui.lines import LineView
from agentsh.tui.rows import BytesView
from agentsh.tui.text import content, safe, title

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.action import StreamName
    from agentsh.runtime.workspace import Workspace
    from agentsh.tui.app import AgentshApp
    from agentsh.tui.work import Work


class WorkScreen(Screen[None]):
    """A screen that asks the runtime for things."""

    NAME: ClassVar[str] = ""
    """What the help calls it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", "Search", id="screen.search", key_display="/", show=False),
    ]

    @property
    def home(self) -> AgentshApp:
        """The app, by its own type."""
        return cast("AgentshApp", self.app)

    @property
    def work(self) -> Work:
        """The runtime."""
        return self.home.work

    def start(self, job: Coroutine[Any, Any, None], *, group: str = "job", exclusive: bool = False) -> None:
        """Do ``job`` beside the painting; an error of ours becomes words, any other ends the program."""
        self.run_worker(self._guarded(job), group=group, exclusive=exclusive, exit_on_error=True)

    async def _guarded(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except AgentshError as e:
            self.failed(e)

    def failed(self, error: AgentshError) -> None:
        """Say what happened, what it means for the files, what to do next."""
        self.say("\n".join(part for part in (error.what, error.files, error.next_step) if part), bad=True)

    def say(self, text: str, *, bad: bool = False) -> None:
        """A sentence that goes away by itself.

        Args:
            text: raw text.
            bad: something went wrong.
        """
        shown = content(text).plain
        self.app.notify(shown, severity="error" if bad else "information", markup=False, timeout=10 if bad else 5)

    def action_find(self) -> None:
        """Ask for text and go to the next row that has it."""
        view = self.focused
        if not isinstance(view, LineView):
            view = next(iter(self.query(LineView)), None)
        if view is None:
            return
        found = view

        def search(text: str | None) -> None:
            if text is not None:
                found.needle = text
                found.action_search(1)

        self.app.push_screen(AskLine("Search for:", found.needle), search)


class Question(Vertical):
    """The box of a question."""


class AnswerLine(Input):
    """Where an answer is typed."""

    def _on_paste(self, event: events.Paste) -> None:
        # What is pasted may come from anywhere. The handler of the base class runs after this.
        event.text = "\n".join(safe(line) for line in event.text.splitlines()[:1])


class AskLine(ModalScreen[str | None]):
    """Asks for one line of text.

    Args:
        question: what is asked; the program's own words.
        value: what is there at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel", id="question.cancel")]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._early: list[events.Key] = []

    def compose(self) -> ComposeResult:
        """The question and a line to answer on."""
        with Question():
            yield Static(content(self._question))
            yield AnswerLine(self._value)
            yield Static(content("enter: go on   esc: leave it"), classes="hint")

    async def on_mount(self) -> None:
        """Take what was typed before there was a line."""
        for event in self._early:
            await self.typed(event)

    async def typed(self, event: events.Key) -> None:
        """A key that was pressed before the line had the focus: who types at once means the answer.

        Args:
            event: a key that nothing has taken.
        """
        if not self.query(AnswerLine):
            self._early.append(event)
            return
        line = self.query_one(AnswerLine)
        if event.is_printable and event.character is not None:
            if line.select_on_focus:  # as it would be once it has the focus: what was there is typed over, once
                line.select_on_focus, line.value = False, ""
            line.insert_text_at_cursor(event.character)
        elif event.key == "enter" and not line.has_focus:
            await line.action_submit()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The answer."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """No answer."""
        self.dismiss(None)


class Confirm(ModalScreen[bool]):
    """Asks whether to do something.

    Args:
        question: raw text.
        detail: raw text below it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="question.yes"),
        Binding("n,escape", "answer(False)", "No", id="question.no"),
    ]

    def __init__(self, question: str, detail: str = "") -> None:
        super().__init__()
        self._question = question
        self._detail = detail

    def compose(self) -> ComposeResult:
        """The question, and what it is about."""
        with Question():
            yield Static(content(self._question, "bold"))
            if self._detail:
                yield Static(content(self._detail))
            yield Static(content("y: yes   n: no"), classes="hint")

    def action_answer(self, yes: bool) -> None:  # noqa: FBT001 - a key binding's argument
        """Yes or no."""
        self.dismiss(yes)


class SideScreen(WorkScreen):
    """A screen that is left with escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back", id="screen.back"),
        Binding("tab", "app.focus_next", "Other pane", id="screen.other-pane", show=False),
    ]

    def action_back(self) -> None:
        """To where the person came from."""
        self.app.pop_screen()


class OutputScreen(SideScreen):
    """All that an action printed."""

    NAME = "Output"

    def __init__(self, action: str) -> None:
        super().__init__()
        self._action = action

    def compose(self) -> ComposeResult:
        """A heading and the lines."""
        yield Static(Content(""), id="heading")
        yield BytesView(id="output")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Load it."""
        self.start(self._load())

    async def _load(self) -> None:
        action = self._action

        def read(workspace: Workspace) -> tuple[str, list[tuple[bytes, str]]]:
            record = workspace.show(action)
            parts: list[tuple[bytes, str]] = []
            streams: tuple[tuple[StreamName, str], ...] = (("stdout", ""), ("stderr", "error"))
            for stream, style in streams:
                if kept := workspace.output(action, stream).removesuffix(b"\n"):
                    parts.append((kept, style))
            if record.stdout.truncated or record.stderr.truncated:
                parts.append((b"(cut at the output limit)", "dim"))
            return record.spec.title, parts

        name, parts = await self.work.look(read)
        self.query_one("#heading", Static).update(Content(f"{title(action)}  {title(name, most=100)}"))
        self.query_one(BytesView).show(parts or [(b"It printed nothing.", "dim")])
