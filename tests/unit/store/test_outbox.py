"""Held requests as rows: how an older store comes to them, which step follows which, and what proves them."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus
from agentsh.core.effect import ChangeSet, EffectClass, EffectState, FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConflictError, NotFoundError, StoreDamaged
from agentsh.core.limits import Keep
from agentsh.core.report import LogKind
from agentsh.core.request import RequestEffect, RequestState, UndoCall
from agentsh.store import Store
from agentsh.store.repair import repair
from agentsh.store.schema import APPLICATION_ID, MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

NAME = "TOKEN"
SPEC = ActionSpec(ActionKind.HTTP, {"method": "POST", "url": "https://api.example/items"})


def post(store: Store, body: bytes = b'{"a": 1}', *, key: str = "k1", **more: object) -> RequestEffect:
    request = RequestEffect("POST", "https://api.example/items", body=store.put_bytes(body), size=len(body), key=key)
    return replace(request, **more)  # type: ignore[arg-type]


def held(store: Store, *requests: RequestEffect, files: tuple[FileEffect, ...] = ()) -> ActionRecord:
    action = store.begin_action(SPEC)
    changes = change_set(files, requests or (post(store),))
    store.finish_action(action, status=ActionStatus.PENDING, changes=changes)
    return store.action(action)


def approve(store: Store, action: ActionRecord) -> None:
    store.approve(action.id, change_set_digest=action.changes.digest, requests=True)


def test_a_store_of_the_third_format_gets_an_outbox(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "old", isolation_level=None)
    for step in MIGRATIONS[:3]:
        for statement in step:
            old.execute(statement)
    tables = ("blobs", "paths", "actions", "effects", "journal")
    names = {t: ", ".join(f'"{row[1]}"' for row in old.execute(f"PRAGMA table_info({t})")) for t in tables}
    with Store.open(tmp_path / "new") as store:
        entry = Entry(EntryType.FILE, 0o644, 3, store.put_bytes(b"abc"), mtime_ns=7)
        action = store.begin_action(SPEC)
        effects = change_set([FileEffect(b"a", None, entry), FileEffect(b"b", entry, None, state=EffectState.APPROVED)])
        store.finish_action(action, status=ActionStatus.PENDING, changes=effects)
        expected = store.action(action)
        with store._db.read() as connection:
            rows = {t: connection.execute(f"SELECT {names[t]} FROM {t}").fetchall() for t in tables}  # noqa: S608
        head = (tmp_path / "new-head").read_bytes()
    for table, found in rows.items():
        old.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(found[0]))})", found)  # noqa: S608
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.execute("PRAGMA user_version = 3")
    old.close()
    (tmp_path / "old-head").write_bytes(head)
    with Store.open(tmp_path / "old") as store:
        assert store.action(action) == expected  # its hash, too: an approval of before still names it
        assert store.action(action).changes.digest == effects.digest
        assert store.requests() == []
        approve(store, held(store))
        assert store.check().problems == ()


def test_what_a_request_is_makes_the_hash_and_how_it_stands_does_not(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        first = post(store, undo=UndoCall("DELETE", "https://api.example/items/{id}"), headers=(("A", "b"),))
        digests = {
            ChangeSet((), (r,)).digest
            for r in (
                first,
                replace(first, method="PUT"),
                replace(first, url="https://api.example/item"),
                replace(first, headers=(("A", "c"),)),
                replace(first, headers=(("Ab", ""),)),
                replace(first, headers=()),
                replace(first, secret=NAME),
                replace(first, carried="Authorization: secret:TOKEN"),
                replace(first, body=b"x" * 32),
                replace(first, size=9),
                replace(first, key="k2"),
                replace(first, undo=None),
                replace(first, undo=UndoCall("DELETE", "https://api.example/items/{ID}")),
                replace(first, undoes="q1"),
            )
        }
        assert len(digests) == 14
        assert ChangeSet((), (first, first)).digest not in digests
        later = replace(first, id="q9", action="a9", state=RequestState.SENT, status=200, note="x", commit="c1")
        assert ChangeSet((), (later,)).digest == ChangeSet((), (first,)).digest
        assert (first.effect_class, replace(first, undo=None).effect_class) == (
            EffectClass.COMPENSABLE,
            EffectClass.IRREVERSIBLE,
        )
        assert held(store, first).changes.requests == (replace(first, id="q1", action="a1"),)


def test_each_step_follows_the_one_before(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        action = held(store)
        for state in (RequestState.SENT, RequestState.REFUSED):
            with pytest.raises(ConflictError):
                store.end_request("q1", state)
        with pytest.raises(ConflictError, match="held, not approved"):
            store.begin_request("q1", None)
        approve(store, action)
        with pytest.raises(ConflictError):
            store.begin_request("q1", None, again=True)
        store.begin_request("q1", None)
        with pytest.raises(ConflictError, match="sending"):
            store.begin_request("q1", None)
        assert store.unfinished()
        store.end_request("q1", RequestState.UNKNOWN, status=500)
        assert store.action("a1").status is ActionStatus.APPROVED
        with pytest.raises(ConflictError):
            store.begin_request("q1", None)  # never again by itself
        store.begin_request("q1", None, again=True)
        done = store.end_request("q1", RequestState.SENT, status=201, answer=store.put_bytes(b"{}"))
        assert (done.state, done.status) == (RequestState.SENT, 201)
        assert store.action("a1").status is ActionStatus.COMMITTED
        with pytest.raises(ConflictError):
            store.begin_request("q1", None, again=True)
        store.drop_requests("a1", RequestState.REJECTED)
        assert store.request("q1").state is RequestState.SENT
        with pytest.raises(NotFoundError):
            store.request("q2")
        told = [(e.id, e.status) for e in store.log() if e.kind is LogKind.REQUEST]
        assert told == [("q1", "unknown"), ("q1", "sent")]
        assert store.check().problems == ()


def test_an_action_waits_while_a_request_of_it_does(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        file = FileEffect(b"f", None, Entry(EntryType.FILE, 0o644, 1, store.put_bytes(b"1")))
        action = held(store, post(store), post(store, key="k2"), files=(file,))
        store.approve(action.id, change_set_digest=action.changes.digest)
        assert store.action("a1").status is ActionStatus.PENDING
        assert [r.state for r in store.requests()] == [RequestState.HELD] * 2
        store.end_commit(store.begin_commit("commit", ["a1"], [file]), "done")
        assert store.action("a1").status is ActionStatus.PENDING
        approve(store, action)
        assert store.action("a1").status is ActionStatus.APPROVED
        for id_ in ("q1", "q2"):
            assert store.action("a1").status is ActionStatus.APPROVED
            store.begin_request(id_, "c1")
            store.end_request(id_, RequestState.SENT)
        assert store.action("a1").status is ActionStatus.COMMITTED
        assert {r.commit for r in store.requests()} == {"c1"}


def test_a_body_that_was_not_put_and_a_key_that_was_used(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        held(store)
        for wrong in (post(store), replace(post(store, key="k2"), body=b"\0" * 32)):
            action = store.begin_action(SPEC)
            with pytest.raises(StoreDamaged):
                store.finish_action(action, status=ActionStatus.PENDING, changes=change_set([], [wrong]))
        assert len(store.requests()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "state = 'approved'",
        "state = 'sent'",
        "status = 200",
        "url = 'https://evil.example/'",
        "method = 'DELETE'",
        'headers = \'[["A", "b"]]\'',
        "secret = 'TOKEN'",
        "key = 'other'",
        "body = (SELECT max(id) FROM blobs)",
        'undo = \'["DELETE", "https://evil.example/"]\'',
        "answer = body",
    ],
)
def test_check_sees_a_request_that_was_altered(tmp_path: Path, change: str) -> None:
    with Store.open(tmp_path / "s") as store:
        held(store)
        store.put_bytes(b"another")
        assert store.check().problems == ()
        with store._db.write() as connection:
            connection.execute(f"UPDATE requests SET {change}")  # noqa: S608
        assert set(store.check().affected) & {"a1", "q1"}


def test_check_sees_a_request_that_is_gone(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        held(store)
        with store._db.write() as connection:
            connection.execute("DELETE FROM requests")
        assert "q1" in store.check().affected


def test_what_is_open_keeps_its_body(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        bodies = [b"%d" % n * 3000 for n in range(4)]
        for n, body in enumerate(bodies):
            action = held(store, post(store, body, key=str(n)))
            if n:
                approve(store, action)
        for id_, state in (("q2", RequestState.UNKNOWN), ("q3", RequestState.SENT)):
            store.begin_request(id_, None)
            store.end_request(id_, state)
        with store._db.write() as connection:
            connection.execute("UPDATE actions SET started_at = 1")
        store.gc()
        kept = [r.body is not None and store.has_blob(r.body) for r in store.requests()]
        assert kept == [True] * 4
        store.gc(Keep(days=1))
        kept = [r.body is not None and store.has_blob(r.body) for r in store.requests()]
        assert kept == [True, True, False, True]
        assert store.check().problems == ()


def test_after_a_loss_nobody_knows_what_was_sent(tmp_path: Path) -> None:
    # The rows that said so may be among those that are gone: nothing goes out again by itself.
    with Store.open(tmp_path / "s") as store:
        approve(store, held(store))
        held(store, post(store, key="k2"))
        approve(store, held(store, post(store, key="k3")))
        store.begin_request("q3", None)
        store.end_request("q3", RequestState.SENT, status=200)
        with store._db.bare() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with Store.open(tmp_path / "s") as store:
        store.begin_request("q1", None)
        store.end_request("q1", RequestState.SENT, status=200)
    with sqlite3.connect(tmp_path / "s") as connection:
        connection.execute("DROP TRIGGER journal_no_delete")
        connection.execute("DELETE FROM journal WHERE seq > (SELECT max(seq) - 2 FROM journal)")
        connection.execute("UPDATE requests SET state = 'approved', status = NULL WHERE number = 1")
        (trigger,) = [s for s in MIGRATIONS[0] if "journal_no_delete" in s]
        connection.execute(trigger)
        connection.execute("UPDATE actions SET status = 'approved' WHERE number = 1")
    connection.close()
    repair(tmp_path / "s", lambda _: None, end="rows are missing")
    with Store.open(tmp_path / "s") as store:
        states = [r.state for r in store.requests()]
        assert states == [RequestState.UNKNOWN, RequestState.UNKNOWN, RequestState.SENT]
        with pytest.raises(ConflictError):
            store.begin_request("q1", None)
