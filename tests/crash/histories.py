"""Random histories, killed at random named points, held against a plain model. A long run by hand:

python -m tests.crash.histories --kills 10000
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import blake3
import sqlite_utils  # noqa: F401 - here, so that not each of the processes loads them anew
import zstandard  # noqa: F401

from agentsh.core.errors import ConflictError
from agentsh.core.faults import COMMIT_POINTS, GC_POINTS, HEAD_POINTS, RECOVERY_POINTS, SEAL_POINTS, SNAPSHOT_POINTS
from agentsh.core.history import Moment
from agentsh.runtime.recover import recover
from agentsh.runtime.restore import plan_restore, restore_plan
from agentsh.runtime.snapshot import take_snapshot
from agentsh.store import Seals
from tests.crash.oracle import Begun, Done, Edited, Seen, held
from tests.worlds import trees
from tests.worlds.scene import Scene, effects_between

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crash.oracle import Versions

POINTS = (*COMMIT_POINTS, *HEAD_POINTS, *SNAPSHOT_POINTS, *GC_POINTS, *RECOVERY_POINTS, *SEAL_POINTS)
_NAMES = [b"a", b"b", b"c\xff\n", b"d", b"d/e", b"d/f", b"d/g", b"d/g/h", b".i"]
_EDITED = (b"a", b"b", b".i")
"""What the person saves."""

_KINDS = (*["commit"] * 3, "partial", "revert", "restore", "restore-files", "edit", "edit", "snapshot", "gc", "seal")
_COARSE = getattr(time, "CLOCK_REALTIME_COARSE", time.CLOCK_REALTIME)
_LIFE = 40
"""Kills that one workspace lives through before a new one is begun."""


@dataclass
class Figures:
    """What a run saw; the last three must be nought."""

    kills: int = 0
    operations: int = 0
    acknowledged: int = 0
    points: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    neither: int = 0
    lost: int = 0
    damaged: int = 0

    def bad(self) -> int:
        return self.neither + self.lost + self.damaged


def random_world(chance: random.Random, world: trees.World) -> trees.World:
    """Some paths of ``world`` changed."""
    new = dict(world)
    for _ in range(chance.randrange(1, 5)):
        path = chance.choice(_NAMES)
        match chance.randrange(6):
            case 0:
                trees.remove(new, path)
            case 1:
                trees.put(new, path, trees.directory(chance.choice([0o755, 0o700, 0o555])))
            case 2:
                trees.put(new, path, trees.link(chance.choice([b"a", b"/etc/passwd", b"d/e"])))
            case _:
                body = chance.randbytes(chance.choice([0, 10, 5_000])) + b"\n" * chance.randrange(50)
                trees.put(new, path, trees.file(body, chance.choice([0o644, 0o755, 0o400])))
    return new


def _steps(  # noqa: C901, PLR0912, PLR0915 - a table of what a person may do
    scene: Scene, chance: random.Random, tell: Callable[[object], None]
) -> None:
    """Work on a scene until killed: each step tells what is there before, what will be after, and that it is done."""
    seen = Seen(_EDITED)
    history: list[tuple[str, trees.World]] = []  # an action, and the world before it, while nothing came after
    for _ in range(12):
        before = scene.world()
        kind = chance.choice(_KINDS)
        after, work, unsure = before, None, frozenset[bytes]()
        if kind == "commit":
            after = random_world(chance, before)
            work = lambda after=after: scene.become(after)  # noqa: E731
        elif kind == "partial":
            wanted = random_world(chance, before)
            effects = [e for e in effects_between(scene.store, before, wanted) if b"/" not in e.path]
            effects = [e for e in effects if not {before.get(e.path, ("",))[0], wanted.get(e.path, ("",))[0]} & {"dir"}]
            after = dict(before)
            for e in effects:
                trees.remove(after, e.path)
                if e.path in wanted:
                    after[e.path] = wanted[e.path]
            work = lambda effects=effects: scene.commit(effects)  # noqa: E731
        elif kind == "revert" and history:
            action, after = history[-1]
            work = lambda action=action: scene.revert(action)  # noqa: E731
        elif kind == "restore" and seen.worlds:
            snapshot = chance.choice(sorted(seen.worlds))
            after, unsure = seen.worlds[snapshot], seen.unsure(snapshot)
            work = lambda snapshot=snapshot: scene.commit(  # noqa: E731
                plan_restore(scene.store, scene.tree, snapshot), kind="restore"
            )
        elif kind == "restore-files" and seen.worlds:
            snapshot = chance.choice(sorted(seen.worlds))
            then, unsure = seen.worlds[snapshot], seen.unsure(snapshot)
            known = (before.keys() | then.keys()) - unsure
            files = [n for n in _EDITED if n in known and "dir" not in (before.get(n, ("",))[0], then.get(n, ("",))[0])]
            names = [n for n in files if chance.random() < 0.6]
            unsure = frozenset()
            if names:
                after = {p: n for p, n in before.items() if p not in names} | {n: then[n] for n in names if n in then}
                work = lambda snapshot=snapshot, names=names: _restore_files(scene, snapshot, names)  # noqa: E731
        elif kind == "edit":
            name = _edit(scene.root, chance, before)
            if name:
                tell(Edited(name, scene.world()[name]))
                seen.edit(name)
                history.clear()
            continue
        elif kind == "snapshot":
            work = lambda: take_snapshot(scene.store, scene.tree)  # noqa: E731
        elif kind == "gc":
            work = scene.store.gc
        elif kind == "seal":
            work = lambda: _seal(scene)  # noqa: E731
        if work is None:
            continue
        tell(Begun(kind, before, after, unsure))
        result: Any = work()
        tell(Done(scene.world()))
        history.clear()
        if kind == "commit":
            history.append((result, before))
        if kind in ("snapshot", "restore"):
            seen.looked()
        latest = scene.store.latest_snapshot()
        if latest is not None and kind not in ("gc", "seal"):
            seen.add(latest, scene.world())


def _restore_files(scene: Scene, snapshot: str, names: list[bytes]) -> None:
    """As ``agentsh restore --to SNAPSHOT FILE ...``, which looks at nothing else."""
    plan = restore_plan(scene.store, scene.tree, Moment(snapshot), names)
    scene.commit(plan.effects, kind="restore", seen=plan.seen)


def _seal(scene: Scene) -> None:
    """What every action does first and last where content is to be sealed."""
    scene.store.ready_to_seal()
    scene.store.finish_sealing()


def _edit(root: Path, chance: random.Random, world: trees.World) -> bytes:
    """The person saves a file; its name, or nothing where none can be saved."""
    free = [n for n in _EDITED if world.get(n, ("file",))[0] == "file"]
    if not free:
        return b""
    name = chance.choice(free)
    path = os.fsencode(root) + b"/" + name
    # Before or after a look is told by the time of a file alone, which counts in ticks of a coarse clock.
    _next_tick()
    if os.path.lexists(path):
        os.unlink(path)
    Path(os.fsdecode(path)).write_bytes(chance.randbytes(100))
    _next_tick()
    return name


def _next_tick() -> None:
    """Wait until what is written from now on is stamped more than a tick later than anything so far."""
    until = time.time_ns() + int(time.clock_getres(_COARSE) * 1e9)
    while time.clock_gettime_ns(_COARSE) <= until:
        time.sleep(0.0005)


def _killed(fault: str, work: Callable[[Callable[[object], None]], None]) -> tuple[bool, list[Any]]:
    """Run ``work`` in a process that dies at ``fault``; whether it did, and what it had told."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.environ["AGENTSH_FAULT"] = fault
        code = 70
        try:
            with os.fdopen(write, "wb", buffering=0) as out:
                work(lambda told: out.write(pickle.dumps(told)) and None)  # type: ignore[func-returns-value]
            code = 0
        except ConflictError:
            code = 71
        finally:
            os._exit(code)
    os.close(write)
    told: list[Any] = []
    with os.fdopen(read, "rb") as stream:
        while True:
            try:
                told.append(pickle.load(stream))  # noqa: S301 - from our own child
            except EOFError:
                break
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True, told
    assert os.waitstatus_to_exitcode(status) == 0, (fault, status, told[-1:])
    return False, told


def _opened(home: Path, sealed: frozenset[bytes] = frozenset()) -> Scene:
    """The scene at ``home``; of some paths, the content is to be sealed."""
    scene = Scene(home)
    scene.store.seals = Seals(_key, "kills", sealed.__contains__)
    return scene


def _key(name: str, *, make: bool) -> bytes:  # noqa: ARG001 - there is one for every name
    return blake3.blake3(name.encode()).digest()


def run(base: Path, kills: int, seed: int, *, say: Callable[[str], None] = lambda _: None) -> Figures:
    """Live through ``kills`` kills."""
    figures = Figures()
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    home = base / "0"
    life = 0
    versions: Versions = {}
    while figures.kills < kills:
        if life == _LIFE or not home.exists():
            if home.exists():
                trees.clear(home)
                shutil.rmtree(home)
            life, home, versions = 0, base / str(figures.kills), {}
            Scene(home, random_world(chance, {})).close()
        point = chance.choice(POINTS)
        fault = f"{point}:{chance.choice([1, 1, 2, 3, 5, 8, 13])}"
        inner = random.Random(chance.random())  # noqa: S311

        def work(tell: Callable[[object], None], home: Path = home, inner: random.Random = inner) -> None:
            sealed = frozenset(n for n in _NAMES if inner.random() < 0.3)
            with _opened(home, sealed) as scene:
                recover(scene.store, scene.tree)
                _steps(scene, inner, tell)

        died, told = _killed(fault, work)
        figures.operations += sum(isinstance(t, Begun) for t in told)
        figures.acknowledged += sum(isinstance(t, Done) for t in told)
        if died:
            figures.kills += 1
            figures.points[point] += 1
            life += 1
            if chance.random() < 0.2:  # and once more while the recovery is under way
                again = f"{chance.choice((*RECOVERY_POINTS, 'commit.path-switched', 'head.written'))}:1"
                twice, _ = _killed(again, lambda _, home=home: _recovering(home))
                figures.kills += twice
                figures.points[again[:-2]] += twice
        _judge(home, told, figures, versions, full=life % 4 == 0)
        if figures.bad():
            say(f"kept: {home} (seed {seed}, {fault})")
            break
        if died and figures.kills % 500 == 0:
            say(f"{figures.kills} kills, {figures.operations} operations")
    return figures


def _recovering(home: Path) -> None:
    with _opened(home) as scene:
        recover(scene.store, scene.tree)


def _judge(home: Path, told: list[Any], figures: Figures, versions: Versions, *, full: bool) -> None:
    """Hold what was told, and what is there after the recovery, against each other."""
    with _opened(home) as scene:
        figures.damaged += scene.store.end_problem() is not None
        figures.finished += len(recover(scene.store, scene.tree))
        lost, neither = held(told, scene.world(), versions)
        figures.lost += lost
        figures.neither += neither
        if full:
            report = scene.store.check()
            figures.damaged += not report.ok


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--dir", type=Path, default=None, help="where the workspaces are made")
    given = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="agentsh-kills-", dir=given.dir))
    started = time.monotonic()
    figures = run(base, given.kills, given.seed, say=lambda line: print(line, flush=True))  # noqa: T201
    took = time.monotonic() - started
    print(  # noqa: T201
        f"seed {given.seed}: {figures.kills} kills at {len(figures.points)} points in {took:.0f} s;"
        f" {figures.operations} operations begun, {figures.acknowledged} acknowledged, {figures.finished} recovered;"
        f" {figures.neither} neither old nor new, {figures.lost} acknowledged lost, {figures.damaged} damaged"
    )
    print(*(f"{point} {n}" for point, n in sorted(figures.points.items())), sep=", ")  # noqa: T201
    if not figures.bad():
        trees.clear(base)
        shutil.rmtree(base)
    return 1 if figures.bad() else 0


if __name__ == "__main__":
    sys.exit(main())
