"""A page with one wrong bit in its structure is put right, or left alone; never made into something else."""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
from pathlib import Path

import pytest

from agentsh.store import Store
from agentsh.store.pages import SIZE, mend_pages, mended_page
from agentsh.store.repair import repair
from tests.unit.store.test_repair import WORLD
from tests.worlds import trees
from tests.worlds.scene import Scene


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store's file with pages of every kind, some of them with free space in between."""
    home = tmp_path_factory.mktemp("pages")
    with Scene(home, WORLD) as scene:
        for n in range(12):
            scene.become({**WORLD, b"n%d" % (n % 3): trees.file(os.urandom(3000 * n)), b"f3": trees.file(b"%d\n" % n)})
        scene.store.gc()
        with scene.store._db.bare() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return scene.path.read_bytes()


def numbered(content: bytes, which: str) -> list[int]:
    """The numbers of some pages."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "store.db"
        path.write_bytes(content)
        db = sqlite3.connect(path)
        found = [n for (n,) in db.execute(f"SELECT pageno FROM dbstat WHERE {which}")]  # noqa: S608 - of this module
        db.close()
        return found


def pages(content: bytes) -> dict[int, bytes]:
    """The pages of tables and indexes, by where their header starts in the file."""
    numbers = numbered(content, "pagetype IN ('leaf', 'internal')")
    return {(n - 1) * SIZE: content[(n - 1) * SIZE : n * SIZE] for n in numbers}


def test_sound_pages_are_left_alone(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(content)
    assert mend_pages(tmp_path / "f") == 0
    assert (tmp_path / "f").read_bytes() == content
    assert len(pages(content)) > 20


def test_every_bit_of_what_kind_a_page_is_and_what_it_holds_is_put_right(content: bytes) -> None:
    for at, page in pages(content).items():
        start = 100 if at == 0 else 0
        for byte in (0, 3, 4, 5, 6):
            for bit in (0, 2, 5, 7):
                damaged = bytearray(page)
                damaged[start + byte] ^= 1 << bit
                mended = mended_page(bytes(damaged), start)
                assert mended in (page, None), (at, byte, bit)
                # Where the content starts can also be told from what is left over: then either may be the wrong one.
                assert mended is not None or byte > 4, (at, byte, bit)


def test_a_bit_anywhere_never_makes_another_page_of_it(content: bytes) -> None:
    chance = random.Random(7)  # noqa: S311 - repeatable, not secret
    every = pages(content)
    right = 0
    for _ in range(400):
        at = chance.choice(sorted(every))
        where = chance.randrange(100 if at == 0 else 0, 120)
        damaged = bytearray(every[at])
        damaged[where] ^= 1 << chance.randrange(8)
        mended = mended_page(bytes(damaged), 100 if at == 0 else 0)
        assert mended in (every[at], None)
        right += mended is not None
    assert right > 100


@pytest.mark.parametrize("table", ["paths", "states", "snapshots", "blobs", "effects"])
def test_a_repair_loses_nothing_to_a_page_that_SQLite_refuses(table: str, content: bytes, tmp_path: Path) -> None:  # noqa: N802
    page = numbered(content, f"name = '{table}' AND pagetype = 'leaf'")[0]
    damaged = bytearray(content)
    damaged[(page - 1) * SIZE] ^= 0x10
    (tmp_path / "store.db").write_bytes(content)
    with Store.open(tmp_path / "store.db") as store:
        last = store.latest_snapshot() or ""
        expected = store.manifest(last), [store.action(a.id).changes.digest for a in store.actions()]
    (tmp_path / "store.db").write_bytes(damaged)

    report = repair(tmp_path / "store.db", lambda _: None)
    assert not report.missing
    with Store.open(tmp_path / "store.db") as store:
        assert store.check().problems == ()
        assert (store.manifest(last), [store.action(a.id).changes.digest for a in store.actions()]) == expected
        told = [row for row in store.journal() if row.get("kind") == "repair"]
        assert '"pages":1' in str(told[0]["data"]).replace(" ", "")
