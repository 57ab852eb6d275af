"""Plan the undoing of committed actions, in any selection, while newer work stays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentsh.core.effect import FileEffect
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ActionFailed, ConflictError
from agentsh.core.history import PathConflict
from agentsh.core.sanitise import visible_path
from agentsh.runtime.apply import is_directory, parents
from agentsh.runtime.merge import merge_entries
from agentsh.runtime.observe import observe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.history import Landing
    from agentsh.core.tree import Tree
    from agentsh.store import Store

_SHOWN = 5
_DIRECTORY = Entry(EntryType.DIRECTORY, 0o755)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an undo would do.

    Attributes:
        effects: each path from its state now to its state afterwards, sorted by path; ready to commit.
        conflicts: paths that cannot be undone without losing something.
        stays: directories that would go, had nobody else put something in.
    """

    effects: tuple[FileEffect, ...]
    conflicts: tuple[PathConflict, ...] = ()
    stays: tuple[bytes, ...] = ()


class Draft:
    """The states that paths will get, and the ones that they have.

    Args:
        store: receives the content of what is there now.
        tree: the workspace.
    """

    def __init__(self, store: Store, tree: Tree) -> None:
        self._store = store
        self._tree = tree
        self._now: dict[bytes, Entry | None] = {}
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
                self._now[path] = observe(self._tree, path, self._store.put_fd)
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
            if state is None:
                now = self.now(above)
                known = now if is_directory(now) else self._store.last_seen(above)
                self.put(above, known if is_directory(known) else _DIRECTORY, action=self._blame[path])
            elif not is_directory(state):
                why = f"needs {visible_path(above)} to be a directory, which it is no more"
                self.conflicts.append(PathConflict(path, self._blame[path], why, theirs=self._then[path]))
                return

    def _keep_filled(self) -> list[bytes]:
        """Find the directories that would go although something in them stays."""
        stays: list[bytes] = []
        for path in sorted(self._then, reverse=True):
            entry, now = self._then[path], self._now[path]
            if not is_directory(now) or is_directory(entry) or not self._is_filled(path):
                continue
            if entry is None:
                stays.append(path)
            else:
                why = "is a directory in which others have put something"
                self.conflicts.append(PathConflict(path, self._blame[path], why, ours=now, theirs=entry))
            self._then[path] = now
        return stays

    def _is_filled(self, path: bytes) -> bool:
        try:
            names = [os.fsencode(e.name) for e in self._tree.scan(path)]
        except OSError as e:
            raise ActionFailed(f"{visible_path(path)} cannot be read: {e.strerror}.") from e
        below = (path + b"/" + name for name in names)
        return any(p not in self._then or self._then[p] is not None for p in below)


def revert_plan(store: Store, tree: Tree, actions: Sequence[str]) -> Plan:
    """Plan the undoing of everything that ``actions`` have committed.

    Each effect is undone by a three-way merge: from the state that the action left, to the state now on one side and to
    the state before the action on the other. So what came later stays.

    Args:
        store: the store.
        tree: the workspace; it is read, not written.
        actions: in any order; undone newest first.

    Raises:
        NotFoundError: there is no such action.
        ActionFailed: a path cannot be read.
    """
    draft = Draft(store, tree)
    for landing in store.landings(actions):
        _undo(store, draft, landing)
    return draft.plan()


def plan_revert(store: Store, tree: Tree, actions: Sequence[str]) -> tuple[FileEffect, ...]:
    """As :func:`revert_plan`, for those who want all of it or nothing.

    Raises:
        ConflictError: something cannot be undone without losing newer work; names every path.
    """
    plan = revert_plan(store, tree, actions)
    if plan.conflicts:
        shown = "; ".join(f"{visible_path(c.path)} ({c.action}) {c.why}" for c in plan.conflicts[:_SHOWN])
        more = f"; and {len(plan.conflicts) - _SHOWN} more" if len(plan.conflicts) > _SHOWN else ""
        raise ConflictError(
            f"Newer work is in the way: {shown}{more}.",
            paths=[c.path for c in plan.conflicts],
            next_step="Revert the newer actions as well, or change the paths by hand.",
        )
    return plan.effects


def _undo(store: Store, draft: Draft, landing: Landing) -> None:
    effect = landing.effect
    ours = draft.then(effect.path)
    if is_directory(ours) and is_directory(effect.before) and not is_directory(effect.after):
        return  # made again meanwhile, perhaps with other permission bits: nothing to bring back
    try:
        merged = merge_entries(store, effect.path, base=effect.after, ours=ours, theirs=effect.before)
    except ConflictError as e:
        why = e.what.removeprefix(visible_path(effect.path)).strip(" .")
        draft.conflicts.append(
            PathConflict(effect.path, landing.action, why, base=effect.after, ours=ours, theirs=effect.before)
        )
        return
    draft.put(effect.path, merged, action=landing.action)
