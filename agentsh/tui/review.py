"""The review screen: what is staged, file by file, and the person's answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.decision import Verdict
from agentsh.core.effect import EffectState
from agentsh.core.entry import EntryType
from agentsh.core.errors import ConflictError, RequestsStopped
from agentsh.core.request import UNSETTLED, RequestState
from agentsh.runtime.editor import edit_text
from agentsh.tui import words
from agentsh.tui.diffview import DiffView
from agentsh.tui.lines import LineView
from agentsh.tui.requests import request_row, request_rows
from agentsh.tui.rows import RowsView
from agentsh.tui.screens import AskLine, Confirm, SideScreen
from agentsh.tui.text import Row, Safe, Span, join, path, safe, title

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff
    from agentsh.core.report import CommitResult
    from agentsh.core.request import RequestEffect
    from agentsh.runtime.workspace import Workspace

_OPEN = (EffectState.PENDING, EffectState.APPROVED)


@dataclass(frozen=True, slots=True)
class Shown:
    """An action as it is on the screen: an answer is about this, and about nothing that came after it.

    Attributes:
        record: the action.
        diffs: its effects that are still staged.
        reasons: for each of them why a person is asked.
        requests: what it wants to send, and that of which nobody knows, each with its body.
    """

    record: ActionRecord
    diffs: tuple[FileDiff, ...]
    reasons: tuple[tuple[str, ...], ...]
    requests: tuple[tuple[RequestEffect, bytes], ...] = ()

    @property
    def held(self) -> list[RequestEffect]:
        """The requests that wait for a yes."""
        return [r for r, _ in self.requests if r.state is RequestState.HELD]

    @property
    def seen(self) -> dict[str, str]:
        """What an approval names."""
        return {self.record.id: self.record.changes.digest}


@dataclass(frozen=True, slots=True)
class _Place:
    """What a row of the list is about: an action (-1), one of its files, or, counting on, one of its requests."""

    action: int
    file: int


def look(workspace: Workspace) -> list[Shown]:
    """All that is staged."""
    out = []
    for record in workspace.status().pending:
        diffs = tuple(d for d in workspace.diff(record.id) if d.state in _OPEN)
        why = {e.about: e.decision for e in workspace.explain(record.id)}
        reasons = []
        for diff in diffs:
            decision = why.get(diff.path)
            asks = decision is not None and decision.verdict is Verdict.ASK
            reasons.append((f"asks because: {decision.reason}",) if asks and decision is not None else ())
        # The digest and the diffs were read one after the other: they belong together only if nothing came between.
        if workspace.show(record.id).changes.digest != record.changes.digest:
            raise ConflictError(f"The effects of {record.id} changed while they were read.", next_step="Look again.")
        open_ = [r for r in record.changes.requests if r.state in UNSETTLED]
        requests = tuple((r, workspace.body(r)) for r in open_)
        out.append(Shown(record, diffs, tuple(reasons), requests))
    return out


class ReviewScreen(SideScreen):
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
        Binding("x", "reject", "Reject action", id="review.reject"),
        Binding("e", "edit", "Edit", id="review.edit"),
    ]

    def __init__(self, action: str = "") -> None:
        super().__init__()
        self._begin = action
        self._shown: list[Shown] = []
        self._places: list[_Place | None] = []
        self._at: _Place | None = None
        self._seen: set[bytes] = set()

    def compose(self) -> ComposeResult:
        """The heading, the list, the difference."""
        yield Static(Content("Review"), id="heading")
        with Horizontal(id="body"):
            yield RowsView(id="files")
            yield DiffView(id="diff")
            yield RowsView(id="request", cursor=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Load what is staged."""
        self.query_one("#request").display = False
        self.query_one("#files").focus()
        self.start(self._load(), group="load", exclusive=True)

    @property
    def _files(self) -> RowsView:
        return self.query_one("#files", RowsView)

    @property
    def _diff(self) -> DiffView:
        return self.query_one(DiffView)

    # -- what is shown -------------------------------------------------------------------------------------------

    async def _load(self, *, keep: bool = False) -> None:
        self._shown = await self.work.look(look)
        rows: list[Row] = []
        self._places = []
        for a, shown in enumerate(self._shown):
            rows.append(_action_row(shown))
            self._places.append(_Place(a, -1))
            for f, diff in enumerate(shown.diffs):
                rows.append(_file_row(diff))
                self._places.append(_Place(a, f))
            for q, (request, _) in enumerate(shown.requests, len(shown.diffs)):
                rows.append(request_row(request))
                self._places.append(_Place(a, q))
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

    def _unseen(self, shown: Shown) -> list[RequestEffect]:
        return [r for r in shown.held if r.encode() not in self._seen]

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        """The difference of what the cursor is on."""
        if event.view is self._files:
            self.start(self._show_place(), group="place", exclusive=True)

    # -- answers -------------------------------------------------------------------------------------------------

    def _current(self) -> Shown | None:
        if self._at is None:
            self.app.bell()
            return None
        return self._shown[self._at.action]

    def action_approve(self) -> None:
        """Approve what the cursor is on: a hunk or a file in the difference, a file or an action in the list."""
        shown = self._current()
        if shown is None or self._at is None:
            return
        if self.focused is self._diff and self._diff.file is not None:
            file, hunk = self._diff.file, self._diff.hunk
            if hunk is not None and hunk.number:
                self._answer(shown, hunks={file.path: [hunk.number]})
            else:
                self._answer(shown, paths=[file.path])
        elif 0 <= self._at.file < len(shown.diffs):
            self._answer(shown, paths=[shown.diffs[self._at.file].path])
        elif self._at.file >= 0 and any(d.state is EffectState.PENDING for d in shown.diffs):
            self.say(f"A request goes with its whole action: y on {shown.record.id} approves both.", bad=True)
        elif unseen := self._unseen(shown):
            self._go_to_request(shown, unseen[0])
        else:
            self._answer(shown)

    def _go_to_request(self, shown: Shown, request: RequestEffect) -> None:
        """Show a request that nobody has seen yet, instead of taking a yes for it."""
        at = len(shown.diffs) + [r for r, _ in shown.requests].index(request)
        self._files.cursor = self._places.index(_Place(self._shown.index(shown), at))
        self.say(f"This is what {shown.record.id} would send: look at it, then y on {shown.record.id} approves it.")

    def _answer(
        self, shown: Shown, *, paths: Sequence[bytes] = (), hunks: dict[str | bytes, list[int]] | None = None
    ) -> None:
        async def answer() -> None:
            def approve(workspace: Workspace) -> None:
                workspace.approve([shown.record.id], paths=paths, hunks=hunks, below=False, seen=shown.seen)

            await self._then_look(approve)

        self.start(answer(), group="answer")

    async def _then_look(self, change: Callable[[Workspace], object]) -> None:
        """Do it, and show what is true now, also when it was refused: a change underneath is asked about anew."""
        try:
            await self.work.act(change)
        except ConflictError as e:
            await self._load(keep=True)
            self.failed(e)
            return
        await self._load(keep=True)

    def action_approve_all(self) -> None:
        """Approve everything that is listed."""
        every = list(self._shown)
        if not every:
            self.app.bell()
            return

        def approve(workspace: Workspace) -> None:
            for shown in every:
                whole = not self._unseen(shown)
                workspace.approve([shown.record.id], seen=shown.seen, requests=whole)

        unseen = sum(len(self._unseen(s)) for s in every)
        flags = [d for s in every for d in s.diffs if d.flags]
        paths = words.count(sum(len(s.diffs) for s in every), "effect")
        detail = f"{paths} of {words.count(len(every), 'action')}"
        detail += f"\n! look twice: {', '.join(path(d.path) for d in flags[:5])}" if flags else ""

        sends = sum(len(s.held) for s in every) - unseen
        detail += f"\n→ and {words.count(sends, 'request')} to send, which you have seen" if sends else ""
        detail += f"\n{words.count(unseen, 'request')} that you have not seen stays held" if unseen else ""

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - a callback's argument
            if yes:
                self.start(self._then_look(approve), group="answer")

        self.app.push_screen(Confirm("Approve all that is staged?", detail), answered)

    def action_reject(self) -> None:
        """Drop the action from what is staged, with a word to the journal about why."""
        shown = self._current()
        if shown is None:
            return
        action = shown.record.id

        def answered(reason: str | None) -> None:
            if reason is not None:
                reject = partial(_reject, action=action, reason=reason)
                self.start(self._then_look(reject), group="answer")

        self.app.push_screen(AskLine(f"Reject {action}, with all that is staged of it. Why? (may be empty)"), answered)

    def action_commit(self) -> None:
        """Write what is approved to the workspace."""
        self.start(self._commit(), group="answer")

    async def _commit(self) -> None:
        try:
            result: CommitResult = await self.work.act(lambda workspace: workspace.commit())
        except RequestsStopped as e:
            await self._load()
            self.failed(e)
            return
        await self._load()
        if result.commit is None:
            self.say("Nothing is staged.")
        else:
            wrote = words.count(len(result.paths), "path")
            wrote += f", {words.count(len(result.requests), 'request')} sent" if result.requests else ""
            self.say(f"Committed {' '.join(result.actions)} as {result.commit}: {wrote}. ctrl+t takes it back.")

    def action_edit(self) -> None:
        """Edit the proposed content in $EDITOR; what comes back is staged as an action of the person's."""
        shown = self._current()
        file = self._diff.file
        if shown is None or file is None or file.after is None or file.after.type is not EntryType.FILE or file.binary:
            self.say("Only the text of a file can be edited.", bad=True)
            return
        self.start(self._edit(file.path), group="answer")

    async def _edit(self, name: bytes) -> None:
        def read(workspace: Workspace) -> bytes:
            # What later actions made of it is what an edit builds on.
            now = next((d.after for d in workspace.diff() if d.path == name), None)
            return workspace.read_blob(now.digest) if now is not None and now.digest else b""

        text = await self.work.look(read)
        with self.app.suspend():
            edited = edit_text(name, text, purpose="proposed")
        self.app.refresh()
        if edited == text:
            self.say("Nothing was edited.")
            return
        await self._then_look(lambda workspace: workspace.stage(name, edited))
        self.say("Your edit is staged as an action of its own.")


def _reject(workspace: Workspace, *, action: str, reason: str) -> None:
    workspace.reject([action], reason=reason)


def _action_row(shown: Shown) -> Row:
    record = shown.record
    mark, style = words.STATUS[record.status.value]
    asked = "you" if record.session is None else record.session
    return (
        Span(safe(f"{mark} "), style),
        Span(title(record.id), "heading"),
        Span(Safe(" ")),
        Span(title(record.spec.title, most=60), "title"),
        Span(safe(f"  ({asked})"), "dim"),
    )


def _file_row(diff: FileDiff) -> Row:
    state = words.STATE_MARKS[diff.state] if diff.state is not None else Span(Safe("   "))
    flag = (Span(Safe(" !"), "flag"),) if diff.flags else ()
    counts = words.changed(diff.added, diff.removed)
    name = Span(words.path_text(diff))
    return (Span(Safe(" ")), state, Span(Safe(" ")), words.MARKS[diff.kind], Span(Safe(" ")), name, *flag, *counts)
