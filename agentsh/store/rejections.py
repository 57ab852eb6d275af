"""What the person rejected, and their words about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agentsh.core.ids import IdKind, make_id
from agentsh.core.report import Rejection
from agentsh.store import journal
from agentsh.store.errors import decoding
from agentsh.store.journal import JournalKind
from agentsh.store.rows import existing, number, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.action import ActionStatus
    from agentsh.store.database import Database


class Rejections:
    """The person's noes."""

    _db: Database

    def record_rejection(
        self,
        id_: str,
        status: ActionStatus,
        *,
        answer: ActionStatus,
        reason: str,
        paths: Sequence[bytes] | None = None,
        part: str = "",
    ) -> None:
        """Record the person's no to an action or a part of it; the states of its effects are recorded by themselves.

        Args:
            id_: the action.
            status: how it stands now.
            answer: rejected or discarded.
            reason: the person's words.
            paths: those that were dropped; None for the whole action.
            part: which hunks or lines of them, in words; empty for all.

        Raises:
            NotFoundError: no such action.
        """
        with self._db.write() as connection:
            key = existing(connection, "actions", IdKind.ACTION, id_)
            connection.execute(
                "UPDATE actions SET status = ?, note = ? WHERE number = ?", (status.value, text(reason), key)
            )
            data: dict[str, object] = {"status": answer.value, "note": reason}
            if paths is not None:
                data["paths"] = [p.hex() for p in paths]
            if part:
                data["part"] = part
            journal.append(connection, JournalKind.REJECTION, id_, data)

    def rejections(self, session: str, after: int = 0) -> list[Rejection]:
        """What was rejected of a session's actions, oldest first.

        Args:
            session: its id.
            after: of them, those that are numbered higher.
        """
        with decoding(), self._db.read() as connection:
            of_session = connection.execute(
                "SELECT number FROM actions WHERE session = ?", (number(IdKind.SESSION, session),)
            ).fetchall()
            ids = {make_id(IdKind.ACTION, key) for (key,) in of_session}
            rows = connection.execute(
                "SELECT seq, subject, data FROM journal WHERE seq > ? AND kind = ? ORDER BY seq",
                (after, JournalKind.REJECTION.value),
            ).fetchall()
        return [_rejection(seq, subject, json.loads(data)) for seq, subject, data in rows if subject in ids]


def _rejection(seq: int, action: str, data: dict[str, object]) -> Rejection:
    paths = data.get("paths")
    return Rejection(
        number=seq,
        action=action,
        answer=str(data.get("status", "rejected")),
        reason=str(data.get("note", "")),
        paths=tuple(bytes.fromhex(str(p)) for p in paths) if isinstance(paths, list) else (),
        part=str(data.get("part", "")),
    )
