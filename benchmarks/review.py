"""The review of a difference of 100,000 lines: until it is painted, and from a key to its paint.

``python -m benchmarks.review [--lines 100000] [--rounds 5] [--at DIRECTORY]``; DIRECTORY gets both. Driven
and rendered as in ``benchmarks.timeline``; every line of the file is changed, so the difference has twice as many.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
from pathlib import Path

from agentsh import Workspace
from agentsh.tui.diffview import DiffView
from benchmarks.measure import Row, Samples, table
from benchmarks.painted import Painted

PAINT_GOAL, KEY_GOAL = 0.5, 0.05
SIZE = (120, 40)
_KEYS = (*["down"] * 5, *["pagedown"] * 12, "end", *["up"] * 5, *["pageup"] * 6, "home")


def fill(root: Path, data: Path, lines: int) -> None:
    """A workspace with one action staged that changed every line of a file."""
    draw = random.Random(1)  # noqa: S311 - the same file every time
    text = "".join(f"line {n} {draw.randrange(10**6)} some words to read\n" for n in range(lines))
    (root / "big.txt").write_text(text)
    with Workspace.open(root, data_dir=data) as workspace:
        workspace.exec("sed -i 's/some/other/' big.txt")


async def _round(root: Path, data: Path, lines: int, samples: dict[str, Samples]) -> None:
    app = Painted(root, data_dir=data)
    async with app.run_test(size=SIZE) as pilot:
        while not getattr(getattr(app.screen, "_facts", None), "policy", ""):
            await pilot.pause(0.01)
        samples["first paint"].times.append(await app.painted("ctrl+r", lambda frame: f"+{lines}" in frame))
        samples["difference painted"].times.append(await app.painted("tab", lambda _f: _view(app).row_count > lines))
        view = _view(app)
        view.focus()
        await pilot.pause()
        for key in _KEYS:
            before = view.cursor
            samples["key to paint"].times.append(await app.painted(key, lambda _f, b=before: view.cursor != b))  # type: ignore[misc]
            await asyncio.sleep(0.02)
        await app.painted("pagedown", lambda _f: view.cursor > 0)
        samples["choose lines"].times.append(await app.painted("v", lambda _f: view.picked > 0))


def _view(app: Painted) -> DiffView:
    return app.screen.query_one(DiffView)


def measure(home: Path, lines: int, rounds: int) -> list[Row]:
    """The rows of one number of lines."""
    root, data = home / "w", home / "data"
    root.mkdir(parents=True)
    fill(root, data, lines)
    samples = {name: Samples() for name in ("first paint", "difference painted", "key to paint", "choose lines")}
    for _ in range(rounds):
        asyncio.run(_round(root, data, lines, samples))
    goals = {"first paint": PAINT_GOAL, "key to paint": KEY_GOAL, "choose lines": KEY_GOAL}
    rows = []
    for name, sample in samples.items():
        bound = goals.get(name)
        note = f"slowest of {len(sample.times)}: {max(sample.times) * 1e3:.0f} ms"
        goal = "" if bound is None else f"<= {bound * 1e3:g} ms"
        met = None if bound is None else sample.median <= bound
        rows.append(Row(f"review, {lines:,} lines", name, sample.median, sample.spread, goal=goal, met=met, note=note))
    return rows


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at", type=Path, default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.at) as home:
        os.environ["AGENTSH_CONFIG_DIR"] = str(Path(home) / "config")
        rows = measure(Path(home), arguments.lines, arguments.rounds)
    sys.stdout.write(table(rows) + "\n")
    return 1 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
