"""What is recorded of actions, answers, commits, snapshots and sessions comes back as it was."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus, Origin, Output
from agentsh.core.decision import Decision, Verdict
from agentsh.core.effect import ChangeSet, EffectState, FileEffect, Flag, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import AgentshError, NotFoundError, StoreDamaged, UsageError
from agentsh.core.history import Moment, Signature
from agentsh.core.lasting import Grant
from agentsh.core.report import LogKind
from agentsh.store import Store
from agentsh.store.schema import MIGRATIONS
from agentsh.store.schema_grants import GRANTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPEC = ActionSpec(ActionKind.SHELL, {"line": "echo 'é\udcff\n'"}, Origin.AGENT)
BEFORE_GRANTS = MIGRATIONS.index(GRANTS)
DIRECTORY = Entry(EntryType.DIRECTORY, 0o1777)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.db") as opened:
        yield opened


def file(store: Store, content: bytes, mode: int = 0o644) -> Entry:
    return Entry(EntryType.FILE, mode, len(content), store.put_bytes(content), mtime_ns=1_700_000_000_123_456_789)


def changes(store: Store) -> ChangeSet:
    return change_set(
        [
            FileEffect(b"new\n\xff", None, file(store, b""), (Flag.EXECUTABLE, Flag.RUNS_CODE)),
            FileEffect(b"changed", file(store, b"a"), file(store, b"b", 0o4755)),
            FileEffect(b"gone", Entry(EntryType.SYMLINK, target=b"\xfe/.."), None),
            FileEffect(b"dir", None, DIRECTORY, (), EffectState.REJECTED),
            FileEffect(b"pipe", None, Entry(EntryType.OTHER, 0o600), (Flag.SPECIAL,)),
        ]
    )


def finished(store: Store, **more: object) -> str:
    action = store.begin_action(SPEC)
    options = {"status": ActionStatus.PENDING, "exit_code": 0, "changes": changes(store), **more}
    store.finish_action(action, **options)  # type: ignore[arg-type]
    return action


def test_an_action_comes_back(store: Store) -> None:
    first, last = Decision(Verdict.ASK, "r", "why"), Decision(Verdict.ALLOW, "s", "so")
    session = store.start_session("task", "model", "review")
    action = store.begin_action(SPEC, session=session, decision=first)
    running = store.action(action)
    assert (action, running.status, running.decision) == ("a1", ActionStatus.RUNNING, first)
    assert not running.changes
    stdout = Output(store.put_bytes(b"out"), 3, truncated=True)
    store.finish_action(
        action,
        status=ActionStatus.PENDING,
        exit_code=3,
        stopped="wall_s",
        note="too slow \udc80",
        duration=1.5,
        stdout=stdout,
        changes=changes(store),
        decision=last,
    )
    record = store.action(action)
    assert record.spec == SPEC
    assert record.session == session
    assert (record.exit_code, record.stopped, record.duration) == (3, "wall_s", 1.5)
    assert record.note.startswith("too slow")
    assert (record.stdout, record.stderr) == (stdout, Output())
    assert record.decision == last
    assert record.changes == changes(store)
    assert record.changes.digest == changes(store).digest
    assert [e.after.mtime_ns for e in record.changes if e.after and e.after.digest] == [1_700_000_000_123_456_789] * 2
    assert store.actions() == [record]


def test_actions_by_status_session_and_number(store: Store) -> None:
    session = store.start_session("t", "m", "p")
    for n in range(4):
        action = store.begin_action(SPEC, session=session if n % 2 else None)
        store.finish_action(action, status=ActionStatus.DONE if n < 2 else ActionStatus.PENDING)
    assert [a.id for a in store.actions(status={ActionStatus.DONE})] == ["a1", "a2"]
    assert [a.id for a in store.actions(status=())] == []
    assert [a.id for a in store.actions(session=session)] == ["a2", "a4"]
    assert [a.id for a in store.actions(limit=2)] == ["a3", "a4"]


@pytest.mark.parametrize("lost", ["after", "before", "stdout"])
def test_content_must_be_kept_before_what_refers_to_it(store: Store, lost: str) -> None:
    unknown = Entry(EntryType.FILE, 0o644, 3, b"?" * 32)
    action = store.begin_action(SPEC)
    states = {"after": (None, unknown), "before": (unknown, None)}.get(lost, (None, DIRECTORY))
    stdout = Output(b"?" * 32, 3) if lost == "stdout" else Output()
    with pytest.raises(StoreDamaged):
        store.finish_action(
            action, status=ActionStatus.PENDING, stdout=stdout, changes=change_set([FileEffect(b"x", *states)])
        )
    assert store.action(action).status is ActionStatus.RUNNING
    assert store.check().problems == ()


def test_approval_by_path_adds_up(store: Store) -> None:
    action = finished(store)
    digest = store.action(action).changes.digest
    assert store.approval(action) is None
    store.approve(action, change_set_digest=digest, paths=[b"changed"], comment="fine")
    store.approve(action, change_set_digest=digest, paths=[b"new\n\xff"], comment="too")
    approval = store.approval(action)
    assert approval is not None
    assert approval[:3] == (digest, (b"changed", b"new\n\xff"), "too")
    states = {e.path: e.state for e in store.action(action).changes}
    assert states[b"changed"] is states[b"new\n\xff"] is EffectState.APPROVED
    assert states[b"gone"] is EffectState.PENDING
    store.approve(action, change_set_digest=digest)
    assert (store.approval(action) or ("", ()))[1] is None
    assert store.action(action).changes.by_path[b"dir"].state is EffectState.REJECTED
    with pytest.raises(NotFoundError):
        store.approve(action, change_set_digest=digest, paths=[b"no such path"])


def test_new_changes_drop_the_approval(store: Store) -> None:
    action = finished(store)
    record = store.action(action)
    store.approve(action, change_set_digest=record.changes.digest)
    other = change_set([replace(e, state=EffectState.APPROVED) for e in record.changes][:2])
    store.replace_changes(action, other)
    again = store.action(action)
    assert store.approval(action) is None
    assert again.status is ActionStatus.PENDING
    assert again.changes.digest == other.digest
    assert {e.state for e in again.changes} == {EffectState.PENDING}


def test_states_and_status(store: Store) -> None:
    action = finished(store)
    store.set_effect_states(action, [b"gone"], EffectState.REJECTED)
    store.set_status(action, ActionStatus.REJECTED, note="no")
    record = store.action(action)
    assert (record.status, record.note) == (ActionStatus.REJECTED, "no")
    assert record.changes.by_path[b"gone"].state is EffectState.REJECTED
    store.set_effect_states(action, None, EffectState.DISCARDED)
    assert {e.state for e in store.action(action).changes} == {EffectState.DISCARDED}
    with pytest.raises(NotFoundError):
        store.set_effect_states(action, [b"nope"], EffectState.REJECTED)


def test_running_of_a_dead_process(store: Store) -> None:
    mine = store.begin_action(SPEC)
    pid = os.fork()
    if pid == 0:
        with Store.open(store.path) as other:
            other.begin_action(SPEC)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert store.running() == ["a2"]
    store.end_interrupted("a2")
    assert store.running() == []
    assert store.action("a2").status is ActionStatus.INTERRUPTED
    assert store.action(mine).status is ActionStatus.RUNNING


def test_a_commit_lands_what_was_approved(store: Store) -> None:
    action = finished(store)
    record = store.action(action)
    store.approve(action, change_set_digest=record.changes.digest, paths=[b"changed", b"gone"])
    effects = [e for e in record.changes if e.path in {b"changed", b"gone"}]
    commit = store.begin_commit("commit", [action], effects)
    (open_,) = store.open_commits()
    assert (open_.id, open_.actions, open_.prepared, open_.outcome) == (commit, (action,), False, None)
    assert [(e.path, e.before, e.after) for e in open_.effects] == [(e.path, e.before, e.after) for e in effects]
    store.mark_prepared(commit)
    assert store.commit(commit).prepared
    snapshot = store.end_commit(commit, "done")
    assert store.open_commits() == []
    after = store.action(action)
    assert (after.status, after.commit) == (ActionStatus.PENDING, commit)
    assert {e.path for e in after.changes if e.state is EffectState.COMMITTED} == {b"changed", b"gone"}
    assert snapshot == "s1"
    assert store.manifest(snapshot) == {b"changed": file(store, b"b", 0o4755)}
    assert [(x.action, x.commit, x.effect.path) for x in store.landings([action])] == [
        (action, 1, b"changed"),
        (action, 1, b"gone"),
    ]
    assert store.commits() == [store.commit(commit)]


def test_a_commit_undone_changes_nothing_else(store: Store) -> None:
    action = finished(store)
    record = store.action(action)
    store.approve(action, change_set_digest=record.changes.digest)
    before = store.action(action)
    commit = store.begin_commit("commit", [action], [e for e in record.changes if e.path == b"changed"])
    assert store.end_commit(commit, "undone") is None
    assert store.action(action) == before
    assert store.snapshots() == []
    assert store.landings([action]) == []


def test_snapshots_are_what_changed(store: Store) -> None:
    a, b = file(store, b"a"), file(store, b"b")
    first = store.record_snapshot({b"x": a, b"d": DIRECTORY}, signatures={b"x": Signature(1, 2, 3, 4, 5)})
    second = store.record_snapshot({b"x": b, b"y": a}, signatures={})
    third = store.record_snapshot({b"x": None}, signatures={b"y": Signature(6, 7, 8, 9, 10), b"never": None})
    assert store.manifest(first) == {b"x": a, b"d": DIRECTORY}
    assert store.manifest(second) == {b"x": b, b"y": a, b"d": DIRECTORY}
    assert store.manifest(third) == {b"y": a, b"d": DIRECTORY}
    assert [(s.id, s.changed, s.origin) for s in store.snapshots()] == [
        ("s1", 2, "person"),
        ("s2", 2, "person"),
        ("s3", 1, "person"),
    ]
    assert store.latest_snapshot() == third
    assert store.signatures() == {b"y": Signature(6, 7, 8, 9, 10)}
    assert store.last_directory(b"d") == DIRECTORY
    assert store.last_directory(b"x") is None
    assert store.states_at(Moment(first), [b"x", b"z"]) == {b"x": a, b"z": None}
    with pytest.raises(NotFoundError):
        store.manifest("s9")


def test_sessions_and_messages(store: Store) -> None:
    session = store.start_session("do \udcff it", "m", "review")
    messages = [{"role": "user", "content": "é\udcff\0"}, {"role": "assistant", "tool_calls": [{"n": 1}]}]
    for message in messages:
        store.add_message(session, message)
    store.end_session(session, "done")
    record = store.session(session)
    assert (record.id, record.model, record.policy, record.status) == ("r1", "m", "review", "done")
    assert list(record.messages) == messages
    assert [s.id for s in store.sessions()] == ["r1"]


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.action("a1"),
        lambda s: s.set_status("a1", ActionStatus.DONE),
        lambda s: s.finish_action("a1", status=ActionStatus.DONE),
        lambda s: s.session("r1"),
        lambda s: s.add_message("r1", {}),
        lambda s: s.end_session("r1", "done"),
        lambda s: s.begin_action(SPEC, session="r1"),
        lambda s: s.commit("c1"),
        lambda s: s.end_commit("c1", "done"),
        lambda s: s.snapshot("s1"),
        lambda s: s.landings(["a1"]),
        lambda s: s.action("c1"),
        lambda s: s.action("a1; DROP TABLE actions"),
    ],
)
def test_an_id_that_names_nothing(store: Store, call: object) -> None:
    with pytest.raises(UsageError):
        call(store)  # type: ignore[operator]
    assert store.check().problems == ()


def test_log_tells_what_happened_in_order(store: Store) -> None:
    session = store.start_session("task", "m", "p")
    action = finished(store)
    store.approve(action, change_set_digest="d")
    store.set_status(action, ActionStatus.REJECTED)
    store.record_snapshot({b"x": None}, signatures={})
    commit = store.begin_commit("revert", [action], [])
    store.end_commit(commit, "done", recovery=True)
    lines = [(line.kind, line.id) for line in store.log()]
    assert lines == [
        (LogKind.SESSION, session),
        (LogKind.ACTION, action),
        (LogKind.REVIEW, action),
        (LogKind.REVIEW, action),
        (LogKind.SNAPSHOT, "s1"),
        (LogKind.RECOVERY, commit),
    ]
    assert store.log()[1].title == SPEC.title
    assert store.log(limit=2) == store.log()[-2:]


def test_a_session_is_one_line_with_how_it_stands(store: Store) -> None:
    session = store.start_session("task", "m", "p")
    finished(store)
    store.end_session(session, "step-limit")
    store.end_session(session, "running")
    other = store.start_session("another", "m", "p")
    store.end_session(session, "done")
    lines = [(line.id, line.status, line.title) for line in store.log() if line.kind is LogKind.SESSION]
    assert lines == [(session, "done", "task"), (other, "running", "another")]
    assert store.log()[0].id == session


@pytest.mark.parametrize("statement", ["UPDATE journal SET data = '{}'", "DELETE FROM journal"])
def test_the_journal_only_grows(store: Store, statement: str) -> None:
    finished(store)
    with pytest.raises(AgentshError), store._db.write() as connection:
        connection.execute(statement)
    assert store.check().problems == ()


_TAMPER = {
    "a row altered": "UPDATE journal SET data = replace(data, 'shell', 'write') WHERE seq = 1",
    "a time altered": "UPDATE journal SET at = at + 1 WHERE seq = 2",
    "the first row removed": "DELETE FROM journal WHERE seq = 1",
    "a row in the middle removed": "DELETE FROM journal WHERE seq = 3",
    "an action's arguments altered": 'UPDATE actions SET arguments = \'{"line":"true"}\'',
    "an action removed": "DELETE FROM effects; DELETE FROM actions",
    "a path removed": "DELETE FROM paths WHERE id = 1",
    "content removed": "DELETE FROM blobs WHERE id = 1",
}


@pytest.mark.parametrize("what", sorted(_TAMPER))
def test_check_finds(store: Store, what: str) -> None:
    finished(store)
    finished(store)
    assert store.check().ok
    with store._db.bare() as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.executescript(f"DROP TRIGGER journal_no_update; DROP TRIGGER journal_no_delete; {_TAMPER[what]}")
    report = store.check()
    assert not report.ok
    assert report.problems


def test_gc_removes_what_nothing_needs(store: Store) -> None:
    action = finished(store, stdout=Output(store.put_bytes(b"printed"), 7))
    large = os.urandom(9 * 1024 * 1024)
    store.record_snapshot({b"large": file(store, large)}, signatures={})
    lost = [store.put_bytes(os.urandom(5 * 1024 * 1024)), store.put_bytes(b"nobody needs it")]
    report = store.gc()
    assert report.blobs_removed == 2 + 2  # the large one has two pieces
    assert report.bytes_after < report.bytes_before - 4 * 1024 * 1024
    assert not any(store.has_blob(d) for d in lost)
    assert store.read_blob(store.manifest("s1")[b"large"].digest or b"") == large
    assert store.read_blob(store.action(action).stdout.digest or b"") == b"printed"
    assert store.check().problems == ()
    assert store.gc().blobs_removed == 0


def test_a_store_from_before_grants_gets_them(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        session = store.start_session("t", "m", "p")
    db = sqlite3.connect(tmp_path / "s")
    since = ("ALTER TABLE blobs DROP COLUMN seal", "DROP INDEX grants_session", "DROP TABLE grants")
    for statement in (*since, f"PRAGMA user_version = {BEFORE_GRANTS}"):
        db.execute(statement)
    db.commit()
    db.close()
    with Store.open(tmp_path / "s") as store:
        assert store.grants() == []
        action = store.begin_action(ActionSpec(ActionKind.SHELL, {"line": "x"}), session=session, decision=None)
        id_ = store.grant(session, action, "rules")
        assert store.grants(session) == [Grant(id_, session, action, "rules")]
        store.withdraw_grant(id_)
        assert store.grants(session) == []
        assert store.check().ok
        assert [r.get("kind") for r in store.journal()][-2:] == ["grant", "grant"]
