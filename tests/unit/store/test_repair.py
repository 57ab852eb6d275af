"""A damaged store is repaired: what was good stays, what is wrong never passes for good, and the original is kept."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from agentsh.core.errors import AgentshError, StoreDamaged
from agentsh.core.faults import REPAIR_POINTS
from agentsh.runtime.snapshot import take_snapshot
from agentsh.store import Store
from agentsh.store.repair import repair
from tests.crash.killing import killed
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLIPS = int(os.environ.get("AGENTSH_FLIPS", "40"))
"""Bits flipped, one at a time; more by hand."""

WORLD: trees.World = {b"f%d" % n: trees.file(b"content %d\n" % n * n * 20) for n in range(30)} | {
    b"d%d" % n: trees.directory() for n in range(5)
}


def nothing(_: bytes) -> None:
    return None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a store of some history, all of it in one file."""
    home = tmp_path_factory.mktemp("made")
    with Scene(home, WORLD) as scene:
        for n in range(8):
            scene.become({**WORLD, b"new": trees.file(b"new %d" % n), b"f3": trees.file(b"changed %d\n" % n * 400)})
        scene.revert("a8")
        session = scene.store.start_session("task", "model", "review")
        scene.store.add_message(session, {"role": "user", "content": "words"})
        with scene.store._db.bare() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return home


def contents(store: Store) -> dict[str, Any]:
    """Whatever a person can ask for, piece by piece; what cannot be had is not in it."""
    found: dict[str, Any] = {}

    def ask(name: str, question: Callable[[], Any]) -> None:
        try:
            found[name] = question()
        except AgentshError:
            return

    for n in range(1, 20):
        ask(f"a{n}", lambda n=n: _action(store, f"a{n}"))
        ask(f"c{n}", lambda n=n: [(e.path, e.before, e.after) for e in store.commit(f"c{n}").effects])
        ask(f"s{n}", lambda n=n: dict(store.manifest(f"s{n}")))
    for snapshot in [s for s in found if s.startswith("s")]:
        for path, entry in found[snapshot].items():
            if entry.digest:
                ask(f"{snapshot}:{path!r}", lambda entry=entry: store.read_blob(entry.digest))
    return found


def _action(store: Store, id_: str) -> Any:
    action = store.action(id_)
    return action.spec.kind, dict(action.spec.arguments), action.status, action.changes.digest


def test_each_flipped_bit_is_found_and_repaired_and_nothing_good_is_lost(made: Path, tmp_path: Path) -> None:
    path = made / "data" / "store.db"
    good = path.read_bytes()
    with Store.open(path) as store:
        assert store.check().ok
        expected = contents(store)
    used = len(good)
    chance = random.Random(f"flips {FLIPS}")  # noqa: S311 - repeatable, not secret
    told: Counter[str] = Counter()
    lost: Counter[int] = Counter()
    for n in range(FLIPS):
        at, bit = chance.randrange(used), chance.randrange(8)
        home = tmp_path / str(n)
        home.mkdir()
        damaged = bytearray(good)
        damaged[at] ^= 1 << bit
        (home / "store.db").write_bytes(damaged)
        shutil.copy(path.with_name("store.db-head"), home / "store.db-head")
        where = f"byte {at} bit {bit}"
        problems = _check(home / "store.db")
        if not problems:
            told["of no consequence"] += 1
            with Store.open(home / "store.db") as store:
                assert contents(store) == expected, where
        else:
            told["found"] += 1
            report = repair(home / "store.db", nothing)
            with Store.open(home / "store.db") as store:
                assert store.check().problems == (), where
                have = contents(store)
                store.log()
                store.actions()
                store.start_session("it can be written", "m", "p")
            suspect = {*report.unproved}
            for name, value in have.items():
                if name.partition(":")[0] not in suspect and not _after(name, suspect):
                    assert value == expected[name], (where, name, report)
            missing = {name for name in expected if name not in have}
            lost[len(missing)] += 1
            if report.aside:
                assert (home / report.aside).read_bytes() == bytes(damaged), where
            else:
                told["in place"] += 1
        shutil.rmtree(home)
    assert told["found"]
    print(f"\n{FLIPS} flips: {dict(told)}; answers lost of {len(expected)}: {sorted(lost.items())}")  # noqa: T201


def _after(name: str, suspect: set[str]) -> bool:
    """A manifest builds on the snapshots before it."""
    snapshots = [int(s[1:]) for s in suspect if s.startswith("s")]
    return name.startswith("s") and bool(snapshots) and int(name[1:].partition(":")[0]) >= min(snapshots)


def _check(path: Path) -> tuple[str, ...]:
    try:
        with Store.open(path) as store:
            return store.check().problems
    except StoreDamaged as e:
        return (e.what,)
    except AgentshError as e:  # a version that seems newer, a file that seems something else
        return (e.what,)


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "data", tmp_path / "data")
    return tmp_path / "data" / "store.db"


def zero(path: Path, pages: list[int]) -> None:
    with path.open("r+b") as f:
        for page in pages:
            f.seek(page * 4096)
            f.write(bytes(4096))


def test_a_damaged_content_is_taken_from_the_workspace(home: Path) -> None:
    with Store.open(home) as store:
        digest = store.manifest("s1")[b"f20"].digest
        with store._db.write() as connection:
            connection.execute("UPDATE blobs SET data = zeroblob(length(data)) WHERE digest = ?", (digest,))
        report = store.check()
        assert report.paths == (b"f20",)
        assert report.affected == ("s1",)
    done = repair(home, lambda path: WORLD[path][1] if path == b"f20" else None)
    assert (done.found, done.lost) == (1, 0)
    with Store.open(home) as store:
        assert store.check().ok
        assert store.read_blob(digest or b"") == WORLD[b"f20"][1]


def test_a_content_that_is_given_up_says_so_and_comes_back_when_it_is_seen_again(home: Path) -> None:
    with Store.open(home) as store:
        digest = store.manifest("s1")[b"f20"].digest or b""
        with store._db.write() as connection:
            connection.execute("UPDATE blobs SET data = zeroblob(length(data)) WHERE digest = ?", (digest,))
    assert repair(home, lambda _: b"something else").lost == 1
    with Store.open(home) as store:
        report = store.check()
        assert report.ok
        assert report.given_up == 1
        with pytest.raises(StoreDamaged, match="given up"):
            store.read_blob(digest)
        assert not store.has_blob(digest)
        assert store.put_bytes(WORLD[b"f20"][1]) == digest
        assert store.read_blob(digest) == WORLD[b"f20"][1]
        assert store.check().given_up == 0


@pytest.mark.parametrize("pages", [[0], [1], [0, 23, 24], [2, 3, 4], [10, 11, 12, 13]])
def test_whole_pages_that_are_gone(pages: list[int], home: Path) -> None:
    with Store.open(home) as store:
        expected = contents(store)
        with store._db.bare() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    zero(home, pages)
    assert _check(home)
    report = repair(home, nothing)
    with Store.open(home) as store:
        assert store.check().problems == ()
        have = contents(store)
        if pages in ([0], [1]):
            assert have == expected, report


def test_an_older_copy_is_gone_on_from_once_the_person_says_so(home: Path, tmp_path: Path) -> None:
    shutil.copy(home, tmp_path / "old")
    with Store.open(home) as store:
        store.start_session("later", "m", "p")
    shutil.copy(tmp_path / "old", home)
    with Store.open(home) as store:
        problems = store.check().problems
        assert len(problems) == 1
    assert repair(home, nothing, end=problems[0]).aside == ""
    assert not list(home.parent.glob("*damaged*")), "nothing was made anew"
    with Store.open(home) as store:
        assert store.check().ok
        store.start_session("goes on", "m", "p")
        told = [row for row in store.journal() if row.get("kind") == "repair"]
        assert "older than it was" in str(told[0]["data"])
        assert store.log()[-2].status == "repaired"


def test_a_file_that_is_no_database_at_all_is_kept_and_told(home: Path) -> None:
    home.write_bytes(b"x" * 100)
    with pytest.raises(StoreDamaged, match="Nothing can be read"):
        repair(home, nothing)
    assert home.with_name("store.db.damaged-1").read_bytes() == b"x" * 100


def test_rows_that_were_altered_in_the_journal_are_not_taken_over(home: Path) -> None:
    db = sqlite3.connect(home)
    db.executescript("DROP TRIGGER journal_no_update; UPDATE journal SET data = '{\"forged\":1}' WHERE seq = 5;")
    db.executescript("CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'x'); END;")
    (rows,) = db.execute("SELECT count(*) FROM journal").fetchone()
    db.close()
    repair(home, nothing)
    with Store.open(home) as store:
        assert store.check().ok
        journal = list(store.journal())
        assert len(journal) == 1 + rows - 1 + 1, "the head line, one row less, and the repair's own"
        assert not [row for row in journal if "forged" in str(row.get("data"))]


def test_a_bit_that_makes_bytes_of_text_is_found_and_repaired(home: Path) -> None:
    """In a row of the journal: kind 'proposal', then a subject of two characters, as text and as bytes."""
    content = home.read_bytes()
    at = content.index(b"\0\x06\x1d\x11")
    home.write_bytes(content[: at + 3] + b"\x10" + content[at + 4 :])
    with Store.open(home) as store:
        assert any("was altered" in p for p in store.check().problems)
    repair(home, nothing)
    with Store.open(home) as store:
        assert store.check().problems == ()
        store.log()


@pytest.mark.parametrize("point", REPAIR_POINTS)
def test_a_repair_killed_at(point: str, home: Path) -> None:
    with Store.open(home) as store:
        expected = contents(store)
    zero(home, [0])
    damaged = home.read_bytes()
    assert killed(point, lambda: repair(home, nothing))
    if point not in ("repair.copied", "repair.done"):
        with pytest.raises(StoreDamaged, match="cut short"):
            Store.open(home)
    if point != "repair.done":
        repair(home, nothing)
    with Store.open(home) as store:
        assert store.check().ok
        assert contents(store) == expected
    copies = [p for p in home.parent.iterdir() if ".damaged-" in p.name and not p.name.endswith("-head")]
    assert damaged in [p.read_bytes() for p in copies]
    assert not [p.name for p in home.parent.iterdir() if "-repair" in p.name]


@pytest.mark.parametrize("place", [60, 68], ids=["user_version", "application_id"])
@pytest.mark.parametrize("bit", range(32))
def test_a_flipped_bit_in_the_header_locks_nobody_out(place: int, bit: int, home: Path) -> None:
    content = bytearray(home.read_bytes())
    content[place + bit // 8] ^= 1 << bit % 8
    home.write_bytes(content)
    with pytest.raises(StoreDamaged, match="header"):
        Store.open(home)
    report = repair(home, nothing)
    assert (report.aside, report.unproved, report.missing) == ("", (), ())
    with Store.open(home) as store:
        assert store.check().problems == ()
        assert len(store.actions()) == 9
        assert store.log()[-1].status == "repaired"
        store.start_session("goes on", "m", "p")


def test_a_header_without_either_number_is_no_empty_file(home: Path) -> None:
    content = bytearray(home.read_bytes())
    content[60:64] = content[68:72] = bytes(4)
    home.write_bytes(content)
    with pytest.raises(StoreDamaged, match="header"):
        Store.open(home)
    repair(home, nothing)
    with Store.open(home) as store:
        assert store.check().problems == ()


def test_a_damaged_header_and_a_damaged_content_are_made_anew(home: Path) -> None:
    with Store.open(home) as store:
        digest = store.manifest("s1")[b"f20"].digest
        with store._db.write() as connection:
            connection.execute("UPDATE blobs SET data = zeroblob(length(data)) WHERE digest = ?", (digest,))
        with store._db.bare() as connection:
            connection.execute("PRAGMA user_version = 77")
    report = repair(home, nothing)
    assert (report.aside, report.lost) == ("store.db.damaged-1", 1)
    with Store.open(home) as store:
        assert store.check().problems == ()


@pytest.mark.parametrize("point", ["store.committed", "head.before-rename"])
def test_a_repair_in_place_killed_at(point: str, home: Path, tmp_path: Path) -> None:
    shutil.copy(home, tmp_path / "old")
    with Store.open(home) as store:
        for n in range(3):
            store.start_session(f"later {n}", "m", "p")
    shutil.copy(tmp_path / "old", home)
    assert killed(point, lambda: repair(home, nothing))
    with Store.open(home) as store:
        assert len(store.check().problems) == 1, "what was lost is not forgotten"
        with pytest.raises(StoreDamaged):
            store.start_session("on top", "m", "p")
    assert repair(home, nothing).aside == ""
    with Store.open(home) as store:
        assert store.check().problems == ()


def test_a_repair_of_the_header_killed(home: Path) -> None:
    content = bytearray(home.read_bytes())
    content[60] ^= 0x40
    home.write_bytes(content)
    assert killed("store.committed", lambda: repair(home, nothing))
    repair(home, nothing)
    with Store.open(home) as store:
        assert store.check().problems == ()


def test_a_store_of_which_nothing_can_be_read_is_told_as_that_each_time(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"a": trees.file(b"a")}) as scene:
        take_snapshot(scene.store, scene.tree)
    scene.path.write_bytes(os.urandom(8192))
    for n in (1, 2):
        with pytest.raises(StoreDamaged, match=f"Nothing can be read.*damaged-{n}"):
            repair(scene.path, lambda _: None)
    scene.path.write_bytes(b"")
    with pytest.raises(StoreDamaged, match="nothing to repair"):
        repair(scene.path, lambda _: None)
    assert not scene.path.with_name("store.db.damaged-3").exists()
    scene.path.unlink()
    scene.path.with_name("store.db-head").unlink()
    with Scene(tmp_path) as scene:
        assert scene.store.check().ok
