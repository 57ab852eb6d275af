"""A commit killed anywhere: the next recovery leaves the workspace wholly old or wholly new, and the store clean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agentsh.core.effect import EffectState
from agentsh.core.faults import COMMIT_POINTS, RECOVERY_POINTS, fault_point
from agentsh.runtime import apply, rename
from agentsh.runtime.recover import recover
from tests.crash.killing import killed
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

OLD: trees.World = {
    b"changed": trees.file(b"old\n" * 1000),
    b"deleted\n\xff": trees.file(b"going"),
    b"dir": trees.directory(0o555),
    b"dir/inner": trees.file(b"inner", 0o444),
    b"dir/sub": trees.directory(0o700),
    b"dir/sub/deep": trees.link(b"../../changed"),
    b"file-to-dir": trees.file(b"was a file"),
    b"mode": trees.file(b"same", 0o600),
    b"untouched": trees.file(b"\0binary"),
}
NEW: trees.World = {
    b"changed": trees.file(b"new\n" * 900, 0o755),
    b"dir": trees.file(b"was a directory"),
    b"file-to-dir": trees.directory(0o500),
    b"file-to-dir/x": trees.file(b"", 0o640),
    b"file-to-dir/y": trees.link(b"/etc/passwd"),
    b"made": trees.directory(),
    b"made/in": trees.directory(0o1777),
    b"made/in/it": trees.file(b"x" * 100_000),
    b"mode": trees.file(b"same", 0o4755),
    b"untouched": trees.file(b"\0binary"),
}


def commit(home: Path) -> None:
    with Scene(home) as scene:
        scene.become(NEW)


def recovering(home: Path) -> None:
    with Scene(home) as scene:
        recover(scene.store, scene.tree)


def assert_whole(scene: Scene) -> None:
    """Wholly one or the other, nothing left over, and the store agrees with what is there."""
    world = scene.world()
    assert world in (OLD, NEW)
    assert recover(scene.store, scene.tree) == []
    assert scene.store.check().problems == ()
    states = {e.state for a in scene.store.actions() for e in a.changes}
    assert states <= ({EffectState.COMMITTED} if world == NEW else {EffectState.APPROVED, EffectState.PENDING})


@pytest.mark.parametrize("point", COMMIT_POINTS)
def test_killed_at_every_passage_of(point: str, tmp_path: Path) -> None:
    nth = 0
    while True:
        nth += 1
        home = tmp_path / str(nth)
        Scene(home, OLD).close()
        if not killed(f"{point}:{nth}", lambda home=home: commit(home)):
            break
        with Scene(home) as scene:
            for done in recover(scene.store, scene.tree):
                assert done.outcome == "finished"
            assert_whole(scene)
            if scene.world() == OLD:
                assert point == "commit.before-intent"
    assert nth > 1, f"{point} is never passed"
    assert trees.read(home / "workspace") == NEW


@pytest.mark.parametrize(
    "again", [*RECOVERY_POINTS, "commit.path-written", "commit.path-renamed", "commit.path-switched"]
)
@pytest.mark.parametrize("first", ["commit.path-written:3", "commit.path-renamed:2", "commit.path-switched:5"])
def test_killed_again_while_recovering(first: str, again: str, tmp_path: Path) -> None:
    nth = 0
    while True:
        nth += 1
        home = tmp_path / str(nth)
        Scene(home, OLD).close()
        assert killed(first, lambda home=home: commit(home))
        if not killed(f"{again}:{nth}", lambda home=home: recovering(home)):
            break
        with Scene(home) as scene:
            recover(scene.store, scene.tree)
            assert_whole(scene)
            assert scene.world() == NEW
    assert nth > 1


@pytest.mark.parametrize(
    "point", ["commit.after-intent", "commit.path-renamed", "commit.path-switched", "commit.after-paths"]
)
def test_an_edit_after_the_crash_is_left_alone(point: str, tmp_path: Path) -> None:
    """The person writes a path that the commit was about: their version stays, and everything else is as before."""
    nth = 0
    while True:
        nth += 1
        home = tmp_path / str(nth)
        Scene(home, OLD).close()
        if not killed(f"{point}:{nth}", lambda home=home: commit(home)):
            break
        (home / "workspace" / "changed").write_bytes(b"mine")
        with Scene(home) as scene:
            (done,) = recover(scene.store, scene.tree)
            assert (done.outcome, done.paths) == ("conflict", (b"changed",))
            world = scene.world()
            assert world.pop(b"changed")[1] == b"mine"
            assert world == {p: n for p, n in OLD.items() if p != b"changed"}
            assert scene.store.check().problems == ()
            assert recover(scene.store, scene.tree) == []
    assert nth > 1


@pytest.mark.parametrize("point", ["commit.path-renamed", "commit.path-switched", "commit.before-switch"])
def test_killed_where_the_system_cannot_exchange(point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rename, "_native", lambda: None)
    nth = 0
    while True:
        nth += 1
        home = tmp_path / str(nth)
        Scene(home, OLD).close()
        if not killed(f"{point}:{nth}", lambda home=home: commit(home)):
            break
        with Scene(home) as scene:
            recover(scene.store, scene.tree)
            assert_whole(scene)
            assert scene.world() == NEW
    assert nth > 1


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("path", [b"changed", b"deleted\n\xff", b"file-to-dir", b"dir/inner"])
def test_killed_while_it_holds_what_the_person_wrote_at_the_last_moment(
    path: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, native: bool
) -> None:
    """The person saves after the check; the commit dies having taken their version aside, before it looks at it."""
    if not native:
        monkeypatch.setattr(rename, "_native", lambda: None)
    Scene(tmp_path, OLD).close()
    mine = os.fsencode(tmp_path) + b"/workspace/" + path

    def hook(name: str) -> None:
        if name == "commit.before-switch" and not os.path.exists(tmp_path / "saved"):
            (tmp_path / "saved").write_bytes(b"mine")
            os.rename(tmp_path / "saved", mine)
            (tmp_path / "saved").touch()
        fault_point(name)

    def work() -> None:
        apply.fault_point = hook
        commit(tmp_path)

    nth = 0
    held = False
    while not held:
        # The passage at which the path is taken aside: its name no longer holds the person's version.
        nth += 1
        if not killed(f"commit.path-renamed:{nth}", work):
            break
        with open(mine, "rb") if os.path.isfile(mine) else open(os.devnull, "rb") as f:
            held = f.read() != b"mine"
        with Scene(tmp_path) as scene:
            (done,) = recover(scene.store, scene.tree)
            assert (done.outcome, done.paths) == ("conflict", (path,))
            world = scene.world()
            assert world.pop(path)[1] == b"mine"
            assert world == {p: n for p, n in OLD.items() if p != path}
            assert scene.store.check().problems == ()
        trees.clear(tmp_path / "workspace")
        trees.build(OLD, tmp_path / "workspace")
        (tmp_path / "saved").unlink()
    assert held
