"""Snapshots, collections, migrations and reverts killed anywhere; the end of the journal lost, or put back."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import StoreDamaged
from agentsh.core.faults import COMMIT_POINTS, GC_POINTS, HEAD_POINTS, MIGRATION_POINTS, SNAPSHOT_POINTS
from agentsh.runtime.recover import recover
from agentsh.runtime.snapshot import take_snapshot
from agentsh.store import Store
from agentsh.store.schema import MIGRATIONS
from tests.crash.killing import killed
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

OLD: trees.World = {
    b"a": trees.file(b"old\n" * 500),
    b"d": trees.directory(),
    b"d/b": trees.file(b"b", 0o600),
    b"link": trees.link(b"a"),
}
NEW: trees.World = {b"a": trees.file(b"new\n" * 500), b"d": trees.directory(), b"made": trees.file(b"m", 0o755)}


def sound(scene: Scene) -> None:
    assert recover(scene.store, scene.tree) == []
    assert scene.store.check().problems == ()


@pytest.mark.parametrize("point", SNAPSHOT_POINTS)
def test_a_snapshot_killed_at_every_passage_of(point: str, tmp_path: Path) -> None:
    world = OLD | {b"f%d" % n: trees.file(b"%d" % n) for n in range(450)}  # three batches
    nth = 0
    while True:
        nth += 1
        home = tmp_path / str(nth)
        Scene(home, world).close()

        def work(home: Path = home) -> None:
            with Scene(home) as scene:
                take_snapshot(scene.store, scene.tree)

        if not killed(f"{point}:{nth}", work):
            break
        with Scene(home) as scene:
            assert (scene.store.latest_snapshot() is None) == (point != "snapshot.recorded")
            sound(scene)
            scan = take_snapshot(scene.store, scene.tree)
            assert set(scene.store.manifest(scan.snapshot)) == set(world)
            sound(scene)
    assert nth > 1, f"{point} is never passed"


@pytest.mark.parametrize("point", GC_POINTS)
def test_a_collection_killed_at(point: str, tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        action = scene.become(NEW)
        unused = scene.store.put_bytes(b"nobody needs this" * 100_000)

    def work() -> None:
        with Scene(tmp_path) as scene:
            scene.store.gc()

    assert killed(point, work)
    with Scene(tmp_path) as scene:
        sound(scene)
        scene.store.gc()
        assert not scene.store.has_blob(unused)
        sound(scene)
        scene.revert(action)
        assert scene.world() == OLD


@pytest.mark.parametrize("point", [*COMMIT_POINTS, *HEAD_POINTS])
def test_a_revert_killed_at_every_passage_of(point: str, tmp_path: Path) -> None:
    nth = 0
    while True:
        nth += 1
        home = tmp_path / str(nth)
        with Scene(home, OLD) as scene:
            action = scene.become(NEW)

        def work(home: Path = home, action: str = action) -> None:
            with Scene(home) as scene:
                scene.revert(action)

        if not killed(f"{point}:{nth}", work):
            break
        with Scene(home) as scene:
            assert scene.store.end_problem() is None
            recover(scene.store, scene.tree)
            assert scene.world() in (OLD, NEW)
            sound(scene)
    assert nth > 1, f"{point} is never passed"


def downgrade(path: Path) -> None:
    """Make a store what the first format was."""
    db = sqlite3.connect(path, isolation_level=None)
    (first,) = (s for s in MIGRATIONS[0] if s.startswith("CREATE TABLE effects ("))
    db.execute("CREATE TABLE kept AS SELECT * FROM effects")
    db.execute("DROP TABLE effects")
    db.execute(first)
    names = ", ".join(row[1] for row in db.execute("PRAGMA table_info(effects)"))
    db.execute(f"INSERT INTO effects SELECT {names} FROM kept")  # noqa: S608 - our own names
    db.execute("DROP TABLE kept")
    db.execute("DROP TABLE requests")
    db.execute("DROP TABLE listings")
    db.execute("DROP TABLE grants")
    for column in ("states.xattrs", "commit_effects.before_xattrs", "commit_effects.after_xattrs", "blobs.seal"):
        db.execute("ALTER TABLE {} DROP COLUMN {}".format(*column.split(".")))
    db.execute("PRAGMA user_version = 1")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
    path.with_name("store.db-head").unlink()


@pytest.mark.parametrize("point", MIGRATION_POINTS)
@pytest.mark.parametrize("old", [False, True])
def test_a_migration_killed_at_every_passage_of(point: str, tmp_path: Path, *, old: bool) -> None:
    nth = 0
    while True:
        nth += 1
        home = tmp_path / str(nth)
        path = home / "data" / "store.db"
        action = None
        if old:
            with Scene(home, OLD) as scene:
                action = scene.become(NEW)
            downgrade(path)

        def work(path: Path = path) -> None:
            Store.open(path).close()

        if not killed(f"{point}:{nth}", work):
            break
        with Scene(home) as scene:
            assert scene.store.end_problem() is None
            sound(scene)
            if action is None:
                scene.become(NEW)
            else:
                scene.revert(action)
                assert scene.world() == OLD
            sound(scene)
    assert nth > 1 or (old and point == "migrate.before-statement"), f"{point} is never passed"


def test_an_older_copy_is_noticed_and_nothing_is_written_on_top(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        scene.become(NEW)
    shutil.copy(scene.path, tmp_path / "copy")
    with Scene(tmp_path) as scene:
        scene.become(OLD)
    shutil.copy(tmp_path / "copy", scene.path)
    with Scene(tmp_path) as scene:
        assert [p for p in scene.store.check().problems if "older than it was" in p]
        assert len(scene.store.actions()) == 1, "it can be read"
        with pytest.raises(StoreDamaged, match="older than it was"):
            scene.become(OLD)
        assert [p for p in scene.store.check().problems if "older than it was" in p], "and it is not forgotten"


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_store_that_is_gone_is_noticed_and_no_new_one_begun(tmp_path: Path, left: str) -> None:
    with Scene(tmp_path, OLD) as scene:
        scene.become(NEW)
    copy = scene.path.read_bytes()
    scene.path.unlink()
    if left != "nothing":
        scene.path.touch()
    for _ in range(2):
        with pytest.raises(StoreDamaged, match="gone or empty"):
            Store.open(scene.path)
    scene.path.write_bytes(copy)
    with Scene(tmp_path) as scene:
        sound(scene)
        assert len(scene.store.actions()) == 1
    scene.path.unlink()
    scene.path.with_name("store.db-head").unlink()
    with Scene(tmp_path) as scene:
        assert scene.store.actions() == []


def test_rows_of_the_log_that_a_disk_lost_are_noticed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, OLD)
    scene.become(NEW)
    wal = scene.path.with_name("store.db-wal")
    before = wal.read_bytes()
    scene.become(OLD)
    names = ("store.db", "store.db-head")
    other = tmp_path / "other"
    other.mkdir()
    for name in names:
        shutil.copy(scene.path.with_name(name), other / name)
    (other / "store.db-wal").write_bytes(before)
    scene.close()
    with Store.open(other / "store.db") as store:
        assert store.end_problem() is not None
        assert not store.check().ok


def test_a_head_that_is_missing_or_damaged_is_noticed(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        scene.become(NEW)
    head = scene.path.with_name("store.db-head")
    good = head.read_bytes()
    for damage in (None, b"", good[:700].replace(b"1", b"2"), b"\0" * len(good)):
        head.unlink(missing_ok=True)
        if damage is not None:
            head.write_bytes(damage)
        with Scene(tmp_path) as scene:
            assert not scene.store.check().ok
            with pytest.raises(StoreDamaged):
                scene.become(OLD)
    for torn in (0, 512):  # one slot was being written when the power went
        head.write_bytes(good[:torn] + b"\0" * 100 + good[torn + 100 :])
        with Scene(tmp_path) as scene:
            assert scene.store.check().ok


def test_the_export_proves_itself_by_the_documented_rule(tmp_path: Path) -> None:
    """What docs/store.md tells an outsider, done here without a line of agentsh."""

    def verify(lines: list[str]) -> bool:
        first, *rows = (json.loads(line) for line in lines)
        previous, expected = bytes.fromhex(first["start"]), 1
        for row in rows:
            h = hashlib.sha256(previous)
            for part in (row["seq"], row["at"], row["kind"], row["subject"], row["data"]):
                raw = str(part).encode()
                h.update(len(raw).to_bytes(8, "big") + raw)
            if row["seq"] != expected or h.hexdigest() != row["hash"]:
                return False
            previous, expected = h.digest(), expected + 1
        return True

    with Scene(tmp_path, OLD) as scene:
        scene.become(NEW)
        lines = [json.dumps(row) for row in scene.store.journal()]
    assert len(lines) > 4
    assert verify(lines)
    assert not verify([*lines[:2], *lines[3:]])
    assert not verify([*lines[:3], lines[3].replace('"kind": "', '"kind": "x'), *lines[4:]])


@pytest.mark.parametrize(
    "statement", ["UPDATE journal SET data = ''", "DELETE FROM journal", "DELETE FROM journal WHERE seq = 2"]
)
def test_the_journal_refuses_to_be_rewritten(statement: str, tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        scene.become(NEW)
        with pytest.raises(StoreDamaged), scene.store._db.write() as connection:
            connection.execute(statement)
        assert scene.store.check().ok
