"""Approvals that hold for the rest of a session."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentsh.core.ids import IdKind, make_id
from agentsh.core.lasting import Grant
from agentsh.store import journal
from agentsh.store.journal import JournalKind
from agentsh.store.rows import existing, missing, number, text

if TYPE_CHECKING:
    from agentsh.store.database import Database


class Grants:
    """The grants in a store."""

    _db: Database

    def grant(self, session: str, action: str, rules: str) -> str:
        """Record that the person approved ``rules`` for a session; returns the grant's id.

        Args:
            session: for which they hold.
            action: what the person was shown.
            rules: as a policy file has them.

        Raises:
            NotFoundError: no such session or action.
        """
        with self._db.write() as connection:
            of = existing(connection, "sessions", IdKind.SESSION, session)
            shown = existing(connection, "actions", IdKind.ACTION, action)
            row = connection.execute(
                "INSERT INTO grants(session, action, rules, at) VALUES (?, ?, ?, ?)",
                (of, shown, text(rules), time.time()),
            )
            id_ = make_id(IdKind.GRANT, row.lastrowid or 0)
            told = {"grant": id_, "session": session, "rules": rules}
            journal.append(connection, JournalKind.GRANT, action, told)
        return id_

    def note_always(self, action: str, rules: str) -> None:
        """Record that the person approved ``rules`` for always; their file keeps them."""
        with self._db.write() as connection:
            journal.append(connection, JournalKind.GRANT, action, {"always": True, "rules": rules})

    def grants(self, session: str | None = None) -> list[Grant]:
        """What holds, oldest first: in one session, or in any."""
        of = None if session is None else number(IdKind.SESSION, session)
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT number, session, action, rules FROM grants"
                " WHERE withdrawn_at IS NULL AND (?1 IS NULL OR session = ?1) ORDER BY number",
                (of,),
            ).fetchall()
        return [
            Grant(make_id(IdKind.GRANT, n), make_id(IdKind.SESSION, s), make_id(IdKind.ACTION, a), rules)
            for n, s, a, rules in rows
        ]

    def withdraw_grant(self, id_: str) -> None:
        """Record that a grant holds no longer. What it approved before stays approved.

        Raises:
            NotFoundError: no such grant holds.
        """
        with self._db.write() as connection:
            changed = connection.execute(
                "UPDATE grants SET withdrawn_at = ? WHERE number = ? AND withdrawn_at IS NULL",
                (time.time(), number(IdKind.GRANT, id_)),
            )
            if not changed.rowcount:
                raise missing("grant", id_)
            journal.append(connection, JournalKind.GRANT, id_, {"grant": id_, "withdrawn": True})
