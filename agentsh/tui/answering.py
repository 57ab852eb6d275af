"""The answers of the review: approve, reject, commit, edit, each about what is on the screen and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from agentsh.core.effect import EffectState
from agentsh.core.entry import EntryType
from agentsh.core.errors import ConflictError, RequestsStopped
from agentsh.core.request import RequestState
from agentsh.runtime.editor import edit_text
from agentsh.tui import words
from agentsh.tui.diffview import DiffView
from agentsh.tui.rows import RowsView
from agentsh.tui.screens import AskLine, Confirm, SideScreen
from agentsh.tui.staged import Shown
from agentsh.tui.text import path, title

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.core.report import CommitResult
    from agentsh.core.request import RequestEffect
    from agentsh.runtime.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """What a row of the list is about: an action (-1), one of its files, or, counting on, one of its requests."""

    action: int
    file: int


def _is_for(key: bytes, name: bytes) -> bool:
    """Whether an approved effect is on the path ``name``, or on a directory that it needs."""
    path = key.partition(b"\0")[0]
    return path == name or name.startswith(path + b"/")


class Answers(SideScreen):
    """A screen with what is staged, and a person's answers about it."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[Shown] = []
        self._places: list[Place | None] = []
        self._at: Place | None = None
        self._seen: set[bytes] = set()
        self._mine: frozenset[bytes] = frozenset()

    @property
    def _files(self) -> RowsView:
        return self.query_one("#files", RowsView)

    @property
    def _diff(self) -> DiffView:
        return self.query_one(DiffView)

    async def _load(self, *, keep: bool = False) -> None:
        raise NotImplementedError

    # -- answers -------------------------------------------------------------------------------------------------

    def _current(self) -> Shown | None:
        if self._at is None:
            self.app.bell()
            return None
        return self._shown[self._at.action]

    def _named(self, shown: Shown) -> tuple[str, dict[str, Any] | None]:
        """What the cursor is on in words, and as arguments for an answer: all of the action, a path, hunks or lines.

        None as arguments stands for a request, about which there is no answer by itself.
        """
        id_, diff = shown.record.id, self._diff
        if self.focused is diff and diff.file is not None:
            name, hunk = diff.file.path, diff.hunk
            if diff.lines:
                lines = words.count(diff.picked, "line")
                return f"{lines} of {path(name)} in {id_}", {"lines": {name: list(diff.lines)}}
            if hunk is not None and hunk.number:
                return f"hunk {hunk.number} of {path(name)} in {id_}", {"hunks": {name: [hunk.number]}}
            return f"{path(name)} in {id_}", {"paths": [name]}
        file = self._at.file if self._at is not None else -1
        if 0 <= file < len(shown.diffs):
            name = shown.diffs[file].path
            return f"{path(name)} in {id_}", {"paths": [name]}
        return f"{id_}, with all that is staged of it", None if file >= 0 else {}

    def action_approve(self) -> None:
        """Approve what the cursor is on: lines, a hunk or a file in the difference, a file or an action in the list."""
        shown = self._current()
        if shown is None or self._at is None:
            return
        _, part = self._named(shown)
        if part is None and any(d.state is EffectState.PENDING for d in shown.diffs):
            self.say(f"A request goes with its whole action: y on {shown.record.id} approves both.", bad=True)
        elif not part and (unseen := self._unseen(shown)):
            self._go_to_request(shown, unseen[0])
        elif self._diff.lines and not self._diff.picked and self.focused is self._diff:
            self.say("No changed line is chosen: v lets go.", bad=True)
        else:
            self._answer(shown, part or {})

    def _unseen(self, shown: Shown) -> list[RequestEffect]:
        return [r for r in shown.held if r.encode() not in self._seen]

    def _go_to_request(self, shown: Shown, request: RequestEffect) -> None:
        """Show a request that nobody has seen yet, instead of taking a yes for it."""
        at = len(shown.diffs) + [r for r, _ in shown.requests].index(request)
        self._files.cursor = self._places.index(Place(self._shown.index(shown), at))
        self.say(f"This is what {shown.record.id} would send: look at it, then y on {shown.record.id} approves it.")

    def _answer(self, shown: Shown, part: dict[str, Any]) -> None:
        async def answer() -> None:
            def approve(workspace: Workspace) -> frozenset[bytes]:
                (record,) = workspace.approve([shown.record.id], below=False, seen=shown.seen, **part)
                return Shown(record, (), ()).approved

            if (now := await self._then_look(approve)) is not None:
                # Another path may have been approved elsewhere since this one was shown: that is no answer of ours.
                named = [os.fsencode(p) for group in part.values() for p in group]
                self._mine |= {key for key in now if not named or any(_is_for(key, name) for name in named)}

        self.start(answer(), group="answer")

    async def _then_look(self, change: Callable[[Workspace], T]) -> T | None:
        """Do it, and show what is true now, also when it was refused: a change underneath is asked about anew."""
        try:
            done = await self.work.act(change)
        except ConflictError as e:
            await self._load(keep=True)
            self.failed(e)
            return None
        await self._load(keep=True)
        return done

    def action_approve_all(self) -> None:
        """Approve everything that is listed."""
        every = list(self._shown)
        if not every:
            self.app.bell()
            return

        def approve(workspace: Workspace) -> None:
            for shown in every:
                whole = not self._unseen(shown)
                (record,) = workspace.approve([shown.record.id], seen=shown.seen, requests=whole)
                self._mine |= Shown(record, (), ()).approved

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
        """Drop what the cursor is on from what is staged, with a word to the model about why."""
        shown = self._current()
        if shown is None or self._at is None:
            return
        what, part = self._named(shown)
        if part is None:
            self.say(f"A request goes with its whole action: x on {shown.record.id} drops both.", bad=True)
            return

        def reject(workspace: Workspace, reason: str) -> None:
            workspace.reject([shown.record.id], reason=reason, seen=shown.seen, **part)

        def answered(reason: str | None) -> None:
            if reason is not None:
                self.start(self._then_look(lambda workspace: reject(workspace, reason)), group="answer")

        told = "The model is told" if shown.record.session else "Kept in the journal"
        self.app.push_screen(AskLine(f"Reject {what}.\n{told}; may be empty. Why?"), answered)

    def action_commit(self) -> None:
        """Write what is approved to the workspace: what is on the screen, and nothing else."""
        seen = {id_: digest for s in self._shown for id_, digest in s.landing.items()}
        others = [s for s in self._shown if s.approved - self._mine]
        if not others:
            self.start(self._commit(seen), group="answer")
            return
        named = [f"{s.record.id} {self._where(s)}" for s in others[:8]]
        detail = "Approved, but not by you on this screen (by a rule, or elsewhere):\n" + "\n".join(named)
        detail += f"\nand {words.count(len(others) - 8, 'more action')}" if len(others) > 8 else ""

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - a callback's argument
            if yes:
                self.start(self._commit(seen), group="answer")

        self.app.push_screen(Confirm("Commit this too?", detail), answered)

    @staticmethod
    def _where(shown: Shown) -> str:
        paths = dict.fromkeys(path(e.path) for e in shown.record.changes if e.state is EffectState.APPROVED)
        sends = [title(r.title, most=80) for r, _ in shown.requests if r.state is RequestState.APPROVED]
        every = [*paths, *sends]
        return ", ".join(every[:4]) + (f" and {len(every) - 4} more" if len(every) > 4 else "")

    async def _commit(self, seen: dict[str, str]) -> None:
        try:
            result: CommitResult = await self.work.act(lambda workspace: workspace.commit(seen=seen))
        except (RequestsStopped, ConflictError) as e:
            await self._load(keep=True)
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
