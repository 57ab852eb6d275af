"""Tasks from templates: each is run, and kept only when what came of it is what the template computed.

What is held out is chosen by hashes, so that it stays held out as templates are added: whole wordings that training
never sees, and single instances. What training has almost the same of is dropped.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from agentsh.core.errors import UsageError
from agentsh.runtime.tasks import asking, changing, looking, saving
from agentsh.runtime.tasks.bench import Bench, Outcome, normalised
from agentsh.runtime.tasks.templates import TEMPLATES, Made, Template
from agentsh.runtime.tasks.trees import Tree, make_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "Likeness",
    "Split",
    "Task",
    "asking",
    "changing",
    "looking",
    "make_tasks",
    "proves",
    "read_tasks",
    "saving",
    "without_near_duplicates",
]

Split = Literal["train", "wording", "instance"]
_INSTANCES_HELD_OUT = 0.1  # share of them; and of each template one wording
_NEAR = 0.8  # of word triples in common


@dataclass(frozen=True)
class Task:
    """A wish and a line that fulfils it.

    Attributes:
        family: what it is about.
        template: what it was made from.
        instruction: the wish.
        command: the line, which was run.
        tree: the number of the tree that it is about.
        ordered: the order of printed lines counts.
        split: ``train``, or held out as one of a ``wording`` or a single ``instance`` that training never sees.
    """

    family: str
    template: str
    instruction: str
    command: str
    tree: int
    ordered: bool
    split: Split

    def to_json(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def read_tasks(path: Path) -> list[Task]:
    """Tasks of a file of :meth:`Task.to_json` lines.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    try:
        return [Task(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError, TypeError) as e:
        raise UsageError(f"The tasks {path} cannot be read: {e}.") from e


def proves(made: Made, outcome: Outcome) -> bool:
    """Whether what came of a line is what its template computed."""
    if outcome.code != 0 or outcome.files != made.files:
        return False
    if made.stdout is None:
        return not outcome.stdout
    return normalised(outcome.stdout, ordered=made.ordered) == normalised(made.stdout, ordered=made.ordered)


def make_tasks(
    trees: Iterable[int],
    *,
    each: int = 3,
    seed: int = 0,
    on_refused: Callable[[Made, Outcome], None] = lambda _made, _outcome: None,
) -> Iterator[Task]:
    """Tasks on these trees, all of them proved by running them.

    Args:
        trees: numbers.
        each: instances of a template on a tree at most.
        seed: of what is drawn.
        on_refused: told of lines that did something else than was computed.
    """
    known: set[str] = set()
    for number in trees:
        tree = make_tree(number)
        with TemporaryDirectory(prefix="agentsh-tasks-") as home, Bench(tree, Path(home)) as bench:
            for template, made, wording in _drawn(tree, each, seed):
                instruction = wording.format(**made.words)
                if instruction in known:
                    continue
                outcome = bench.run(made.command)
                if not proves(made, outcome):
                    on_refused(made, outcome)
                    continue
                known.add(instruction)
                split = _split(template, wording, instruction)
                yield Task(template.family, template.name, instruction, made.command, number, made.ordered, split)


def _drawn(tree: Tree, each: int, seed: int) -> Iterator[tuple[Template, Made, str]]:
    for template in TEMPLATES:
        draw = Random(f"{seed} {tree.number} {template.name}")
        for _ in range(each):
            made, wording = template.make(draw, tree), draw.choice(template.wordings)
            if made is not None:
                yield template, made, wording


def _share(text: str) -> float:
    """A number from 0 to 1 that is the text's own."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def _split(template: Template, wording: str, instruction: str) -> Split:
    first = min(template.wordings, key=lambda w: _share(f"{template.name} {w}"))
    if wording == first:
        return "wording"
    return "instance" if _share(instruction) < _INSTANCES_HELD_OUT else "train"


class Likeness:
    """How alike wishes are to those of some tasks: by the word triples that they share.

    Args:
        tasks: these.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._lines: set[str] = set()
        self._seen: list[set[tuple[str, ...]]] = []
        self._of_triple: dict[tuple[str, ...], list[int]] = {}
        for task in tasks:
            self._lines.add(task.command)
            triples = _triples(task.instruction)
            for triple in triples:
                self._of_triple.setdefault(triple, []).append(len(self._seen))
            self._seen.append(triples)

    def near(self, task: Task) -> bool:
        """One of them has the task's line, or almost its wish."""
        triples = _triples(task.instruction)
        close = {n for triple in triples for n in self._of_triple.get(triple, ())}
        nearest = max((len(triples & self._seen[n]) / len(triples | self._seen[n]) for n in close), default=0.0)
        return task.command in self._lines or nearest >= _NEAR


def without_near_duplicates(tasks: Iterable[Task]) -> list[Task]:
    """The tasks without those held out whose line training has, or whose wish is almost one that training has."""
    tasks = list(tasks)
    train = Likeness(t for t in tasks if t.split == "train")
    return [t for t in tasks if t.split == "train" or not train.near(t)]


def _triples(text: str) -> set[tuple[str, ...]]:
    words = ["", "", *re.findall(r"[a-z0-9_/]+(?:\.[a-z0-9]+)*", text.lower()), "", ""]
    return set(zip(words, words[1:], words[2:], strict=False))
