"""Points in time: a snapshot, before or after a commit or an action, the workspace now, and all that is staged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.effect import ChangeSet, FileEffect, change_set
from agentsh.core.errors import NotFoundError, UsageError
from agentsh.core.history import Moment
from agentsh.core.sanitise import visible_line
from agentsh.runtime.pending import STAGED, netted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentsh.core.entry import Entry
    from agentsh.core.history import CommitRecord
    from agentsh.store import Store

NOW, STAGE = "now", "staged"
_BEFORE = "^"
_HOW = "A point is a snapshot (s1), a commit (c1) or an action (a1), with ^ for the state before it, now, or staged."


def moment_of(store: Store, point: str, now: Callable[[], str]) -> Moment:
    """The moment that a point in time names.

    Args:
        store: the store.
        point: ``s1``; ``c1`` and ``c1^``, after and before a commit; likewise the commit of an action; ``now``.
        now: gives the snapshot that describes the workspace.

    Raises:
        NotFoundError: there is none of that name, or nothing of it was ever committed.
        UsageError: it names no point.
    """
    name, before = point.removesuffix(_BEFORE), point.endswith(_BEFORE)
    if point == NOW:
        return Moment(now())
    match name[:1]:
        case "s" if not before:
            return Moment(store.snapshot(name).id)
        case "s":
            earlier = [s.id for s in store.snapshots()]
            at = earlier.index(store.snapshot(name).id)
            if at == 0:
                raise NotFoundError(f"Nothing is known from before {name}.")
            return Moment(earlier[at - 1])
        case "c":
            commit = store.commit(name)
        case "a":
            commit = _commit_of(store, name, first=before)
        case _:
            raise UsageError(f"{visible_line(point)!r} is no point in time.", next_step=_HOW)
    found = commit.snapshot_before if before else commit.snapshot_after
    if found is None:
        raise NotFoundError(f"{commit.id} was not done, so there is no state {'before' if before else 'after'} it.")
    return Moment(found, commit.started_at) if before else Moment(found)


def _commit_of(store: Store, action: str, *, first: bool) -> CommitRecord:
    """The commit in which an action landed; of several, the first or the last one."""
    commits = sorted({landing.commit for landing in store.landings([action])})
    if not commits:
        status = store.action(action).status.value
        raise NotFoundError(
            f"{action} was never committed ({status}), so it is no point in the workspace's history.",
            next_step=f"'agentsh diff {action}' shows what it would change.",
        )
    return store.commit(f"c{commits[0 if first else -1]}")


def between(store: Store, old: str, new: str, now: Callable[[], str]) -> ChangeSet:
    """What leads from one point in time to another.

    Args:
        store: the store.
        old: as :func:`moment_of`; or ``staged``, what the staging view shows.
        new: likewise.
        now: gives the snapshot that describes the workspace.

    Raises:
        NotFoundError: a point is not there.
        UsageError: it is none.
    """
    before, after = (_states(store, point, now) for point in (old, new))
    paths = sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))
    return change_set([FileEffect(p, before.get(p), after.get(p)) for p in paths])


def change_of(store: Store, point: str, now: Callable[[], str]) -> ChangeSet:
    """What happened with a commit, or with what was found in the workspace at a snapshot.

    Raises:
        NotFoundError: it is not there.
        UsageError: it is neither.
    """
    if point[:1] not in {"s", "c"} or point == STAGE:
        raise UsageError(f"{visible_line(point)!r} is neither an action, a commit nor a snapshot.", next_step=_HOW)
    if point[:1] == "c":
        return ChangeSet(store.commit(point).effects)
    changed = store.delta(moment_of(store, point, now).snapshot)
    first = store.snapshots()[0].id
    # As it was known then: what was found with this snapshot is told with it.
    before = {} if point == first else store.manifest(moment_of(store, point + _BEFORE, now).snapshot)
    return change_set([FileEffect(p, before.get(p), e) for p, e in changed.items() if before.get(p) != e])


def _states(store: Store, point: str, now: Callable[[], str]) -> Mapping[bytes, Entry]:
    if point == NOW:
        return store.manifest(now())  # looked at in this moment
    if point != STAGE:
        return store.manifest_at(moment_of(store, point, now))
    states = dict(store.manifest(now()))
    for effect in netted(store.actions(status=STAGED)):
        if effect.after is None:
            states.pop(effect.path, None)
        else:
            states[effect.path] = effect.after
    return states
