"""The review screen: what is staged, file by file, and the keys of the person's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import AgentshError
from agentsh.tui import words
from agentsh.tui.answering import Answers, Place
from agentsh.tui.diffview import DiffView
from agentsh.tui.lines import LineView
from agentsh.tui.requests import request_row, request_rows
from agentsh.tui.rows import RowsView
from agentsh.tui.staged import action_row, file_row, look, why_rows
from agentsh.tui.text import Row, Safe, Span, join, safe, title

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.request import RequestEffect


_WHY_STYLES = {
    "added": "$text-success",
    "changed": "$text-warning",
    "flag": "bold $text-warning",
    "error": "bold $text-error",
    "title": "bold",
}


class ReviewScreen(Answers):
    """Files left, their difference right.

    Args:
        action: the action to begin with.
    """

    NAME = "Review"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "approve", "Approve", id="review.approve"),
        Binding("Y", "approve_all", "Approve all", id="review.approve-all"),
        Binding("c", "commit", "Commit", id="review.commit"),
        Binding("x", "reject", "Reject", id="review.reject"),
        Binding("e", "edit", "Edit", id="review.edit"),
    ]

    def __init__(self, action: str = "") -> None:
        super().__init__()
        self._begin = action

    def compose(self) -> ComposeResult:
        """The heading, the list, the difference."""
        yield Static(Content("Review"), id="heading")
        with Horizontal(id="body"):
            yield RowsView(id="files")
            yield DiffView(id="diff")
            yield RowsView(id="request", cursor=False)
        yield Static(Content(""), id="why")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Load what is staged."""
        self.query_one("#request").display = False
        self.query_one("#files").focus()
        self._files.show([(Span(Safe("Looking ..."), "dim"),)])
        self.start(self._load(), group="load", exclusive=True)

    # -- what is shown -------------------------------------------------------------------------------------------

    async def _load(self, *, keep: bool = False) -> None:
        try:
            self._shown = await self.work.look(look)
        except AgentshError:
            if not self._shown:
                self._files.show([(Span(Safe("It could not be read."), "error"),)])
            raise
        rows: list[Row] = []
        self._places = []
        for a, shown in enumerate(self._shown):
            rows.append(action_row(shown))
            self._places.append(Place(a, -1))
            for f, diff in enumerate(shown.diffs):
                rows.append(file_row(diff))
                self._places.append(Place(a, f))
            for q, (request, _) in enumerate(shown.requests, len(shown.diffs)):
                rows.append(request_row(request))
                self._places.append(Place(a, q))
        if not rows:
            rows = [(Span(Safe("Nothing waits for an answer."), "dim"),)]
            self._places = [None]
        self._files.show(rows)
        if not keep:
            wanted = next((k for k, s in enumerate(self._shown) if s.record.id == self._begin), 0)
            self._files.cursor = next((y for y, p in enumerate(self._places) if p and p.action == wanted), 0)
        self._at = None
        await self._show_place(keep=keep)

    async def _show_place(self, *, keep: bool = False) -> None:
        place = self._places[self._files.cursor] if self._files.cursor < len(self._places) else None
        if place == self._at and place is not None:
            return
        self._at = place
        on_request = place is not None and place.file >= len(self._shown[place.action].diffs)
        self.query_one("#request").display, self._diff.display = on_request, not on_request
        self._show_why()
        if place is None:
            self.query_one("#heading", Static).update(Content("Review"))
            empty = "What an action changes appears here first."
            await self._diff.show((), empty=empty)
            return
        shown = self._shown[place.action]
        if place.file >= len(shown.diffs):
            self._show_request(*shown.requests[place.file - len(shown.diffs)])
            return
        chosen = slice(None) if place.file < 0 else slice(place.file, place.file + 1)
        head = [title(shown.record.id), title(shown.record.spec.title, most=120)]
        self.query_one("#heading", Static).update(Content(join([Safe("Review"), *head], "  ")))
        empty = "Nothing of this action is staged any more."
        if shown.requests:
            empty = "It changes no file. What it would send is the line below it."
        await self._diff.show(shown.diffs[chosen], reasons=shown.reasons[chosen], empty=empty, keep=keep)

    def _show_request(self, request: RequestEffect, body: bytes) -> None:
        """All that would be sent. From here on it was seen, as it is now."""
        view = self.query_one("#request", RowsView)
        view.show(request_rows(request, body))
        view.scroll_to(0, 0, animate=False)
        self.query_one("#heading", Static).update(Content(join([Safe("Review"), title(request.id)], "  ")))
        self._seen.add(request.encode())

    def _show_why(self) -> None:
        """What stands below the panes: the class of what the cursor is on, and why a person is asked about it."""
        place, rows = self._at, list[Row]()
        if place is not None:
            shown, file = self._shown[place.action], place.file
            if self.focused is self._diff and self._diff.file in shown.diffs:
                file = shown.diffs.index(self._diff.file)
            rows = why_rows(shown, file)
            if self._diff.lines:
                lines = words.count(self._diff.picked, "changed line")
                rows.insert(0, (Span(safe(f"{lines} chosen: y approves, x rejects, v lets go"), "title"),))
        shown_rows = [Content.assemble(*((s.text, _WHY_STYLES.get(s.style, "")) for s in row)) for row in rows[:4]]
        self.query_one("#why", Static).update(Content("\n").join(shown_rows))

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        """The difference of what the cursor is on."""
        if event.view is self._files:
            self.start(self._show_place(), group="place", exclusive=True)
        elif event.view is self._diff:
            self._show_why()

    def on_descendant_focus(self) -> None:
        """Another pane: the cursor is on another thing."""
        self._show_why()
