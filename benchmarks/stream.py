"""A model that talks fast and a command that prints 50 MB, in the full-screen interface: does a key still paint?

``python -m benchmarks.stream [--words 20000] [--megabytes 50] [--at DIRECTORY]``; driven and rendered as in
``benchmarks.timeline``. The model is a recording played by a real server, as fast as it can; the command runs in the
sandbox. While either goes on, letters are typed into the prompt, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import string
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.tui.prompt import Prompt
from agentsh.tui.rows import BytesView
from benchmarks.measure import Row, Samples, table
from benchmarks.painted import Painted

if TYPE_CHECKING:
    from textual.pilot import Pilot

RATE_GOAL, PAINT_GOAL, KEY_GOAL = 2_000.0, 0.5, 0.05
SIZE = (120, 40)
_LAST = "the-very-last-word"


def recording(words: int) -> dict[str, object]:
    """A recording whose one turn says so many words, as a model writes: paragraphs, lists, code."""
    lines = []
    for n in range(words // 10):
        lines.append(f"{'- ' if n % 3 else ''}word {n} and *nine* more of `them` are in here")
        if n % 20 == 19:
            lines += ["", "```python", f"def f{n}(x): return x + {n}", "```", ""]
    text = "\n".join([*lines, _LAST])
    return {"agentsh_recording": 1, "name": "talk", "task": "", "turns": [{"text": text}]}


async def _ready(app: Painted, pilot: Pilot[None]) -> None:
    while not getattr(getattr(app.screen, "_facts", None), "policy", ""):
        await pilot.pause(0.01)


async def _send(app: Painted, text: str) -> None:
    prompt = app.screen.query_one(Prompt)
    prompt.focus()
    prompt.text = text
    await asyncio.sleep(0.1)
    await app.painted("enter", lambda _f: not prompt.text)


async def _type(app: Painted, sample: Samples, until: asyncio.Task[None]) -> None:
    """Type until the work is done; each letter from its press to the frame that has it."""
    prompt = app.screen.query_one(Prompt)
    letters = string.ascii_lowercase
    while not until.done():
        letter = letters[len(sample.times) % 26]
        wanted = prompt.text + letter
        sample.times.append(await app.painted(letter, lambda _f, w=wanted: prompt.text == w))  # type: ignore[misc]
        await asyncio.sleep(0.05)


async def _busy(app: Painted, pilot: Pilot[None]) -> None:
    while app.screen.work.busy:  # type: ignore[attr-defined]
        await pilot.pause(0.02)


async def _talk(root: Path, data: Path, file: Path, words: int) -> tuple[float, Samples]:
    """Words a second until the last one is on the screen, and the keys meanwhile."""
    app, keys = Painted(root, model=f"replay:{file}", data_dir=data), Samples()
    async with app.run_test(size=SIZE) as pilot:
        await _ready(app, pilot)
        start = time.perf_counter()
        await _send(app, "talk")
        await _type(app, keys, asyncio.create_task(_busy(app, pilot)))
        return words / (time.perf_counter() - start), keys


async def _print(root: Path, data: Path, numbers: int) -> tuple[float, float, Samples]:
    """Seconds until the command is done, until its whole output is painted, and the keys meanwhile."""
    app, keys = Painted(root, data_dir=data), Samples()
    async with app.run_test(size=SIZE) as pilot:
        await _ready(app, pilot)
        start = time.perf_counter()
        await _send(app, f"!seq 1 {numbers}")
        await _type(app, keys, asyncio.create_task(_busy(app, pilot)))
        took = time.perf_counter() - start
        app.screen.query_one("#conversation").focus()
        await pilot.pause()

        def shown(_frame: str) -> bool:
            found = app.screen.query(BytesView)
            return bool(found) and found.first().row_count >= numbers

        return took, await app.painted("o", shown), keys


def measure(home: Path, words: int, megabytes: int) -> list[Row]:
    """The rows of both."""
    root, data, config = home / "w", home / "data", home / "config"
    for directory in (root, config):
        directory.mkdir(parents=True)
    (config / "config.toml").write_text(f"[limits]\noutput_bytes = {(megabytes + 14) << 20}\n")
    file = home / "talk.json"
    file.write_text(json.dumps(recording(words)))
    rate, keys = asyncio.run(_talk(root, data, file, words))
    talk = f"model, {words:,} words"
    rows = [
        Row(
            talk,
            "words a second",
            1 / rate,
            0.0,
            goal=f">= {RATE_GOAL:,.0f}",
            met=rate >= RATE_GOAL,
            note=f"{rate:,.0f}",
        ),
        _row(talk, "key to paint meanwhile", keys, KEY_GOAL),
    ]
    took, opened, keys = asyncio.run(_print(root, data, megabytes * 10**6 // 8))
    printed = f"output, {megabytes} MB"
    rows += [
        Row(printed, "done", took, 0.0),
        _row(printed, "key to paint meanwhile", keys, KEY_GOAL),
        Row(printed, "all of it painted", opened, 0.0, goal=f"<= {PAINT_GOAL * 1e3:g} ms", met=opened <= PAINT_GOAL),
    ]
    return rows


def _row(of: str, name: str, sample: Samples, bound: float) -> Row:
    note = f"slowest of {len(sample.times)}: {max(sample.times) * 1e3:.0f} ms"
    met = sample.median <= bound
    return Row(of, name, sample.median, sample.spread, goal=f"<= {bound * 1e3:g} ms", met=met, note=note)


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--at", type=Path, default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.at) as home:
        os.environ["AGENTSH_CONFIG_DIR"] = str(Path(home) / "config")
        rows = measure(Path(home), arguments.words, arguments.megabytes)
    sys.stdout.write(table(rows) + "\n")
    return 1 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
