"""Make the tasks that ship: pairs for retrieval and training, and those held out for ``agentsh eval``.

    python scripts/make_tasks.py [--trees 40] [--each 3]

Every line runs in agentsh's own sandbox; what came of it is checked against what the template computed in Python. The
output is a function of the templates and of the options.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from agentsh.runtime.tasks.bench import Bench
from agentsh.runtime.tasks.make import Task, make_tasks, without_near_duplicates
from agentsh.runtime.tasks.trees import make_tree
from agentsh_tools import command_names as commands

if TYPE_CHECKING:
    from agentsh.runtime.tasks.bench import Outcome
    from agentsh.runtime.tasks.templates import Made

HOME = Path(__file__).resolve().parents[1]
PAIRS = HOME / "agentsh/llm/pairs.jsonl"
HELP = HOME / "agentsh/llm/command_help.json"
HELD_OUT = HOME / "agentsh/runtime/tasks/held_out.jsonl"


def main() -> None:
    """Make and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trees", type=int, default=40)
    parser.add_argument("--each", type=int, default=3)
    options = parser.parse_args()
    refused: list[str] = []

    def on_refused(made: Made, outcome: Outcome) -> None:
        refused.append(f"{made.command}: exit code {outcome.code}")
        print("refused:", made.command, outcome, file=sys.stderr)

    made: list[Task] = []
    for task in make_tasks(range(options.trees), each=options.each, on_refused=on_refused):
        made.append(task)
        if len(made) % 200 == 0:
            print(len(made), file=sys.stderr, flush=True)
    tasks = without_near_duplicates(made)
    train = [t for t in tasks if t.split == "train"]
    held_out = [t for t in tasks if t.split != "train"]
    PAIRS.write_text(
        "".join(
            json.dumps({"instruction": t.instruction, "command": t.command}, ensure_ascii=False) + "\n" for t in train
        )
    )
    HELP.write_text(json.dumps(command_help(train), indent=0, ensure_ascii=False, sort_keys=True) + "\n")
    HELD_OUT.write_text("".join(t.to_json() + "\n" for t in held_out))
    print(f"{len(made)} made, {len(refused)} refused, {len(made) - len(tasks)} near duplicates dropped")
    print(f"{len(train)} to train on, {len(held_out)} held out: {dict(Counter(t.split for t in held_out))}")
    print(dict(Counter(t.family for t in held_out)))


def command_help(tasks: list[Task]) -> dict[str, str]:
    """The usage lines of the commands that the tasks use, as the userland's own ``--help`` has them."""
    words = {w for t in tasks for w in re.findall(r"(?:^|[|;&]\s*)([a-z0-9]+)", t.command)} & set(commands())
    out = {}
    with TemporaryDirectory() as home, Bench(make_tree(0), Path(home)) as bench:
        for word in sorted(words):
            said = bench.run(f"{word} --help 2>&1").stdout.splitlines()
            if usage := next((line.strip() for line in said if line.lower().startswith("usage")), ""):
                out[word] = re.sub(r"^[Uu]sage:\s*", "", usage)[:160].strip()
    return out


if __name__ == "__main__":
    main()
