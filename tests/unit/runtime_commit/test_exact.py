"""What comes back is what was there: times, holes, nested repositories; what cannot be kept is named and left alone."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from agentsh.core.effect import FileEffect
from agentsh.runtime.restore import plan_restore
from agentsh.runtime.snapshot import take_snapshot
from tests.worlds import trees
from tests.worlds.scene import Scene, entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIME = 1_600_000_000_123_456_789


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path, {}) as scene:
        yield scene


def restore(scene: Scene, snapshot: str) -> None:
    scene.commit(plan_restore(scene.store, scene.tree, snapshot), kind="restore")


def test_times_of_files_directories_and_links_come_back(scene: Scene) -> None:
    root = scene.root
    (root / "d").mkdir()
    (root / "d" / "f").write_bytes(b"f")
    (root / "link").symlink_to("d/f")
    times = {"d/f": TIME, "link": TIME + 7, "d": TIME + 11}
    for name, ns in times.items():
        os.utime(root / name, ns=(TIME, ns), follow_symlinks=False)
    snapshot = take_snapshot(scene.store, scene.tree).snapshot
    trees.clear(root)
    restore(scene, snapshot)
    assert {name: os.lstat(root / name).st_mtime_ns for name in times} == times


def test_a_revert_brings_back_the_old_time_so_that_a_build_sees_nothing_new(scene: Scene) -> None:
    (scene.root / "f").write_bytes(b"old")
    os.utime(scene.root / "f", ns=(TIME, TIME))
    before = scene.store.manifest(take_snapshot(scene.store, scene.tree).snapshot)[b"f"]
    action, _ = scene.commit([FileEffect(b"f", before, entry(scene.store, trees.file(b"new")))])
    assert (scene.root / "f").stat().st_mtime_ns != TIME
    scene.revert(action)
    assert (scene.root / "f").read_bytes() == b"old"
    assert (scene.root / "f").stat().st_mtime_ns == TIME


def test_holes_stay_holes(scene: Scene) -> None:
    size = 256 << 20
    with (scene.root / "sparse").open("wb") as f:
        f.truncate(size)
        f.seek(100 << 20)
        f.write(b"in the middle")
    if (scene.root / "sparse").stat().st_blocks * 512 > 1 << 20:
        pytest.skip("this file system keeps no holes")
    snapshot = take_snapshot(scene.store, scene.tree).snapshot
    assert scene.store.size() < 2 << 20
    (scene.root / "sparse").unlink()
    restore(scene, snapshot)
    st = (scene.root / "sparse").stat()
    assert st.st_size == size
    assert st.st_blocks * 512 < 1 << 20
    with (scene.root / "sparse").open("rb") as f:
        f.seek((100 << 20) - 5)
        assert f.read(20) == bytes(5) + b"in the middle" + bytes(2)


def test_sockets_and_fifos_are_named_and_outlive_a_restore_of_everything(scene: Scene) -> None:
    root = scene.root
    (root / "f").write_bytes(b"f")
    first = take_snapshot(scene.store, scene.tree).snapshot
    os.mkfifo(root / "fifo")
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as listening:
        try:
            os.chdir(root)  # a socket's path is short
            listening.bind("socket")
        finally:
            os.fchdir(here)
            os.close(here)
        (root / "f").write_bytes(b"g")
        assert sorted(take_snapshot(scene.store, scene.tree).special) == [b"fifo", b"socket"]
        restore(scene, first)
        assert (root / "f").read_bytes() == b"f"
        assert (root / "fifo").is_fifo()
        assert (root / "socket").is_socket()


def test_nested_repositories_and_what_they_ignore_come_back_whole(scene: Scene) -> None:
    inner = scene.root / "vendor" / "inner"
    inner.mkdir(parents=True)
    (inner / ".gitignore").write_text("built/\n")
    (inner / "built").mkdir()
    (inner / "built" / "out").write_bytes(b"\0ignored")
    (inner / "empty").mkdir()
    (inner / "f").write_text("f\n")
    git = ["git", "-C", str(inner), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    before = scene.world()
    snapshot = take_snapshot(scene.store, scene.tree).snapshot
    trees.clear(scene.root)
    restore(scene, snapshot)
    assert scene.world() == before
    status = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True)
    assert status.stdout == b""
