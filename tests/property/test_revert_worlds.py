"""Whatever an action does to whatever tree: reverting it gives the tree back, and reverting that gives it again."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentsh.runtime.restore import plan_restore
from agentsh.runtime.revert import revert_plan
from agentsh.runtime.snapshot import take_snapshot
from tests.worlds import trees
from tests.worlds.scene import Scene
from tests.worlds.strategies import successors, worlds

slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(st.data())
def test_revert_of_a_commit_is_the_tree_before_it(data: st.DataObject) -> None:
    before = data.draw(worlds, label="before")
    after = data.draw(successors(before), label="after")
    with tempfile.TemporaryDirectory() as home, Scene(Path(home), before) as scene:
        action = scene.become(after)
        assert scene.world() == after
        undo = scene.revert(action)
        assert scene.world() == before
        scene.revert(undo)
        assert scene.world() == after
        assert scene.store.check().problems == ()


@slow
@given(st.data())
def test_reverting_every_action_at_once_is_the_first_tree(data: st.DataObject) -> None:
    first = world = data.draw(worlds, label="first")
    with tempfile.TemporaryDirectory() as home, Scene(Path(home), first) as scene:
        actions = []
        for _ in range(data.draw(st.integers(1, 4))):
            world = data.draw(successors(world))
            actions.append(scene.become(world))
        scene.revert(*data.draw(st.permutations(actions)))
        assert scene.world() == first


@slow
@given(st.data())
def test_restore_is_the_tree_at_the_snapshot_and_loses_nothing(data: st.DataObject) -> None:
    world = data.draw(worlds, label="first")
    with tempfile.TemporaryDirectory() as home, Scene(Path(home), world) as scene:
        history = {}
        for _ in range(data.draw(st.integers(1, 4))):
            trees.clear(scene.root)
            trees.build(world, scene.root)
            history[take_snapshot(scene.store, scene.tree).snapshot] = world
            world = data.draw(successors(world))
        last = list(history)[-1]
        chosen = data.draw(st.sampled_from(sorted(history)))
        scene.commit(plan_restore(scene.store, scene.tree, chosen), kind="restore")
        assert scene.world() == history[chosen]
        scene.commit(plan_restore(scene.store, scene.tree, last), kind="restore")
        assert scene.world() == history[last]


_files = st.dictionaries(
    st.sampled_from([b"p", b"q", b"r s"]), st.binary(min_size=1, max_size=2).map(lambda b: trees.file(b + b"\0"))
)


@slow
@given(st.lists(_files, min_size=2, max_size=6), st.data())
def test_selective_revert_agrees_with_a_plain_model(states: list[trees.World], data: st.DataObject) -> None:
    """Files that cannot be merged: an undo takes the old state, finds it there, or is a conflict; nothing else."""
    with tempfile.TemporaryDirectory() as home, Scene(Path(home), states[0]) as scene:
        steps = [(scene.become(after), before, after) for before, after in pairwise(states)]
        chosen = data.draw(st.lists(st.sampled_from(steps), unique_by=lambda s: s[0], min_size=1))
        expected, conflicts = dict(states[-1]), set()
        for action, before, after in sorted(chosen, key=lambda s: -int(s[0][1:])):
            for path in before.keys() | after.keys():
                old, new, now = before.get(path), after.get(path), expected.get(path)
                if old in (new, now):
                    continue
                if now != new:
                    conflicts.add((path, action))
                elif old is None:
                    del expected[path]
                else:
                    expected[path] = old
        plan = revert_plan(scene.store, scene.tree, [s[0] for s in chosen])
        assert {(c.path, c.action) for c in plan.conflicts} == conflicts
        if not conflicts:
            scene.revert(*(s[0] for s in chosen))
            assert scene.world() == expected


@slow
@given(st.sets(st.integers(0, 9), min_size=1), st.permutations(range(10)))
def test_edits_of_one_text_are_undone_in_any_selection(undone: set[int], order: list[int]) -> None:
    """Ten actions each change a line of their own; undoing any of them leaves the others' lines."""
    lines = [b"line %d\n" % n for n in range(30)]

    def text(edits: set[int]) -> trees.World:
        return {
            b"t": trees.file(
                b"".join(b"new %d\n" % n if n % 3 == 1 and n // 3 in edits else x for n, x in enumerate(lines))
            )
        }

    with tempfile.TemporaryDirectory() as home, Scene(Path(home), text(set())) as scene:
        done: set[int] = set()
        actions = {}
        for n in order:
            done.add(n)
            actions[n] = scene.become(text(done))
        scene.revert(*(actions[n] for n in undone))
        assert scene.world() == text(done - undone)
