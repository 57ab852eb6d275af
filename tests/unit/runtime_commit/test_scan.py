"""A directory that fits its mark is not looked up; whatever changes in it, or in what is known of it, is found."""

from __future__ import annotations

import os
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from agentsh.runtime import scan
from agentsh.runtime.snapshot import look_at, take_snapshot
from tests.crash.histories import random_world
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORLD = {
    b"a": trees.file(b"one"),
    b"d": trees.directory(),
    b"d/f": trees.file(b"two"),
    b"d/g": trees.file(b"three"),
    b"d/e": trees.directory(),
    b"d/e/x": trees.file(b"four"),
    b"d/empty": trees.directory(),
    b"d/l": trees.link(b"f"),
}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(scan, "TICK_NS", -1)  # what is kept counts at once
    with Scene(tmp_path, WORLD) as scene:
        take_snapshot(scene.store, scene.tree)
        yield scene


def manifest(scene: Scene) -> trees.World:
    """What the store has of the workspace now."""
    found: trees.World = {}
    for path, e in scene.store.manifest(scene.store.latest_snapshot() or "").items():
        body = e.target if e.target is not None else scene.store.read_blob(e.digest) if e.digest else b""
        kind = {"directory": "dir", "symlink": "link"}.get(e.type.value, e.type.value)
        found[path] = (kind, body, e.mode, e.xattrs)
    return found


def test_directories_that_fit_are_not_looked_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scene.store.latest_snapshot()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was looked up")

    for name in ("last_seen", "manifest", "signatures", "record_snapshot"):
        monkeypatch.setattr(scene.store, name, refuse)
    assert take_snapshot(scene.store, scene.tree).snapshot == before
    assert set(scene.store.listings()) == {b"", b"d", b"d/e", b"d/empty"}


def same_size_and_time(root: Path) -> None:
    st = (root / "d" / "f").stat()
    with (root / "d" / "f").open("r+b") as f:
        f.write(b"TWO")
    os.utime(root / "d" / "f", ns=(st.st_atime_ns, st.st_mtime_ns))


def another_inode(root: Path) -> None:
    st = (root / "d" / "f").stat()
    (root / "new").write_bytes(b"new")
    os.utime(root / "new", ns=(st.st_atime_ns, st.st_mtime_ns))
    (root / "new").rename(root / "d" / "f")


def swapped(root: Path) -> None:
    (root / "d" / "f").rename(root / "t")
    (root / "d" / "g").rename(root / "d" / "f")
    (root / "t").rename(root / "d" / "g")


def link_changed(root: Path) -> None:
    (root / "d" / "l").unlink()
    (root / "d" / "l").symlink_to("g")


def directory_to_file(root: Path) -> None:
    shutil.rmtree(root / "d" / "e")
    (root / "d" / "e").write_bytes(b"file")


def file_to_directory(root: Path) -> None:
    (root / "a").unlink()
    (root / "a").mkdir()
    (root / "a" / "b").write_bytes(b"b")


CHANGES: dict[str, Callable[[Path], object]] = {
    "same size and time": same_size_and_time,
    "another inode of the same time": another_inode,
    "two files swapped": swapped,
    "a link": link_changed,
    "a directory that becomes a file": directory_to_file,
    "a file that becomes a directory": file_to_directory,
    "a mode": lambda root: (root / "d" / "f").chmod(0o600),
    "a directory's mode": lambda root: (root / "d" / "empty").chmod(0o700),
    "a file deep down": lambda root: (root / "d" / "e" / "y").write_bytes(b"y"),
    "a file gone": lambda root: (root / "d" / "e" / "x").unlink(),
    "a directory gone": lambda root: shutil.rmtree(root / "d"),
    "an empty directory gone": lambda root: (root / "d" / "empty").rmdir(),
    "a directory renamed": lambda root: (root / "d").rename(root / "n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_found(scene: Scene, change: Callable[[Path], object]) -> None:
    change(scene.root)
    assert take_snapshot(scene.store, scene.tree).changed
    assert manifest(scene) == scene.world()
    assert take_snapshot(scene.store, scene.tree).changed == ()


def test_what_comes_back_as_it_was_is_found(scene: Scene) -> None:
    """A directory moved away and back has the entries that it had, to the nanosecond."""
    (scene.root / "d").rename(scene.root.parent / "d")
    look_at(scene.store, scene.tree, [b"d"])
    assert manifest(scene) == {b"a": WORLD[b"a"]}
    (scene.root.parent / "d").rename(scene.root / "d")
    take_snapshot(scene.store, scene.tree)
    assert manifest(scene) == WORLD


def test_a_look_at_one_path_takes_the_mark_away(scene: Scene) -> None:
    (scene.root / "d" / "f").write_bytes(b"new")
    look_at(scene.store, scene.tree, [b"d/f"])
    assert b"d" not in scene.store.listings()
    take_snapshot(scene.store, scene.tree)
    assert b"d" in scene.store.listings()


def test_a_commit_takes_the_marks_away(scene: Scene) -> None:
    scene.become({**WORLD, b"d/f": trees.file(b"new"), b"d/e/x": trees.file(b"new")})
    assert set(scene.store.listings()) == {b"", b"d/empty"}
    take_snapshot(scene.store, scene.tree)
    assert manifest(scene) == scene.world()


def test_a_fifo_has_no_state_and_its_directory_no_mark(scene: Scene) -> None:
    (scene.root / "d" / "f").unlink()
    os.mkfifo(scene.root / "d" / "f")
    for _ in range(2):
        assert take_snapshot(scene.store, scene.tree).special == (b"d/f",)
        assert b"d" not in scene.store.listings()
    assert b"d/f" not in manifest(scene)


def test_young_entries_prove_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "TICK_NS", 3600 * 10**9)
    with Scene(tmp_path, WORLD) as scene:
        take_snapshot(scene.store, scene.tree)
        assert set(scene.store.listings()) == {b"d/empty"}  # a new name in it would differ from none at any age


def test_deep_trees_need_few_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_MOST_OPEN", 3)
    path, world = b"", {}
    for n in range(40):
        path += b"/%d" % n if path else b"0"
        world[path] = trees.directory()
        world[path + b"/f"] = trees.file(b"%d" % n)
    with Scene(tmp_path, world) as scene:
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        take_snapshot(scene.store, scene.tree)
        assert manifest(scene) == world
        assert not before or len(os.listdir("/proc/self/fd")) == before


def test_random_edits_and_commits_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "TICK_NS", -1)
    for few in (0, 64):
        monkeypatch.setattr("agentsh.runtime.snapshot._FEW", few)
        chance = random.Random(few)  # noqa: S311 - repeatable, not secret
        with Scene(tmp_path / str(few), {}) as scene:
            for _ in range(60):
                if chance.random() < 0.4:
                    scene.become(random_world(chance, scene.world()))
                else:
                    new = random_world(chance, scene.world())
                    trees.clear(scene.root) if chance.random() < 0.2 else _edit(scene.root, scene.world(), new)
                if chance.random() < 0.7:
                    take_snapshot(scene.store, scene.tree)
                    assert manifest(scene) == scene.world()


def _edit(root: Path, old: trees.World, new: trees.World) -> None:  # noqa: C901 - one case after the other
    """What a person does who wants ``new``: only what differs is touched."""
    base = os.fsencode(root) + b"/"
    for path in sorted(old, reverse=True):
        if old[path][0] == "dir":
            os.chmod(base + path, 0o755)  # noqa: S103 - a scratch tree
        if path not in new or new[path][0] != old[path][0]:
            os.rmdir(base + path) if old[path][0] == "dir" else os.unlink(base + path)
    for path, (kind, body, mode, _) in sorted(new.items()):
        if old.get(path) == new[path] and kind != "dir":
            continue
        if kind == "dir":
            os.makedirs(base + path, exist_ok=True)
            continue
        if os.path.lexists(base + path):
            os.unlink(base + path)
        if kind == "link":
            os.symlink(body, base + path)
            continue
        with open(base + path, "wb") as f:
            f.write(body)
        os.chmod(base + path, mode)
    for path, (kind, _, mode, _) in sorted(new.items(), reverse=True):
        if kind == "dir":
            os.chmod(base + path, mode)
