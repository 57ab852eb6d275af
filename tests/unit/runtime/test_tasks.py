"""Tasks are proved by running them, and models are judged by what their lines do."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from agentsh.core.errors import UsageError
from agentsh.llm import Answer, Model, Sample
from agentsh.llm.retrieve import SHIPPED, read_pairs
from agentsh.runtime.tasks.bench import Bench, Outcome, normalised
from agentsh.runtime.tasks.evaluate import HELD_OUT, choose, evaluate, first_line, judge, prompt
from agentsh.runtime.tasks.make import Task, make_tasks, proves, read_tasks, without_near_duplicates
from agentsh.runtime.tasks.templates import TEMPLATES, Made
from agentsh.runtime.tasks.trees import make_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(make_tree(1), tmp_path_factory.mktemp("bench")) as made:
        yield made


class Parrot(Model):
    """Says what it is told to."""

    name = "parrot"

    def __init__(self, says: dict[str, str]) -> None:
        self._says = says

    def complete(self, messages: Any, tools: Any, **_: Any) -> Answer:
        assert not tools
        return Answer(self._says[messages[-1]["content"]])


def test_a_tree_is_a_function_of_its_number() -> None:
    assert make_tree(3) == make_tree(3)
    assert make_tree(3).files != make_tree(4).files


def test_every_template_makes_a_task_that_holds() -> None:
    refused: list[str] = []
    tasks = list(make_tasks([1], each=2, on_refused=lambda made, _: refused.append(made.command)))
    assert not refused
    assert len({t.template for t in tasks}) > 0.9 * len(TEMPLATES)
    again = list(make_tasks([1], each=2))
    assert tasks == again


def test_a_line_leaves_the_tree_as_it_was(bench: Bench) -> None:
    before = bench.run("find . -type f | sort | xargs cat").stdout
    assert bench.run("rm -r ./*; mkdir new; echo x > new/y").files["new/"] == ""
    assert bench.run("find . -type f | sort | xargs cat").stdout == before


def test_a_line_that_does_something_else_is_not_kept() -> None:
    made = Made({}, "x", "1\n", {"a": "b"})
    assert proves(made, Outcome(0, " 1 \n", {"a": "b"}))
    assert not proves(made, Outcome(0, "2\n", {"a": "b"}))
    assert not proves(made, Outcome(0, "1\n", {"a": "c"}))
    assert not proves(made, Outcome(0, "1\n", {"a": "b", "other": ""}))
    assert not proves(made, Outcome(1, "1\n", {"a": "b"}))


def test_what_is_held_out_is_not_in_what_is_shown() -> None:
    held_out, pairs = read_tasks(HELD_OUT), read_pairs(SHIPPED)
    assert len(held_out) >= 300
    assert not {t.command for t in held_out} & {p.command for p in pairs}
    assert not {t.instruction for t in held_out} & {p.instruction for p in pairs}
    assert len(Counter(t.family for t in held_out)) >= 8


def test_near_duplicates_of_training_are_dropped() -> None:
    def task(instruction: str, command: str, split: Any) -> Task:
        return Task("f", "t", instruction, command, 0, ordered=True, split=split)

    learnt = task("Show the names of all the python files here.", "find a", "train")
    close = task("Show the names of all the python files here!", "find b", "instance")
    same_line = task("Something else altogether, yes.", "find a", "wording")
    far = task("Count words of x.txt.", "wc -w < x.txt", "wording")
    assert without_near_duplicates([learnt, close, same_line, far]) == [learnt, far]


def test_a_line_is_judged_by_what_it_does(bench: Bench) -> None:
    count = Task("count", "t", "x", "wc -l < todo.txt", 1, ordered=True, split="wording")
    assert judge(bench, count, "cat todo.txt | wc -l").right
    assert judge(bench, count, "wc -w < todo.txt").why == "it prints something else"
    assert judge(bench, count, "wc -l < none.txt").why.startswith("it failed")
    assert judge(bench, count, "for do (").why == "it did not run"
    assert judge(bench, count, "wc -l < todo.txt; touch new").why == "the tree differs: new"
    assert judge(bench, count, " ").why == "it said nothing"
    drop = Task("delete", "t", "x", "rm todo.txt", 1, ordered=True, split="wording")
    assert judge(bench, drop, "find . -name todo.txt -delete").right
    assert not judge(bench, drop, "true").right
    listing = Task("find", "t", "x", "find . -name '*.py'", 1, ordered=False, split="wording")
    assert judge(bench, listing, "find . -name '*.py' | sort -r | sed 's/^..//'").right


def test_a_model_is_judged_over_tasks_by_family(tmp_path: Path) -> None:
    tasks = [t for t in make_tasks([1], each=1) if t.family in ("count", "make")]
    file = tmp_path / "tasks.jsonl"
    file.write_text("".join(t.to_json() + "\n" for t in tasks))
    says = {t.instruction: "```sh\n" + t.command + "\n```" if t.family == "count" else "true" for t in tasks}
    report = evaluate(Parrot(says), "few-shot", tasks_file=file)
    rows = {name: (right, many) for name, right, many in report.rows()}
    assert rows["count"][0] == rows["count"][1] > 0
    assert rows["make"][0] == 0
    assert rows["all"][1] == len(tasks)
    assert json.loads(json.dumps(report.to_json()))["right"] == rows["count"][0]


def test_the_same_tasks_are_chosen_each_time() -> None:
    tasks = read_tasks(HELD_OUT)
    assert choose(tasks, 20) == choose(tasks[::-1], 20)


def test_what_is_chosen_is_like_the_whole() -> None:
    tasks = read_tasks(HELD_OUT)
    some = choose(tasks, 100)
    share = sum(t.split == "wording" for t in tasks) / len(tasks)
    assert abs(sum(t.split == "wording" for t in some) / len(some) - share) < 0.15


def test_tasks_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"family": 1}\n')
    with pytest.raises(UsageError, match="cannot be read"):
        read_tasks(tmp_path / "x")


def test_words_around_a_line_are_left_out() -> None:
    assert first_line("```bash\nls -l\n```\nThis lists.") == "ls -l"
    assert first_line("$ ls") == "ls"
    assert first_line("ls -", whole=False) == ""
    assert normalised("./b\n a   c \n\n", ordered=False) == ["a c", "b"]
    assert prompt("w", [])[-1] == {"role": "user", "content": "w"}


class Several(Parrot):
    """Says one thing when asked for one, and others when asked for several."""

    def __init__(self, says: dict[str, str], others: list[str]) -> None:
        super().__init__(says)
        self._others = others

    def sample(self, *asked: Any, **_: Any) -> list[Sample]:
        assert asked[2] == len(self._others)
        return [Sample(Answer(text), -0.5) for text in self._others]


def test_of_several_lines_the_first_by_rank_and_any_are_told(tmp_path: Path) -> None:
    (task,) = [t for t in make_tasks([1], each=1) if t.family == "count"][:1]
    file = tmp_path / "tasks.jsonl"
    file.write_text(task.to_json() + "\n")

    def told(*others: str) -> tuple[Any, ...]:
        model = Several({task.instruction: "true"}, list(others))
        report = evaluate(model, "few-shot", tasks_file=file, best_of=len(others)).to_json()
        return report["right"], report["best_of"]["ranked"], report["best_of"]["any"]

    assert told("nosuch -x", task.command + "\n\nIt counts.", "for do (", "") == (0, 1, 1)
    assert told("echo x", "echo x", task.command) == (0, 0, 1)  # two agree, and are wrong
    assert told("nosuch", "echo x") == (0, 0, 0)
