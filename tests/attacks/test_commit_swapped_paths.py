"""Paths that change under a commit: symlinks swapped in, writes in between, names taken."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from agentsh.core.effect import FileEffect
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ActionFailed, AgentshError, ConflictError, UsageError
from agentsh.core.faults import COMMIT_POINTS
from agentsh.runtime import apply, commit, rename
from agentsh.runtime.recover import recover
from tests.worlds import trees
from tests.worlds.scene import Scene, effects_between

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD: trees.World = {
    b"dir": trees.directory(),
    b"dir/a": trees.file(b"old a"),
    b"dir/b": trees.file(b"old b"),
    b"gone": trees.file(b"going"),
    b"z": trees.file(b"old z"),
}
NEW: trees.World = {
    b"dir": trees.directory(),
    b"dir/a": trees.file(b"new a"),
    b"dir/b": trees.file(b"new b", 0o755),
    b"made": trees.directory(),
    b"made/in": trees.file(b"made"),
    b"z": trees.file(b"new z"),
}
MIDWAY = [p for p in COMMIT_POINTS if p not in {"commit.before-done", "commit.after-done", "commit.after-paths"}]


def at(monkeypatch: pytest.MonkeyPatch, point: str, nth: int, attack: Callable[[], None]) -> Callable[[], bool]:
    """Run ``attack`` at the ``nth`` passage of a point; the result tells whether it ran."""
    passages = [0]

    def hook(name: str) -> None:
        if name == point:
            passages[0] += 1
            if passages[0] == nth:
                attack()

    monkeypatch.setattr(apply, "fault_point", hook)
    monkeypatch.setattr(commit, "fault_point", hook)
    return lambda: passages[0] >= nth


def attempt(scene: Scene) -> AgentshError | None:
    try:
        scene.become(NEW)
    except AgentshError as e:
        return e
    return None


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize("point", MIDWAY)
def test_directory_swapped_for_a_symlink_to_the_outside(
    point: str, nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("a", "b", "in"):
        (outside / name).write_bytes(b"precious")
    with Scene(tmp_path / "home", OLD) as scene:

        def swap() -> None:
            (scene.root / "dir").rename(scene.root / "moved")
            (scene.root / "dir").symlink_to(outside)

        ran = at(monkeypatch, point, nth, swap)
        error = attempt(scene)
        assert error is None or isinstance(error, (ConflictError, ActionFailed))
        if error is None:
            # Either the point is passed less often, or both files of the directory had landed before.
            assert not ran() or trees.read(scene.root / "moved")[b"a"][1] == b"new a"
        assert {p.name: p.read_bytes() for p in outside.iterdir()} == dict.fromkeys(("a", "b", "in"), b"precious")


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("point", MIDWAY)
def test_person_writes_at_the_last_moment(
    point: str, nth: int, *, native: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor that saves by renaming, at any moment of the commit: the person's text is never lost."""
    if not native:
        monkeypatch.setattr(rename, "_native", lambda: None)
    with Scene(tmp_path, OLD) as scene:

        def save() -> None:
            (tmp_path / "draft").write_bytes(b"mine")
            (tmp_path / "draft").rename(scene.root / "dir" / "b")

        at(monkeypatch, point, nth, save)
        error = attempt(scene)
        expected = NEW
        if error is not None:
            assert isinstance(error, ConflictError)
            assert error.paths == (b"dir/b",)
            expected = {**OLD, b"dir/b": trees.file(b"mine")}
        monkeypatch.undo()
        world = scene.world()
        if expected is NEW and world.get(b"dir/b") != NEW[b"dir/b"]:
            expected = {**NEW, b"dir/b": trees.file(b"mine")}  # saved after the commit had written it
        modes = {**world, b"dir/b": (*world[b"dir/b"][:2], *expected[b"dir/b"][2:])}  # a draft has the umask's
        assert modes == expected
        assert recover(scene.store, scene.tree) == []


def test_person_fills_a_directory_that_is_about_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Scene(tmp_path, OLD) as scene:
        at(monkeypatch, "commit.before-switch", 1, lambda: (scene.root / "dir" / "mine").write_bytes(b"mine") and None)
        with pytest.raises(ConflictError) as caught:
            scene.become({b"z": OLD[b"z"]})
        assert caught.value.paths == (b"dir",)
        assert scene.world() == {**OLD, b"dir/mine": trees.file(b"mine")}


def test_name_taken_at_the_last_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Scene(tmp_path, OLD) as scene:
        at(monkeypatch, "commit.path-synced", 1, lambda: (scene.root / "made").symlink_to("/etc"))
        with pytest.raises(ConflictError):
            scene.become(NEW)
        assert scene.world() == {**OLD, b"made": trees.link(b"/etc")}


@pytest.mark.parametrize("path", [b"../escape", b"/abs", b"a/../../escape", b"nul\0", b""])
def test_effect_on_a_path_outside(path: bytes, tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        effect = FileEffect(path, None, Entry(EntryType.FILE, 0o644, 1, scene.store.put_bytes(b"x")))
        with pytest.raises(AgentshError):
            scene.commit([effect])
        assert scene.world() == OLD
        assert sorted(os.listdir(tmp_path)) == ["data", "workspace"]


def test_parent_is_a_symlink_already(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    with Scene(tmp_path / "home", {**OLD, b"link": trees.link(os.fsencode(tmp_path / "outside"))}) as scene:
        effect = FileEffect(b"link/x", None, Entry(EntryType.FILE, 0o644, 1, scene.store.put_bytes(b"x")))
        with pytest.raises(ConflictError) as caught:
            scene.commit([effect])
        assert caught.value.paths == (b"link/x",)
        assert os.listdir(tmp_path / "outside") == []


def test_hard_link_to_the_outside_is_broken_not_written_through(tmp_path: Path) -> None:
    with Scene(tmp_path / "home", OLD) as scene:
        os.link(scene.root / "z", tmp_path / "outside")
        scene.become({**OLD, b"z": trees.file(b"new z")})
        assert (tmp_path / "outside").read_bytes() == b"old z"
        assert (scene.root / "z").read_bytes() == b"new z"


def test_fifo_is_refused_and_left_alone(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        os.mkfifo(scene.root / "pipe")
        with pytest.raises(UsageError):
            scene.commit([FileEffect(b"pipe", Entry(EntryType.OTHER, 0o644), None)])
        with pytest.raises(UsageError):
            scene.commit([FileEffect(b"other", None, Entry(EntryType.OTHER, 0o644))])
        assert scene.world()[b"pipe"][0] == "special"


def test_workspace_replaced_by_another_directory(tmp_path: Path) -> None:
    """The tree stays on the directory that was opened, whatever its name leads to later."""
    with Scene(tmp_path / "home", OLD) as scene:
        effects = effects_between(scene.store, OLD, NEW)
        scene.root.rename(tmp_path / "real")
        scene.root.symlink_to(tmp_path / "decoy")
        (tmp_path / "decoy").mkdir()
        scene.commit(effects)
        assert trees.read(tmp_path / "decoy") == {}
        assert trees.read(tmp_path / "real") == NEW
        shutil.rmtree(tmp_path / "real")
