"""What the runtime answers to a person's questions."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from agentsh.core.record import record

if TYPE_CHECKING:
    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff
    from agentsh.core.history import PathConflict
    from agentsh.core.request import RequestEffect


@record(frozen=True, slots=True)
class CommitResult:
    """What a commit, a revert or a restore did.

    Attributes:
        commit: its id; None when there was nothing to write (or for a dry run).
        snapshot: the snapshot of the workspace after it; None likewise.
        actions: the actions that landed.
        paths: the paths that were written, raw bytes.
        dry_run: True when nothing was written because the caller only asked.
        diffs: what would be written, for a dry run alone.
        conflicts: what stands in the way, for a dry run alone: otherwise it is raised.
        stays: directories that would have gone, had nobody else put something in.
        requests: those that were sent; for a dry run, those that would be.
        stands: for a revert, requests that nothing takes back, each with a note that says why.
    """

    commit: str | None
    snapshot: str | None
    actions: tuple[str, ...] = ()
    paths: tuple[bytes, ...] = ()
    dry_run: bool = False
    diffs: tuple[FileDiff, ...] = ()
    conflicts: tuple[PathConflict, ...] = ()
    stays: tuple[bytes, ...] = ()
    requests: tuple[RequestEffect, ...] = ()
    stands: tuple[RequestEffect, ...] = ()


@record(frozen=True, slots=True)
class Rejection:
    """A person's no to an action or a part of it.

    Attributes:
        number: its row in the journal; later ones have higher numbers.
        action: the action's id.
        answer: 'rejected' or 'discarded'.
        reason: the person's words, raw text; may be empty.
        paths: those that were dropped, raw bytes; empty for the whole action.
        part: which hunks or lines of them, in words; empty for all.
    """

    number: int
    action: str
    answer: str
    reason: str = ""
    paths: tuple[bytes, ...] = ()
    part: str = ""


@record(frozen=True, slots=True)
class Recovery:
    """What was put right after a process died.

    Attributes:
        commit: the commit that had not ended; empty for an action.
        action: the action that had not ended; empty for a commit.
        outcome: 'finished' (all of it is in the workspace now), 'undone' (none of it is), 'interrupted' (an action's
            unfinished effects were dropped), 'conflict' (someone changed a path meanwhile; it was left alone), or
            'unknown' (a request may have arrived or not).
        request: the request that was being sent; empty otherwise.
        paths: the paths concerned.
    """

    commit: str = ""
    action: str = ""
    outcome: str = "finished"
    paths: tuple[bytes, ...] = ()
    request: str = ""


@record(frozen=True, slots=True)
class Status:
    """A workspace at a glance.

    Attributes:
        store_bytes: the store's size.
        store_max_bytes: what the configuration allows it; 0 for no bound.
        store_growth: bytes of content added in a day, on average; None before the first snapshot.
        unknown: requests of which nobody knows whether they arrived; the person finds out and says so.
    """

    workspace: str
    staging: str
    policy: str
    pending: tuple[ActionRecord, ...] = ()
    last_commit: str | None = None
    last_snapshot: str | None = None
    store_bytes: int = 0
    store_max_bytes: int = 0
    store_growth: float | None = None
    recovered: tuple[Recovery, ...] = ()
    unknown: tuple[RequestEffect, ...] = ()

    @property
    def days_left(self) -> int | None:
        """Whole days until the store has reached its bound, as it grows; None where that is not known or never."""
        left = self.store_max_bytes - self.store_bytes
        if not self.store_max_bytes or (left > 0 and not self.store_growth):
            return None
        return int(left / self.store_growth) if left > 0 and self.store_growth else 0


class LogKind(StrEnum):
    """What a line of the log is about."""

    ACTION = "action"
    COMMIT = "commit"
    SNAPSHOT = "snapshot"
    SESSION = "session"
    RECOVERY = "recovery"
    REVIEW = "review"
    REQUEST = "request"


@record(frozen=True, slots=True)
class LogEntry:
    """One line of the log, newest last.

    Attributes:
        id: what it is about (``a3``, ``c1``, ...).
        at: seconds since the epoch, UTC.
        title: one raw line; sanitise before showing it.
        status: a word for how it stands.
        parents: in a timeline, what it started from: the workspace's state, and for a commit its actions.
        undoes: in a timeline, for a revert the actions and for a restore the point that it is about.
    """

    id: str
    kind: LogKind
    at: float
    title: str
    status: str = ""
    details: dict[str, object] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    undoes: tuple[str, ...] = ()


@record(frozen=True, slots=True)
class CheckReport:
    """What ``check`` found.

    Attributes:
        ok: no problem at all.
        problems: one sentence each.
        objects: how many of each kind were looked at.
        affected: ids of the actions, commits and snapshots that cannot be relied on as a whole.
        paths: paths with a state whose content is damaged, raw bytes.
        given_up: contents that an earlier repair could not save; known, so no problem any more.
        locked: sealed contents that are as they were written, and of which the key could not be had.
    """

    ok: bool
    problems: tuple[str, ...] = ()
    objects: dict[str, int] = field(default_factory=dict)
    affected: tuple[str, ...] = ()
    paths: tuple[bytes, ...] = ()
    given_up: int = 0
    locked: int = 0


@record(frozen=True, slots=True)
class RepairReport:
    """What a repair of the store saved, and what it had to give up.

    Attributes:
        aside: the damaged original, untouched; more files beside it start with the same name. Empty when nothing but
            the header or the end of the journal was wrong, which is put right in place.
        saved: rows of each kind in the sound store.
        dropped: rows of each kind that could not be read, or referred to nothing.
        found: contents that were damaged and were found again in the workspace.
        lost: contents that are given up.
        unproved: ids that are there, and for which the journal cannot vouch any more.
        missing: ids that the journal names and that are gone.
    """

    aside: str
    saved: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    found: int = 0
    lost: int = 0
    unproved: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@record(frozen=True, slots=True)
class GcReport:
    """What ``gc`` freed.

    Attributes:
        blobs_removed: contents that nothing referred to.
        bytes_before: the store's size.
        bytes_after: the same afterwards; for a dry run an estimate.
        let_go: contents that are older than the configuration keeps.
        actions: ids of the actions that can no longer be reverted for that.
        snapshots: ids of the snapshots that can no longer be restored whole.
        dry_run: nothing was freed, the caller only asked.
    """

    blobs_removed: int
    bytes_before: int
    bytes_after: int
    let_go: int = 0
    actions: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    dry_run: bool = False
