"""What is measured. Every subject's answer is checked, so that nothing is fast by doing nothing."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from agentsh import Workspace
from agentsh.core.errors import SandboxError
from agentsh.runtime.merge import merge_texts
from agentsh.sandbox import open_staging
from benchmarks import peers
from benchmarks.measure import Row, Samples, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable

AGENTSH = str(Path(sys.executable).with_name("agentsh"))
COLD_GOAL, WARM_GOAL, GREP_GOAL, STAGING_GOAL, MERGE_GOAL = 0.25, 0.001, 3.0, 0.05, 0.15


class Context(ExitStack):
    """A scratch directory, the peers' place, and how many rounds; closes what a benchmark opened."""

    def __init__(self, scratch: Path, peers_at: Path, rounds: int) -> None:
        super().__init__()
        self.scratch = scratch
        self.peers = peers_at
        self.rounds = rounds
        self.missing: dict[str, str] = {}

    def __enter__(self) -> Self:
        os.environ["AGENTSH_DATA_DIR"] = str(self.scratch / "data")
        return super().__enter__()

    def workspace(self, path: Path) -> Workspace:
        """An open workspace at ``path``."""
        return self.enter_context(Workspace.open(path))

    def add_peers(self, subjects: dict[str, Callable[[], object]], script: str, want: str, root: Path | None) -> None:
        """Add every peer that is there and gives the right answer; note why for the others."""
        for name in peers.COMMANDS:
            try:
                peer = self.enter_context(peers.started(name, self.peers, root))
                got = peer.run(script).strip()
            except peers.Missing as e:
                self.missing[name] = str(e)
                continue
            if got != want:
                self.missing[name] = f"gives another answer: {got[:40]!r}"
                continue
            subjects[name] = lambda peer=peer: peer.run(script)  # type: ignore[misc]

    def rows(self, samples: dict[str, Samples], reference: str) -> dict[str, Row]:
        """One row a subject, its ratio to ``reference``; and one for each peer that is missing."""
        base = samples[reference].median
        rows = {n: Row("", n, s.median, s.spread, s.median / base) for n, s in samples.items()}
        return rows | {n: Row("", n, note=why) for n, why in self.missing.items()}


def goal(row: Row, text: str, met: bool, note: str = "") -> Row:  # noqa: FBT001
    """``row`` with the goal that it is held to."""
    return Row(row.benchmark, row.name, row.seconds, row.spread, row.ratio, text, met, note)


def output(command: list[str], cwd: Path) -> str:
    """What a command prints, without white space around it."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def files(root: Path, number: int, *, seed: int = 1) -> None:
    """``number`` text files in directories of 100, some lines of which say foo."""
    rng = random.Random(seed)  # noqa: S311 - the same tree every time
    words = "alpha beta gamma delta foo bar baz lorem ipsum dolor sit amet".split()  # noqa: SIM905
    for i in range(number):
        path = root / f"d{i // 100:03}" / f"f{i:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (" ".join(rng.choices(words, k=8)) for _ in range(rng.randint(5, 60)))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def cold(ctx: Context) -> list[Row]:
    """One line in a new process: interpreter, staging, sandbox, journal and all."""
    root = ctx.scratch / "w"
    files(root, 100)
    python = str(ctx.peers / "venv" / "bin" / "python")
    commands = {
        "agentsh exec": [AGENTSH, "exec", "echo hi"],
        "bash -c": ["bash", "-c", "echo hi"],
        "python -c pass (floor)": [sys.executable, "-c", "print('hi')"],
    }
    if Path(python).exists():
        script = "from bashkit import Bash; print(Bash().execute_sync('echo hi').stdout, end='')"
        commands["bashkit"] = [python, "-c", script]
    else:
        ctx.missing["bashkit"] = "not installed: make bench-peers"
    if (ctx.peers / "node" / "node_modules" / "just-bash").exists():
        script = "import{Bash}from'just-bash';console.log((await new Bash().exec('echo hi')).stdout.trim())"
        commands["just-bash"] = ["node", "--input-type=module", "-e", script]
    else:
        ctx.missing["just-bash"] = "not installed: make bench-peers"

    def runner(name: str, command: list[str]) -> Callable[[], object]:
        cwd = ctx.peers / "node" if name == "just-bash" else root

        def call() -> None:
            assert output(command, cwd) == "hi", name

        return call

    rows = ctx.rows(interleaved({n: runner(n, c) for n, c in commands.items()}, rounds=ctx.rounds, warm=2), "bash -c")
    ours = rows["agentsh exec"]
    assert ours.seconds is not None
    rows["agentsh exec"] = goal(ours, f"<= {COLD_GOAL} s", ours.seconds <= COLD_GOAL)
    return list(rows.values())


def warm(ctx: Context) -> list[Row]:
    """One line in an open workspace: sandbox, effects and the journal."""
    root = ctx.scratch / "w"
    files(root, 100)
    ws = ctx.workspace(root)

    def ours() -> None:
        for _ in range(20):
            record = ws.exec("echo hi")
        assert record.exit_code == 0

    assert ws.output(ws.exec("echo hi").id) == b"hi\n"

    def bash() -> None:
        for _ in range(20):
            subprocess.run(["bash", "-c", "echo hi"], check=True, stdout=subprocess.DEVNULL)

    subjects: dict[str, Callable[[], object]] = {"agentsh": ours, "bash -c": bash}
    ctx.add_peers(subjects, "echo hi", "hi", None)
    for name in peers.COMMANDS:
        if name in subjects:
            one = subjects[name]
            subjects[name] = lambda one=one: [one() for _ in range(20)]  # type: ignore[misc]
    samples = interleaved(subjects, rounds=ctx.rounds)
    for s in samples.values():
        s.times[:] = [t / 20 for t in s.times]
    rows = ctx.rows(samples, "bash -c")
    row = rows["agentsh"]
    assert row.seconds is not None
    rows["agentsh"] = goal(row, f"<= {WARM_GOAL * 1e3:g} ms", row.seconds <= WARM_GOAL, "of 20 in a row")
    return list(rows.values())


def grep(ctx: Context) -> list[Row]:
    """A search through 2,000 files, in a pipe."""
    root = ctx.scratch / "w"
    files(root, 2000)
    script = "grep -r foo . | wc -l"
    want = output(["bash", "-c", script], root)
    ws = ctx.workspace(root)

    def ours() -> None:
        record = ws.exec(script)
        assert ws.output(record.id).strip().decode() == want

    def bash() -> None:
        assert output(["bash", "-c", script], root) == want

    subjects: dict[str, Callable[[], object]] = {"agentsh": ours, "bash -c": bash}
    ctx.add_peers(subjects, script, want, root)
    rows = ctx.rows(interleaved(subjects, rounds=ctx.rounds), "bash -c")
    row = rows["agentsh"]
    assert row.seconds is not None
    assert row.ratio is not None
    ahead = [r for n in peers.COMMANDS if (r := rows[n]).seconds is not None]
    met = row.ratio <= GREP_GOAL and all(row.seconds < (r.seconds or 0) for r in ahead)
    rows["agentsh"] = goal(row, f"<= {GREP_GOAL:g} x bash, ahead of peers", met)
    return list(rows.values())


def staging(ctx: Context) -> list[Row]:
    """The first view of 10,000 files."""
    root, empty = ctx.scratch / "w", ctx.scratch / "empty"
    files(root, 10_000)
    empty.mkdir()
    fresh = itertools.count()
    kinds: dict[str, Callable[[], object]] = {}
    missing: list[Row] = []

    def start(kind: str) -> None:
        view = open_staging(ctx.scratch / "views" / f"v{next(fresh)}", root, kind=kind)  # type: ignore[arg-type]
        view.prepare()

    for kind in ("overlay", "clone", "copy"):
        try:
            start(kind)
        except SandboxError as e:
            missing.append(Row("", f"view, {kind}", note=e.what))
        else:
            kinds[f"view, {kind}"] = lambda kind=kind: start(kind)  # type: ignore[misc]

    def first(path: Path) -> None:
        os.environ["AGENTSH_DATA_DIR"] = str(ctx.scratch / f"data{next(fresh)}")
        with Workspace.open(path) as ws:
            assert ws.exec("echo hi").exit_code == 0

    kinds["open and first exec, empty"] = lambda: first(empty)
    kinds["open and first exec"] = lambda: first(root)
    samples = interleaved(kinds, rounds=min(ctx.rounds, 7))
    rows = ctx.rows(samples, "open and first exec, empty")
    many, none = samples["open and first exec"], samples["open and first exec, empty"]
    added = many.median - none.median
    row = Row(
        "", "what 10,000 files add", max(0.0, added), many.spread + none.spread, note="difference of the two medians"
    )
    wanted = f"<= {STAGING_GOAL * 1e3:g} ms with overlay"
    met = added <= STAGING_GOAL if "view, overlay" in kinds else None
    return [*rows.values(), *missing, goal(row, wanted, met, row.note) if met is not None else row]


def snapshot(ctx: Context) -> list[Row]:
    """Ten changed files of 10,000 made durable: a commit of ours, and a commit to a git shadow repository."""
    root, theirs = ctx.scratch / "w", ctx.scratch / "g"
    for place in (root, theirs):
        files(place, 10_000)
    shadow = ["git", f"--git-dir={ctx.scratch / 'shadow.git'}", f"--work-tree={theirs}"]
    quiet = ["-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0", "-c", "core.fsync=all"]
    subprocess.run([*shadow, "init", "-q"], check=True, cwd=theirs)

    def git_commit() -> None:
        subprocess.run([*shadow, "add", "-A"], check=True, cwd=theirs)
        subprocess.run([*shadow, *quiet, "commit", "-q", "-m", "x"], check=True, cwd=theirs)

    git_commit()
    ws = ctx.workspace(root)
    numbers = itertools.count()
    paths = [f"d{i:03}/f{i * 100:05}.txt" for i in range(10)]

    def ours() -> None:
        record = ws.exec(f"for f in {' '.join(paths)}; do echo {next(numbers)} >> $f; done")
        ws.approve([record.id])
        assert len(ws.commit().paths) == len(paths)

    def git() -> None:
        for path in paths:
            with (theirs / path).open("a") as f:
                f.write(f"{next(numbers)}\n")
        git_commit()

    samples = interleaved({"agentsh": ours, "git shadow repository": git}, rounds=ctx.rounds)
    rows = ctx.rows(samples, "git shadow repository")
    note = "runs the action, approves, writes the files, and keeps the snapshot; git keeps the snapshot alone"
    return [replace(r, note=note) if n == "agentsh" else r for n, r in rows.items()]


def merge(ctx: Context) -> list[Row]:
    """A file of 30,000 lines in which one side changed every second line and the other a few; beside git's merge."""
    base = [b"line %d of a file with some text in it\n" % n for n in range(30_000)]
    ours = [line if n % 2 else b"changed %d\n" % n for n, line in enumerate(base)]
    theirs = [b"theirs %d\n" % n if n % 5_000 == 1 else line for n, line in enumerate(base)]
    texts = [b"".join(lines) for lines in (base, ours, theirs)]
    names = [str(ctx.scratch / name) for name in ("base", "ours", "theirs")]
    for name, text in zip(names, texts, strict=True):
        Path(name).write_bytes(text)

    def ours_merges() -> None:
        merged = merge_texts(*texts)
        assert merged.conflicts == 6
        assert merged.preferring("theirs").count(b"theirs") == 6

    def git_merges() -> None:
        done = subprocess.run(
            ["git", "merge-file", "-p", names[1], names[0], names[2]], capture_output=True, check=False
        )
        assert 0 < done.returncode < 128

    samples = interleaved({"agentsh": ours_merges, "git merge-file": git_merges}, rounds=ctx.rounds)
    rows = ctx.rows(samples, "git merge-file")
    row = rows["agentsh"]
    assert row.seconds is not None
    rows["agentsh"] = goal(row, f"<= {MERGE_GOAL * 1e3:g} ms", row.seconds <= MERGE_GOAL)
    return list(rows.values())
