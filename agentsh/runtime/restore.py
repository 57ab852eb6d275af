"""Plan the way back to a snapshot, whole or by path."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.errors import NotFoundError
from agentsh.core.history import Moment
from agentsh.core.sanitise import visible_path
from agentsh.runtime.draft import Draft, Plan
from agentsh.runtime.revert import covers, refuse_conflicts
from agentsh.runtime.snapshot import look_at, take_snapshot
from agentsh.runtime.steps import is_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.effect import FileEffect
    from agentsh.core.tree import Tree
    from agentsh.store import Store


def restore_plan(store: Store, tree: Tree, to: Moment, paths: Sequence[bytes] = ()) -> Plan:
    """Plan how paths get the state that they had at a moment.

    What is there now is recorded as a snapshot first, so the restore can itself be undone.

    Args:
        store: the store.
        tree: the workspace; it is read, not written.
        to: where to go.
        paths: these, and what is or was below them; all, when empty.

    Raises:
        NotFoundError: no such snapshot, or a path is neither there now nor was it then.
    """
    store.snapshot(to.snapshot)
    if paths and (plan := _of_files(store, tree, to, paths)) is not None:
        return plan
    now = store.manifest(take_snapshot(store, tree).snapshot)  # first: it may find what was there at that moment
    target = store.manifest_at(to)
    chosen = {p for p in target.keys() | now.keys() if not paths or any(covers(named, p) for named in paths)}
    for named in paths:
        if not any(covers(named, p) for p in chosen):
            raise _nowhere(named, to.snapshot)
    draft = Draft(store, tree)
    for path in sorted(chosen):
        if target.get(path) != now.get(path):
            draft.put(path, target.get(path))
    return draft.plan()


def _of_files(store: Store, tree: Tree, to: Moment, paths: Sequence[bytes]) -> Plan | None:
    """The plan for some files, looking at nothing else; None when a directory is among them, then or now.

    Raises:
        NotFoundError: a path is neither there now nor was it then.
    """
    if b"" in paths:
        return None
    seen = look_at(store, tree, paths).states
    targets = store.states_at(to, sorted(paths))
    if any(is_directory(target) or is_directory(seen.get(path)) for path, target in targets.items()):
        return None
    draft = Draft(store, tree, now=seen)
    for path, target in targets.items():
        if target is None and draft.now(path) is None:
            raise _nowhere(path, to.snapshot)
        if target != draft.now(path):
            draft.put(path, target)
    return replace(draft.plan(), seen=seen)


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
    plan = restore_plan(store, tree, Moment(snapshot), paths)
    refuse_conflicts(plan)
    return plan.effects
