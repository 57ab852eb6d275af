"""The history for other tools: commits on a new branch of the person's git repository, or a series of patches.

What is written is what agentsh's commits did, one commit each. Where a path was changed by the person in between, that
comes first, as a commit that says so: the diff of every other commit is then exactly what was approved.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.effect import FileEffect
from agentsh.core.entry import EntryType
from agentsh.core.history import CommitOutcome
from agentsh.core.record import record
from agentsh.core.sanitise import visible_title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentsh.core.entry import Entry
    from agentsh.core.history import CommitRecord
    from agentsh.store import Store

    Known = Callable[[bytes, Entry | None], bool]
    """Whether a path is in that state where the history is written to, before anything of it is."""

_SUBJECT = 68
"""Characters of a subject line."""


@record(frozen=True, slots=True)
class Step:
    """One commit of an exported history.

    Attributes:
        subject: one safe line.
        body: safe lines; may be empty.
        at: seconds since the epoch, UTC.
        effects: what it changes, files and symlinks alone.
    """

    subject: str
    body: tuple[str, ...]
    at: float
    effects: tuple[FileEffect, ...]


@record(frozen=True, slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        place: the branch, or the directory.
        commits: how many.
        left_out: paths that git cannot or should not have: in a ``.git``, in a nested repository, ignored, or
            with sealed content that it does not have yet.
    """

    place: str
    commits: int
    left_out: tuple[bytes, ...] = ()


def steps(store: Store, known: Known, wanted: Callable[[bytes], bool]) -> Iterator[Step]:
    """The history, oldest first.

    Args:
        store: has it.
        known: see :data:`Known`.
        wanted: which paths to take.
    """
    states: dict[bytes, Entry | None] = {}
    for commit in store.commits():
        if commit.outcome is not CommitOutcome.DONE:
            continue
        effects = [e for e in map(_plain, commit.effects) if e.before != e.after and wanted(e.path)]
        mine = [FileEffect(e.path, states.get(e.path), e.before) for e in effects if _differs(states, known, e)]
        if mine:
            yield Step("Changes made outside agentsh", (), commit.started_at, tuple(mine))
        if effects:
            yield _step(store, commit, tuple(effects))
        states |= {e.path: e.after for e in effects}


def _differs(states: dict[bytes, Entry | None], known: Known, effect: FileEffect) -> bool:
    if effect.path in states:
        return states[effect.path] != effect.before
    return not known(effect.path, effect.before)


def _plain(effect: FileEffect) -> FileEffect:
    """An effect as git knows it: no directories, and of permission bits the owner's right to execute alone."""
    return replace(effect, before=_kept(effect.before), after=_kept(effect.after))


def _kept(entry: Entry | None) -> Entry | None:
    if entry is None or entry.type not in (EntryType.FILE, EntryType.SYMLINK):
        return None
    if entry.type is EntryType.SYMLINK:
        return entry
    return replace(entry, mode=0o755 if entry.mode & 0o100 else 0o644)


def _step(store: Store, commit: CommitRecord, effects: tuple[FileEffect, ...]) -> Step:
    actions = [store.action(a) for a in commit.actions]
    titles = [f"{a.id}: {_line(a.spec.title, 200)}" for a in actions]
    subject = _line(actions[0].spec.title, _SUBJECT) if len(actions) == 1 else f"{len(actions)} actions of {commit.id}"
    asked = sorted({a.spec.origin.value for a in actions})
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(commit.started_at))
    body = (*titles, f"agentsh {commit.kind.value} {commit.id}, asked for by {' and '.join(asked)}, {at}")
    return Step(subject or commit.id, body, commit.started_at, effects)


def _line(text: str, width: int) -> str:
    line = visible_title(text)
    return line if len(line) <= width else line[: width - 3] + "..."
