"""How well a model turns wishes into lines: its line and the reference both run, and must come to the same.

A line is right when it prints the same (up to spaces, and the order of lines where that is free) and leaves the same
tree.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from agentsh.core.errors import AgentshError, Interrupted
from agentsh.llm.retrieve import SHIPPED, Index, Pair, read_pairs
from agentsh.runtime.ranking import Candidate, rank
from agentsh.runtime.tasks.bench import Bench, normalised
from agentsh.runtime.tasks.make import read_tasks
from agentsh.runtime.tasks.trees import make_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh.llm import Model, Sample
    from agentsh.runtime.tasks.bench import Outcome
    from agentsh.runtime.tasks.make import Task

HELD_OUT = Path(__file__).parent / "held_out.jsonl"
Mode = Literal["zero-shot", "few-shot", "retrieval", "copy"]
MODES: tuple[Mode, ...] = ("zero-shot", "few-shot", "retrieval", "copy")
SYSTEM = (
    "Answer with one line for a POSIX shell that does what is wished, and nothing else: no explanation, no Markdown."
)
_NEIGHBOURS = 4
_TOKENS = 120  # of each of several answers
_LONGEST = 400  # characters of an answer; no reference has half of them
_FEW = (
    Pair("How many directories are there below here?", "find . -mindepth 1 -type d | wc -l"),
    Pair("Show the sizes of the pdf files, smallest first.", "find . -name '*.pdf' -exec du -k {} + | sort -n"),
    Pair("Swap cat for dog in pets.yaml.", "sed -i 's/cat/dog/g' pets.yaml"),
    Pair("Average the fourth column of trips.csv.", "awk -F, 'NR>1 {s+=$4; n++} END {print s/n}' trips.csv"),
)


@dataclass(frozen=True)
class Verdict:
    """What became of one task.

    Attributes:
        task: it.
        line: what the model said.
        right: it came to the same as the reference.
        why: what differed; empty when it is right.
        seconds: that the model took.
        ranked: of several lines the one that the runtime ranks first is right; None where one was asked for.
        any_right: one of them is.
    """

    task: Task
    line: str
    right: bool
    why: str
    seconds: float
    ranked: bool | None = None
    any_right: bool | None = None


@dataclass
class Report:
    """The verdicts of a run.

    Attributes:
        model: its name.
        mode: what it was shown.
        best_of: how many lines were asked for besides, to be tried out and ranked; 1 for none.
        verdicts: in the order of the tasks.
    """

    model: str
    mode: Mode
    best_of: int = 1
    verdicts: list[Verdict] = field(default_factory=list)

    def rows(self) -> list[tuple[str, int, int]]:
        """Family, right, all; the sum last."""
        many = Counter(v.task.family for v in self.verdicts)
        right = Counter(v.task.family for v in self.verdicts if v.right)
        families = [(f, right[f], n) for f, n in sorted(many.items())]
        return [*families, ("all", sum(right.values()), len(self.verdicts))]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        unseen = [v for v in self.verdicts if v.task.split == "wording"]
        return {
            "model": self.model,
            "mode": self.mode,
            "tasks": len(self.verdicts),
            "right": sum(v.right for v in self.verdicts),
            "best_of": {
                "lines": self.best_of,
                "ranked": sum(bool(v.ranked) for v in self.verdicts) if self.best_of > 1 else None,
                "any": sum(bool(v.any_right) for v in self.verdicts) if self.best_of > 1 else None,
            },
            "unseen_wordings": {"tasks": len(unseen), "right": sum(v.right for v in unseen)},
            "families": {name: {"right": right, "tasks": n} for name, right, n in self.rows()[:-1]},
            "seconds_of_the_model": round(sum(v.seconds for v in self.verdicts), 1),
            "wrong": [
                {"instruction": v.task.instruction, "reference": v.task.command, "said": v.line, "why": v.why}
                for v in self.verdicts
                if not v.right
            ],
        }


def choose(tasks: Sequence[Task], limit: int | None) -> list[Task]:
    """The first ``limit`` of the tasks in the order of hashes: the same ones each time.

    Not of the wish alone: by its hash single instances were held out, and they would all come first.
    """
    order = sorted(tasks, key=lambda t: hashlib.sha256(f"order {t.instruction}".encode()).digest())
    return order[:limit]


def evaluate(
    model: Model | None,
    mode: Mode,
    *,
    tasks_file: Path | None = None,
    limit: int | None = None,
    best_of: int = 1,
    on_verdict: Callable[[Verdict], None] = lambda _verdict: None,
) -> Report:
    """Judge a model.

    Args:
        model: it; None for ``copy``, which takes the nearest pair's line as it is.
        mode: what it is shown: nothing, four fixed examples, or the nearest of the pairs that ship.
        tasks_file: other tasks than those that ship.
        limit: how many of them.
        best_of: lines that are asked for besides, tried out and ranked as the runtime does it.
        on_verdict: told of each.

    Raises:
        UsageError: the tasks cannot be read.
        ModelError: the model fails.
    """
    index = Index(read_pairs(SHIPPED)) if mode in ("retrieval", "copy") else Index(())
    report = Report("none" if model is None else model.name, mode, best_of)
    tasks = choose(read_tasks(tasks_file or HELD_OUT), limit)
    for number in sorted({t.tree for t in tasks}):
        with TemporaryDirectory(prefix="agentsh-eval-") as home, Bench(make_tree(number), Path(home)) as bench:
            for task in tasks:
                if task.tree != number:
                    continue
                start = time.monotonic()
                line = _line_for(task, model, mode, index)
                verdict = judge(bench, task, line, seconds=time.monotonic() - start)
                if model is not None and best_of > 1:
                    asked = prompt(task.instruction, _shown(task, mode, index))
                    samples = model.sample(asked, [], best_of, at_most=_TOKENS)
                    ranked = ranked_lines(bench, samples, task.instruction)
                    right = [judge(bench, task, other).right for other in ranked]
                    verdict = replace(verdict, ranked=right[0], any_right=any(right))
                report.verdicts.append(verdict)
                on_verdict(verdict)
    return report


def judge(bench: Bench, task: Task, line: str, *, seconds: float = 0.0) -> Verdict:
    """Run a line and the task's reference, and compare."""
    want = bench.run(task.command)
    why = "it said nothing" if not line.strip() else differs(want, bench.run(line), ordered=task.ordered)
    return Verdict(task, line, not why, why, seconds)


def differs(want: Outcome, got: Outcome, *, ordered: bool) -> str:
    """What differs of two outcomes, in words; empty when they are the same."""
    if got.code is None:
        return "it did not run"
    if got.files != want.files:
        return f"the tree differs: {', '.join(sorted(got.files.keys() ^ want.files.keys())[:3]) or 'in content'}"
    if normalised(got.stdout, ordered=ordered) != normalised(want.stdout, ordered=ordered):
        return "it prints something else" if got.code == 0 else f"it failed with {got.code}"
    return ""


def prompt(instruction: str, shown: Sequence[Pair]) -> list[dict[str, Any]]:
    """The conversation that asks for a line: examples as turns, the nearest last."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM}]
    for pair in shown:
        messages += [{"role": "user", "content": pair.instruction}, {"role": "assistant", "content": pair.command}]
    return [*messages, {"role": "user", "content": instruction}]


def _shown(task: Task, mode: Mode, index: Index) -> list[Pair]:
    if mode == "few-shot":
        return list(_FEW)
    return index.best(task.instruction, _NEIGHBOURS)[::-1] if mode == "retrieval" else []


def ranked_lines(bench: Bench, samples: Sequence[Sample], wish: str) -> list[str]:
    """The lines of several answers, tried out, the one that the runtime would take first."""
    lines = [first_line(s.answer.text) for s in samples]
    different = list(dict.fromkeys(line for line in lines if line))
    trials = dict(zip(different, bench.try_out(different), strict=True))
    candidates = [
        Candidate(s, trials.get(line), "" if line else "it says nothing")
        for s, line in zip(samples, lines, strict=True)
    ]
    said = {id(s): line for s, line in zip(samples, lines, strict=True)}
    return [said[id(c.sample)] for c in rank(candidates, wish)]


def _line_for(task: Task, model: Model | None, mode: Mode, index: Index) -> str:
    near = index.best(task.instruction, _NEIGHBOURS)
    if model is None:
        return near[0].command if near else ""
    shown = _shown(task, mode, index)
    said: list[str] = []
    enough = threading.Event()

    def on_text(text: str) -> None:
        said.append(text)
        if first_line("".join(said), whole=False) or sum(map(len, said)) > _LONGEST:
            enough.set()  # models of this size talk on

    try:
        return first_line(model.complete(prompt(task.instruction, shown), [], on_text=on_text, stop=enough).text)
    except Interrupted:
        if enough.is_set():
            return first_line("".join(said))
        raise
    except AgentshError as e:
        if "empty answer" in e.what:
            return ""
        raise


def first_line(text: str, *, whole: bool = True) -> str:
    """The first line of an answer that is no fence and not blank; with ``whole`` False only one that has its end."""
    lines = text.splitlines(keepends=True)
    for line in lines:
        bare = line.strip()
        if bare and not re.fullmatch(r"```\w*", bare) and (whole or line.endswith("\n")):
            return bare.removeprefix("$ ").strip("`")
    return ""
