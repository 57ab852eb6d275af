"""What is staged: the chain of uncommitted effects on each path, and what dropping or landing some of them means."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionRecord, ActionStatus
from agentsh.core.effect import ChangeSet, EffectState, FileEffect, change_set
from agentsh.core.entry import EntryType
from agentsh.core.errors import ConflictError
from agentsh.core.record import record
from agentsh.core.sanitise import visible_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from agentsh.core.entry import Entry
    from agentsh.sandbox import StagingView
    from agentsh.store import Store

STAGED = (ActionStatus.PENDING, ActionStatus.APPROVED)
"""Actions that have something in the staging view."""

_OPEN = (EffectState.PENDING, EffectState.APPROVED)


def open_effects(action: ActionRecord) -> list[FileEffect]:
    """The action's effects that are staged."""
    return [e for e in action.changes if e.state in _OPEN]


def staged_states(actions: Sequence[ActionRecord]) -> dict[bytes, Entry | None]:
    """What the staging view holds at each path that differs from the workspace, by the uncommitted actions in order."""
    return {e.path: e.after for a in actions for e in open_effects(a)}


def netted(actions: Sequence[ActionRecord]) -> ChangeSet:
    """All open effects as one change set: the first state before, the last state after."""
    first: dict[bytes, FileEffect] = {}
    last: dict[bytes, FileEffect] = {}
    for action in actions:
        for e in open_effects(action):
            first.setdefault(e.path, e)
            last[e.path] = e
    return change_set(
        [
            replace(e, before=first[p].before, flags=tuple(dict.fromkeys((*first[p].flags, *e.flags))))
            for p, e in last.items()
            if first[p].before != e.after
        ]
    )


def owners(actions: Sequence[ActionRecord]) -> dict[bytes, list[str]]:
    """The actions that have an open effect on each path, in order."""
    out: dict[bytes, list[str]] = {}
    for action in actions:
        for path in dict.fromkeys(e.path for e in open_effects(action)):
            out.setdefault(path, []).append(action.id)
    return out


def joined(effects: Sequence[FileEffect]) -> list[FileEffect]:
    """One action's effects with the parts of each path that stand alike made one."""
    out: list[FileEffect] = []
    for e in effects:
        last = out[-1] if out else None
        if last is not None and (last.path, last.state) == (e.path, e.state) and e.state in _OPEN:
            out[-1] = replace(last, after=e.after)
        else:
            out.append(e)
    return [e for e in out if e.before != e.after]


@record(frozen=True, slots=True)
class Rebased:
    """An action whose effects changed because an earlier one was dropped."""

    action: str
    changes: ChangeSet


def without(
    actions: Sequence[ActionRecord],
    dropped: Collection[tuple[str, bytes, int]],
    merge: Callable[[bytes, Entry | None, Entry | None, Entry | None], Entry | None],
    state: EffectState,
) -> list[Rebased]:
    """The actions' change sets once the effects ``dropped`` are gone, of those that this changes.

    A later action that worked on what a dropped one left is merged back onto what was there before it.

    Args:
        actions: every uncommitted action, oldest first.
        dropped: the effects to drop, by action, path and part.
        merge: three-way merge of (path, base, ours, theirs); raises ConflictError.
        state: what becomes of an effect that is dropped.

    Returns:
        The actions whose change set differs from the recorded one.

    Raises:
        ConflictError: a later action builds on a dropped one in a way that cannot be taken apart.
    """
    now: dict[bytes, Entry | None] = {}
    out: list[Rebased] = []
    for action in actions:
        changed = False
        effects: list[FileEffect] = []
        for e in action.changes:
            if e.state not in _OPEN:
                effects.append(e)
                continue
            current = now.setdefault(e.path, e.before)
            if (action.id, e.path, e.part) in dropped:
                effects.append(replace(e, state=state))
                continue
            if current == e.before:
                after = e.after
                effects.append(e)
            else:
                try:
                    after = merge(e.path, e.before, current, e.after)
                except ConflictError as conflict:
                    raise ConflictError(
                        f"{action.id} builds on a change to {visible_path(e.path)} that would be dropped.",
                        paths=[e.path],
                        files="Nothing was dropped.",
                        next_step=f"Reject {action.id} as well.",
                    ) from conflict
                changed = True
                if after != current:
                    effects.append(replace(e, before=current, after=after, state=EffectState.PENDING))
            now[e.path] = after
        if changed:
            out.append(Rebased(action.id, change_set(joined(effects), action.changes.requests)))
    return out


def landing(actions: Sequence[ActionRecord]) -> ChangeSet:
    """The approved effects as one change set, ready to commit.

    Raises:
        ConflictError: an approved effect builds on one that is not approved.
    """
    blocked: dict[bytes, str] = {}
    approved: list[ActionRecord] = []
    for action in actions:
        keep: list[FileEffect] = []
        for e in open_effects(action):
            if e.state is not EffectState.APPROVED:
                blocked.setdefault(e.path, action.id)
            elif e.path in blocked:
                earlier = blocked[e.path]
                raise ConflictError(
                    f"{action.id} builds on {earlier}'s change to {visible_path(e.path)}, which is not approved.",
                    paths=[e.path],
                    next_step=f"Approve {earlier} as well, or reject it.",
                )
            else:
                keep.append(e)
        approved.append(replace(action, changes=ChangeSet(tuple(keep))))
    return netted(approved)


def named_effects(action: ActionRecord, paths: Collection[bytes], *, below: bool = True) -> tuple[bytes, ...]:
    """The action's open effects that ``paths`` name: themselves, and the new directories that they need.

    Args:
        action: the action.
        paths: the paths.
        below: also what is below them; and where a file makes room for a directory, that.
    """
    effects = open_effects(action)
    wanted = set(paths)
    if below:
        named = {e.path for e in effects if b"" in wanted or e.path in wanted or not wanted.isdisjoint(above(e.path))}
    else:
        named = {e.path for e in effects if e.path in wanted}
    # A directory that the action made has to land before what is in it.
    made = {e.path for e in effects if _is_directory(e.after) and (e.before is None or below)}
    made -= {e.path for e in effects if _is_directory(e.before)}
    needed = made.intersection(d for n in named for d in above(n))
    return tuple(sorted(named | needed))


def above(path: bytes) -> Iterator[bytes]:
    """Every directory above ``path``, without the root."""
    end = path.rfind(b"/")
    while end > 0:
        yield path[:end]
        end = path.rfind(b"/", 0, end)


def _is_directory(entry: Entry | None) -> bool:
    return entry is not None and entry.type is EntryType.DIRECTORY


def restage(store: Store, staging: StagingView) -> None:
    """Make the staging view show the workspace and the uncommitted effects, and nothing else."""
    staging.rebuild(staged_states(store.actions(status=STAGED)), store.open_blob)
