"""Plan the way back to a snapshot, whole or by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.errors import NotFoundError
from agentsh.core.sanitise import visible_path
from agentsh.runtime.apply import is_directory
from agentsh.runtime.draft import Draft, Plan
from agentsh.runtime.revert import covers, refuse_conflicts
from agentsh.runtime.snapshot import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.effect import FileEffect
    from agentsh.core.tree import Tree
    from agentsh.store import Store


def restore_plan(store: Store, tree: Tree, snapshot: str, paths: Sequence[bytes] = ()) -> Plan:
    """Plan how paths get the state that they had at ``snapshot``.

    What is there now is recorded as a snapshot first, so the restore can itself be undone.

    Args:
        store: the store.
        tree: the workspace; it is read, not written.
        snapshot: where to go.
        paths: these, and what is or was below them; all, when empty.

    Raises:
        NotFoundError: no such snapshot, or a path is neither there now nor was it then.
    """
    if paths and (plan := _of_files(store, tree, store.snapshot(snapshot).id, paths)) is not None:
        return plan
    target = store.manifest(snapshot)
    now = store.manifest(take_snapshot(store, tree).snapshot)
    chosen = {p for p in target.keys() | now.keys() if not paths or any(covers(named, p) for named in paths)}
    for named in paths:
        if not any(covers(named, p) for p in chosen):
            raise _nowhere(named, snapshot)
    draft = Draft(store, tree)
    for path in sorted(chosen):
        if target.get(path) != now.get(path):
            draft.put(path, target.get(path))
    return draft.plan()


def _of_files(store: Store, tree: Tree, snapshot: str, paths: Sequence[bytes]) -> Plan | None:
    """The plan for some files, looking at nothing else; None when a directory is among them, then or now.

    The commit records what is there before it writes, so no snapshot is needed here.

    Raises:
        NotFoundError: a path is neither there now nor was it then.
    """
    draft = Draft(store, tree)
    for path in sorted(paths):
        target = store.state_at(snapshot, path)
        if is_directory(target) or not path or tree.is_directory(path):
            return None
        if target is None and draft.now(path) is None:
            raise _nowhere(path, snapshot)
        if target != draft.now(path):
            draft.put(path, target)
    return draft.plan()


def _nowhere(path: bytes, snapshot: str) -> NotFoundError:
    return NotFoundError(
        f"{visible_path(path)} is not in {snapshot}, nor in the workspace.",
        next_step="Name a path relative to the workspace.",
    )


def plan_restore(store: Store, tree: Tree, snapshot: str, paths: Sequence[bytes] = ()) -> tuple[FileEffect, ...]:
    """As :func:`restore_plan`, for those who want all of it or nothing.

    Raises:
        ConflictError: something is in the way.
    """
    plan = restore_plan(store, tree, snapshot, paths)
    refuse_conflicts(plan)
    return plan.effects
