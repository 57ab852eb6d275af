"""Judge answers to the held-out wishes that a model gave elsewhere: each runs in the sandbox beside its reference.

    python scripts/judge_predictions.py OUT/*.predictions.jsonl [--json FILE]

The files are those of ``scripts/train_release.py``. Of several answers to a wish the first is the model's likeliest.
Ranked: the answer that the runtime takes first, once all were tried out. Any: one of them is right.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from agentsh.llm import Answer, Sample
from agentsh.runtime.tasks.bench import Bench
from agentsh.runtime.tasks.evaluate import HELD_OUT, differs, first_line, ranked_lines
from agentsh.runtime.tasks.make import read_tasks
from agentsh.runtime.tasks.trees import make_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.runtime.tasks.make import Task

Row = dict[str, Any]


def judge(rows: Sequence[Row], tasks: dict[str, Task]) -> dict[tuple[str, str], Counter[str]]:
    """What is right, by model and mode: counts of ``all``, ``top-1``, ``ranked``, ``any`` and of families."""
    by_tree: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_tree[tasks[row["instruction"]].tree].append(row)
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for number, of_tree in sorted(by_tree.items()):
        with TemporaryDirectory(prefix="agentsh-judge-") as home, Bench(make_tree(number), Path(home)) as bench:
            for row in of_tree:
                task = tasks[row["instruction"]]
                want = bench.run(task.command)
                lines = [first_line(line) for line in row["lines"]]
                outcomes = {line: bench.run(line) for line in dict.fromkeys(lines)}
                right = [bool(line) and not differs(want, outcomes[line], ordered=task.ordered) for line in lines]
                count = counts[row["model"], row["mode"]]
                samples = [Sample(Answer(line), score) for line, score in zip(lines, row["scores"], strict=True)]
                shown = ranked_lines(bench, samples, task.instruction)[0] if len(lines) > 1 else lines[0]
                count.update({"all": 1, f"all {task.family}": 1, "runs": outcomes[lines[0]].code is not None})
                count.update({"top-1": right[0], f"top-1 {task.family}": right[0]})
                count.update({"ranked": right[lines.index(shown)], "any": any(right)})
    return counts


def main() -> None:
    """Judge, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--json", type=Path, default=None, help="write the counts here")
    options = parser.parse_args()
    tasks = {t.instruction: t for t in read_tasks(HELD_OUT)}
    rows = [json.loads(line) for file in options.files for line in file.read_text("utf-8").splitlines()]
    counts = judge(rows, tasks)
    print("| model | shown | wishes | first right | ranked right | any right | runs |\n|---|---|---|---|---|---|---|")
    for (model, mode), c in sorted(counts.items()):
        shares = " | ".join(f"{c[k]} ({100 * c[k] / c['all']:.1f} %)" for k in ("top-1", "ranked", "any", "runs"))
        print(f"| {model} | {mode} | {c['all']} | {shares} |")
    if options.json:
        named = {f"{model} {mode}": dict(sorted(c.items())) for (model, mode), c in sorted(counts.items())}
        options.json.write_text(json.dumps(named, indent=1) + "\n")


if __name__ == "__main__":
    main()
