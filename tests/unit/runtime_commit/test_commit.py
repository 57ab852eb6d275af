"""Commits: what they keep, what they refuse, and what they put back when something fails."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentsh.core.action import ActionStatus
from agentsh.core.effect import FileEffect
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ActionFailed, AgentshError, ConflictError, LimitExceeded
from agentsh.core.history import CommitOutcome
from agentsh.runtime import apply, sync
from agentsh.runtime.commit import commit_effects
from agentsh.runtime.recover import recover
from tests.worlds import trees
from tests.worlds.scene import Scene, effects_between

if TYPE_CHECKING:
    from collections.abc import Callable

OLD: trees.World = {
    b"a": trees.file(b"old a"),
    b"d": trees.directory(),
    b"d/b": trees.file(b"old b"),
    b"link": trees.link(b"a"),
}
NEW: trees.World = {
    b"a": trees.file(b"new a", 0o755),
    b"d": trees.directory(0o700),
    b"d/c": trees.file(b"new c"),
    b"e": trees.directory(),
    b"e/f": trees.directory(),
    b"e/f/g": trees.file(b""),
    b"link": trees.link(b"d/c"),
}


def test_result_names_commit_snapshot_actions_and_paths(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        action, result = scene.commit(effects_between(scene.store, OLD, NEW))
        assert scene.world() == NEW
        assert (result.commit, result.actions) == ("c1", (action,))
        assert result.paths == (b"a", b"d", b"d/b", b"d/c", b"e", b"e/f", b"e/f/g", b"link")
        assert scene.store.action(action).status is ActionStatus.COMMITTED
        before, after = scene.store.snapshots()
        assert (before.origin, after.origin, after.id) == ("person", "commit", result.snapshot)
        assert set(scene.store.manifest(before.id)) == set(OLD)
        assert set(scene.store.manifest(after.id)) == set(NEW)


def test_conflicts_name_every_path_and_nothing_is_written(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        effects = effects_between(scene.store, OLD, NEW)
        (scene.root / "a").write_bytes(b"mine")
        (scene.root / "e").write_bytes(b"mine too")
        shutil.rmtree(scene.root / "d")
        there = scene.world()
        with pytest.raises(ConflictError) as caught:
            scene.commit(effects)
        assert caught.value.paths == (b"a", b"d", b"e")
        assert scene.world() == there
        assert scene.store.commits() == []


def test_a_path_that_is_there_already_is_no_conflict(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        effects = effects_between(scene.store, OLD, NEW)
        (scene.root / "a").write_bytes(b"new a")
        (scene.root / "a").chmod(0o755)
        _, result = scene.commit(effects)
        assert b"a" not in result.paths
        assert scene.world() == NEW


def test_nothing_to_do(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        result = commit_effects(scene.store, scene.tree, kind="commit", actions=[], effects=[])
        assert (result.commit, result.snapshot) == (None, None)
        assert scene.store.snapshots() == []


def test_effects_that_cancel_out_still_end_their_action(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        action = scene.act(effects_between(scene.store, {}, {b"t": trees.file(b"temporary")}))
        result = commit_effects(scene.store, scene.tree, kind="commit", actions=[action], effects=[])
        assert result.commit == "c1"
        assert scene.store.action(action).status is ActionStatus.COMMITTED
        assert scene.world() == OLD


def test_times_of_files_are_kept(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        digest = scene.store.put_bytes(b"x")
        when = 1_600_000_000_123_456_789
        scene.commit([FileEffect(b"n", None, Entry(EntryType.FILE, 0o644, 1, digest, mtime_ns=when))])
        assert (scene.root / "n").stat().st_mtime_ns == when


def test_sparse_files_stay_sparse(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        with (tmp_path / "sparse").open("wb") as f:
            f.write(b"begin")
            f.truncate(50_000_000)
            f.seek(49_000_000)
            f.write(b"end")
        with (tmp_path / "sparse").open("rb") as f:
            digest, size = scene.store.put_fd(f.fileno())
        scene.commit([FileEffect(b"n", None, Entry(EntryType.FILE, 0o644, size, digest))])
        assert (scene.root / "n").read_bytes() == (tmp_path / "sparse").read_bytes()
        assert (scene.root / "n").stat().st_blocks * 512 < 1_000_000


def test_many_files_at_once(tmp_path: Path) -> None:
    world = {b"f%d" % n: trees.file(b"%d" % n) for n in range(3 * sync.FEW)}
    with Scene(tmp_path, {}) as scene:
        scene.become(world)
        assert scene.world() == world


def attempt(scene: Scene, effects: list[FileEffect]) -> AgentshError | None:
    try:
        scene.commit(effects)
    except AgentshError as e:
        return e
    return None


def failing(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, error: OSError, *, after: int
) -> Callable[[], int]:
    """Let a function of ``os`` fail from its ``after``-th call on."""
    real, calls = getattr(module, name), [0]

    def fail(*args: object, **more: object) -> object:
        calls[0] += 1
        if calls[0] > after:
            raise error
        return real(*args, **more)

    monkeypatch.setattr(module, name, fail)
    return lambda: calls[0]


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("call", ["pwrite", "fsync", "symlink", "mkdir"])
def test_full_disk_at_every_step_writes_nothing(
    call: str, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Scene(tmp_path, OLD) as scene:
        effects = effects_between(scene.store, OLD, NEW)
        calls = failing(monkeypatch, os, call, OSError(errno.ENOSPC, "No space left on device"), after=after)
        error = attempt(scene, effects)
        monkeypatch.undo()
        if error is None:
            assert scene.world() == NEW
        else:
            assert calls() > after
            assert isinstance(error, (LimitExceeded, ActionFailed))
            recover(scene.store, scene.tree)
            # Only a commit that could not even be undone is finished as soon as there is room again.
            assert scene.world() == OLD or (isinstance(error, ActionFailed) and scene.world() == NEW)
        assert scene.store.check().problems == ()


def test_failure_half_way_puts_back_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Scene(tmp_path, OLD) as scene:
        effects = effects_between(scene.store, OLD, NEW)
        failing(monkeypatch, apply, "rename_new", PermissionError(errno.EACCES, "Permission denied"), after=2)
        with pytest.raises(ActionFailed) as caught:
            scene.commit(effects)
        assert "could not be" in caught.value.what
        monkeypatch.undo()
        recover(scene.store, scene.tree)
        assert scene.world() in (OLD, NEW)


def test_interrupt_half_way_puts_back_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Scene(tmp_path, OLD) as scene:
        effects = effects_between(scene.store, OLD, NEW)
        passages = [0]

        def interrupt(name: str) -> None:
            passages[0] += name == "commit.path-switched"
            if passages[0] == 3:
                passages[0] += 1
                raise KeyboardInterrupt

        monkeypatch.setattr(apply, "fault_point", interrupt)
        with pytest.raises(KeyboardInterrupt):
            scene.commit(effects)
        assert scene.world() == OLD
        assert scene.store.commits()[-1].outcome is CommitOutcome.UNDONE
        assert recover(scene.store, scene.tree) == []


_UNPRIVILEGED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
# The interpreter may live where nobody can read: load everything first.
from agentsh.core.errors import ActionFailed
from tests.worlds import trees
from tests.worlds.scene import Scene, effects_between
with Scene(Path(sys.argv[1]) / "first", {b"x": trees.file(b"x" * 100)}) as scene:
    scene.become({})
    scene.store.check()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
home = Path(sys.argv[1])
OLD = {
    b"secret": trees.file(b"nobody may read", 0o000), b"closed": trees.directory(0o000),
    b"ro": trees.directory(0o555), b"f": trees.file(b"read only", 0o444),
}
NEW = {
    b"secret": trees.file(b"now everybody", 0o644), b"closed": trees.directory(0o755),
    b"ro": trees.directory(0o755), b"ro/new": trees.file(b"x", 0o000), b"f": trees.file(b"written", 0o444),
    b"sealed": trees.directory(0o500), b"sealed/in": trees.file(b"y", 0o400),
}
with Scene(home, OLD) as scene:
    action = scene.commit(effects_between(scene.store, OLD, NEW))[0]
    os.chmod(scene.root / "ro" / "new", 0o600)
    assert scene.world() == {**NEW, b"ro/new": trees.file(b"x", 0o600)}, scene.world()
    os.chmod(scene.root / "ro" / "new", 0o000)
    scene.revert(action)
    os.chmod(scene.root / "secret", 0o600)
    os.chmod(scene.root / "closed", 0o700)
    now = scene.world()
    expected = {**OLD, b"secret": trees.file(b"nobody may read", 0o600), b"closed": trees.directory(0o700)}
    assert now == expected, now
    # A directory that is read-only and no part of the change: refused, told, and nothing is changed.
    try:
        scene.become({**expected, b"ro/x": trees.file(b"x"), b"f": trees.file(b"other")})
    except ActionFailed as e:
        assert "ro/x" in e.what, e.what
    else:
        raise SystemExit("written into a read-only directory")
    assert scene.world() == expected
    assert scene.store.check().problems == ()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
def test_without_privileges_odd_modes_are_handled_or_refused() -> None:
    here = Path(__file__).resolve().parents[3]
    with tempfile.TemporaryDirectory() as home:  # pytest's own is closed to others
        Path(home).chmod(0o777)
        run = subprocess.run(
            [sys.executable, "-c", _UNPRIVILEGED, home, str(here)], capture_output=True, text=True, check=False
        )
    assert run.returncode == 0, run.stderr
