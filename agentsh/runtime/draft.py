"""The states that paths will get by an undo, with the directories that they need; nothing is overwritten unasked."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.effect import FileEffect
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ActionFailed
from agentsh.core.history import PathConflict
from agentsh.core.record import record
from agentsh.core.sanitise import visible_path
from agentsh.runtime.merge import labels_of, marked_text
from agentsh.runtime.observe import observe
from agentsh.runtime.steps import is_directory, parents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentsh.core.history import Resolution
    from agentsh.core.tree import Tree
    from agentsh.store import Store

_DIRECTORY = Entry(EntryType.DIRECTORY, 0o755)


@record(frozen=True, slots=True)
class Plan:
    """What an undo would do.

    Attributes:
        effects: each path from its state now to its state afterwards, sorted by path; ready to commit.
        conflicts: paths that cannot be undone without losing something, each with both sides.
        stays: directories that would go, had nobody else put something in.
        seen: where all of its paths, and the directories above them, were looked at for it and are recorded so: what
            each was. A commit in the same turn need not look at them again.
    """

    effects: tuple[FileEffect, ...]
    conflicts: tuple[PathConflict, ...] = ()
    stays: tuple[bytes, ...] = ()
    seen: Mapping[bytes, Entry | None] | None = None


class Draft:
    """The states that paths will get, and the ones that they have.

    Args:
        store: receives the content of what is there now.
        tree: the workspace.
        answers: the person's, to conflicts; the first that fits one holds.
        now: what paths are that were looked at just now, with their content in the store.
    """

    def __init__(
        self,
        store: Store,
        tree: Tree,
        answers: Sequence[Resolution] = (),
        *,
        now: Mapping[bytes, Entry | None] | None = None,
    ) -> None:
        self._store = store
        self._tree = tree
        self._answers = answers
        self._now: dict[bytes, Entry | None] = dict(now or {})
        self._then: dict[bytes, Entry | None] = {}
        self._blame: dict[bytes, str] = {}
        self.conflicts: list[PathConflict] = []

    def now(self, path: bytes) -> Entry | None:
        """The state of ``path`` in the workspace, its content kept in the store.

        Raises:
            ActionFailed: it cannot be read.
        """
        if path not in self._now:
            try:
                self._now[path] = observe(self._tree, path, self._store.put_of(path))
            except OSError as e:
                raise ActionFailed(
                    f"{visible_path(path)} cannot be read: {e.strerror}.", next_step="Check its permissions."
                ) from e
        return self._now[path]

    def then(self, path: bytes) -> Entry | None:
        """The state that ``path`` will have."""
        return self._then[path] if path in self._then else self.now(path)

    def put(self, path: bytes, entry: Entry | None, *, action: str = "") -> None:
        """Let ``path`` become ``entry``, on behalf of ``action``."""
        self.now(path)
        self._then[path] = entry
        self._blame[path] = action

    def ask(self, conflict: PathConflict) -> Resolution | None:
        """The answer to a conflict; without one, the conflict is kept, for texts with one to edit."""
        for answer in self._answers:
            if answer.answers(conflict):
                return answer
        labels = labels_of(conflict)
        text = marked_text(self._store, base=conflict.base, ours=conflict.ours, theirs=conflict.theirs, labels=labels)
        self.conflicts.append(replace(conflict, text=text))
        return None

    def plan(self) -> Plan:
        """The plan, with the directories that it needs, and without those that others need."""
        for path in [p for p, entry in self._then.items() if entry is not None and entry != self.now(p)]:
            self._need_parents(path)
        stays = self._keep_filled()
        effects = [
            FileEffect(path, self._now[path], entry) for path, entry in self._then.items() if entry != self._now[path]
        ]
        return Plan(tuple(sorted(effects, key=lambda e: e.path)), tuple(self.conflicts), tuple(sorted(stays)))

    def _need_parents(self, path: bytes) -> None:
        for above in parents(path):
            state = self.then(above)
            if state is not None and not is_directory(state):
                why = f"needs {visible_path(above)} to be a directory, which it is no more"
                conflict = PathConflict(path, self._blame[path], why, ours=self._now[path], theirs=self._then[path])
                answer = self.ask(conflict)
                if answer is None or answer.side != "theirs":
                    self._then[path] = self._now[path]
                    return
                state = None
            if state is None:
                now = self.now(above)
                known = now if is_directory(now) else self._store.last_directory(above)
                self.put(above, known or _DIRECTORY, action=self._blame[path])

    def _keep_filled(self) -> list[bytes]:
        """Find the directories that would go although something in them stays."""
        stays: list[bytes] = []
        for path in sorted(self._then, reverse=True):
            entry, now = self._then[path], self._now[path]
            if not is_directory(now) or is_directory(entry) or not self._filled(path):
                continue
            if entry is None:
                stays.append(path)
            elif self._may_empty(path):
                continue
            self._then[path] = now
        return stays

    def _may_empty(self, path: bytes) -> bool:
        """Whether the person gives up what others have put into a directory; it goes with this undo, then."""
        why = "is a directory in which others have put something"
        conflict = PathConflict(path, self._blame[path], why, ours=self._now[path], theirs=self._then[path])
        answer = self.ask(conflict)
        if answer is None or answer.side != "theirs":
            return False
        todo = [path]
        while todo:
            for below in self._filled(todo.pop()):
                state = self.then(below)
                if state is not None and state.type is EntryType.OTHER:
                    why = f"is a directory with something in it that cannot be kept: {visible_path(below)}"
                    self.conflicts.append(replace(conflict, why=why))
                    return False
                todo += [below] if is_directory(state) else []
                self.put(below, None, action=self._blame[path])
        return True

    def _filled(self, path: bytes) -> list[bytes]:
        """What a directory will hold."""
        try:
            names = [os.fsencode(e.name) for e in self._tree.scan(path)]
        except OSError as e:
            raise ActionFailed(f"{visible_path(path)} cannot be read: {e.strerror}.") from e
        below = (path + b"/" + name for name in names)
        return [p for p in below if p not in self._then or self._then[p] is not None]
