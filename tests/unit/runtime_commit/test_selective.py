"""Undo by path, hunk and lines; and what becomes of conflicts when a person answers them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agentsh.core.errors import ConflictError, NotFoundError, UsageError
from agentsh.core.history import PathConflict, Resolution
from agentsh.runtime.draft import Plan
from agentsh.runtime.hunks import Choice, choices
from agentsh.runtime.revert import refuse_conflicts, revert_plan
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LINES = [b"line %d\n" % n for n in range(1, 41)]
TEXT = b"".join(LINES)


def changed(**at: bytes) -> bytes:
    """The text with some lines, named like ``l3``, replaced."""
    lines = list(LINES)
    for name, text in at.items():
        lines[int(name[1:]) - 1] = text
    return b"".join(lines)


ALL = changed(l3=b"three\n", l20=b"twenty\n", l22=b"twenty-two\n", l38=b"")


def revert(scene: Scene, *actions: str, answers: Sequence[Resolution] = (), **chosen: object) -> Plan:
    """Plan, commit when there is no conflict, and give the plan."""
    plan = revert_plan(scene.store, scene.tree, actions, answers=answers, **chosen)  # type: ignore[arg-type]
    if not plan.conflicts:
        scene.commit(plan.effects, kind="revert")
    return plan


def test_one_path_of_an_action(tmp_path: Path) -> None:
    old: trees.World = {b"a": trees.file(b"a"), b"d": trees.directory(), b"d/b": trees.file(b"b")}
    new: trees.World = {b"a": trees.file(b"A"), b"d": trees.directory(), b"d/b": trees.file(b"B")}
    with Scene(tmp_path, old) as scene:
        action = scene.become(new)
        revert(scene, action, paths=[b"d"])
        assert scene.world() == {**new, b"d/b": old[b"d/b"]}
        with pytest.raises(NotFoundError):
            revert(scene, action, paths=[b"elsewhere"])


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        (Choice(frozenset({1})), changed(l20=b"twenty\n", l22=b"twenty-two\n", l38=b"")),
        (Choice(frozenset({2})), changed(l3=b"three\n", l38=b"")),
        (Choice(frozenset({1, 3})), changed(l20=b"twenty\n", l22=b"twenty-two\n")),
        (Choice(frozenset({1, 2, 3})), TEXT),
        (Choice(lines=((22, 22),)), changed(l3=b"three\n", l20=b"twenty\n", l38=b"")),
        (Choice(lines=((1, 20),)), changed(l22=b"twenty-two\n", l38=b"")),
        (Choice(lines=((38, 38),)), changed(l3=b"three\n", l20=b"twenty\n", l22=b"twenty-two\n")),
    ],
)
def test_some_hunks_or_lines_of_a_path(choice: Choice, left: bytes, tmp_path: Path) -> None:
    with Scene(tmp_path, {b"t": trees.file(TEXT)}) as scene:
        action = scene.become({b"t": trees.file(ALL, 0o755)})
        mine = b"mine\n"
        (scene.root / "t").write_bytes(ALL.replace(b"line 30\n", mine))
        revert(scene, action, choices={b"t": choice})
        # Newer work stays, and permission bits belong to no hunk.
        assert scene.world() == {b"t": trees.file(left.replace(b"line 30\n", mine), 0o755)}


def test_a_hunk_comes_back_with_the_revert_of_its_revert(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"t": trees.file(TEXT)}) as scene:
        action = scene.become({b"t": trees.file(ALL)})
        plan = revert_plan(scene.store, scene.tree, [action], choices={b"t": Choice(frozenset({2}))})
        undo, _ = scene.commit(plan.effects, kind="revert")
        assert scene.world() != {b"t": trees.file(ALL)}
        scene.revert(undo)
        assert scene.world() == {b"t": trees.file(ALL)}


def test_what_comes_or_goes_as_a_whole_is_one_hunk(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"gone": trees.file(TEXT)}) as scene:
        action = scene.become({b"made": trees.file(b"x\n"), b"bin": trees.file(b"\0"), b"l": trees.link(b"x")})
        revert(scene, action, choices={b"made": Choice(frozenset({1})), b"gone": Choice(frozenset({1}))})
        assert set(scene.world()) == {b"gone", b"bin", b"l"}
        revert(scene, action, choices={b"l": Choice(lines=((1, 1),))})
        assert set(scene.world()) == {b"gone", b"bin"}
        with pytest.raises(NotFoundError, match="no hunks"):
            revert(scene, action, choices={b"bin": Choice(frozenset({1}))})


def test_a_hunk_that_is_not_there(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"t": trees.file(TEXT)}) as scene:
        first, second = scene.become({b"t": trees.file(ALL)}), scene.become({b"t": trees.file(ALL + b"x\n")})
        with pytest.raises(NotFoundError, match="1 to 3"):
            revert(scene, first, choices={b"t": Choice(frozenset({1, 4}))})
        with pytest.raises(NotFoundError, match="none of these lines"):
            revert(scene, first, choices={b"t": Choice(lines=((8, 9),))})
        with pytest.raises(UsageError):
            revert(scene, first, second, choices={b"t": Choice(frozenset({1}))})
        assert scene.world() == {b"t": trees.file(ALL + b"x\n")}


@pytest.mark.parametrize("wrong", [{"hunks": {b"t": [0]}}, {"lines": {b"t": [(3, 2)]}}, {"hunks": {b"t": []}}])
def test_numbers_that_name_nothing(wrong: Mapping[str, dict[bytes, list[int]]]) -> None:
    with pytest.raises(UsageError):
        choices(wrong.get("hunks"), wrong.get("lines"))  # type: ignore[arg-type]


OURS, THEIRS = Resolution("ours"), Resolution("theirs")


def test_in_a_text_an_answer_is_about_the_lines_in_conflict(tmp_path: Path) -> None:
    now = ALL.replace(b"three\n", b"mine\n").replace(b"line 30\n", b"mine\n")
    for side, third in (("ours", b"mine\n"), ("theirs", b"line 3\n")):
        with Scene(tmp_path / side, {b"t": trees.file(TEXT)}) as scene:
            action = scene.become({b"t": trees.file(ALL)})
            (scene.root / "t").write_bytes(now)
            (conflict,) = revert(scene, action).conflicts
            assert (conflict.path, conflict.action) == (b"t", action)
            assert scene.world() == {b"t": trees.file(now)}
            revert(scene, action, answers=[Resolution(side)])  # type: ignore[arg-type]
            assert scene.world() == {b"t": trees.file(changed(l3=third, l30=b"mine\n"))}


def test_a_text_for_an_editor_has_both_sides_and_the_base(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"t": trees.file(TEXT)}) as scene:
        action = scene.become({b"t": trees.file(ALL)})
        (scene.root / "t").write_bytes(ALL.replace(b"three\n", b"mine\n"))
        (conflict,) = revert(scene, action).conflicts
        assert conflict.text == changed(
            l3=b"<<<<<<< now\nmine\n||||||| after %b\nthree\n=======\nline 3\n>>>>>>> before %b\n"
            % (action.encode(), action.encode())
        )
        revert(scene, action, answers=[Resolution(text=b"by hand\n", conflict=conflict)])
        assert scene.world() == {b"t": trees.file(b"by hand\n")}


def test_an_edited_text_does_not_overwrite_what_came_meanwhile(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"t": trees.file(TEXT)}) as scene:
        action = scene.become({b"t": trees.file(ALL)})
        (scene.root / "t").write_bytes(ALL.replace(b"three\n", b"mine\n"))
        (conflict,) = revert(scene, action).conflicts
        (scene.root / "t").write_bytes(ALL.replace(b"three\n", b"mine again\n"))
        (again,) = revert(scene, action, answers=[Resolution(text=b"by hand\n", conflict=conflict)]).conflicts
        assert again.ours != conflict.ours
        assert scene.world() == {b"t": trees.file(ALL.replace(b"three\n", b"mine again\n"))}


FILE, OTHER, MORE = trees.file(b"one\n"), trees.file(b"two\0"), trees.file(b"three\0")


@pytest.mark.parametrize(
    ("before", "after", "now", "why"),
    [
        ({b"p": FILE}, {b"p": OTHER}, {b"p": MORE}, "is no text"),
        ({b"p": FILE}, {}, {b"p": MORE}, "both sides"),
        ({}, {b"p": FILE}, {b"p": MORE}, "deleted on one side"),
        ({b"p": FILE}, {b"p": OTHER}, {}, "deleted on one side"),
        ({b"p": FILE}, {b"p": trees.link(b"x")}, {b"p": trees.link(b"y")}, "different types"),
        ({b"p": trees.link(b"x")}, {b"p": trees.link(b"y")}, {b"p": trees.link(b"z")}, "symlink"),
        ({b"p": trees.file(b"", 0o600)}, {b"p": trees.file(b"", 0o644)}, {b"p": trees.file(b"", 0o755)}, "bits"),
        ({b"p": FILE}, {}, {b"p": trees.directory()}, "both sides"),
    ],
)
def test_what_cannot_be_merged_is_taken_whole(
    before: trees.World, after: trees.World, now: trees.World, why: str, tmp_path: Path
) -> None:
    for answer, expected in ((OURS, now), (THEIRS, before), (Resolution("theirs", path=b"p"), before)):
        home = tmp_path / str(id(answer))
        with Scene(home, before) as scene:
            action = scene.become(after)
            trees.clear(scene.root)
            trees.build(now, scene.root)
            (conflict,) = revert(scene, action).conflicts
            assert (conflict.path, conflict.action) == (b"p", action)
            assert why in conflict.why
            assert scene.world() == now
            assert revert(scene, action, answers=[Resolution("theirs", path=b"q")]).conflicts
            assert not revert(scene, action, answers=[answer]).conflicts
            assert scene.world() == expected


def test_a_file_in_the_place_of_a_directory_that_is_needed(tmp_path: Path) -> None:
    old: trees.World = {b"d": trees.directory(0o700), b"d/f": FILE}
    for answer, expected in ((OURS, {b"d": MORE}), (THEIRS, old)):
        with Scene(tmp_path / str(answer.side), old) as scene:
            action = scene.become({b"d": trees.directory(0o700)})
            scene.become({b"d": MORE})
            (conflict,) = revert(scene, action).conflicts
            assert (conflict.path, conflict.action) == (b"d/f", action)
            revert(scene, action, answers=[answer])
            assert scene.world() == expected


def test_a_directory_that_others_filled_in_the_place_of_a_file(tmp_path: Path) -> None:
    now: trees.World = {b"p": trees.directory(), b"p/mine": trees.directory(), b"p/mine/x": MORE}
    for answer, expected in ((OURS, now), (THEIRS, {b"p": FILE})):
        with Scene(tmp_path / str(answer.side), {b"p": FILE}) as scene:
            action = scene.become({b"p": trees.directory()})
            trees.clear(scene.root)
            trees.build(now, scene.root)
            (conflict,) = revert(scene, action).conflicts
            assert (conflict.path, conflict.action) == (b"p", action)
            plan = revert(scene, action, answers=[answer])
            assert scene.world() == expected
            # What goes with it is part of the plan, so it can be seen before and taken back after.
            assert {e.path for e in plan.effects} == (set(now) if answer is THEIRS else set())


def test_a_directory_with_a_fifo_is_never_emptied(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"p": FILE}) as scene:
        action = scene.become({b"p": trees.directory()})
        os.mkfifo(scene.root / "p" / "fifo")
        (conflict,) = revert(scene, action, answers=[THEIRS]).conflicts
        assert "fifo" in conflict.why
        assert set(scene.world()) == {b"p", b"p/fifo"}


def test_every_conflict_is_named_with_its_action(tmp_path: Path) -> None:
    with Scene(tmp_path, {b"a": FILE, b"b": FILE}) as scene:
        first, second = scene.become({b"a": OTHER, b"b": FILE}), scene.become({b"a": OTHER, b"b": OTHER})
        for name in ("a", "b"):
            (scene.root / name).write_bytes(b"mine\0")
        plan = revert(scene, first, second)
        assert {(c.path, c.action) for c in plan.conflicts} == {(b"a", first), (b"b", second)}
        with pytest.raises(ConflictError) as caught:
            refuse_conflicts(plan)
        assert set(caught.value.paths) == {b"a", b"b"}
        assert caught.value.conflicts == plan.conflicts
        assert all(name in caught.value.what for name in (first, second))
        revert(scene, first, second, answers=[Resolution("ours", path=b"a"), Resolution("theirs", path=b"b")])
        assert scene.world() == {b"a": trees.file(b"mine\0"), b"b": FILE}


def test_an_answer_to_a_conflict_is_no_answer_to_another_action() -> None:
    one, other = PathConflict(b"p", "a1", "x"), PathConflict(b"p", "a2", "x")
    assert Resolution(text=b"", conflict=one).answers(one)
    assert not Resolution(text=b"", conflict=one).answers(other)
    assert Resolution("ours", path=b"d").answers(PathConflict(b"d/x", "a1", "x"))
    assert not Resolution("ours", path=b"d").answers(PathConflict(b"dx", "a1", "x"))
