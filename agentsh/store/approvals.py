"""The person's answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentsh.core.action import ActionStatus
from agentsh.core.effect import EffectState
from agentsh.core.ids import IdKind
from agentsh.core.request import RequestState
from agentsh.store import journal
from agentsh.store.effects import set_states
from agentsh.store.journal import JournalKind
from agentsh.store.outbox import move_requests
from agentsh.store.rows import existing, number, text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from agentsh.store.database import Database


class Approvals:
    """The approvals in a store."""

    _db: Database

    def approve(
        self,
        id_: str,
        *,
        change_set_digest: str,
        paths: Sequence[bytes] | None = None,
        parts: Mapping[bytes, int] | None = None,
        comment: str = "",
        requests: bool = False,
    ) -> None:
        """Record the person's yes to an action's effects, or to those on ``paths``.

        The effects and the action become approved. A second yes to the same change set adds to the first.

        Args:
            id_: the action.
            change_set_digest: :attr:`ChangeSet.digest` of what the person saw.
            paths: None for all.
            parts: of these paths, this part alone (:attr:`FileEffect.part`).
            comment: the person's words.
            requests: the yes is to the held requests, too.

        Raises:
            NotFoundError: no such action, or it has no effect on one of ``paths``.
        """
        with self._db.write() as connection:
            key = existing(connection, "actions", IdKind.ACTION, id_)
            set_states(connection, key, id_, paths, EffectState.APPROVED, only=EffectState.PENDING, parts=parts)
            earlier = connection.execute("SELECT change_set, paths FROM approvals WHERE action = ?", (key,)).fetchone()
            kept = None if paths is None else {*paths}
            if earlier and earlier[0] == change_set_digest:
                kept = None if kept is None or earlier[1] is None else kept | {*_split(earlier[1])}
            connection.execute(
                "INSERT OR REPLACE INTO approvals VALUES (?, ?, ?, ?, ?)",
                (key, change_set_digest, _join(kept), text(comment), time.time()),
            )
            if requests:
                move_requests(connection, key, (RequestState.HELD,), RequestState.APPROVED)
            # A yes to some of the files is told as one; a request that is still held keeps the action waiting.
            held = connection.execute("SELECT 1 FROM requests WHERE action = ? AND state = 'held'", (key,)).fetchone()
            status = ActionStatus.PENDING if held else ActionStatus.APPROVED
            connection.execute("UPDATE actions SET status = ? WHERE number = ?", (status.value, key))
            journal.append(
                connection,
                JournalKind.APPROVAL,
                id_,
                {
                    "change_set": change_set_digest,
                    "paths": None if paths is None else sorted(p.hex() for p in paths),
                    "comment": comment,
                    **({"requests": True} if requests else {}),
                    **({"parts": {p.hex(): part for p, part in parts.items()}} if parts else {}),
                },
            )

    def approval(self, id_: str) -> tuple[str, tuple[bytes, ...] | None, str, float] | None:
        """The person's yes: change set digest, paths (None: all), comment, time; None when there is none."""
        with self._db.read() as connection:
            row = connection.execute(
                "SELECT change_set, paths, comment, at FROM approvals WHERE action = ?", (number(IdKind.ACTION, id_),)
            ).fetchone()
        if row is None:
            return None
        change_set, paths, comment, at = row
        return change_set, None if paths is None else _split(paths), comment, at


def _join(paths: Collection[bytes] | None) -> bytes | None:
    """Paths as one value; a path holds no NUL."""
    return None if paths is None else b"\0".join(sorted(paths))


def _split(joined: bytes) -> tuple[bytes, ...]:
    return tuple(joined.split(b"\0")) if joined else ()
