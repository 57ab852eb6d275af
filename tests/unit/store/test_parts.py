"""Effects in parts: how an older store comes to them, and what an answer to one part leaves alone."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus
from agentsh.core.effect import EffectState, FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.store import Store
from agentsh.store.schema import APPLICATION_ID, MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

SPEC = ActionSpec(ActionKind.SHELL, {"line": "x"})


def test_a_store_of_the_first_format_keeps_its_effects(tmp_path: Path) -> None:
    with Store.open(tmp_path / "new") as store:
        entry = Entry(EntryType.FILE, 0o644, 3, store.put_bytes(b"abc"), mtime_ns=7)
        action = store.begin_action(SPEC)
        effects = [FileEffect(b"a\xff", None, entry), FileEffect(b"b", entry, None, state=EffectState.APPROVED)]
        store.finish_action(action, status=ActionStatus.PENDING, changes=change_set(effects))
        expected = store.action(action)
        with store._db.read() as connection:
            first = sqlite3.connect(":memory:")
            for statement in MIGRATIONS[0]:
                first.execute(statement)
            rows = {}
            for table in ("blobs", "paths", "actions", "journal", "effects"):
                old_names = {r[1] for r in first.execute(f"PRAGMA table_info({table})")}
                names = [r[1] for r in connection.execute(f"PRAGMA table_info({table})") if r[1] in old_names]
                rows[table] = connection.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()  # noqa: S608
            first.close()
    old = sqlite3.connect(tmp_path / "old", isolation_level=None)
    for statement in MIGRATIONS[0]:
        old.execute(statement)
    for table, found in rows.items():
        old.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(found[0]))})", found)  # noqa: S608
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.execute("PRAGMA user_version = 1")
    old.close()
    with Store.open(tmp_path / "old") as store:
        assert store.action(action) == expected
        assert store.check().problems == ()


def test_a_part_that_landed_is_not_moved_by_a_later_answer(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        one, two, three = (Entry(EntryType.FILE, 0o644, 1, store.put_bytes(c)) for c in (b"1", b"2", b"3"))
        action = store.begin_action(SPEC)
        store.finish_action(action, status=ActionStatus.PENDING, changes=change_set([FileEffect(b"p", one, three)]))
        parts = change_set([FileEffect(b"p", one, two), FileEffect(b"p", two, three, part=1)])
        store.split_changes(action, parts)
        store.approve(action, change_set_digest=parts.digest, paths=[b"p"], parts={b"p": 0})
        assert [e.state.value for e in store.action(action).changes] == ["approved", "pending"]
        commit = store.begin_commit("commit", [action], [parts.effects[0]])
        store.end_commit(commit, "done")
        store.set_effect_states(action, [b"p"], EffectState.REJECTED)
        assert [e.state.value for e in store.action(action).changes] == ["committed", "rejected"]
        landed, rest = store.action(action).changes
        store.split_changes(action, change_set([landed, replace(rest, part=2)]))
        assert [landing.effect.part for landing in store.landings([action])] == [0]
        assert store.check().problems == ()
