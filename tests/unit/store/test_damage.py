"""A damaged store is told as such: no crash, no wrong content, nothing found good that is not."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import AgentshError, StoreDamaged
from agentsh.store import Store
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

WORLD: trees.World = {b"f%d" % n: trees.file(b"content %d\n" % n * n * 20) for n in range(40)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with Scene(tmp_path / "home", WORLD) as scene:
        action = scene.become({**WORLD, b"new": trees.file(b"new"), b"f3": trees.file(b"changed")})
        scene.revert(action)
        with scene.store._db.bare() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return scene.path


def everything(store: Store) -> dict[str, object]:
    """What a person relies on: what was asked, what it did, what landed, and every snapshot with its content."""
    found: dict[str, object] = {
        "actions": [(a.id, a.spec.kind, a.spec.arguments, a.changes.digest) for a in store.actions()],
        "commits": [(c.id, [(e.path, e.before, e.after) for e in c.effects]) for c in store.commits()],
        "log": [line.id for line in store.log()],
    }
    for snapshot in store.snapshots():
        manifest = store.manifest(snapshot.id)
        found[snapshot.id] = {p: (e, e.digest and store.read_blob(e.digest)) for p, e in manifest.items()}
    return found


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_are_found_or_do_not_matter(seed: int, file: Path, tmp_path: Path) -> None:
    good = file.read_bytes()
    with Store.open(file) as store:
        expected = everything(store)
        assert store.check().ok
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    found = 0
    for n in range(40):
        damaged = bytearray(good)
        damaged[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
        home = tmp_path / str(n)
        home.mkdir()
        (home / "store.db").write_bytes(damaged)
        try:
            with Store.open(home / "store.db") as store:
                report = store.check()
                assert report.ok == (not report.problems)
                if report.ok:
                    assert everything(store) == expected
                found += not report.ok
        except AgentshError:
            found += 1
        shutil.rmtree(home)
    assert found


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95])
def test_a_file_cut_short_is_found(keep: float, file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep)])
    try:
        with Store.open(file) as store:
            assert not store.check().ok
    except StoreDamaged:
        return


def test_check_names_the_paths_whose_content_is_damaged(file: Path) -> None:
    with Store.open(file) as store:
        digest = store.manifest("s1")[b"f30"].digest
        with store._db.write() as connection:
            connection.execute("UPDATE blobs SET data = zeroblob(length(data)) WHERE digest = ?", (digest,))
        assert [p for p in store.check().problems if "f30" in p]
        assert store.read_blob(store.manifest("s1")[b"f31"].digest or b"") == WORLD[b"f31"][1]
