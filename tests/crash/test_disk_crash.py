"""A disk that is full, or turns read-only, at every point of what agentsh does; then it is mended.

Afterwards the workspace is wholly old or wholly new, and the store is sound. An error was told if it is not as asked.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from agentsh.core import faults
from agentsh.core.errors import AgentshError, LimitExceeded
from agentsh.core.faults import COMMIT_POINTS, GC_POINTS, HEAD_POINTS, MIGRATION_POINTS, SNAPSHOT_POINTS
from agentsh.runtime import rename
from agentsh.runtime.recover import recover
from agentsh.runtime.snapshot import take_snapshot
from agentsh.store import Store
from tests.crash.disks import Disk, on_small_disk
from tests.crash.test_store_crash import downgrade
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 4 << 20
OLD: trees.World = {
    b"a": trees.file(b"old\n" * 500),
    b"d": trees.directory(),
    b"d/b": trees.file(b"b", 0o600),
    b"link": trees.link(b"a"),
}
NEW: trees.World = {
    b"a": trees.file(os.urandom(20_000)),
    b"d": trees.directory(),
    b"d/e": trees.directory(0o700),
    b"d/e/f": trees.file(os.urandom(9_000)),
    b"made": trees.file(b"m", 0o755),
}


def prepare(job: str, home: Path) -> Callable[[], None]:
    """A job on a scene that is ready for it."""
    path = home / "data" / "store.db"
    if job == "commit":
        Scene(home, OLD).close()
        return lambda: run(home, lambda s: s.become(NEW))
    with Scene(home, OLD) as scene:
        action = scene.become(NEW)
        if job == "gc":
            for _ in range(20):
                scene.store.put_bytes(os.urandom(5_000))
    if job == "revert":
        return lambda: run(home, lambda s: s.revert(action))
    if job == "gc":
        return lambda: run(home, lambda s: s.store.gc())
    if job == "snapshot":
        trees.clear(home / "workspace")
        trees.build(OLD, home / "workspace")
        return lambda: run(home, lambda s: take_snapshot(s.store, s.tree))
    downgrade(path)
    return lambda: Store.open(path).close()


def run(home: Path, work: Callable[[Scene], object]) -> None:
    with Scene(home) as scene:
        work(scene)


def settle(home: Path, job: str, error: AgentshError | None) -> None:
    """What must hold once the disk works again."""
    with Scene(home) as scene:
        assert scene.store.end_problem() is None
        recover(scene.store, scene.tree)
        world = scene.world()
        assert world in (OLD, NEW), sorted(world)
        if error is None:
            assert (world == NEW) == (job in ("commit", "gc", "migration"))
        assert scene.store.check().problems == ()
        scene.become(OLD if world == NEW else NEW)
        assert scene.store.check().problems == ()


def attempt(work: Callable[[], None]) -> AgentshError | None:
    """Run it; only an error that is told in words may come out."""
    error = None
    try:
        work()
    except AgentshError as e:
        error = e
    assert error is None or (error.what and error.files)
    return error


POINTS = [
    *(("commit", p) for p in (*COMMIT_POINTS, *HEAD_POINTS)),
    *(("revert", p) for p in COMMIT_POINTS),
    *(("snapshot", p) for p in SNAPSHOT_POINTS),
    *(("gc", p) for p in GC_POINTS),
    *(("migration", p) for p in MIGRATION_POINTS[1:]),
]


def at_every_passage(point: str, root: Path, job: str, strike: Callable[[Disk, list[str]], None]) -> None:
    def on_disk(disk: Disk) -> None:
        nth = 0
        while True:
            nth += 1
            home = root / str(nth)
            work = prepare(job, home)
            struck: list[str] = []
            faults._passages.clear()
            faults._happen = lambda struck=struck: strike(disk, struck)  # type: ignore[misc]
            os.environ["AGENTSH_FAULT"] = f"{point}:{nth}"
            error = attempt(work)
            del os.environ["AGENTSH_FAULT"]
            mend()
            if struck:
                attempt(lambda home=home: run(home, lambda s: recover(s.store, s.tree)))  # on the disk as it is now
            disk.empty()
            if struck:
                disk.read_only(on=True)
                told = attempt(lambda home=home: run(home, lambda s: s.become(OLD)))
                assert told is not None, "a read-only disk takes nothing"
                disk.read_only(on=False)
            settle(home, job, error)
            trees.clear(home)
            if not struck:
                break
        assert nth > 1, f"{point} is never passed"

    if not on_small_disk(root, SIZE, on_disk):
        pytest.skip("no mount namespace here")


@pytest.mark.parametrize(("job", "point"), POINTS)
def test_a_disk_that_is_full_from(job: str, point: str, tmp_path: Path) -> None:
    def strike(disk: Disk, struck: list[str]) -> None:
        disk.fill()
        struck.append(point)

    at_every_passage(point, tmp_path / "disk", job, strike)


@pytest.mark.parametrize("job", ["commit", "revert", "snapshot", "gc", "migration"])
def test_a_disk_with_room_for_some_pages_only(job: str, tmp_path: Path) -> None:
    """One page more each time, so that each write in turn is the one that finds no room."""
    root = tmp_path / "disk"

    def on_disk(disk: Disk) -> None:
        failed = 0
        for pages in [*range(12), *range(12, 200, 4)]:
            home = root / str(pages)
            work = prepare(job, home)
            disk.fill(leave=pages * 4096)
            error = attempt(work)
            disk.empty()
            settle(home, job, error)
            trees.clear(home)
            if error is None and pages > 3:
                break
            failed += error is not None
        else:
            raise AssertionError("never room enough")
        assert failed or job == "gc"

    if not on_small_disk(root, SIZE, on_disk):
        pytest.skip("no mount namespace here")


_REAL = {name: getattr(os, name) for name in ("open", "mkdir", "rename", "unlink", "rmdir", "symlink", "link")} | {
    name: getattr(os, name) for name in ("chmod", "fchmod", "utime", "pwrite", "ftruncate", "fsync")
}
_NATIVE = rename._native
_CONNECT = Scene.__init__


def mend() -> None:
    for name, call in _REAL.items():
        setattr(os, name, call)
    rename._native = _NATIVE


@pytest.mark.parametrize(("job", "point"), [p for p in POINTS if p[0] != "migration"])
def test_a_disk_that_is_read_only_from(job: str, point: str, tmp_path: Path) -> None:
    """As after an error of the device, when the kernel turns a file system read-only under open files."""
    scenes: list[Scene] = []

    def keep(scene: Scene, *arguments: object) -> None:
        _CONNECT(scene, *arguments)  # type: ignore[arg-type]
        scenes.append(scene)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def open_(path: object, flags: int = 0, *arguments: object, **named: object) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse()
        return _REAL["open"](path, flags, *arguments, **named)  # type: ignore[no-any-return]

    def strike(_: Disk, struck: list[str]) -> None:
        for name in _REAL:
            setattr(os, name, refuse)
        os.open = open_  # type: ignore[assignment]
        rename._native = lambda: refuse  # type: ignore[assignment,return-value]
        scenes[-1].store._db.connection.execute("PRAGMA query_only = ON")
        struck.append(point)

    Scene.__init__ = keep  # type: ignore[assignment,method-assign]
    try:
        at_every_passage(point, tmp_path / "disk", job, strike)
    finally:
        Scene.__init__ = _CONNECT  # type: ignore[method-assign]


def test_a_disk_that_is_full_before_the_store_is_opened_is_no_damage(tmp_path: Path) -> None:
    """Not even reading goes without some room; what was there is there afterwards."""

    def work(disk: Disk) -> None:
        Scene(disk.root / "home", OLD).close()
        disk.fill()
        with pytest.raises(LimitExceeded, match="disk is full"):
            Scene(disk.root / "home").store.actions()
        disk.empty()
        with Scene(disk.root / "home") as scene:
            assert scene.store.check().ok
            scene.become(NEW)
            assert scene.world() == NEW

    if not on_small_disk(tmp_path / "disk", SIZE, work):
        pytest.skip("no mount namespace here")
