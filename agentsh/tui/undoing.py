"""What z and Z take back and bring back: worked out from the timeline alone, so a new start knows it too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentsh.core.report import LogKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.report import LogEntry


def next_undo(entries: Sequence[LogEntry]) -> tuple[str, ...]:
    """The actions of the last commit of which something still holds; empty when there is none.

    Args:
        entries: the timeline, oldest first.
    """
    return _last(entries, undone=False)


def next_redo(entries: Sequence[LogEntry]) -> tuple[str, ...]:
    """The last undo that still holds: reverting it brings back what it took. Empty when there is none."""
    return _last(entries, undone=True)


class Standing(NamedTuple):
    """How landed actions stand.

    Attributes:
        holds: for each whether what it did is still there, and not taken back.
        takes_back: for each whether it is an undo; the undo of an undo brings back, and is none.
    """

    holds: dict[str, bool]
    takes_back: dict[str, bool]


def standing(entries: Sequence[LogEntry]) -> Standing:
    """How the actions stand that have landed.

    Args:
        entries: the timeline, oldest first.
    """
    actions = {e.id: e for e in entries if e.kind is LogKind.ACTION}
    # Not by their status: of an action that landed in part, the rest still waits or was rejected.
    landed = {a for e in entries if e.kind is LogKind.COMMIT and e.status == "done" for a in e.parents}
    holds: dict[str, bool] = {}
    takes_back: dict[str, bool] = {}
    for entry in actions.values():
        if entry.id not in landed:
            continue
        holds[entry.id] = True
        about = [a for a in entry.undoes if a in holds]
        takes_back[entry.id] = bool(about) and not takes_back[about[0]]
        if not _in_part(entry):
            for action in about:
                _switch(actions, holds, action, on=False)
    return Standing(holds, takes_back)


def _last(entries: Sequence[LogEntry], *, undone: bool) -> tuple[str, ...]:
    holds, takes_back = standing(entries)
    changes = {e.id for e in entries if not e.undoes}
    for entry in reversed(entries):
        if entry.kind is LogKind.COMMIT:
            of = tuple(a for a in entry.parents if holds.get(a) and takes_back[a] is undone)
            # What brings back something is no change of its own: to undo it again, its change is named.
            of = tuple(a for a in of if undone or a in changes)
            if of:
                return of
    return ()


def _switch(actions: dict[str, LogEntry], holds: dict[str, bool], action: str, *, on: bool) -> None:
    """An action holds, or does not any more; with an undo, what it had taken back is as before."""
    if holds.get(action) is on:
        return
    holds[action] = on
    if not _in_part(actions[action]):
        for about in actions[action].undoes:
            if about in holds:
                _switch(actions, holds, about, on=not on)


def _in_part(entry: LogEntry) -> bool:
    """Whether an undo was about some paths alone."""
    return " -- " in entry.title
