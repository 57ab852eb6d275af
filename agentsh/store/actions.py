"""Actions, their effects, and the person's answers."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus, Origin, Output
from agentsh.core.decision import Decision, Verdict
from agentsh.core.effect import ChangeSet, EffectState
from agentsh.core.errors import StoreDamaged
from agentsh.core.history import Landing
from agentsh.core.ids import IdKind, make_id
from agentsh.core.request import OPEN_REQUESTS, RequestState
from agentsh.store import journal, owner
from agentsh.store.effects import SELECT_EFFECTS, effects_of_action, replace_effects, set_states
from agentsh.store.errors import decoding
from agentsh.store.journal import JournalKind
from agentsh.store.outbox import insert_requests, move_requests
from agentsh.store.rows import (
    effect_of,
    existing,
    missing,
    number,
    optional_id,
    text,
    to_json,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from agentsh.store.database import Database

_COLUMNS = """
SELECT a.number, a.kind, a.arguments, a.origin, a.status, a.session, a.verdict, a.rule, a.reason, a.exit_code,
  a.stopped, a.note, a.started_at, a.duration, o.digest, a.stdout_size, a.stdout_truncated, e.digest, a.stderr_size,
  a.stderr_truncated, a.landed
FROM actions a LEFT JOIN blobs o ON o.id = a.stdout LEFT JOIN blobs e ON e.id = a.stderr
"""

_BEGINNING = """
SELECT kind, arguments, origin, session, verdict, rule, reason, started_at FROM actions WHERE number = ?
"""

_JOURNAL_OF_STATUS = {ActionStatus.REJECTED: JournalKind.REJECTION, ActionStatus.DISCARDED: JournalKind.REJECTION}


class Actions:
    """The actions of a store."""

    _db: Database

    # -- an action's life -------------------------------------------------------------------------------------------

    def begin_action(self, spec: ActionSpec, *, session: str | None = None, decision: Decision | None = None) -> str:
        """Record that an action is about to run, before it does.

        The row need only survive the death of this process, not a power cut: nothing has happened yet.

        Returns:
            The action's id.

        Raises:
            NotFoundError: no such session.
        """
        arguments = to_json(dict(spec.arguments))
        with self._db.write(durable=False) as connection:
            session_number = None if session is None else existing(connection, "sessions", IdKind.SESSION, session)
            row = connection.execute(
                "INSERT INTO actions(kind, arguments, origin, status, session, verdict, rule, reason, started_at,"
                " owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    spec.kind.value,
                    arguments,
                    spec.origin.value,
                    ActionStatus.RUNNING.value,
                    session_number,
                    *_decision_columns(decision),
                    time.time(),
                    owner.this_process(),
                ),
            )
            id_ = make_id(IdKind.ACTION, row.lastrowid or 0)
            proposal: dict[str, object] = {
                "kind": spec.kind.value,
                "origin": spec.origin.value,
                "arguments": arguments_hash(arguments),
            }
            if session is not None:
                proposal["session"] = session
            rows: list[tuple[JournalKind, dict[str, object]]] = [(JournalKind.PROPOSAL, proposal)]
            if decision is not None:
                rows.append((JournalKind.DECISION, _decision_json(decision)))
            journal.extend(connection, id_, rows)
        return id_

    def finish_action(
        self,
        id_: str,
        *,
        status: ActionStatus,
        exit_code: int | None = None,
        stopped: str = "",
        note: str = "",
        duration: float = 0.0,
        stdout: Output | None = None,
        stderr: Output | None = None,
        changes: ChangeSet | None = None,
        decision: Decision | None = None,
    ) -> ActionRecord:
        """Record how an action ended and what it did, all in one durable transaction.

        Args:
            id_: the action.
            status: where it stands now.
            exit_code: the command's own.
            stopped: the limit that stopped it.
            note: one sentence.
            duration: wall seconds.
            stdout: what it printed; its content was put before.
            stderr: likewise.
            changes: its effects; the content of both states of every file was put before.
            decision: the policy's final answer; None keeps the one from the beginning.

        Returns:
            The action as it is recorded now.

        Raises:
            NotFoundError: no such action.
            StoreDamaged: it refers to content that was not put; nothing is recorded.
        """
        stdout, stderr = stdout or Output(), stderr or Output()
        changes = changes or ChangeSet()
        key = number(IdKind.ACTION, id_)
        with decoding(), self._db.write() as connection:
            row = connection.execute(_BEGINNING, (key,)).fetchone()
            if row is None:
                raise missing("action", id_)
            kind, arguments, origin, session, verdict, rule, reason, started_at = row
            first = None if verdict is None else Decision(Verdict(verdict), rule, reason)
            final = (
                first if decision is None else Decision(decision.verdict, text(decision.rule), text(decision.reason))
            )
            record = ActionRecord(
                id=id_,
                spec=ActionSpec(ActionKind(kind), json.loads(arguments), Origin(origin)),
                status=status,
                session=optional_id(IdKind.SESSION, session),
                decision=final,
                exit_code=exit_code,
                stopped=text(stopped),
                note=text(note),
                started_at=started_at,
                duration=duration,
                stdout=stdout,
                stderr=stderr,
                changes=changes,
            )
            connection.execute(
                "UPDATE actions SET status = ?, verdict = ?, rule = ?, reason = ?, exit_code = ?, stopped = ?,"
                " note = ?, duration = ?, stdout = ?, stdout_size = ?, stdout_truncated = ?, stderr = ?,"
                " stderr_size = ?, stderr_truncated = ? WHERE number = ?",
                (
                    status.value,
                    *_decision_columns(final),
                    exit_code,
                    record.stopped,
                    record.note,
                    duration,
                    *_output(connection, id_, stdout),
                    *_output(connection, id_, stderr),
                    key,
                ),
            )
            if decision is not None and final != first:
                journal.append(connection, JournalKind.DECISION, id_, _decision_json(decision))
            replace_effects(connection, key, changes)
            insert_requests(connection, key, changes.requests)
            journal.append(
                connection,
                JournalKind.EXECUTION,
                id_,
                {
                    "status": status.value,
                    "exit_code": exit_code,
                    "stopped": stopped,
                    "change_set": changes.digest,
                    "effects": len(changes),
                    "stdout": stdout.digest.hex() if stdout.digest else "",
                    "stderr": stderr.digest.hex() if stderr.digest else "",
                },
            )
        return record

    def set_status(self, id_: str, status: ActionStatus, note: str | None = None) -> None:
        """Move an action to ``status``; its effects keep their states.

        Raises:
            NotFoundError: no such action.
        """
        with self._db.write() as connection:
            key = existing(connection, "actions", IdKind.ACTION, id_)
            connection.execute("UPDATE actions SET status = ? WHERE number = ?", (status.value, key))
            if note is not None:
                connection.execute("UPDATE actions SET note = ? WHERE number = ?", (text(note), key))
            kind = _JOURNAL_OF_STATUS.get(status, JournalKind.STATUS)
            journal.append(connection, kind, id_, {"status": status.value, "note": note or ""})

    def end_interrupted(self, id_: str) -> None:
        """Record that an action's process died before the action ended; nothing of it is kept.

        Raises:
            NotFoundError: no such action.
        """
        with self._db.write() as connection:
            key = existing(connection, "actions", IdKind.ACTION, id_)
            connection.execute("UPDATE actions SET status = ? WHERE number = ?", (ActionStatus.INTERRUPTED.value, key))
            journal.append(connection, JournalKind.RECOVERY, id_, {"outcome": ActionStatus.INTERRUPTED.value})

    def set_effect_states(self, id_: str, paths: Collection[bytes] | None, state: EffectState) -> None:
        """Move some effects of an action, or all (``paths`` None), to ``state``.

        Raises:
            NotFoundError: no such action, or it has no effect on one of ``paths``.
        """
        with self._db.write() as connection:
            key = existing(connection, "actions", IdKind.ACTION, id_)
            set_states(connection, key, id_, paths, state)
            journal.append(
                connection,
                JournalKind.STATUS,
                id_,
                {"effects": state.value, "paths": None if paths is None else sorted(p.hex() for p in paths)},
            )

    def replace_changes(self, id_: str, changes: ChangeSet) -> None:
        """Give an action other effects, because what it was based on is gone; its approval is dropped.

        Effects that were approved are pending again, and so is the action.

        Raises:
            NotFoundError: no such action.
        """
        with self._db.write() as connection:
            key = existing(connection, "actions", IdKind.ACTION, id_)
            _replace_unlanded(connection, key, changes)
            connection.execute(
                "UPDATE effects SET state = ? WHERE action = ? AND state = ?",
                (EffectState.PENDING.value, key, EffectState.APPROVED.value),
            )
            move_requests(connection, key, OPEN_REQUESTS, RequestState.HELD)
            connection.execute("DELETE FROM approvals WHERE action = ?", (key,))
            connection.execute(
                "UPDATE actions SET status = ? WHERE number = ? AND status = ?",
                (ActionStatus.PENDING.value, key, ActionStatus.APPROVED.value),
            )
            journal.append(connection, JournalKind.REBASE, id_, {"change_set": changes.digest, "effects": len(changes)})

    def split_changes(self, id_: str, changes: ChangeSet) -> None:
        """Give an action the same effects in other parts, each with its state; what was approved stays approved.

        Raises:
            NotFoundError: no such action.
            StoreDamaged: a state refers to content that was not put; nothing is recorded.
        """
        with self._db.write() as connection:
            key = existing(connection, "actions", IdKind.ACTION, id_)
            _replace_unlanded(connection, key, changes)
            connection.execute("UPDATE approvals SET change_set = ? WHERE action = ?", (changes.digest, key))
            data = {"change_set": changes.digest, "effects": len(changes), "split": True}
            journal.append(connection, JournalKind.REBASE, id_, data)

    def running(self) -> list[str]:
        """Actions whose process died before it recorded their end, oldest first."""
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT number, owner FROM actions WHERE status = ? ORDER BY number", (ActionStatus.RUNNING.value,)
            ).fetchall()
        return [make_id(IdKind.ACTION, key) for key, who in rows if not owner.is_alive(who)]

    # -- reading ----------------------------------------------------------------------------------------------------

    def action(self, id_: str) -> ActionRecord:
        """An action with its effects.

        Raises:
            NotFoundError: no such action.
        """
        key = number(IdKind.ACTION, id_)
        found = self._select("WHERE a.number = ?", [key])
        if not found:
            raise missing("action", id_)
        return found[0]

    def actions(
        self,
        *,
        status: Collection[ActionStatus] | None = None,
        session: str | None = None,
        limit: int | None = None,
    ) -> list[ActionRecord]:
        """Actions, oldest first; with ``limit``, the newest so many."""
        where, values = ["1"], list[Any]()
        if status is not None:
            where.append(f"a.status IN ({','.join('?' * len(status))})")
            values += [s.value for s in status]
        if session is not None:
            where.append("a.session = ?")
            values.append(number(IdKind.SESSION, session))
        tail = f"WHERE {' AND '.join(where)} ORDER BY a.number DESC LIMIT ?"
        return self._select(tail, [*values, -1 if limit is None else limit])[::-1]

    def _select(self, tail: str, values: Sequence[Any]) -> list[ActionRecord]:
        with decoding(), self._db.read() as connection:
            rows = connection.execute(_COLUMNS + tail, values).fetchall()
            return [_record(row, effects_of_action(connection, row[0])) for row in rows]

    def landings(self, ids: Collection[str]) -> list[Landing]:
        """The committed effects of some actions, newest commit first.

        Raises:
            NotFoundError: one of them does not exist.
        """
        found: list[Landing] = []
        with decoding(), self._db.read() as connection:
            for id_ in ids:
                key = existing(connection, "actions", IdKind.ACTION, id_)
                found += [
                    Landing(id_, row[18], effect_of(row[1], row[2:9], row[9:16], row[16], row[17], part=row[19]))
                    for row in connection.execute(
                        SELECT_EFFECTS + "WHERE f.action = ? AND f.landed IS NOT NULL", (key,)
                    )
                ]
        return sorted(found, key=lambda x: (-x.commit, -number(IdKind.ACTION, x.action), x.effect.path, -x.effect.part))


def _replace_unlanded(connection: sqlite3.Connection, key: int, changes: ChangeSet) -> None:
    """Give an action other effects; those of them that have landed keep the commit in which they did."""
    landed = connection.execute(
        "SELECT landed, action, path, part FROM effects WHERE action = ? AND landed IS NOT NULL", (key,)
    ).fetchall()
    replace_effects(connection, key, changes)
    connection.executemany("UPDATE effects SET landed = ? WHERE action = ? AND path = ? AND part = ?", landed)


def arguments_hash(arguments: str) -> str:
    """What the journal keeps of an action's arguments: SHA-256 of their JSON text."""
    return hashlib.sha256(arguments.encode("utf-8")).hexdigest()


def _output(connection: sqlite3.Connection, id_: str, output: Output) -> tuple[int | None, int, bool]:
    """The columns of what was printed; its content must be there."""
    if output.digest is None:
        return None, output.size, output.truncated
    found = connection.execute("SELECT id FROM blobs WHERE digest = ?", (output.digest,)).fetchone()
    if found is None:
        raise StoreDamaged(f"The output of {id_} was not kept before it was recorded.")
    return found[0], output.size, output.truncated


def _decision_columns(decision: Decision | None) -> tuple[str | None, str | None, str | None]:
    if decision is None:
        return None, None, None
    return decision.verdict.value, text(decision.rule), text(decision.reason)


def _decision_json(decision: Decision) -> dict[str, object]:
    return {"verdict": decision.verdict.value, "rule": decision.rule, "reason": decision.reason}


def _record(row: Sequence[Any], changes: ChangeSet) -> ActionRecord:
    (key, kind, arguments, origin, status, session, verdict, rule, reason, exit_code, stopped, note) = row[:12]
    (started_at, duration, out, out_size, out_cut, err, err_size, err_cut, landed) = row[12:]
    return ActionRecord(
        id=make_id(IdKind.ACTION, key),
        spec=ActionSpec(ActionKind(kind), json.loads(arguments), Origin(origin)),
        status=ActionStatus(status),
        session=optional_id(IdKind.SESSION, session),
        decision=None if verdict is None else Decision(Verdict(verdict), rule, reason),
        exit_code=exit_code,
        stopped=stopped,
        note=note,
        started_at=started_at,
        duration=duration,
        stdout=Output(out, out_size, bool(out_cut)),
        stderr=Output(err, err_size, bool(err_cut)),
        changes=changes,
        commit=optional_id(IdKind.COMMIT, landed),
    )
