"""The sessions of the workspace: how each stands, the way back into it, and how far the store will last."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import AgentshError
from agentsh.tui import words
from agentsh.tui.rows import RowsView
from agentsh.tui.screens import Confirm, SideScreen
from agentsh.tui.text import Row, Safe, Span, fit, safe, title
from agentsh.tui.watch import WatchScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.report import Status
    from agentsh.core.session import SessionRecord
    from agentsh.tui.lines import LineView

_EVERY_S = 1.0
_FAR_DAYS = 3650
_MARKS = {
    "running": ("…", "changed"),
    "done": ("●", "added"),
    "failed": ("!", "error"),
    "interrupted": ("!", "changed"),
    "step-limit": ("!", "changed"),
}


class SessionsScreen(SideScreen):
    """All sessions, the newest first.

    Args:
        resume: told the session to go on with.
    """

    NAME = "Sessions"
    AUTO_FOCUS = "#sessions"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "resume", "Go on with it", id="sessions.resume"),
        Binding("w", "watch", "Watch", id="sessions.watch"),
    ]

    def __init__(self, resume: Callable[[str], None]) -> None:
        super().__init__()
        self._resume = resume
        self._sessions: list[SessionRecord] = []
        self._reading = False

    def compose(self) -> ComposeResult:
        """The heading, the sessions, the store."""
        yield Static(Content("Sessions"), id="heading")
        yield RowsView(id="sessions")
        yield Static(Content("Store: looking ..."), id="store")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look, and go on looking: a session may run elsewhere."""
        self._view.show([(Span(Safe("Looking ..."), "dim"),)])
        self.set_interval(_EVERY_S, self._tick)

    def on_screen_resume(self) -> None:
        """Look at both."""
        self._tick()
        self.start(self._forecast(), group="store", exclusive=True)

    @property
    def _view(self) -> RowsView:
        return self.query_one("#sessions", RowsView)

    def _tick(self) -> None:
        if not self._reading:
            self._reading = True
            self.start(self._load(), group="load")

    async def _load(self) -> None:
        try:
            found = await self.work.look(lambda workspace: workspace.sessions())
        finally:
            self._reading = False
        newest = found[::-1]
        if newest == self._sessions and newest:
            return
        at = self._at
        self._sessions = newest
        width = self._view.scrollable_content_region.width or self.size.width
        empty = "No session yet: say what to do on the main screen, or agentsh run TASK."
        self._view.show([session_row(s, width) for s in newest] or [(Span(Safe(empty), "dim"),)])
        ids = [s.id for s in newest]
        if at is not None and at.id in ids:
            self._view.cursor = ids.index(at.id)
        running = sum(s.status == "running" for s in newest)
        now = f"  ·  {running} running" if running else ""
        self.query_one("#heading", Static).update(Content(f"Sessions  {len(newest):,}{now}"))

    async def _forecast(self) -> None:
        try:
            status = await self.work.look(lambda workspace: workspace.status())
        except AgentshError as e:
            self.query_one("#store", Static).update(Content(f"Store: {safe(e.what)}"))
            raise
        self.query_one("#store", Static).update(Content(forecast(status)))

    @property
    def _at(self) -> SessionRecord | None:
        """The session under the cursor."""
        return self._sessions[self._view.cursor] if self._sessions else None

    # -- keys ----------------------------------------------------------------------------------------------------

    def on_line_view_chosen(self, event: LineView.Chosen) -> None:
        """A click on the row of the cursor."""
        del event
        self.action_resume()

    def action_resume(self) -> None:
        """Go on with the session on the main screen."""
        session = self._at
        if session is None:
            self.app.bell()
            return
        if self.work.busy:
            self.say("Something still runs: esc on the main screen stops it.", bad=True)
            return

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - a callback's argument
            if yes:
                self.app.pop_screen()
                self._resume(session.id)

        if session.status != "running":
            answered(yes=True)
            return
        detail = "It runs elsewhere, or its process has ended without a word. Two at once confuse its model."
        self.app.push_screen(Confirm(f"Go on with {session.id}, which is said to be running?", detail), answered)

    def action_watch(self) -> None:
        """Look on at the session."""
        session = self._at
        if session is None:
            self.app.bell()
        else:
            self.app.push_screen(LookOnScreen(session.id))


class LookOnScreen(WatchScreen, SideScreen):
    """One who looks on for a while, and goes back."""

    def gone(self, error: AgentshError) -> None:
        """See :meth:`WatchScreen.gone`: here it is no reason to end the program."""
        self.app.pop_screen()
        self.failed(error)


def session_row(session: SessionRecord, width: int) -> Row:
    """The line of a session."""
    mark, style = _MARKS.get(session.status, ("?", "dim"))
    when = words.moment(session.started_at)
    room = max(10, width - 6 - 13 - len(when) - 2 - 16)
    return (
        Span(safe(f"{mark} "), style),
        Span(fit(safe(session.id), 6), "heading"),
        Span(fit(safe(session.status), 13), style),
        Span(safe(f"{when}  "), "dim"),
        Span(fit(title(session.model), 14), "dim"),
        Span(fit(title(session.task, most=4 * room), room), "title"),
    )


def forecast(status: Status) -> str:
    """The store's size, how fast it grows, and when it will have reached its bound."""
    said = f"Store: {words.size(status.store_bytes)}"
    if status.store_growth:
        said += f", {words.size(int(status.store_growth))} more a day"
        said += f", so {words.size(int(status.store_bytes + 30 * status.store_growth))} in a month"
    days = status.days_left
    if not status.store_max_bytes:
        return f"{said}; no bound (store.max_bytes in the configuration sets one)"
    said += f"; bound {words.size(status.store_max_bytes)}"
    if status.store_bytes >= status.store_max_bytes:
        return f"{said}, reached: the oldest content goes first"
    return f"{said}, reached in {words.count(days, 'day')}" if days is not None and days < _FAR_DAYS else said
