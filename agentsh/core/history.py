"""Commits and snapshots as the journal has them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

from agentsh.core.record import record

if TYPE_CHECKING:
    from agentsh.core.diff import FileDiff
    from agentsh.core.effect import FileEffect
    from agentsh.core.entry import Entry


class CommitKind(StrEnum):
    """Why the workspace was written."""

    COMMIT = "commit"
    REVERT = "revert"
    RESTORE = "restore"
    WITHDRAW = "withdraw"
    """The files of the commit right before it go back to being staged: a request of it did not go well."""


class CommitOutcome(StrEnum):
    """How a commit ended."""

    DONE = "done"
    """All of it is in the workspace."""
    UNDONE = "undone"
    """None of it is."""
    CONFLICT = "conflict"
    """Someone changed a path meanwhile; that path was left alone and the others were put back."""


@record(frozen=True, slots=True)
class CommitRecord:
    """One write to the workspace: its intent and how it ended.

    Attributes:
        id: ``c1``, ``c2``, ... per workspace.
        actions: the actions whose effects it carries.
        effects: each path with its state before and after.
        nonce: part of its temporary names, so that nothing else can have chosen them.
        prepared: its temporary files are complete; from here on they may hold what they were exchanged with.
        outcome: None while it is open, which after a crash means that nobody ended it.
        started_at: seconds since the epoch, UTC.
        snapshot_before: the workspace before it.
        snapshot_after: the workspace after it; None unless it was done.
    """

    id: str
    kind: CommitKind
    actions: tuple[str, ...]
    effects: tuple[FileEffect, ...]
    nonce: str
    prepared: bool
    outcome: CommitOutcome | None
    started_at: float
    snapshot_before: str | None = None
    snapshot_after: str | None = None


@record(frozen=True, slots=True)
class SnapshotRecord:
    """The workspace at a point in time.

    Attributes:
        id: ``s1``, ``s2``, ... per workspace.
        at: seconds since the epoch, UTC.
        origin: 'person' for what was found in the workspace, 'paths' for what was found where only some paths were
            looked at, 'commit' for what a commit left there.
        commit: the commit that left it; None for the person's own.
        changed: how many paths differ from the snapshot before it.
    """

    id: str
    at: float
    origin: str
    commit: str | None
    changed: int


class Moment(NamedTuple):
    """A point in the workspace's history.

    Attributes:
        snapshot: the newest snapshot by then.
        at: the time, in seconds since the epoch; None: that of the snapshot itself.
    """

    snapshot: str
    at: float | None = None


class Signature(NamedTuple):
    """What ``lstat`` says of a path: when all of it is as it was, the content is taken to be so too."""

    size: int
    mtime_ns: int
    ctime_ns: int
    ino: int
    mode: int


class Listing(NamedTuple):
    """What a scan saw of a directory in which everything was known.

    Attributes:
        mark: a digest of the names in it and of what ``lstat`` says of each.
        directories: the names of the directories among them, NUL after each.
    """

    mark: bytes
    directories: bytes


@record(frozen=True, slots=True)
class Landing:
    """A committed effect and where it landed.

    Attributes:
        action: whose effect it is.
        commit: the number of the commit, for ordering.
        effect: the change itself.
    """

    action: str
    commit: int
    effect: FileEffect


@record(frozen=True, slots=True)
class PathConflict:
    """A path that cannot be undone without losing something.

    Attributes:
        path: raw bytes relative to the workspace.
        action: the action whose undoing collides; empty for a restore.
        why: one sentence.
        base: the state that the action left.
        ours: the state now.
        theirs: the state to go back to.
        text: for texts, the merge of both sides with the conflicts between markers, for an editor.
        diff: for a preview, what leads from the state now to the state to go back to.
    """

    path: bytes
    action: str
    why: str
    base: Entry | None = None
    ours: Entry | None = None
    theirs: Entry | None = None
    text: bytes | None = None
    diff: FileDiff | None = None


Side = Literal["ours", "theirs"]
"""Of a conflict: what is there now, or the state to go back to."""


@record(frozen=True, slots=True)
class Resolution:
    """A person's answer to conflicts.

    Attributes:
        side: the version to take where the two are in conflict; None when ``text`` is the answer.
        path: for conflicts on this path and below it; None for all.
        text: the content that the path gets.
        conflict: the one that ``text`` answers. Where it has become another one meanwhile, it is asked again.
    """

    side: Side | None = None
    path: bytes | None = None
    text: bytes | None = None
    conflict: PathConflict | None = None

    def answers(self, conflict: PathConflict) -> bool:
        """Whether this is the answer to ``conflict``."""
        if self.conflict is not None:
            known = self.conflict
            return (known.path, known.action, known.base, known.ours, known.theirs) == (
                conflict.path,
                conflict.action,
                conflict.base,
                conflict.ours,
                conflict.theirs,
            )
        if self.path is None or self.path in (b"", conflict.path):
            return True
        return conflict.path.startswith(self.path + b"/")
