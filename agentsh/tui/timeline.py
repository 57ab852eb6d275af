"""The timeline: what happened in the workspace, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import ConflictError, NotFoundError
from agentsh.core.report import LogKind
from agentsh.core.request import RequestState
from agentsh.tui import words
from agentsh.tui.diffview import DiffView
from agentsh.tui.lines import LineView
from agentsh.tui.screens import AskLine, OutputScreen, SideScreen
from agentsh.tui.text import Row, Safe, Span, fit, safe, title
from agentsh.tui.undo import RevertScreen
from agentsh.tui.undoing import next_redo, next_undo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.diff import FileDiff
    from agentsh.core.report import LogEntry

_KINDS = {
    LogKind.COMMIT: Span(Safe("●"), "added"),
    LogKind.SNAPSHOT: Span(Safe("□"), "dim"),
    LogKind.RECOVERY: Span(Safe("!"), "flag"),
}
_MOST_FILES = 500


class TimelineList(LineView):
    """The entries, newest first; a row is made when it is painted."""

    def __init__(self) -> None:
        super().__init__(id="entries")
        self._entries: Sequence[LogEntry] = ()

    def show(self, entries: Sequence[LogEntry]) -> None:
        """Show ``entries``, newest first."""
        self._entries = entries
        self.resized(len(entries) or 1, self.size.width)

    def row(self, y: int) -> Row:
        """See :meth:`LineView.row`."""
        if not self._entries:
            return (Span(Safe("Nothing happened here yet."), "dim"),)
        entry = self._entries[y]
        mark, style = words.STATUS.get(entry.status, (" ", "dim"))
        kind = _KINDS.get(entry.kind, Span(safe(mark), style))
        return (
            kind,
            Span(Safe(" ")),
            Span(fit(safe(entry.id), 5), "heading"),
            Span(fit(title(entry.title, most=60), max(12, self.size.width - 28)), "title"),
            Span(Safe(" ")),
            Span(fit(safe(entry.status), 11), style),
            Span(safe(words.moment(entry.at)), "dim"),
        )

    @property
    def entry(self) -> LogEntry | None:
        """The entry under the cursor."""
        return self._entries[self.cursor] if self._entries else None


class TimelineScreen(SideScreen):
    """Entries left, what the one under the cursor changed right."""

    NAME = "Timeline"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "revert", "Revert", id="timeline.revert"),
        Binding("z", "undo", "Undo", id="timeline.undo"),
        Binding("Z", "redo", "Redo", id="timeline.redo"),
        Binding("f", "filter", "Filter", id="timeline.filter"),
        Binding("o", "output", "Output", id="timeline.output", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._every: list[LogEntry] = []
        self._filter = ""
        self._at = ""

    def compose(self) -> ComposeResult:
        """The heading, the entries, the difference."""
        yield Static(Content("Timeline"), id="heading")
        with Horizontal(id="body"):
            yield TimelineList()
            yield DiffView(id="diff")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin in the list."""
        self._list.focus()

    def on_screen_resume(self) -> None:
        """Load what happened; also after something was taken back."""
        self.start(self._load(), group="load", exclusive=True)

    @property
    def _list(self) -> TimelineList:
        return self.query_one(TimelineList)

    async def _load(self) -> None:
        self._every = await self.work.look(lambda workspace: workspace.timeline())
        self._at = ""
        await self._show_entries()

    async def _show_entries(self) -> None:
        needle = self._filter.lower()
        newest = [e for e in reversed(self._every) if not needle or needle in f"{e.id} {e.title} {e.status}".lower()]
        about = f"   filter: {title(self._filter, most=40)}" if needle else ""
        of = words.count(len(newest), "entry", "entries")
        self.query_one("#heading", Static).update(Content(f"Timeline  {of}{about}"))
        self._list.show(newest)
        await self._show_diff()

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        """What the entry changed."""
        if event.view is self._list:
            self.start(self._show_diff(), group="diff", exclusive=True)

    async def _show_diff(self) -> None:
        entry = self._list.entry
        view = self.query_one(DiffView)
        if entry is None:
            await view.show((), empty="What an action changed is shown here.")
            return
        if entry.id == self._at:
            return
        point = self._at = entry.id
        try:
            diffs: list[FileDiff] = await self.work.look(lambda workspace: workspace.diff(point))
        except NotFoundError as e:
            await view.show((), empty=e.what)
            return
        if self._at == point:
            await view.show(diffs[:_MOST_FILES], empty="It changed no file.")

    # -- keys ----------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Show only the entries that have some text."""

        def answered(text: str | None) -> None:
            if text is not None:
                self._filter, self._at = text, ""
                self.start(self._show_entries(), group="load", exclusive=True)

        self.app.push_screen(AskLine("Show entries with (empty: all):", self._filter), answered)

    def action_revert(self) -> None:
        """Preview the undoing of the entry, conflicts too, and then do it."""
        entry = self._list.entry
        if entry is None:
            return
        actions = (entry.id,) if entry.kind is LogKind.ACTION else tuple(p for p in entry.parents if p[:1] == "a")
        committed = [e.id for e in self._every if e.id in actions and e.status == "committed"]
        if committed:
            self.app.push_screen(RevertScreen(committed))
        else:
            self.say("Only what was committed can be reverted; drop what is staged in the review.", bad=True)

    def action_undo(self) -> None:
        """Take back the last commit that still holds."""
        self.start(self._take(next_undo(self._every), "Nothing is left to undo."), group="undo")

    def action_redo(self) -> None:
        """Bring back what was undone last."""
        self.start(self._take(next_redo(self._every), "Nothing is left to redo."), group="undo")

    async def _take(self, actions: tuple[str, ...], nothing: str) -> None:
        if not actions:
            self.say(nothing)
            return
        sent = await self.work.look(lambda workspace: [r for a in actions for r in workspace.requests(a)])
        if any(r.state is RequestState.SENT for r in sent):  # what would be sent now is shown before
            self.app.push_screen(RevertScreen(list(actions)))
            return
        try:
            result = await self.work.act(lambda workspace: workspace.revert(actions))
        except ConflictError as e:
            if not e.conflicts:
                raise
            self.app.push_screen(RevertScreen(list(actions)))
            return
        await self._load()
        wrote = words.count(len(result.paths), "path")
        self.say(f"Reverted {' '.join(actions)}: {wrote}." if result.commit else "There was nothing to write.")

    def action_output(self) -> None:
        """All that the action printed."""
        entry = self._list.entry
        if entry is not None and entry.kind is LogKind.ACTION:
            self.app.push_screen(OutputScreen(entry.id))
        else:
            self.app.bell()
