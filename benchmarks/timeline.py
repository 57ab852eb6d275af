"""The timeline of 10,000 actions in the full-screen interface: until it is painted, and from a key to its paint.

``python -m benchmarks.timeline [--actions 10000] [--rounds 10] [--at DIRECTORY]``; DIRECTORY gets the store. The
interface is driven by Textual's pilot, without a terminal, and renders each frame to what a terminal would be sent. The
store is a real one. A paint is the first frame, rendered to its end, that has what the key asks for.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from agentsh.config import make_private, workspace_dir
from agentsh.core.action import ActionKind, ActionSpec, ActionStatus
from agentsh.core.effect import EffectState, FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.tree import Tree
from agentsh.runtime.commit import commit_effects
from agentsh.store import Store
from agentsh.tui.entries import TimelineList
from agentsh.tui.timeline import TimelineScreen
from benchmarks.measure import Row, Samples, table
from benchmarks.painted import Painted

PAINT_GOAL, KEY_GOAL = 0.5, 0.05
SIZE = (120, 40)
_FILES, _EVERY = 50, 10
_KEYS = (*["down"] * 10, *["pagedown"] * 10, "end", *["up"] * 5, *["pageup"] * 5, "home", *["space"] * 4)


def fill(root: Path, data: Path, actions: int) -> None:
    """A workspace in which ``actions`` actions happened, every tenth of which was committed, with those before it."""
    home = workspace_dir(data, root)
    make_private(home)
    names = [b"src/f%02d.txt" % n for n in range(_FILES)]
    (root / "src").mkdir()
    for name in names:
        (root / os.fsdecode(name)).write_bytes(b"line 0\n")
    with Store.open(home / "store.db") as store:
        tree = Tree(root)
        now: dict[bytes, Entry] = {}
        first = Entry(EntryType.FILE, 0o644, 7, store.put_bytes(b"line 0\n"))
        for number in range(1, actions + 1):
            name = names[number % _FILES]
            text = b"line %d\n" % number
            after = Entry(EntryType.FILE, 0o644, len(text), store.put_bytes(text))
            kept = number % _EVERY == 0
            spec = ActionSpec(ActionKind.SHELL, {"line": f"sed -i 's/[0-9]*$/{number}/' {os.fsdecode(name)}"})
            changes = change_set([FileEffect(name, now.get(name, first), after)])
            with store.batch(durable=False):
                action = store.begin_action(spec)
                status = ActionStatus.APPROVED if kept else ActionStatus.DISCARDED
                store.finish_action(action, status=status, exit_code=0, changes=changes)
                if kept:
                    store.approve(action, change_set_digest=changes.digest, comment="")
                else:
                    store.set_effect_states(action, None, EffectState.DISCARDED)
            if kept:
                now[name] = after
                commit_effects(store, tree, kind="commit", actions=[action], effects=changes.effects)
        tree.close()


async def _keys(app: Painted, samples: Samples) -> None:
    """Each key, from its press to the frame with the entry that it leads to."""
    view = app.screen.query_one(TimelineList)
    for key in _KEYS:
        before = view.cursor

        def moved(frame: str, before: int = before) -> bool:
            entry = view.entry
            return view.cursor != before and entry is not None and entry.id in frame

        samples.times.append(await app.painted(key, moved))
        await asyncio.sleep(0.02)  # as a quick hand; the difference beside it is read meanwhile


async def _round(root: Path, data: Path, actions: int, samples: dict[str, Samples]) -> None:
    """Open the interface and its timeline; then the keys, once all entries are there."""
    app = Painted(root, data_dir=data)
    async with app.run_test(size=SIZE) as pilot:
        main = app.screen
        while not getattr(getattr(main, "_facts", None), "policy", ""):
            await pilot.pause(0.01)
        newest = f"a{actions}"
        opened = await app.painted("ctrl+t", lambda frame: newest in frame)
        samples["first paint"].times.append(opened)
        samples["key to paint, amid reading"].times.append(await app.painted("down", lambda f: "commit" in f))
        screen = app.screen
        assert isinstance(screen, TimelineScreen)
        while not screen.whole:
            await pilot.pause(0.01)
        with suppress(TimeoutError):
            await asyncio.wait_for(app.workers.wait_for_complete(), 5)
        await _keys(app, samples["key to paint"])
        every = len(screen.query_one(TimelineList).lines)
        samples["filter to paint"].times.append(
            await app.painted("t", lambda _f: len(screen.query_one(TimelineList).lines) < every)
        )


def measure(home: Path, actions: int, rounds: int) -> list[Row]:
    """The rows of one number of actions."""
    root, data = home / "w", home / "data"
    root.mkdir(parents=True)
    fill(root, data, actions)
    names = ("first paint", "key to paint", "key to paint, amid reading", "filter to paint")
    samples = {name: Samples() for name in names}
    for _ in range(rounds):
        asyncio.run(_round(root, data, actions, samples))
    goals = {"first paint": PAINT_GOAL, "key to paint": KEY_GOAL}
    rows = []
    for name, sample in samples.items():
        bound = goals.get(name)
        slowest = max(sample.times)
        note = f"slowest of {len(sample.times)}: {slowest * 1e3:.0f} ms"
        text = f"<= {bound * 1e3:g} ms" if bound is not None else ""
        met = sample.median <= bound if bound is not None else None
        rows.append(
            Row(f"timeline, {actions:,} actions", name, sample.median, sample.spread, goal=text, met=met, note=note)
        )
    return rows


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--at", type=Path, default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.at) as home:
        os.environ["AGENTSH_CONFIG_DIR"] = str(Path(home) / "config")
        rows = measure(Path(home), arguments.actions, arguments.rounds)
    sys.stdout.write(table(rows) + "\n")
    return 1 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
