"""Agent sessions and their conversations."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from agentsh.core.ids import IdKind, make_id
from agentsh.core.session import SessionRecord
from agentsh.store import journal
from agentsh.store.actions import arguments_hash
from agentsh.store.errors import decoding
from agentsh.store.journal import JournalKind
from agentsh.store.rows import missing, number, text, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentsh.store.database import Database


class Sessions:
    """The sessions of a store."""

    _db: Database

    def start_session(self, task: str, model: str, policy: str) -> str:
        """Record that an agent starts on a task; returns the session's id."""
        with self._db.write() as connection:
            row = connection.execute(
                "INSERT INTO sessions(task, model, policy, status, started_at) VALUES (?, ?, ?, 'running', ?)",
                (text(task), text(model), text(policy), time.time()),
            )
            id_ = make_id(IdKind.SESSION, row.lastrowid or 0)
            journal.append(connection, JournalKind.SESSION, id_, {"status": "running", "model": model})
        return id_

    def end_session(self, id_: str, status: str) -> None:
        """Record how a session ended, or ('running') that it goes on.

        Raises:
            NotFoundError: no such session.
        """
        with self._db.write() as connection:
            changed = connection.execute(
                "UPDATE sessions SET status = ?, ended_at = ? WHERE number = ?",
                (text(status), None if status == "running" else time.time(), number(IdKind.SESSION, id_)),
            )
            if not changed.rowcount:
                raise missing("session", id_)
            journal.append(connection, JournalKind.SESSION, id_, {"status": status})

    def add_message(self, id_: str, message: Mapping[str, Any]) -> None:
        """Add a JSON object to a session's conversation.

        Raises:
            NotFoundError: no such session.
        """
        body = to_json(dict(message))
        key = number(IdKind.SESSION, id_)
        with self._db.write() as connection:
            if connection.execute("SELECT 1 FROM sessions WHERE number = ?", (key,)).fetchone() is None:
                raise missing("session", id_)
            (n,) = connection.execute("SELECT count(*) FROM messages WHERE session = ?", (key,)).fetchone()
            connection.execute("INSERT INTO messages VALUES (?, ?, ?)", (key, n, body))
            journal.append(connection, JournalKind.MESSAGE, id_, {"n": n, "body": arguments_hash(body)})

    def session(self, id_: str) -> SessionRecord:
        """A session with its conversation.

        Raises:
            NotFoundError: no such session.
        """
        key = number(IdKind.SESSION, id_)
        with decoding(), self._db.read() as connection:
            row = connection.execute(
                "SELECT task, model, policy, status, started_at FROM sessions WHERE number = ?", (key,)
            ).fetchone()
            if row is None:
                raise missing("session", id_)
            bodies = connection.execute("SELECT body FROM messages WHERE session = ? ORDER BY n", (key,)).fetchall()
            messages = tuple(json.loads(b) for (b,) in bodies)
        task, model, policy, status, started_at = row
        return SessionRecord(id_, task, model, policy, status, started_at, messages)

    def sessions(self) -> list[SessionRecord]:
        """All sessions, oldest first, without their conversations."""
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT number, task, model, policy, status, started_at FROM sessions ORDER BY number"
            )
            return [SessionRecord(make_id(IdKind.SESSION, row[0]), *row[1:]) for row in rows]
