"""Commits: the intent, written before the workspace is touched, and its end."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionStatus
from agentsh.core.effect import ChangeSet, EffectState
from agentsh.core.history import CommitKind, CommitOutcome, CommitRecord
from agentsh.core.ids import IdKind, make_id
from agentsh.store import journal
from agentsh.store.errors import decoding
from agentsh.store.journal import JournalKind
from agentsh.store.outbox import ended, standing
from agentsh.store.rows import (
    PATH_VALUE,
    STATE_VALUES,
    effect_of,
    intern_paths,
    missing,
    number,
    optional_id,
    select_state,
    state_columns,
    state_of,
    states_digest,
)
from agentsh.store.snapshots import add_snapshot

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from agentsh.core.effect import FileEffect
    from agentsh.core.history import Signature
    from agentsh.store.database import Database

_JOURNAL_KIND = {
    CommitKind.COMMIT: JournalKind.COMMIT,
    CommitKind.REVERT: JournalKind.REVERT,
    CommitKind.RESTORE: JournalKind.RESTORE,
    CommitKind.WITHDRAW: JournalKind.WITHDRAW,
}

_EFFECTS = f"""
SELECT p.name, {select_state("f.before_", "b")}, {select_state("f.after_", "d")}
FROM commit_effects f JOIN paths p ON p.id = f.path
LEFT JOIN blobs b ON b.id = f.before_blob LEFT JOIN blobs d ON d.id = f.after_blob
WHERE f."commit" = ? ORDER BY p.name
"""  # noqa: S608 - fixed column names

_INSERT_EFFECT = f"""
INSERT INTO commit_effects("commit", path, {state_columns("before_")}, {state_columns("after_")})
VALUES (?, {PATH_VALUE}, {STATE_VALUES}, {STATE_VALUES})
"""  # noqa: S608 - fixed column names

_NUMBERS = "SELECT number FROM commits "
_STANDING = (
    "WHERE outcome = 'done' AND kind <> 'withdraw' AND NOT EXISTS (SELECT 1 FROM commits w"
    " WHERE w.number = commits.number + 1 AND w.kind = 'withdraw' AND w.outcome = 'done') "
)


class Commits:
    """The commits of a store."""

    _db: Database

    def begin_commit(self, kind: CommitKind | str, actions: Sequence[str], effects: Sequence[FileEffect]) -> str:
        """Record durably what is about to be written, before anything is.

        Args:
            kind: why.
            actions: the actions whose effects they are.
            effects: each path with the state that it must be in and the state that it will get.

        Returns:
            The commit's id.

        Raises:
            StoreDamaged: an effect refers to content that was not put; nothing is recorded.
        """
        kind = CommitKind(kind)
        with self._db.write() as connection:
            latest = connection.execute("SELECT max(number) FROM snapshots").fetchone()[0]
            row = connection.execute(
                "INSERT INTO commits(kind, nonce, started_at, snapshot_before) VALUES (?, ?, ?, ?)",
                (kind.value, os.urandom(4).hex(), time.time(), latest),
            )
            key = row.lastrowid or 0
            connection.executemany(
                "INSERT INTO commit_actions VALUES (?, ?)", ((key, number(IdKind.ACTION, a)) for a in actions)
            )
            intern_paths(connection, (e.path for e in effects))
            connection.executemany(
                _INSERT_EFFECT,
                ((key, e.path, *state_of(e.before), *state_of(e.after)) for e in effects),
            )
        return make_id(IdKind.COMMIT, key)

    def is_prepared(self, id_: str) -> bool:
        """Whether the commit's temporary files are complete."""
        with self._db.read() as connection:
            row = connection.execute(
                "SELECT prepared FROM commits WHERE number = ?", (number(IdKind.COMMIT, id_),)
            ).fetchone()
        return row is not None and bool(row[0])

    def mark_prepared(self, id_: str, *, prepared: bool = True) -> None:
        """Record durably that the commit's temporary files are complete (or that they are being made again)."""
        with self._db.write() as connection:
            connection.execute(
                "UPDATE commits SET prepared = ? WHERE number = ?", (prepared, number(IdKind.COMMIT, id_))
            )

    def end_commit(
        self,
        id_: str,
        outcome: CommitOutcome | str,
        *,
        signatures: Mapping[bytes, Signature] | None = None,
        paths: Sequence[bytes] = (),
        recovery: bool = False,
        record: CommitRecord | None = None,
    ) -> str | None:
        """Record how a commit ended, with everything that follows from it, in one durable transaction.

        When it was done, the approved effects of its actions (for a revert or a restore: the pending ones too) are
        committed, and the workspace as it is now becomes a snapshot. Otherwise they stay as they were.

        Args:
            id_: the commit.
            outcome: how it ended.
            signatures: what ``lstat`` says of the written paths, so that the next scan need not read them.
            paths: those in conflict, for the journal.
            recovery: True when another process than the one that began it ended it.
            record: the commit, where it was read since it began; nothing of it but its end changes.

        Returns:
            The id of the snapshot after it; None unless it was done.

        Raises:
            NotFoundError: no such commit.
        """
        outcome = CommitOutcome(outcome)
        with self._db.write() as connection:
            record = record or _load(connection, id_)
            key = number(IdKind.COMMIT, id_)
            snapshot = None
            states = {e.path: e.after for e in record.effects}
            if outcome is CommitOutcome.DONE:
                for action in record.actions:
                    _land(connection, key, number(IdKind.ACTION, action), record.kind)
                snapshot = add_snapshot(connection, states, origin="commit", commit=key, signatures=signatures or {})
            connection.execute(
                "UPDATE commits SET outcome = ?, ended_at = ? WHERE number = ?", (outcome.value, time.time(), key)
            )
            data = {
                "kind": record.kind.value,
                "outcome": outcome.value,
                "actions": list(record.actions),
                "effects": len(record.effects),
                "change_set": ChangeSet(record.effects).digest,
                "snapshot": snapshot or "",
                "states": states_digest(states) if snapshot else "",
                "conflicts": [p.hex() for p in paths],
            }
            journal.append(connection, JournalKind.RECOVERY if recovery else _JOURNAL_KIND[record.kind], id_, data)
        return snapshot

    def open_commits(self) -> list[CommitRecord]:
        """Commits that nobody has ended, oldest first."""
        return self._list("WHERE outcome IS NULL ORDER BY number", ())

    def commit(self, id_: str) -> CommitRecord:
        """A commit.

        Raises:
            NotFoundError: no such commit.
        """
        with decoding(), self._db.read() as connection:
            return _load(connection, id_)

    def commits(self, *, limit: int | None = None) -> list[CommitRecord]:
        """Commits, oldest first; with ``limit``, the newest so many."""
        return self._list("ORDER BY number DESC LIMIT ?", (-1 if limit is None else limit,))[::-1]

    def last_commit(self) -> CommitRecord | None:
        """The newest commit that was done and was not withdrawn; None when there is none."""
        found = self._list(_STANDING + "ORDER BY number DESC LIMIT 1", ())
        return found[0] if found else None

    def _list(self, tail: str, values: Sequence[Any]) -> list[CommitRecord]:
        with decoding(), self._db.read() as connection:
            rows = connection.execute(_NUMBERS + tail, values).fetchall()
            return [_load(connection, make_id(IdKind.COMMIT, key)) for (key,) in rows]


def _land(connection: sqlite3.Connection, commit: int, action: int, kind: CommitKind) -> None:
    """Mark an action's effects as committed; for a withdrawal, those of the commit before it as approved again."""
    if kind is CommitKind.WITHDRAW:
        connection.execute(
            "UPDATE effects SET state = ?, landed = NULL WHERE action = ? AND landed = ?",
            (EffectState.APPROVED.value, action, commit - 1),
        )
        status = standing(connection, action) or ended(connection, action)
        connection.execute(
            "UPDATE actions SET status = ?, landed = (SELECT max(landed) FROM effects WHERE action = ?2)"
            " WHERE number = ?2",
            (status.value, action),
        )
        return
    landing = [EffectState.APPROVED] if kind is CommitKind.COMMIT else [EffectState.APPROVED, EffectState.PENDING]
    connection.executemany(
        "UPDATE effects SET state = ?, landed = ? WHERE action = ? AND state = ?",
        ((EffectState.COMMITTED.value, commit, action, s.value) for s in landing),
    )
    status = standing(connection, action) or ActionStatus.COMMITTED
    connection.execute("UPDATE actions SET status = ?, landed = ? WHERE number = ?", (status.value, commit, action))


def _load(connection: sqlite3.Connection, id_: str) -> CommitRecord:
    key = number(IdKind.COMMIT, id_)
    row = connection.execute(
        "SELECT c.kind, c.nonce, c.prepared, c.outcome, c.started_at, c.snapshot_before, s.number FROM commits c"
        ' LEFT JOIN snapshots s ON s."commit" = c.number WHERE c.number = ?',
        (key,),
    ).fetchone()
    if row is None:
        raise missing("commit", id_)
    kind, nonce, prepared, outcome, started_at, before, after = row
    actions = connection.execute(
        'SELECT action FROM commit_actions WHERE "commit" = ? ORDER BY action', (key,)
    ).fetchall()
    effects = connection.execute(_EFFECTS, (key,)).fetchall()
    return CommitRecord(
        id=id_,
        kind=CommitKind(kind),
        actions=tuple(make_id(IdKind.ACTION, a) for (a,) in actions),
        effects=tuple(effect_of(r[0], r[1:8], r[8:15], "", EffectState.APPROVED.value) for r in effects),
        nonce=nonce,
        prepared=bool(prepared),
        outcome=None if outcome is None else CommitOutcome(outcome),
        started_at=started_at,
        snapshot_before=optional_id(IdKind.SNAPSHOT, before),
        snapshot_after=optional_id(IdKind.SNAPSHOT, after),
    )
