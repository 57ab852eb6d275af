"""Plan the way back to a snapshot, whole or by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.errors import NotFoundError
from agentsh.core.sanitise import visible_path
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
    target = store.manifest(snapshot)
    now = store.manifest(take_snapshot(store, tree).snapshot)
    chosen = {p for p in target.keys() | now.keys() if not paths or any(covers(named, p) for named in paths)}
    for named in paths:
        if not any(covers(named, p) for p in chosen):
            raise NotFoundError(
                f"{visible_path(named)} is not in {snapshot}, nor in the workspace.",
                next_step="Name a path relative to the workspace.",
            )
    draft = Draft(store, tree)
    for path in sorted(chosen):
        if target.get(path) != now.get(path):
            draft.put(path, target.get(path))
    return draft.plan()


def plan_restore(store: Store, tree: Tree, snapshot: str, paths: Sequence[bytes] = ()) -> tuple[FileEffect, ...]:
    """As :func:`restore_plan`, for those who want all of it or nothing.

    Raises:
        ConflictError: something is in the way.
    """
    plan = restore_plan(store, tree, snapshot, paths)
    refuse_conflicts(plan)
    return plan.effects
