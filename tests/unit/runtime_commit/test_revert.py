"""What an undo keeps of newer work, and what it calls a conflict."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import ConflictError, NotFoundError
from agentsh.core.history import Moment
from agentsh.runtime.restore import plan_restore, restore_plan
from agentsh.runtime.revert import plan_revert, revert_plan
from agentsh.runtime.snapshot import take_snapshot
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

TEXT = b"".join(b"line %d\n" % n for n in range(20))


def test_the_persons_edit_elsewhere_in_the_file_stays(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"t": trees.file(TEXT)}) as scene:
        action = scene.become({b"t": trees.file(TEXT.replace(b"line 3\n", b"three\n"), 0o755)})
        (scene.root / "t").write_bytes(TEXT.replace(b"line 3\n", b"three\n").replace(b"line 15\n", b"mine\n"))
        scene.revert(action)
        assert scene.world() == {b"t": trees.file(TEXT.replace(b"line 15\n", b"mine\n"), 0o644)}


def test_the_persons_edit_of_the_same_line_is_a_conflict(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"t": trees.file(TEXT), b"u": trees.file(b"u")}) as scene:
        action = scene.become({b"t": trees.file(TEXT.replace(b"line 3\n", b"three\n")), b"u": trees.file(b"new")})
        (scene.root / "t").write_bytes(TEXT.replace(b"line 3\n", b"mine\n"))
        there = scene.world()
        with pytest.raises(ConflictError) as caught:
            scene.revert(action)
        assert caught.value.paths == (b"t",)
        assert action in caught.value.what
        (conflict,) = revert_plan(scene.store, scene.tree, [action]).conflicts
        assert (conflict.path, conflict.action) == (b"t", action)
        assert scene.world() == there


def test_permission_bits_and_content_are_undone_apart(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"t": trees.file(TEXT)}) as scene:
        action = scene.become({b"t": trees.file(b"new", 0o644)})
        (scene.root / "t").chmod(0o600)
        scene.revert(action)
        assert scene.world() == {b"t": trees.file(TEXT, 0o600)}


def test_a_directory_that_others_filled_stays(tmp_path: Path) -> None:
    with Scene(tmp_path, {}) as scene:
        action = scene.become({b"d": trees.directory(), b"d/e": trees.directory(), b"d/e/f": trees.file(b"x")})
        (scene.root / "d" / "mine").write_bytes(b"mine")
        plan = revert_plan(scene.store, scene.tree, [action])
        assert (plan.stays, plan.conflicts) == ((b"d",), ())
        scene.revert(action)
        assert scene.world() == {b"d": trees.directory(), b"d/mine": trees.file(b"mine")}


def test_a_directory_that_holds_something_special_stays(tmp_path: Path) -> None:
    with Scene(tmp_path, {}) as scene:
        action = scene.become({b"d": trees.directory()})
        os.mkfifo(scene.root / "d" / "fifo")
        assert revert_plan(scene.store, scene.tree, [action]).stays == (b"d",)
        assert plan_revert(scene.store, scene.tree, [action]) == ()


def test_a_deleted_file_comes_back_with_the_directory_it_needs(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"d": trees.directory(0o750), b"d/f": trees.file(b"x")}) as scene:
        first = scene.become({b"d": trees.directory(0o750)})
        scene.become({})
        scene.revert(first)
        assert scene.world() == {b"d": trees.directory(0o750), b"d/f": trees.file(b"x")}


def test_a_directory_that_became_a_file_is_in_the_way(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"d": trees.directory(), b"d/f": trees.file(b"x")}) as scene:
        first = scene.become({b"d": trees.directory()})
        scene.become({b"d": trees.file(b"now a file")})
        with pytest.raises(ConflictError) as caught:
            scene.revert(first)
        assert caught.value.paths == (b"d/f",)


@pytest.mark.parametrize(
    ("before", "after", "now"),
    [
        (None, b"made", b"made and edited"),
        (b"x\0", b"y\0", b"z\0"),
        (b"x", None, b"made again"),
        (b"x", b"y", None),
    ],
)
def test_newer_work_in_the_way_is_never_overwritten(
    before: bytes | None, after: bytes | None, now: bytes | None, tmp_path: Path
) -> None:
    worlds = [{} if c is None else {b"f": trees.file(c)} for c in (before, after, now)]
    with Scene(tmp_path, worlds[0]) as scene:
        action = scene.become(worlds[1])
        trees.clear(scene.root)
        trees.build(worlds[2], scene.root)
        with pytest.raises(ConflictError):
            scene.revert(action)
        assert scene.world() == worlds[2]


def test_what_is_undone_already_is_nothing_to_do(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"f": trees.file(b"x")}) as scene:
        action = scene.become({})
        (scene.root / "f").write_bytes(b"x")
        assert plan_revert(scene.store, scene.tree, [action]) == ()


def test_unknown_action(tmp_path: Path) -> None:
    with Scene(tmp_path, {}) as scene, pytest.raises(NotFoundError):
        plan_revert(scene.store, scene.tree, ["a9"])


def test_restore_by_path_leaves_the_rest(tmp_path: Path) -> None:
    old: trees.World = {
        b"d": trees.directory(),
        b"d/x": trees.file(b"1"),
        b"d/y": trees.file(b"1"),
        b"z": trees.file(b"1"),
    }
    with Scene(tmp_path, old) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        trees.clear(scene.root)
        trees.build({b"d": trees.directory(), b"d/x": trees.file(b"2"), b"d/new": trees.file(b"2")}, scene.root)
        scene.commit(plan_restore(scene.store, scene.tree, first, [b"d/x"]), kind="restore")
        assert scene.world() == {b"d": trees.directory(), b"d/x": trees.file(b"1"), b"d/new": trees.file(b"2")}
        scene.commit(plan_restore(scene.store, scene.tree, first, [b"d"]), kind="restore")
        assert scene.world() == {p: n for p, n in old.items() if p != b"z"}
        with pytest.raises(NotFoundError):
            plan_restore(scene.store, scene.tree, first, [b"nowhere"])
        with pytest.raises(NotFoundError):
            plan_restore(scene.store, scene.tree, "s99")


def test_restore_brings_the_directories_that_a_path_needs(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"d": trees.directory(0o700), b"d/x": trees.file(b"1")}) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        trees.clear(scene.root)
        scene.commit(plan_restore(scene.store, scene.tree, first, [b"d/x"]), kind="restore")
        assert scene.world() == {b"d": trees.directory(0o700), b"d/x": trees.file(b"1")}


def test_restore_leaves_special_files_and_where_they_are(tmp_path: Path) -> None:
    with Scene(tmp_path, {}) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        trees.build({b"d": trees.directory(), b"d/f": trees.file(b"x")}, scene.root)
        os.mkfifo(scene.root / "d" / "fifo")
        plan = restore_plan(scene.store, scene.tree, Moment(first))
        assert plan.stays == (b"d",)
        scene.commit(plan.effects, kind="restore")
        assert set(scene.world()) == {b"d", b"d/fifo"}
