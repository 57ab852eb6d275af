"""Requests that are held, sent, refused, or of which nobody knows; each step a row of the journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionStatus
from agentsh.core.effect import EffectState
from agentsh.core.errors import ConflictError
from agentsh.core.ids import IdKind, make_id
from agentsh.core.request import OPEN_REQUESTS, UNSETTLED, RequestEffect, RequestState, UndoCall
from agentsh.store import journal
from agentsh.store.errors import decoding
from agentsh.store.journal import JournalKind
from agentsh.store.rows import existing, missing, number, optional_id, text, to_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from agentsh.store.database import Database

_SELECT = """
SELECT q.number, q.action, q.method, q.url, q.headers, q.secret, q.carried, b.digest, q.size, q.key, q.undo, q.undoes,
  q.state, q.status, d.digest, q.note, q."commit"
FROM requests q LEFT JOIN blobs b ON b.id = q.body LEFT JOIN blobs d ON d.id = q.answer
"""

_INSERT = """
INSERT INTO requests(action, method, url, headers, secret, carried, body, size, key, undo, undoes, state)
VALUES (?, ?, ?, ?, ?, ?, (SELECT id FROM blobs WHERE digest = ?), ?, ?, ?, ?, ?)
"""

ENDS = frozenset({RequestState.SENT, RequestState.REFUSED, RequestState.UNKNOWN, RequestState.UNDONE})
"""States that a request is in once it was to be sent."""


class Outbox:
    """The requests of a store."""

    _db: Database

    # -- reading ----------------------------------------------------------------------------------------------------

    def request(self, id_: str) -> RequestEffect:
        """A request by its id.

        Raises:
            NotFoundError: there is none.
        """
        with decoding(), self._db.read() as connection:
            return load(connection, id_)

    def requests(self, states: Collection[RequestState] | None = None) -> list[RequestEffect]:
        """Requests in some states, or all, oldest first."""
        wanted = [s.value for s in (RequestState if states is None else states)]
        marks = ",".join("?" * len(wanted))
        with decoding(), self._db.read() as connection:
            rows = connection.execute(_SELECT + f"WHERE q.state IN ({marks}) ORDER BY q.number", wanted).fetchall()
            return [_request(row) for row in rows]

    # -- a request's way out ----------------------------------------------------------------------------------------

    def begin_request(self, id_: str, commit: str | None, *, again: bool = False) -> None:
        """Record durably that a request is about to go out, before any of it does.

        Args:
            id_: the request.
            commit: the commit that sends it.
            again: it is one of which nobody knows, and the person wants it to be sent once more.

        Raises:
            NotFoundError: no such request.
            ConflictError: it is not approved, or somebody sends it already.
        """
        wanted = RequestState.UNKNOWN if again else RequestState.APPROVED
        with self._db.write() as connection:
            request = load(connection, id_)
            if request.state is not wanted:
                raise ConflictError(
                    f"{id_} is {request.state.value}, not {wanted.value}: it was not sent.",
                    next_step=f"'agentsh outbox {id_}' shows how it stands.",
                )
            key = None if commit is None else number(IdKind.COMMIT, commit)
            connection.execute(
                'UPDATE requests SET state = ?, "commit" = coalesce(?, "commit"), note = ? WHERE number = ?',
                (RequestState.SENDING.value, key, "", number(IdKind.REQUEST, id_)),
            )
            _note(connection, id_, RequestState.SENDING, {"action": request.action, "again": again})

    def end_request(
        self,
        id_: str,
        state: RequestState,
        *,
        status: int | None = None,
        answer: bytes | None = None,
        note: str = "",
        recovery: bool = False,
    ) -> RequestEffect:
        """Record durably what became of a request, with all that follows for its action.

        Args:
            id_: the request; it is being sent, or it is unknown and the person says what became of it.
            state: what became of it; 'approved' when nothing of it has left.
            status: of the answer.
            answer: digest of the answer's body, which was put before.
            note: one sentence.
            recovery: another process than the one that sent it says so.

        Raises:
            NotFoundError: no such request.
            ConflictError: it is in another state.
        """
        with self._db.write() as connection:
            request = load(connection, id_)
            if request.state not in (RequestState.SENDING, RequestState.UNKNOWN):
                raise ConflictError(f"{id_} is {request.state.value}: there is nothing to say about its sending.")
            connection.execute(
                "UPDATE requests SET state = ?, status = ?, answer = (SELECT id FROM blobs WHERE digest = ?),"
                " note = ? WHERE number = ?",
                (state.value, status, answer, text(note), number(IdKind.REQUEST, id_)),
            )
            data = {
                "action": request.action,
                "status": status,
                "answer": answer.hex() if answer else "",
                "note": note,
                "recovery": recovery,
            }
            _note(connection, id_, state, data)
            if request.undoes and state is RequestState.SENT:
                key = number(IdKind.REQUEST, request.undoes)
                connection.execute("UPDATE requests SET state = ? WHERE number = ?", (RequestState.UNDONE.value, key))
                _note(connection, request.undoes, RequestState.UNDONE, {"by": id_})
            settle(connection, number(IdKind.ACTION, request.action))
            return load(connection, id_)

    def drop_requests(self, action: str, state: RequestState) -> None:
        """Move the open requests of an action to ``state``: rejected, discarded, or held again.

        Raises:
            NotFoundError: no such action.
        """
        with self._db.write() as connection:
            key = existing(connection, "actions", IdKind.ACTION, action)
            move_requests(connection, key, OPEN_REQUESTS, state)

    def settle_action(self, action: str) -> None:
        """Make an action's status say how its effects stand.

        Raises:
            NotFoundError: no such action.
        """
        with self._db.write() as connection:
            settle(connection, existing(connection, "actions", IdKind.ACTION, action))


def insert_requests(connection: sqlite3.Connection, action: int, requests: Sequence[RequestEffect]) -> None:
    """Give an action its requests; each body was put before."""
    for r in requests:
        undo = None if r.undo is None else to_json([r.undo.method, r.undo.url])
        undoes = number(IdKind.REQUEST, r.undoes) if r.undoes else None
        values = (r.method, r.url, to_json([list(h) for h in r.headers]), r.secret, r.carried)
        row = connection.execute(_INSERT, (action, *values, r.body, r.size, r.key, undo, undoes, r.state.value))
        data = {"action": make_id(IdKind.ACTION, action), "key": r.key}
        _note(connection, make_id(IdKind.REQUEST, row.lastrowid or 0), r.state, data)


def requests_of_action(connection: sqlite3.Connection, action: int) -> tuple[RequestEffect, ...]:
    """All requests of an action, in order."""
    rows = connection.execute(_SELECT + "WHERE q.action = ? ORDER BY q.number", (action,))
    return tuple(map(_request, rows))


def move_requests(
    connection: sqlite3.Connection, action: int, among: Collection[RequestState], state: RequestState
) -> None:
    """Move the requests of an action that are in some states to another one."""
    for request in requests_of_action(connection, action):
        if request.state in among and request.state is not state:
            key = number(IdKind.REQUEST, request.id)
            connection.execute("UPDATE requests SET state = ? WHERE number = ?", (state.value, key))
            _note(connection, request.id, state, {"action": request.action})


def standing(connection: sqlite3.Connection, action: int) -> ActionStatus | None:
    """The status that an action has for what is still open of it; None when nothing is."""
    requests = {s for (s,) in connection.execute("SELECT state FROM requests WHERE action = ?", (action,))}
    effects = {s for (s,) in connection.execute("SELECT state FROM effects WHERE action = ?", (action,))}
    if RequestState.HELD.value in requests or EffectState.PENDING.value in effects:
        return ActionStatus.PENDING
    if requests & {s.value for s in UNSETTLED} or EffectState.APPROVED.value in effects:
        return ActionStatus.APPROVED
    return None


def ended(connection: sqlite3.Connection, action: int) -> ActionStatus:
    """The status of an action of which nothing is open: whether anything of it ever took effect."""
    (took,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM effects WHERE action = ?1 AND landed IS NOT NULL)"
        " OR EXISTS (SELECT 1 FROM requests WHERE action = ?1 AND state IN ('sent', 'undone'))",
        (action,),
    ).fetchone()
    return ActionStatus.COMMITTED if took else ActionStatus.DISCARDED


def settle(connection: sqlite3.Connection, action: int) -> None:
    """Make an action's status say how its effects stand."""
    status = standing(connection, action) or ended(connection, action)
    (before,) = connection.execute("SELECT status FROM actions WHERE number = ?", (action,)).fetchone()
    if before != status.value:
        connection.execute("UPDATE actions SET status = ? WHERE number = ?", (status.value, action))
        data = {"status": status.value, "note": ""}
        journal.append(connection, JournalKind.STATUS, make_id(IdKind.ACTION, action), data)


def doubt(connection: sqlite3.Connection, why: str) -> None:
    """Nobody knows of the open requests any more: rows were lost that may have said that they were sent."""
    waiting = [s.value for s in UNSETTLED if s is not RequestState.UNKNOWN]
    marks = ",".join("?" * len(waiting))
    rows = connection.execute(f"SELECT number FROM requests WHERE state IN ({marks})", waiting).fetchall()  # noqa: S608
    for (key,) in rows:
        connection.execute(
            "UPDATE requests SET state = ?, note = ? WHERE number = ?", (RequestState.UNKNOWN.value, why, key)
        )
        data = {"status": None, "answer": "", "note": why, "recovery": True}
        _note(connection, make_id(IdKind.REQUEST, key), RequestState.UNKNOWN, data)


def load(connection: sqlite3.Connection, id_: str) -> RequestEffect:
    """A request.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_SELECT + "WHERE q.number = ?", (number(IdKind.REQUEST, id_),)).fetchone()
    if row is None:
        raise missing("request", id_)
    return _request(row)


def _note(connection: sqlite3.Connection, id_: str, state: RequestState, data: dict[str, Any]) -> None:
    kind = JournalKind.RESPONSE if state in ENDS else JournalKind.REQUEST
    journal.append(connection, kind, id_, {"state": state.value, **data})


def _request(row: Sequence[Any]) -> RequestEffect:
    key, action, method, url, headers, secret, carried, body, size, idempotency, undo, undoes = row[:12]
    state, status, answer, note, commit = row[12:]
    return RequestEffect(
        method=method,
        url=url,
        headers=tuple((str(n), str(v)) for n, v in json.loads(headers)),
        secret=secret,
        carried=carried,
        body=body,
        size=size,
        key=idempotency,
        undo=None if undo is None else UndoCall(*json.loads(undo)),
        undoes="" if undoes is None else make_id(IdKind.REQUEST, undoes),
        id=make_id(IdKind.REQUEST, key),
        action=make_id(IdKind.ACTION, action),
        state=RequestState(state),
        status=status,
        answer=answer,
        note=note,
        commit=optional_id(IdKind.COMMIT, commit),
    )
