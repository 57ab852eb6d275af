"""A scan sees everything the person did, follows nothing, and reads only what changed."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import ConflictError
from agentsh.runtime import scan
from agentsh.runtime.snapshot import take_snapshot
from agentsh.store import Store
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

WORLD: trees.World = {
    b".git": trees.directory(),
    b".git/HEAD": trees.file(b"ref"),
    b".gitignore": trees.file(b"ignored\n"),
    b"ignored": trees.file(b"in it all the same"),
    b"empty": trees.directory(0o750),
    b"out": trees.link(b"/etc"),
    b"\xff\n": trees.file(b"x", 0o4755),
}


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let signatures count at once."""
    monkeypatch.setattr(scan, "TICK_NS", -1)


def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    real = Store.put_fd

    def put_fd(self: Store, fd: int, *, path: bytes = b"") -> tuple[bytes, int]:
        seen.append(fd)
        return real(self, fd, path=path)

    monkeypatch.setattr(Store, "put_fd", put_fd)
    return seen


def test_everything_is_in_it(tmp_path: Path) -> None:
    with Scene(tmp_path, WORLD) as scene:
        scan = take_snapshot(scene.store, scene.tree)
        manifest = scene.store.manifest(scan.snapshot)
        assert set(manifest) == set(WORLD)
        for path, (kind, body, mode, _) in WORLD.items():
            entry = manifest[path]
            assert (entry.type.value[:3], entry.mode) == (
                {"dir": "dir", "file": "fil", "link": "sym"}[kind],
                mode if kind != "link" else 0,
            )
            if kind == "file":
                assert scene.store.read_blob(entry.digest or b"") == body
            assert (entry.target or b"") == (body if kind == "link" else b"")


@pytest.mark.usefixtures("settled")
def test_an_unchanged_workspace_needs_no_new_snapshot_and_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Scene(tmp_path, WORLD) as scene:
        first = take_snapshot(scene.store, scene.tree)
        read = reads(monkeypatch)
        second = take_snapshot(scene.store, scene.tree)
        assert (second.snapshot, second.changed) == (first.snapshot, ())
        assert read == []


@pytest.mark.usefixtures("settled")
def test_only_what_changed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Scene(tmp_path, WORLD) as scene:
        first = take_snapshot(scene.store, scene.tree)
        (scene.root / "ignored").write_bytes(b"of another size")
        (scene.root / "empty").rmdir()
        (scene.root / "out").unlink()
        (scene.root / "out").write_bytes(b"now a file")
        read = reads(monkeypatch)
        second = take_snapshot(scene.store, scene.tree)
        assert second.changed == (b"empty", b"ignored", b"out")
        assert len(read) == 2
        before, after = scene.store.manifest(first.snapshot), scene.store.manifest(second.snapshot)
        assert b"empty" in before
        assert b"empty" not in after


def test_a_change_with_forged_time_and_equal_size_is_seen(tmp_path: Path) -> None:
    with Scene(tmp_path, WORLD) as scene:
        take_snapshot(scene.store, scene.tree)
        path = scene.root / "ignored"
        st = path.stat()
        path.write_bytes(b"IN IT ALL THE SAME")
        os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
        assert take_snapshot(scene.store, scene.tree).changed == (b"ignored",)


def test_a_change_in_the_same_tick_is_seen(tmp_path: Path) -> None:
    with Scene(tmp_path, WORLD) as scene:
        for n in range(20):
            (scene.root / "ignored").write_bytes(b"%02d" % n)
            scan = take_snapshot(scene.store, scene.tree)
            entry = scene.store.manifest(scan.snapshot)[b"ignored"]
            assert scene.store.read_blob(entry.digest or b"") == b"%02d" % n


def test_special_files_are_named_and_left_out(tmp_path: Path) -> None:
    with Scene(tmp_path, WORLD) as scene, socket.socket(socket.AF_UNIX) as sock:
        os.mkfifo(scene.root / "fifo")
        here = os.open(scene.root, os.O_RDONLY)
        try:
            sock.bind(f"/proc/self/fd/{here}/sock")
        finally:
            os.close(here)
        scan = take_snapshot(scene.store, scene.tree)
        assert sorted(scan.special) == [b"fifo", b"sock"]
        assert set(scene.store.manifest(scan.snapshot)) == set(WORLD)


def test_what_cannot_be_read_is_named_and_taken_to_be_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Scene(tmp_path, WORLD) as scene:
        first = take_snapshot(scene.store, scene.tree)
        (scene.root / "ignored").write_bytes(b"being written all the time")

        def put_fd(_self: Store, _fd: int, *, path: bytes = b"") -> tuple[bytes, int]:
            del path
            raise ConflictError("It keeps changing.")

        monkeypatch.setattr(Store, "put_fd", put_fd)
        scan = take_snapshot(scene.store, scene.tree)
        assert b"ignored" in scan.unreadable
        assert scene.store.manifest(scan.snapshot)[b"ignored"] == scene.store.manifest(first.snapshot)[b"ignored"]


def test_progress_is_told(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"%d" % n: trees.file(b"x") for n in range(2500)}) as scene:
        told: list[tuple[int, int]] = []
        take_snapshot(scene.store, scene.tree, progress=lambda paths, size: told.append((paths, size)))
        assert [paths for paths, _ in told] == [1000, 2000]
        assert told[-1][1] > 0


def test_the_persons_edits_around_a_commit_are_snapshots(tmp_path: Path) -> None:
    with Scene(tmp_path, WORLD) as scene:
        take_snapshot(scene.store, scene.tree)
        (scene.root / "mine").write_bytes(b"precious")
        (scene.root / "theirs").write_bytes(b"of the person")
        scene.become({**scene.world(), b"theirs": trees.file(b"new")})
        take_snapshot(scene.store, scene.tree)
        records = scene.store.snapshots()
        made = [(r.origin, r.changed) for r in records]
        assert made == [("person", len(WORLD)), ("paths", 1), ("commit", 1), ("person", 1)]
        first, before, after, found = (scene.store.manifest(r.id) for r in records)
        assert b"theirs" not in first
        assert before[b"theirs"].size == len(b"of the person")
        assert b"mine" not in after
        assert found[b"mine"].size == len(b"precious")
        assert scene.store.commits()[0].snapshot_before == records[1].id
