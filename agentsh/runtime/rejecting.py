"""Rejecting: what is dropped of what is staged, and what later actions that built on it become."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionStatus
from agentsh.core.effect import ChangeSet, EffectState, FileEffect, change_set
from agentsh.core.entry import EntryType
from agentsh.core.errors import NotFoundError, UsageError
from agentsh.core.request import RequestState, open_requests
from agentsh.core.sanitise import visible_path
from agentsh.policy import flag_effect
from agentsh.runtime.hunks import divide, refuse_unknown
from agentsh.runtime.merge import merge_entries
from agentsh.runtime.pending import STAGED, above, open_effects, without

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from agentsh.core.action import ActionRecord
    from agentsh.core.entry import Entry
    from agentsh.runtime.hunks import Choice
    from agentsh.store import Store

_GONE_OUT = (RequestState.SENT, RequestState.UNDONE, RequestState.SENDING, RequestState.UNKNOWN)

Dropped = set[tuple[str, bytes, int]]
"""Effects by action, path and part."""


def reject(
    store: Store,
    named: Sequence[ActionRecord],
    *,
    paths: Sequence[bytes],
    choices: Mapping[bytes, Choice] | None,
    reason: str,
    status: ActionStatus,
) -> None:
    """Drop staged actions, or parts of them; later ones that worked on their results are merged back.

    Args:
        store: the store.
        named: the staged actions that are meant.
        paths: of them these alone, with what is below them; all, when empty and nothing is chosen.
        choices: of these paths of the one action, the hunks or lines that are chosen.
        reason: the person's words.
        status: rejected or discarded.

    Raises:
        NotFoundError: an action has no such staged effect, hunk or changed line.
        UsageError: a hunk that is chosen is approved already.
        ConflictError: a later action builds on what would be dropped.
    """
    state = EffectState.REJECTED if status is ActionStatus.REJECTED else EffectState.DISCARDED
    split: dict[str, ChangeSet] = {}
    dropped: Dropped = set()
    for action in named:
        if choices:
            split[action.id], gone = _apart(store, action, choices)
            dropped |= gone
        if paths or not choices:
            dropped |= {(action.id, e.path, e.part) for e in _meant(action, paths)}
    staged = [replace(a, changes=split[a.id]) if a.id in split else a for a in store.actions(status=STAGED)]

    def merge(path: bytes, base: Entry | None, ours: Entry | None, theirs: Entry | None) -> Entry | None:
        return merge_entries(store, path, base=base, ours=ours, theirs=theirs)

    ids = {a.id for a in named}
    rebased = {r.action: r.changes for r in without(staged, dropped, merge, state)}
    with store.batch(durable=True):
        for id_, changes in rebased.items():
            store.replace_changes(id_, change_set([flag_effect(e) for e in changes], changes.requests))
            if id_ not in ids:
                left = ActionStatus.PENDING if changes else ActionStatus.DONE
                store.set_status(id_, left, note="Its effects were merged: an earlier action was dropped.")
        for action in staged:
            if action.id in ids:
                mine = {(path, part) for id_, path, part in dropped if id_ == action.id}
                if action.id not in rebased:
                    parts = [replace(e, state=state) if (e.path, e.part) in mine else e for e in action.changes]
                    store.split_changes(action.id, change_set(parts, action.changes.requests))
                whole = not paths and not choices
                _close(store, action.id, mine, whole=whole, reason=reason, status=status, said=_said(choices))


def _close(
    store: Store,
    id_: str,
    dropped: Collection[tuple[bytes, int]],
    *,
    whole: bool,
    reason: str,
    status: ActionStatus,
    said: str,
) -> None:
    """Record how an action stands without what was dropped of it, and why it was."""
    if whole:
        store.drop_requests(id_, RequestState(status.value))
    record = store.action(id_)
    left = open_effects(record)
    if left or open_requests(record.changes.requests):
        approved = any(e.state is EffectState.APPROVED for e in left)
        stands = record.status if approved else ActionStatus.PENDING
    else:
        landed = any(e.state is EffectState.COMMITTED for e in record.changes)
        stands = ActionStatus.COMMITTED if landed else status
    paths = None if whole else sorted({path for path, _ in dropped})
    store.record_rejection(id_, stands, answer=status, reason=reason, paths=paths, part=said)
    if whole and any(r.state in _GONE_OUT for r in record.changes.requests):
        store.settle_action(id_)


def _said(choices: Mapping[bytes, Choice] | None) -> str:
    """What was chosen of a path, in words; empty when the path was meant as a whole."""
    parts = []
    for choice in (choices or {}).values():
        parts += [f"hunk {n}" for n in sorted(choice.hunks)]
        parts += [f"lines {a}-{b}" for a, b in choice.lines]
    return ", ".join(parts)


def _meant(action: ActionRecord, paths: Sequence[bytes]) -> list[FileEffect]:
    """The effects that are dropped with ``paths`` (all, when empty): what is below them, and what cannot stay then.

    Raises:
        NotFoundError: the action has no staged effect on one of them.
    """
    effects = open_effects(action)
    if not paths:
        return effects
    wanted = set(paths)
    for path in paths:
        if not any(path in (b"", e.path) or path in above(e.path) for e in effects):
            raise NotFoundError(
                f"{action.id} has no staged effect on {visible_path(path)}; nothing was rejected.",
                next_step=f"'agentsh show {action.id}' lists its effects.",
            )
    meant = {e.path for e in effects if b"" in wanted or e.path in wanted or not wanted.isdisjoint(above(e.path))}
    # What was there before stays then, and so do the directories that it is in.
    stays = {e.path for e in effects if e.path in meant and e.before is not None}
    needed = {d for path in stays for d in above(path)}
    meant |= {e.path for e in effects if e.path in needed and _is_directory(e.before) and not _is_directory(e.after)}
    return [e for e in effects if e.path in meant]


def _apart(store: Store, action: ActionRecord, choices: Mapping[bytes, Choice]) -> tuple[ChangeSet, Dropped]:
    """Split the change set of ``action`` so that what is dropped of a path comes after what is kept of it."""
    effects = [e for e in action.changes if e.path not in choices]
    dropped: Dropped = set()
    for path, choice in choices.items():
        of_path = [e for e in action.changes if e.path == path]
        if not any(e in of_path for e in open_effects(action)):
            raise NotFoundError(
                f"{action.id} has no staged effect on {visible_path(path)}; nothing was rejected.",
                next_step=f"'agentsh show {action.id}' lists its effects.",
            )
        count, taken = 0, frozenset[int]()
        parts: list[tuple[FileEffect, bool]] = []
        for effect in of_path:
            division = divide(store, effect, choice, first=count + 1)
            count += division.hunks
            taken |= division.taken
            if not division.taken:
                parts.append((effect, False))
                continue
            if effect.state is not EffectState.PENDING:
                raise UsageError(
                    f"Hunk {min(division.taken)} of {action.id} in {visible_path(path)} is {effect.state.value}"
                    " already; nothing was rejected.",
                    next_step="Reject the whole path, or the action." if effect.state is EffectState.APPROVED else "",
                )
            if division.without != effect.before:
                # Written anew when it lands, what is kept gets the time of its writing.
                parts.append((flag_effect(replace(effect, after=division.without)), False))
            parts.append((flag_effect(replace(effect, before=division.without)), True))
        refuse_unknown(action.id, path, choice, taken, count)
        effects += [replace(e, part=part) for part, (e, _) in enumerate(parts)]
        dropped |= {(action.id, path, part) for part, (_, goes) in enumerate(parts) if goes}
    return change_set(effects, action.changes.requests), dropped


def _is_directory(entry: Entry | None) -> bool:
    return entry is not None and entry.type is EntryType.DIRECTORY
