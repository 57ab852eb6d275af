"""The power goes at any moment: unsynced writes and names are there in part, or not at all.

Afterwards the workspace is wholly old or wholly new, what was acknowledged is there, and the store is sound.
"""

from __future__ import annotations

import os
import pickle
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from agentsh.runtime.recover import recover
from tests.crash import power
from tests.crash.test_disk_crash import NEW, OLD, prepare
from tests.worlds import trees
from tests.worlds.scene import Scene

HOME = Path(__file__).parents[2]
CUTS = int(os.environ.get("AGENTSH_POWER_CUTS", "12"))
"""Moments tried for each job; more by hand."""

_JOBS = """
import os, pickle, sys
from pathlib import Path
from agentsh.runtime.snapshot import take_snapshot
from agentsh.store import Store
from tests.crash.test_disk_crash import run
home, job, new = Path(sys.argv[1]), sys.argv[2], pickle.load(open(sys.argv[3], "rb"))
jobs = {
    "commit": lambda s: s.become(new),
    "revert": lambda s: s.revert("a1"),
    "gc": lambda s: s.store.gc(),
    "snapshot": lambda s: take_snapshot(s.store, s.tree),
}
if job == "migration":
    Store.open(home / "data" / "store.db").close()
else:
    run(home, jobs[job])
os.mkdir(home / "acknowledged")
"""


@pytest.mark.parametrize("job", ["commit", "revert", "snapshot", "gc", "migration"])
def test_the_power_goes_during_a(job: str, tmp_path: Path) -> None:
    if not power.available():
        pytest.skip("strace is not installed")
    home = tmp_path / "home"
    prepare(job, home)
    (tmp_path / "new").write_bytes(pickle.dumps(NEW))
    replay = power.Replay([home / "workspace", home / "data"])
    command = [sys.executable, "-c", _JOBS, str(home), job, str(tmp_path / "new")]
    if power.trace(command, tmp_path / "log", {"PYTHONPATH": str(HOME)}) != 0:
        pytest.skip("strace cannot trace here")
    lines = [line for line in (tmp_path / "log").read_bytes().splitlines() if os.fsencode(home) in plain(line)]
    chance = random.Random(job)  # noqa: S311 - repeatable, not secret
    moments = {*chance.sample(range(len(lines)), min(CUTS, len(lines))), len(lines) - 1}
    acknowledged = False
    for n, line in enumerate(lines):
        acknowledged |= b"acknowledged" in plain(line)
        replay.feed(line)
        if n in moments:
            cut(replay, chance, tmp_path / "cut", home, lambda w, n=n, a=acknowledged: judge(job, w, n, a))
    assert acknowledged


def plain(line: bytes) -> bytes:
    return power._unescape(line)


def cut(replay: power.Replay, chance: random.Random, to: Path, home: Path, judged: Any) -> None:
    replay.after_cut(
        chance,
        {os.fsencode(home / "workspace"): to / "workspace", os.fsencode(home / "data"): to / "data"},
    )
    with Scene(to) as scene:
        assert scene.store.end_problem() is None, "a false alarm"
        recover(scene.store, scene.tree)
        judged(scene.world())
        assert scene.store.check().problems == ()
        scene.become({b"after": trees.file(b"all")})
        assert scene.store.check().problems == ()
    trees.clear(to)
    shutil.rmtree(to)


def judge(job: str, world: trees.World, moment: int, acknowledged: bool) -> None:
    assert world in (OLD, NEW), (moment, sorted(world))
    if acknowledged:
        assert world == (NEW if job in ("commit", "gc", "migration") else OLD), moment
