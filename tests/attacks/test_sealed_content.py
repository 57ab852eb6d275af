"""Files whose content is encrypted in the store: nowhere to be read there, and undone like any other."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from zstandard import ZstdDecompressor, ZstdError

from agentsh.core.errors import SealedError
from agentsh.core.faults import SEAL_POINTS
from agentsh.core.limits import Keep
from agentsh.core.tree import Tree
from agentsh.policy import sealed
from agentsh.runtime.capture import capture
from agentsh.runtime.restore import plan_restore
from agentsh.runtime.sealing import KeyringKeys
from agentsh.runtime.snapshot import take_snapshot
from agentsh.secrets import Keychain
from agentsh.store import Seals, Store
from agentsh.store.packing import PIECE, digest_of
from agentsh.store.repair import repair
from tests.crash.killing import killed
from tests.unit.secrets.test_keychain import MemoryKeyring
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK = b"hunter2-in-the-clear"
SMALL = b"TOKEN=" + MARK + b"\n"
OLD = (b"TOKEN=" + MARK + b"\n") * 300
NEW = b"OTHER=" + MARK + b"\n" + os.urandom(3000).hex().encode()
FRAME = b"\x28\xb5\x2f\xfd"
KEEP = Keep(seal_secret_like=True, seal=("*.key",))


def in_the_clear(directory: Path) -> list[str]:
    """The files of a store in which the mark can be read, packed or not."""
    found = []
    for path in directory.rglob("*"):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        texts = [raw]
        at = raw.find(FRAME)
        while at >= 0:
            with suppress(ZstdError):  # four bytes may only look like the start of a frame
                texts.append(ZstdDecompressor().decompressobj().decompress(raw[at:]))
            at = raw.find(FRAME, at + 1)
        if any(MARK in t for t in texts):
            found.append(path.name)
    return found


@pytest.fixture
def ring() -> MemoryKeyring:
    return MemoryKeyring()


@pytest.fixture
def keys(tmp_path: Path, ring: MemoryKeyring) -> KeyringKeys:
    return KeyringKeys(tmp_path, Keychain(ring))


def opened(tmp_path: Path, keys: KeyringKeys, keep: Keep = KEEP, world: trees.World | None = None) -> Scene:
    scene = Scene(tmp_path, world)
    scene.store.seals = Seals(keys, "place", sealed(keep))
    return scene


WORLD = {
    b".env": trees.file(OLD),
    b"small.key": trees.file(SMALL),
    b"empty.key": trees.file(b""),
    b"big.key": trees.file(os.urandom(PIECE) + MARK + bytes(2 * PIECE)),
    b"f": trees.file(b"f" * 300),
}


@pytest.fixture
def scene(tmp_path: Path, keys: KeyringKeys) -> Iterator[Scene]:
    with opened(tmp_path, keys, world=WORLD) as scene:
        yield scene


def change(scene: Scene, tmp_path: Path, path: bytes, content: bytes) -> str:
    """Change a file as an action does, by way of a staged tree."""
    staged = tmp_path / "staged"
    staged.mkdir(exist_ok=True)
    (staged / os.fsdecode(path)).write_bytes(content)
    with Tree(staged) as view:
        changes = capture(
            [path],
            staged=view,
            workspace=scene.tree,
            pending={},
            store=scene.store,
            started_ns=1 << 62,
            most_bytes=1 << 30,
        )
    return scene.commit(changes.effects)[0]


def test_no_word_of_it_is_in_the_files_whatever_is_done(scene: Scene, tmp_path: Path) -> None:
    take_snapshot(scene.store, scene.tree)
    before = scene.world()
    assert in_the_clear(scene.path.parent) == []
    action = change(scene, tmp_path, b".env", NEW)
    after = scene.world()
    assert after[b".env"][1] == NEW
    scene.revert(action)
    assert scene.world()[b".env"] == before[b".env"]
    change(scene, tmp_path, b"big.key", MARK * 1000)
    effects = plan_restore(scene.store, scene.tree, "s1")
    scene.commit(effects, kind="restore")
    assert scene.world() == before
    assert scene.store.check().problems == ()
    assert in_the_clear(scene.path.parent) == []
    scene.store.gc(Keep(snapshots=1))
    assert in_the_clear(scene.path.parent) == []
    assert scene.store.check().problems == ()


@pytest.mark.parametrize("name", [b".env", b"small.key", b"big.key"])
def test_the_search_finds_each_kind_of_content(tmp_path: Path, keys: KeyringKeys, name: bytes) -> None:
    with opened(tmp_path, keys, Keep(), {name: WORLD[name]}) as scene:
        take_snapshot(scene.store, scene.tree)
        assert in_the_clear(scene.path.parent)


@pytest.mark.parametrize("name", [b".env", b"small.key", b"big.key"])
def test_what_was_kept_before_is_sealed_and_not_left_behind(tmp_path: Path, keys: KeyringKeys, name: bytes) -> None:
    with opened(tmp_path, keys, Keep(), {name: WORLD[name], b"f": WORLD[b"f"]}) as scene:
        take_snapshot(scene.store, scene.tree)
        digest = scene.store.manifest("s1")[name].digest or b""
        assert in_the_clear(scene.path.parent)
    with opened(tmp_path, keys) as scene:
        scene.store.ready_to_seal()
        scene.store.finish_sealing()
        assert in_the_clear(scene.path.parent) == []
        assert scene.store.read_blob(digest) == WORLD[name][1]
        assert scene.store.check().problems == ()
    assert in_the_clear(scene.path.parent) == []
    assert not list(scene.path.parent.glob("*-unsealed"))


def test_content_that_comes_under_a_sealed_name_is_sealed_from_then_on(scene: Scene, tmp_path: Path) -> None:
    (scene.root / "notes").write_bytes(OLD + b"x")
    take_snapshot(scene.store, scene.tree)
    assert in_the_clear(scene.path.parent)
    change(scene, tmp_path, b"b.key", OLD + b"x")
    scene.store.finish_sealing()
    assert in_the_clear(scene.path.parent) == []
    assert scene.store.read_blob(digest_of(OLD + b"x")) == OLD + b"x"


def test_a_sealing_that_was_cut_short_is_finished_by_the_next_turn(tmp_path: Path, keys: KeyringKeys) -> None:
    with opened(tmp_path, keys, Keep(), {b".env": WORLD[b".env"]}) as scene:
        take_snapshot(scene.store, scene.tree)
    with opened(tmp_path, keys) as scene:
        scene.store.ready_to_seal()
    with opened(tmp_path, keys) as scene:
        scene.store.ready_to_seal()
        scene.store.finish_sealing()
    assert in_the_clear(scene.path.parent) == []


@pytest.mark.parametrize("point", SEAL_POINTS)
def test_a_sealing_killed_at_its_end_leaves_nothing_in_the_clear(tmp_path: Path, keys: KeyringKeys, point: str) -> None:
    keys("place", make=True)  # of this process: one that a child makes would be gone with it
    with opened(tmp_path, keys, Keep(), {b".env": WORLD[b".env"]}) as scene:
        take_snapshot(scene.store, scene.tree)

    def work() -> None:
        with opened(tmp_path, keys) as scene:
            scene.store.ready_to_seal()
            scene.store.finish_sealing()

    assert killed(point, work)
    assert in_the_clear(scene.path.parent), "it was killed too late"
    with opened(tmp_path, keys) as scene:
        assert scene.store.end_problem() is None
        assert scene.store.check().problems == ()
        assert scene.store.read_blob(digest_of(OLD)) == OLD
        scene.store.finish_sealing()
    assert in_the_clear(scene.path.parent) == []


def test_without_the_key_it_is_whole_and_cannot_be_read(scene: Scene, tmp_path: Path) -> None:
    take_snapshot(scene.store, scene.tree)
    digest = scene.store.manifest("s1")[b".env"].digest or b""
    lost = KeyringKeys(tmp_path, Keychain(MemoryKeyring()))
    scene.store.seals = Seals(lost, "place", sealed(KEEP))
    with pytest.raises(SealedError, match="no key"):
        scene.store.read_blob(digest)
    with pytest.raises(SealedError, match="no key"):
        scene.store.require_blob(digest)
    with pytest.raises(SealedError, match="no key"):
        scene.store.put_bytes(b"new", path=b"a.key")
    report = scene.store.check()
    assert report.ok
    assert report.locked == 3
    other = KeyringKeys(tmp_path, Keychain(MemoryKeyring()))
    other("place", make=True)
    scene.store.seals = Seals(other, "place")
    with pytest.raises(SealedError, match="not the one"):
        scene.store.read_blob(digest)


def test_a_store_that_moved_goes_on_with_its_key(scene: Scene, keys: KeyringKeys) -> None:
    take_snapshot(scene.store, scene.tree)
    scene.store.close()
    with Store.open(scene.path) as store:
        store.seals = Seals(keys, "elsewhere", sealed(KEEP))
        assert store.read_blob(store.put_bytes(b"new words", path=b"a.key")) == b"new words"
    assert keys("place", make=False)
    with pytest.raises(SealedError):
        keys("elsewhere", make=False)


@pytest.mark.parametrize("with_key", [True, False], ids=["key", "no key"])
@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        ("UPDATE blobs SET size = (size | 64) - (size & 64) WHERE digest = ?", False),
        ("UPDATE blobs SET codec = 1 - codec WHERE digest = ?", False),
        ("UPDATE blobs SET data = CAST(x'00' || substr(data, 2) AS BLOB) WHERE digest = ?", True),
    ],
    ids=["size", "codec", "data"],
)
def test_damage_is_found_and_repaired_with_and_without_the_key(
    scene: Scene, tmp_path: Path, damage: str, lost: bool, with_key: bool
) -> None:
    take_snapshot(scene.store, scene.tree)
    digest = scene.store.manifest("s1")[b".env"].digest or b""
    with scene.store._db.write() as connection:
        connection.execute(damage, (digest,))
    real = scene.store.seals
    if not with_key:
        scene.store.seals = Seals(KeyringKeys(tmp_path, Keychain(MemoryKeyring())), "place")
    seals = scene.store.seals
    report = scene.store.check()
    assert not report.ok
    assert b".env" in report.paths
    scene.store.close()
    repaired = repair(scene.path, lambda _: None, seals=seals)
    assert repaired.lost == lost
    with Store.open(scene.path) as store:
        store.seals = real
        assert store.check().problems == ()
        if not lost:
            assert store.read_blob(digest) == OLD
    assert in_the_clear(scene.path.parent) == []


def test_a_repair_takes_it_from_the_workspace_and_seals_it_again(scene: Scene) -> None:
    take_snapshot(scene.store, scene.tree)
    digest = scene.store.manifest("s1")[b".env"].digest or b""
    with scene.store._db.write() as connection:
        connection.execute("UPDATE blobs SET data = CAST(x'00' || substr(data, 2) AS BLOB) WHERE digest = ?", (digest,))
    seals = scene.store.seals
    scene.store.close()
    assert repair(scene.path, lambda _: OLD, seals=seals).found == 1
    with Store.open(scene.path) as store:
        store.seals = seals
        assert store.read_blob(digest) == OLD
    assert in_the_clear(scene.path.parent) == []


def test_a_name_of_a_key_leads_to_no_other_entry(tmp_path: Path, ring: MemoryKeyring) -> None:
    keychain = Keychain(ring)
    keychain.set("TOKEN", "ab" * 32)
    for name in ("../TOKEN", "TOKEN", "agentsh:names", "a b", ""):
        with pytest.raises(SealedError):
            KeyringKeys(tmp_path, keychain)(name, make=False)
    keys = KeyringKeys(tmp_path, keychain)
    assert keys("place", make=True) == KeyringKeys(tmp_path, keychain)("place", make=True)
    assert keychain.names() == ("TOKEN",)
