"""Shell lines over much data, and Python: by agentsh, by bash with the machine's commands, and by the peers."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.measure import Row, interleaved
from benchmarks.subjects import Context, files, goal, output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINE_GOAL, PYTHON_GOAL = 3.0, 0.06
ROUNDS = 7


@dataclass(frozen=True)
class Line:
    """A line, and what it works on."""

    script: str
    make: Callable[[Path], None]


def _log(root: Path) -> None:
    rng = random.Random(2)  # noqa: S311 - the same file every time
    levels, hosts = ("DEBUG", "INFO", "WARN", "ERROR"), [f"host{i}" for i in range(50)]
    lines = (f"2026-01-{i % 28 + 1:02} {rng.choice(levels)} {rng.choice(hosts)} request {i}\n" for i in range(200_000))
    (root / "log").write_text("".join(lines))


def _numbers(root: Path) -> None:
    rng = random.Random(3)  # noqa: S311 - as above
    (root / "numbers").write_text("".join(f"{rng.randrange(10**9)}\n" for _ in range(1_000_000)))


def _table(root: Path) -> None:
    rng = random.Random(4)  # noqa: S311 - as above
    (root / "table").write_text("".join(f"row{i} {rng.randrange(1000)} x\n" for i in range(1_000_000)))


def _big(root: Path) -> None:
    part = "".join(f"line {i} with foo and bar and some more words to read over\n" for i in range(20_000))
    with (root / "big").open("w") as f:
        for _ in range(100_000_000 // len(part) + 1):
            f.write(part)


LINES = {
    "pipeline": Line("cat log | grep -v DEBUG | cut -d' ' -f3 | sort | uniq -c | sort -rn | head -5 | wc -c", _log),
    "grep-20k": Line("grep -r foo . | wc -l", lambda root: files(root, 20_000)),
    "sort-1m": Line("sort -n numbers | tail -n 1", _numbers),
    "sed-100mb": Line("sed 's/foo/quux/g' big | tail -c 20", _big),
    "awk-1m": Line("awk '{ s += $2 } END { print s }' table", _table),
}


def line_benchmark(name: str) -> Callable[[Context], list[Row]]:
    """The benchmark of one of :data:`LINES`."""
    line = LINES[name]

    def run(ctx: Context) -> list[Row]:
        root = ctx.scratch / "w"
        root.mkdir(parents=True, exist_ok=True)
        line.make(root)
        want = output(["bash", "-c", line.script], root)
        ws = ctx.workspace(root)

        def ours() -> None:
            record = ws.exec(line.script)
            assert ws.output(record.id).decode().strip() == want

        def bash() -> None:
            assert output(["bash", "-c", line.script], root) == want

        subjects: dict[str, Callable[[], object]] = {"agentsh": ours, "bash -c": bash}
        ctx.add_peers(subjects, line.script, want, root)
        rows = ctx.rows(interleaved(subjects, rounds=min(ctx.rounds, ROUNDS)), "bash -c")
        row = rows["agentsh"]
        assert row.seconds is not None
        assert row.ratio is not None
        ahead = all(row.seconds < (r.seconds or 0) for n in peers.COMMANDS if (r := rows[n]).seconds is not None)
        met = row.ratio <= LINE_GOAL and ahead
        rows["agentsh"] = goal(row, f"<= {LINE_GOAL:g} x bash, ahead of peers", met)
        return list(rows.values())

    run.__doc__ = f"``{line.script}``."
    return run


def python(ctx: Context) -> list[Row]:
    """Python in the sandbox: a start, and an import of numpy; beside the machine's own start."""
    root = ctx.scratch / "w"
    root.mkdir(parents=True, exist_ok=True)
    ws = ctx.workspace(root)

    def ours(script: str, want: bytes) -> Callable[[], object]:
        def call() -> None:
            assert ws.output(ws.exec(script).id) == want, script

        return call

    def native() -> None:
        done = subprocess.run([sys.executable, "-S", "-c", "print(1)"], capture_output=True, check=True)
        assert done.stdout == b"1\n"

    subjects: dict[str, Callable[[], object]] = {
        "agentsh: print(1)": ours("python -c 'print(1)'", b"1\n"),
        "agentsh: import numpy": ours("python -c 'import numpy; print(numpy.arange(4).sum())'", b"6\n"),
        "python -S -c 'print(1)'": native,
    }
    rows = ctx.rows(interleaved(subjects, rounds=min(ctx.rounds, ROUNDS)), "python -S -c 'print(1)'")
    row = rows["agentsh: print(1)"]
    assert row.seconds is not None
    rows[row.name] = goal(row, f"<= {PYTHON_GOAL * 1e3:g} ms", row.seconds <= PYTHON_GOAL)
    return list(rows.values())
