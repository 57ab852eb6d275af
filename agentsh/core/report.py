"""What the runtime answers to a person's questions."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from agentsh.core.record import record

if TYPE_CHECKING:
    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff


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
    """

    commit: str | None
    snapshot: str | None
    actions: tuple[str, ...] = ()
    paths: tuple[bytes, ...] = ()
    dry_run: bool = False
    diffs: tuple[FileDiff, ...] = ()


@record(frozen=True, slots=True)
class Recovery:
    """What was put right after a process died.

    Attributes:
        commit: the commit that had not ended; empty for an action.
        action: the action that had not ended; empty for a commit.
        outcome: 'finished' (all of it is in the workspace now), 'undone' (none of it is), 'interrupted' (an action's
            unfinished effects were dropped), or 'conflict' (someone changed a path meanwhile; it was left alone).
        paths: the paths concerned.
    """

    commit: str = ""
    action: str = ""
    outcome: str = "finished"
    paths: tuple[bytes, ...] = ()


@record(frozen=True, slots=True)
class Status:
    """A workspace at a glance."""

    workspace: str
    staging: str
    policy: str
    pending: tuple[ActionRecord, ...] = ()
    last_commit: str | None = None
    last_snapshot: str | None = None
    store_bytes: int = 0
    recovered: tuple[Recovery, ...] = ()


class LogKind(StrEnum):
    """What a line of the log is about."""

    ACTION = "action"
    COMMIT = "commit"
    SNAPSHOT = "snapshot"
    SESSION = "session"
    RECOVERY = "recovery"
    REVIEW = "review"


@record(frozen=True, slots=True)
class LogEntry:
    """One line of the log, newest last.

    Attributes:
        id: what it is about (``a3``, ``c1``, ...).
        at: seconds since the epoch, UTC.
        title: one raw line; sanitise before showing it.
        status: a word for how it stands.
    """

    id: str
    kind: LogKind
    at: float
    title: str
    status: str = ""
    details: dict[str, object] = field(default_factory=dict)


@record(frozen=True, slots=True)
class CheckReport:
    """What ``check`` found.

    Attributes:
        ok: no problem at all.
        problems: one sentence each.
        objects: how many of each kind were looked at.
    """

    ok: bool
    problems: tuple[str, ...] = ()
    objects: dict[str, int] = field(default_factory=dict)


@record(frozen=True, slots=True)
class GcReport:
    """What ``gc`` freed."""

    blobs_removed: int
    bytes_before: int
    bytes_after: int
