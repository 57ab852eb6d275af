"""What is let go of by age, count and size, and what never is."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agentsh.core.effect import FileEffect
from agentsh.core.errors import NotFoundError
from agentsh.core.faults import GC_POINTS
from agentsh.core.limits import Keep
from agentsh.runtime import tidy
from agentsh.runtime.restore import plan_restore
from tests.crash.killing import killed
from tests.worlds import trees
from tests.worlds.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 50_000


def world(n: int) -> trees.World:
    return {b"f": trees.file(b"%d" % n + os.urandom(SIZE)), b"same": trees.file(b"same" * 100)}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Five commits, a day between each and the next, the last one today; a1 four days old."""
    with Scene(tmp_path, world(0)) as scene:
        for n in range(1, 6):
            scene.become(world(n))
        with scene.store._db.write() as connection:
            for table, column in (("actions", "started_at"), ("commits", "started_at")):
                connection.execute(f"UPDATE {table} SET {column} = {column} - (5 - number) * 86400")  # noqa: S608
            connection.execute("UPDATE snapshots SET at = at - (6 - number) * 86400")
        yield scene


def revertable(scene: Scene) -> set[str]:
    found = set()
    for n in range(1, 6):
        (effect,) = [e for e in scene.store.action(f"a{n}").changes if e.path == b"f"]
        if all(e is not None and e.digest and scene.store.has_blob(e.digest) for e in (effect.before, effect.after)):
            found.add(f"a{n}")
    return found


def test_without_a_bound_nothing_that_is_referred_to_goes(scene: Scene) -> None:
    report = scene.store.gc(Keep())
    assert (report.let_go, report.actions) == (0, ())
    assert revertable(scene) == {"a1", "a2", "a3", "a4", "a5"}


@pytest.mark.parametrize(
    ("keep", "stay"),
    [
        (Keep(days=2), {"a4", "a5"}),
        (Keep(snapshots=2), {"a4", "a5"}),
        (Keep(days=3, snapshots=3), {"a3", "a4", "a5"}),
        (Keep(days=1, snapshots=5), {"a5"}),
        (Keep(days=1000, snapshots=1000, max_bytes=1 << 40), {"a1", "a2", "a3", "a4", "a5"}),
    ],
)
def test_by_age_and_by_count(keep: Keep, stay: set[str], scene: Scene) -> None:
    every = {f"a{n}" for n in range(1, 6)}
    planned = scene.store.gc(keep, dry_run=True)
    assert revertable(scene) == every, "a dry run takes nothing"
    done = scene.store.gc(keep)
    assert (done.let_go, done.actions, done.snapshots) == (planned.let_go, planned.actions, planned.snapshots)
    assert revertable(scene) == stay
    assert set(done.actions) == every - stay
    assert scene.store.check().problems == ()
    assert plan_restore(scene.store, scene.tree, "s6") == ()
    for action in ("a5", "a4") if "a4" in stay else ("a5",):
        scene.revert(action)
    if "a1" not in stay:
        before = scene.world()
        with pytest.raises(NotFoundError, match="not kept any more"):
            scene.revert("a1")
        assert scene.world() == before
        with pytest.raises(NotFoundError, match="not kept any more"):
            scene.commit(plan_restore(scene.store, scene.tree, "s1"), kind="restore")
        assert scene.world() == before
        assert [line.status for line in scene.store.log() if line.status == "collected"] == ["collected"]
    assert scene.store.check().problems == ()


def test_by_size_the_oldest_goes_first_and_the_budget_is_met(scene: Scene) -> None:
    budget = scene.store.size() - 2 * SIZE + 5_000
    report = scene.store.gc(Keep(max_bytes=budget))
    assert report.bytes_after <= budget
    assert revertable(scene) == {"a3", "a4", "a5"}
    assert scene.store.check().problems == ()


def test_a_budget_that_cannot_be_met_keeps_what_is_there_now_and_what_waits(scene: Scene) -> None:
    waiting = scene.store.put_bytes(os.urandom(SIZE))
    entry = scene.store.manifest("s6")[b"same"]
    action = scene.act([FileEffect(b"same", entry, replace(entry, digest=waiting, size=SIZE))])
    with scene.store._db.write() as connection:
        connection.execute("UPDATE actions SET started_at = 0 WHERE number = 6")
    scene.store.gc(Keep(max_bytes=1, days=1, snapshots=1))
    assert scene.store.has_blob(waiting)
    assert scene.store.has_blob(entry.digest or b"")
    assert plan_restore(scene.store, scene.tree, "s6") == ()
    assert scene.store.action(action).changes
    assert scene.store.check().problems == ()


def test_content_that_was_let_go_of_comes_back_when_it_is_seen_again(scene: Scene) -> None:
    old = scene.store.manifest("s1")[b"f"].digest or b""
    content = scene.store.read_blob(old)
    scene.store.gc(Keep(days=2))
    assert not scene.store.has_blob(old)
    assert scene.store.put_bytes(content) == old
    assert scene.store.read_blob(old) == content
    assert scene.store.check().problems == ()


def test_a_large_file_is_let_go_of_with_its_pieces(tmp_path: Path) -> None:
    big = os.urandom(5 << 20)
    with Scene(tmp_path, {b"big": trees.file(big)}) as scene:
        scene.become({b"big": trees.file(b"small")})
        with scene.store._db.write() as connection:
            connection.execute("UPDATE actions SET started_at = 0")
            connection.execute("UPDATE commits SET started_at = 0")
            connection.execute("UPDATE snapshots SET at = 0")
        report = scene.store.gc(Keep(days=1))
        assert report.bytes_before - report.bytes_after > 5 << 20
        assert scene.store.check().problems == ()
        digest = scene.store.manifest("s1")[b"big"].digest or b""
        with pytest.raises(NotFoundError):
            scene.store.read_blob(digest)
        assert scene.store.put_bytes(big) == digest
        assert scene.store.read_blob(digest) == big


@pytest.mark.parametrize("point", GC_POINTS)
def test_killed_while_it_lets_go(point: str, scene: Scene, tmp_path: Path) -> None:
    scene.close()

    def work() -> None:
        with Scene(tmp_path) as again:
            again.store.gc(Keep(days=2))

    assert killed(point, work)
    with Scene(tmp_path) as again:
        assert again.store.check().problems == ()
        assert revertable(again) in ({"a4", "a5"}, {"a1", "a2", "a3", "a4", "a5"})
        again.store.gc(Keep(days=2))
        assert revertable(again) == {"a4", "a5"}
        assert again.store.check().problems == ()


def test_by_itself_it_collects_once_a_day_and_sooner_over_the_budget(scene: Scene, tmp_path: Path) -> None:
    assert tidy.tidy(scene.store, tmp_path, Keep(days=2))
    assert revertable(scene) == {"a4", "a5"}
    assert not tidy.tidy(scene.store, tmp_path, Keep(days=1))
    assert not tidy.tidy(scene.store, tmp_path, Keep(max_bytes=1))
    os.utime(tmp_path / "collected", (0, (tmp_path / "collected").stat().st_mtime - 1000))
    assert not tidy.tidy(scene.store, tmp_path, Keep(days=1))
    assert tidy.tidy(scene.store, tmp_path, Keep(max_bytes=1))


def test_growth_is_per_day_and_leaves_out_the_first_snapshot(scene: Scene) -> None:
    growth = scene.store.growth()
    assert growth is not None
    assert SIZE * 0.7 < growth < SIZE * 1.2
