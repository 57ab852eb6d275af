"""Make what the local model is trained on: conversations that ask for a line, and whole ones with tools.

    python scripts/make_training_data.py OUT.jsonl [--trees 40] [--agent 450] [--seed 0] [--prompts FILE.jsonl]

The wishes are those of ``agentsh/llm/pairs.jsonl``, never a held-out one. A line is asked for as ``agentsh eval`` does
it, after no, some or four of its nearest neighbours, itself left out. A conversation with tools is what the agent loop
really sends and gets: the line runs in the sandbox, and its result is in it. Each line of OUT is for ``agentsh model
train``. ``--prompts`` writes what ``agentsh eval`` would ask of a model, for one that answers elsewhere.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from agentsh import Workspace
from agentsh.llm.model import Answer, Model, ToolCall
from agentsh.llm.retrieve import SHIPPED, Index, Pair, examples_text, read_pairs
from agentsh.runtime.agent import run_task
from agentsh.runtime.tasks.evaluate import HELD_OUT, choose, prompt
from agentsh.runtime.tasks.make import make_tasks, read_tasks
from agentsh.runtime.tasks.trees import make_tree

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agentsh.llm.model import Message, OnText
    from agentsh.runtime.tasks.make import Task

_NEIGHBOURS = 4
_SHOWN = (4, 4, 4, 4, 4, 3, 2, 1, 0, 0)  # how many neighbours, each as likely as the next
_LONGEST_SAID = 300  # characters of output that an answer repeats


class Scripted(Model):
    """Runs one line, then says what came of it; keeps what it was sent."""

    name = "scripted"

    def __init__(self, line: str) -> None:
        self._line = line
        self.messages: list[Message] = []
        self.tools: list[Mapping[str, Any]] = []

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]],
        *,
        on_text: OnText | None = None,
        on_notice: OnText | None = None,
        stop: threading.Event | None = None,
    ) -> Answer:
        """The line as a call, and after its result the last words."""
        del on_text, on_notice, stop
        self.messages, self.tools = list(messages), list(tools)
        if messages[-1]["role"] != "tool":
            return Answer(tool_calls=(ToolCall("call_1", "shell", {"line": self._line}),), finish="tool_calls")
        answer = Answer(last_words(str(messages[-1]["content"])))
        self.messages.append(answer.to_message())
        return answer


def last_words(result: str) -> str:
    """What to say of a result: its output where it is short, and what is staged."""
    lines = result.splitlines()
    fences = [n for n, line in enumerate(lines) if line.startswith("--- ")]
    said = "\n".join(lines[fences[0] + 1 : fences[1]]).strip() if len(fences) >= 2 else ""
    staged = [line.removeprefix("staged: ") for line in lines if line.startswith("staged: ")]
    if staged:
        return f"Done: {', '.join(staged[:3])}{' and more' if len(staged) > 3 else ''}."
    if not said:
        return "Done: there is nothing."
    return said if len(said) <= _LONGEST_SAID else "Done: the output has it."


def neighbours(index: Index, wish: str, many: int) -> list[Pair]:
    """The nearest pairs, the nearest first, without the wish itself."""
    return [p for p in index.best(wish, many + 2) if p.instruction != wish][:many]


def lines(pairs: Sequence[Pair], index: Index, draw: Random) -> Iterator[dict[str, Any]]:
    """Conversations that ask for a line."""
    for pair in pairs:
        shown = neighbours(index, pair.instruction, draw.choice(_SHOWN))
        yield {"messages": [*prompt(pair.instruction, shown[::-1]), {"role": "assistant", "content": pair.command}]}


def agents(tasks: Sequence[Task], index: Index) -> Iterator[dict[str, Any]]:
    """Conversations of the agent loop on the tasks' own trees."""
    by_tree: dict[int, list[Task]] = defaultdict(list)
    for task in tasks:
        by_tree[task.tree].append(task)
    for number, of_tree in sorted(by_tree.items()):
        with TemporaryDirectory(prefix="agentsh-training-") as home:
            place = Path(home) / "tree"
            for path, text in make_tree(number).files.items():
                file = place / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            with Workspace.open(place, policy="review", data_dir=Path(home) / "data") as workspace:
                for task in of_tree:
                    model = Scripted(task.command)
                    done = run_task(workspace, model, task.instruction)
                    if done.status != "done":
                        raise SystemExit(f"{task.command}: {done.error or done.status}")
                    workspace.discard()
                    text = examples_text(neighbours(index, task.instruction, _NEIGHBOURS))
                    yield {"messages": [{"role": "system", "content": text}, *model.messages], "tools": model.tools}


def spread(tasks: Sequence[Task], many: int, draw: Random) -> list[Task]:
    """So many tasks, of every template about as many as of the next."""
    by_template: dict[str, list[Task]] = defaultdict(list)
    for task in draw.sample(list(tasks), len(tasks)):
        by_template[task.template].append(task)
    chosen: list[Task] = []
    while len(chosen) < many and any(by_template.values()):
        for of_template in by_template.values():
            if of_template and len(chosen) < many:
                chosen.append(of_template.pop())
    return chosen


def asked(tasks: Sequence[Task], index: Index) -> Iterator[dict[str, Any]]:
    """What is asked of a model to judge it, by mode."""
    for task in choose(tasks, None):
        for mode in ("retrieval", "zero-shot"):
            near = index.best(task.instruction, _NEIGHBOURS)[::-1] if mode == "retrieval" else []
            yield {"mode": mode, "instruction": task.instruction, "messages": prompt(task.instruction, near)}


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")


def main() -> None:
    """Make and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--trees", type=int, default=40, help="as scripts/make_tasks.py had it for the pairs")
    parser.add_argument("--agent", type=int, default=450, help="conversations with tools")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--prompts", type=Path, default=None, help="write the held-out wishes' prompts here")
    options = parser.parse_args()
    draw = Random(options.seed)  # noqa: S311 - which example, not a secret
    pairs = read_pairs(SHIPPED)
    held_out = read_tasks(HELD_OUT)
    if {t.instruction for t in held_out} & {p.instruction for p in pairs}:
        raise SystemExit("A held-out wish is among the pairs.")
    index, known = Index(pairs), set(pairs)
    if options.prompts:
        write(options.prompts, asked(held_out, index))
    tasks = [t for t in make_tasks(range(options.trees)) if Pair(t.instruction, t.command) in known]
    made = [*lines(pairs, index, draw), *agents(spread(tasks, options.agent, draw), index)]
    draw.shuffle(made)
    write(options.out, made)
    print(Counter("tools" if "tools" in m else "line" for m in made))


if __name__ == "__main__":
    main()
