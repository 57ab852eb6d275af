"""What a commit looks at: its own paths, never the rest; and what the person did elsewhere is not lost for it."""

from __future__ import annotations

import itertools
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import ActionFailed, ConflictError
from agentsh.core.history import Moment
from agentsh.policy import preset
from agentsh.runtime.commit import commit_effects
from agentsh.runtime.outbox import Sender
from agentsh.runtime.points import between, change_of
from agentsh.runtime.restore import restore_plan
from agentsh.runtime.review import Reviewer
from agentsh.runtime.snapshot import look_at, take_snapshot
from tests.worlds import trees
from tests.worlds.scene import Scene, effects_between, no_web

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.core.effect import ChangeSet

OLD: trees.World = {
    b"a": trees.file(b"old a"),
    b"b": trees.file(b"old b"),
    b"d": trees.directory(),
    b"d/x": trees.file(b"old x"),
    b"d/y": trees.file(b"old y"),
}


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between any two snapshots or commits lie ten seconds, so files' times are plain to tell from theirs."""
    ticks = itertools.count(1_000_000, 10)
    monkeypatch.setattr("agentsh.store.snapshots.time.time", lambda: float(next(ticks)))


def at(path: Path, seconds: float) -> None:
    """Say that a file was written at a time."""
    os.utime(path, (seconds, seconds))


def edit(scene: Scene, name: str, content: bytes, *, after: str) -> None:
    """The person writes a file five seconds after a snapshot."""
    (scene.root / name).write_bytes(content)
    at(scene.root / name, scene.store.snapshot(after).at + 5)


def shown(changes: ChangeSet) -> list[bytes]:
    return [e.path for e in changes]


def put(scene: Scene, name: bytes, content: bytes) -> str:
    """Commit a file's new content; the snapshot after it."""
    world = scene.world()
    before = world.get(name)
    there = {name: before} if before is not None else {}
    snapshot = scene.commit(effects_between(scene.store, there, {name: trees.file(content)}))[1].snapshot
    assert snapshot is not None
    return snapshot


def test_a_commit_reads_no_directory_but_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Scene(tmp_path, OLD) as scene:
        take_snapshot(scene.store, scene.tree)
        (scene.root / "b").write_bytes(b"mine")
        seen: list[bytes] = []
        lstat, scandir = scene.tree.lstat, os.scandir
        monkeypatch.setattr(scene.tree, "lstat", lambda p: (seen.append(p), lstat(p))[1])
        monkeypatch.setattr(os, "scandir", lambda *a: (seen.append(b"*"), scandir(*a))[1])
        put(scene, b"a", b"new a")
        monkeypatch.undo()
        assert set(seen) == {b"a"}
        assert take_snapshot(scene.store, scene.tree).changed == (b"b",)


def test_an_edit_of_a_touched_path_is_recorded_before_it_is_replaced(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        take_snapshot(scene.store, scene.tree)
        (scene.root / "a").write_bytes(b"mine")
        put(scene, b"a", b"new a")
        records = scene.store.snapshots()
        assert [(s.origin, s.changed) for s in records] == [("person", 5), ("paths", 1), ("commit", 1)]
        entry = scene.store.manifest(records[1].id)[b"a"]
        assert scene.store.read_blob(entry.digest or b"") == b"mine"


def test_the_first_look_is_at_everything(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        look_at(scene.store, scene.tree, [b"a"])
        assert [s.origin for s in scene.store.snapshots()] == ["person"]
        assert set(scene.store.manifest("s1")) == set(OLD)


@pytest.mark.parametrize("instead", ["nothing", "file", "link", "fifo"])
def test_what_was_below_a_directory_that_is_none_any_more_is_gone(tmp_path: Path, instead: str) -> None:
    with Scene(tmp_path, OLD) as scene:
        take_snapshot(scene.store, scene.tree)
        shutil.rmtree(scene.root / "d")
        if instead == "file":
            (scene.root / "d").write_bytes(b"now a file")
        elif instead == "link":
            (scene.root / "d").symlink_to("a")
        elif instead == "fifo":
            os.mkfifo(scene.root / "d")
        look_at(scene.store, scene.tree, [b"d/x"])
        known = scene.store.manifest(scene.store.latest_snapshot() or "")
        assert set(known) == {b"a", b"b"} | ({b"d"} if instead in {"file", "link"} else set())
        assert take_snapshot(scene.store, scene.tree).changed == ()


def test_a_new_directory_is_recorded_with_the_file_in_it(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        take_snapshot(scene.store, scene.tree)
        (scene.root / "n" / "m").mkdir(parents=True)
        (scene.root / "n" / "m" / "f").write_bytes(b"mine")
        assert look_at(scene.store, scene.tree, [b"n/m/f"]).changed == (b"n", b"n/m", b"n/m/f")


def test_a_directory_that_goes_takes_along_what_the_person_removed_in_it(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        take_snapshot(scene.store, scene.tree)
        (scene.root / "d" / "y").unlink()
        scene.become({p: n for p, n in OLD.items() if not p.startswith(b"d")})
        assert set(scene.store.manifest(scene.store.latest_snapshot() or "")) == {b"a", b"b"}
        assert take_snapshot(scene.store, scene.tree).changed == ()


@pytest.mark.usefixtures("slow_clock")
def test_going_back_to_a_commit_keeps_the_edit_that_came_before_it(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        edit(scene, "b", b"mine, before", after=first)
        committed = put(scene, b"a", b"new a")
        edit(scene, "d/x", b"mine, after", after=committed)
        put(scene, b"a", b"newer a")
        assert take_snapshot(scene.store, scene.tree).changed == (b"b", b"d/x")
        plan = restore_plan(scene.store, scene.tree, Moment(committed))
        assert [e.path for e in plan.effects] == [b"a", b"d/x"]
        scene.commit(plan.effects, kind="restore")
        assert scene.world() == {**OLD, b"a": trees.file(b"new a"), b"b": trees.file(b"mine, before")}
        # By name, too; and the snapshot itself still is what was known.
        assert restore_plan(scene.store, scene.tree, Moment(committed), [b"b"]).effects == ()
        assert scene.store.read_blob(scene.store.manifest(committed)[b"b"].digest or b"") == b"old b"


@pytest.mark.usefixtures("slow_clock")
def test_an_edit_by_name_that_nobody_has_found_yet_is_kept_too(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        edit(scene, "b", b"mine, before", after=take_snapshot(scene.store, scene.tree).snapshot)
        committed = put(scene, b"a", b"new a")
        assert restore_plan(scene.store, scene.tree, Moment(committed), [b"b"]).effects == ()
        edit(scene, "d/x", b"mine, after", after=committed)
        plan = restore_plan(scene.store, scene.tree, Moment(committed), [b"d/x"])
        assert [e.path for e in plan.effects] == [b"d/x"]


@pytest.mark.usefixtures("slow_clock")
def test_a_comparison_across_a_commit_shows_that_commit_alone(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        edit(scene, "b", b"mine, before", after=first)
        (scene.root / "n").mkdir()
        edit(scene, "n/new", b"mine too", after=first)
        at(scene.root / "n", scene.store.snapshot(first).at + 500)  # something else was put into it later
        committed = put(scene, b"a", b"new a")
        edit(scene, "d/x", b"mine, after", after=committed)

        def now() -> str:
            return take_snapshot(scene.store, scene.tree).snapshot

        found = now()
        assert shown(between(scene.store, "c1^", "c1", now)) == [b"a"]
        assert shown(between(scene.store, "c1", "now", now)) == [b"d/x"]
        assert shown(between(scene.store, first, "now", now)) == [b"a", b"b", b"d/x", b"n", b"n/new"]
        assert shown(change_of(scene.store, found, now)) == [b"b", b"d/x", b"n", b"n/new"]


@pytest.mark.usefixtures("slow_clock")
def test_a_file_of_an_older_time_was_not_there_before(tmp_path: Path) -> None:
    """It was moved there, or unpacked: nothing says when, so what is known of the moment holds."""
    with Scene(tmp_path, OLD) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        committed = put(scene, b"a", b"new a")
        (scene.root / "b").write_bytes(b"moved here")
        at(scene.root / "b", scene.store.snapshot(first).at - 1000)
        plan = restore_plan(scene.store, scene.tree, Moment(committed))
        assert [e.path for e in plan.effects] == [b"b"]


@pytest.mark.usefixtures("slow_clock")
def test_an_edit_between_two_commits_belongs_to_the_later_one(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        take_snapshot(scene.store, scene.tree)
        one = put(scene, b"a", b"one")
        edit(scene, "b", b"mine", after=one)
        two = put(scene, b"a", b"two")
        put(scene, b"b", b"theirs")  # the commit's own look finds the edit

        def content(moment: str) -> bytes:
            return scene.store.read_blob(scene.store.manifest_at(Moment(moment))[b"b"].digest or b"")

        assert (content(one), content(two)) == (b"old b", b"mine")


def test_a_review_can_still_go_anywhere(tmp_path: Path) -> None:
    """A restore of everything looks at everything first, so what was never recorded can be brought back."""
    with Scene(tmp_path, OLD) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        put(scene, b"a", b"new a")
        (scene.root / "b").write_bytes(b"mine")
        policy = preset("review")
        assert policy is not None
        sender = Sender(scene.store, no_web)
        reviewer = Reviewer(store=scene.store, tree=scene.tree, policy=policy, restage=lambda: None, sender=sender)
        back = reviewer.restore(first, paths=[], dry_run=False)
        assert scene.world() == OLD
        reviewer.revert(back.actions, dry_run=False)
        assert scene.world() == {**OLD, b"a": trees.file(b"new a"), b"b": trees.file(b"mine")}
        assert scene.store.check().problems == ()


@pytest.mark.parametrize("edited", ["b", "d/x"])
def test_an_edit_between_a_plan_and_its_commit_is_a_conflict_and_stays(tmp_path: Path, edited: str) -> None:
    """The commit looks at nothing anew that the plan has just looked at: the moment of the switch tells."""
    with Scene(tmp_path, OLD) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        put(scene, b"a", b"new a")
        put(scene, b"b", b"new b")
        put(scene, b"d/x", b"new x")
        plan = restore_plan(scene.store, scene.tree, Moment(first), [b"a", b"b", b"d/x"])
        (scene.root / edited).write_bytes(b"mine")
        before = scene.world()
        with pytest.raises(ConflictError, match=edited):
            commit_effects(scene.store, scene.tree, kind="restore", actions=[], effects=plan.effects, seen=plan.seen)
        assert scene.world() == before
        assert scene.store.check().ok


def test_a_directory_that_went_between_a_plan_and_its_commit_is_a_conflict(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        put(scene, b"a", b"new a")
        put(scene, b"d/x", b"new x")
        plan = restore_plan(scene.store, scene.tree, Moment(first), [b"a", b"d/x"])
        outside = tmp_path / "outside"
        (scene.root / "d").rename(outside)
        (scene.root / "d").symlink_to(outside)
        before = scene.world()
        with pytest.raises((ConflictError, ActionFailed)):
            commit_effects(scene.store, scene.tree, kind="restore", actions=[], effects=plan.effects, seen=plan.seen)
        assert scene.world() == before
        assert (outside / "x").read_bytes() == b"new x"


def test_a_restored_file_is_brought_back_with_the_directories_above_it(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        first = take_snapshot(scene.store, scene.tree).snapshot
        shutil.rmtree(scene.root / "d")
        plan = restore_plan(scene.store, scene.tree, Moment(first), [b"d/x"])
        assert [e.path for e in plan.effects] == [b"d", b"d/x"]
        commit_effects(scene.store, scene.tree, kind="restore", actions=[], effects=plan.effects, seen=plan.seen)
        assert (scene.root / "d" / "x").read_bytes() == b"old x"
        assert take_snapshot(scene.store, scene.tree).changed == ()
