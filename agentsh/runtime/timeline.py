"""The log as a graph: what each action started from, what each commit joined, what each undo was about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.report import LogEntry, LogKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.store import Store

_NODES = {LogKind.ACTION, LogKind.COMMIT, LogKind.SNAPSHOT, LogKind.RECOVERY}
_FEWEST_LINES = 200
_UNDOING = {"revert": "actions", "restore": "snapshot"}


def timeline(store: Store, *, limit: int | None = None) -> list[LogEntry]:
    """What happened in the workspace, oldest first, each entry with its parents; with ``limit``, the newest so many.

    The workspace's states (what was found in it, and what commits left) are one line. An action starts from the state
    that was there when it was asked for; a commit has the state before it and its actions as parents.
    """
    if limit is None:
        return list(_linked(store, store.log()))
    lines = max(_FEWEST_LINES, 4 * limit)
    while True:
        log = store.log(limit=lines)
        entries = list(_linked(store, log))
        # What started from a state that is told before these lines does not know it here: what comes later does.
        first = 0 if len(log) < lines else next((n for n, e in enumerate(entries, 1) if _is_state(e)), len(entries))
        if first == 0 or len(entries) - first >= limit:
            return entries[len(entries) - min(limit, len(entries)) :]
        lines *= 4


def _is_state(entry: LogEntry) -> bool:
    """Whether an entry is a state of the workspace that later ones start from."""
    return entry.kind is LogKind.SNAPSHOT or entry.details.get("outcome") == "done"


def _linked(store: Store, log: Sequence[LogEntry]) -> Iterator[LogEntry]:
    state: tuple[str, ...] = ()
    for entry in log:
        if entry.kind not in _NODES or (entry.kind is LogKind.RECOVERY and not entry.id.startswith("c")):
            continue
        if entry.kind is LogKind.ACTION:
            yield _linked_to(entry, state, _undone(store, entry))
            continue
        if entry.kind is LogKind.SNAPSHOT:
            yield _linked_to(entry, state)
            state = (entry.id,)
            continue
        done = entry.details.get("outcome") == "done"
        actions = entry.details.get("actions")
        joined = tuple(map(str, actions)) if done and isinstance(actions, list) else ()
        yield _linked_to(entry, (*state, *joined))
        if done:
            state = (entry.id,)


def _linked_to(entry: LogEntry, parents: tuple[str, ...], undoes: tuple[str, ...] = ()) -> LogEntry:
    # As dataclasses.replace does it, which takes a third of the time of a long timeline.
    return LogEntry(entry.id, entry.kind, entry.at, entry.title, entry.status, entry.details, parents, undoes)


def _undone(store: Store, entry: LogEntry) -> tuple[str, ...]:
    """What a revert or a restore was about."""
    about = _UNDOING.get(str(entry.details.get("kind")))
    if about is None:
        return ()
    found = store.action(entry.id).spec.arguments.get(about, ())
    return (found,) if isinstance(found, str) else tuple(map(str, found))
