"""Make what the local model is trained on: conversations that ask for a line, and whole ones with tools.

    python scripts/make_training_data.py OUT.jsonl [--trees 40] [--more 60] [--agent 2500] [--seed 0]
        [--foreign FILE.jsonl ...] [--prompts FILE.jsonl]

The wishes are those of ``agentsh/llm/pairs.jsonl`` and the same templates on further trees, never a held-out one or
almost one. A line is asked for as ``agentsh eval`` does it, after no, some or four of its nearest neighbours, itself
left out. A conversation with tools is what the agent loop really sends and gets: the line runs in the sandbox, and its
result is in it; some look for a file first, have two wishes, or mend a mistake (which has the weight 0: it is not
learnt). ``--foreign`` adds pairs from elsewhere, each behind the name of its source. Each line of OUT is for ``agentsh
model train``. ``--prompts`` writes what ``agentsh eval`` would ask of a model, for one that answers elsewhere.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from agentsh import Workspace
from agentsh.core.errors import AgentshError
from agentsh.llm.model import Answer, Model, ToolCall
from agentsh.llm.retrieve import SHIPPED, Index, Pair, examples_text, read_pairs
from agentsh.runtime.agent import run_task
from agentsh.runtime.tasks.evaluate import HELD_OUT, choose, prompt
from agentsh.runtime.tasks.make import Likeness, make_tasks, read_tasks
from agentsh.runtime.tasks.trees import make_tree
from agentsh.shell.parser import parse
from agentsh_tools import command_names

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from agentsh.llm.model import Message, OnText
    from agentsh.runtime.tasks.make import Task

_NEIGHBOURS = 4
_MORE = 1000  # the first of the further trees
_SHOWN = (4, 4, 4, 4, 4, 3, 2, 1, 0, 0)  # how many neighbours, each as likely as the next
_LONGEST_SAID = 300  # characters of output that an answer repeats
_LONGEST_LINE = 200  # characters of a line from elsewhere
_FINDS, _ERRS, _BOTH = 0.12, 0.22, 0.32  # of the conversations: looks for a file first, errs first, has two wishes
_ASKING = ("find", "count", "extract", "sort", "table")
_BEFORE = ("", "", "", "", "Please: ", "In this directory: ", "Task: ")
_AFTER_ASKING = (
    *("", "", "", ""),
    " Change nothing.",
    " Answer with the result alone.",
    " Tell me the answer.",
    " Only look; do not change anything.",
)
_AFTER_CHANGING = ("", "", "", " Touch nothing else.", " Leave the other files as they are.", " Then say what you did.")
_THEN = ("Then: ", "After that: ", "And: ", "")
_COMMAND = r"(?:^|[|;&]\s*|\$\(|xargs\s+(?:-\S+\s+)*|-exec\s+)([a-zA-Z0-9_.\[-]+)"
_BUILTINS = {"cd", "for", "if", "while", "read", "set", "export", "type"}


class Scripted(Model):
    """Runs lines, then says what came of them; keeps what it was sent.

    Args:
        lines: one a turn.
        mistakes: how many of the first are such, and not to be learnt.
        silent: how many of the first the last words tell nothing of.
    """

    name = "scripted"

    def __init__(self, *lines: str, mistakes: int = 0, silent: int = 0) -> None:
        self._lines, self._mistakes, self._silent = lines, mistakes, silent
        self.messages: list[dict[str, Any]] = []
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
        """The next line as a call, and after the last one's result the last words."""
        del on_text, on_notice, stop
        results = [str(m["content"]) for m in messages if m["role"] == "tool"]
        if len(results) < len(self._lines):
            call = ToolCall(f"call_{len(results) + 1}", "shell", {"line": self._lines[len(results)]})
            return Answer(tool_calls=(call,), finish="tool_calls")
        answer = Answer("\n".join(last_words(r) for r in results[self._silent :]))
        self.messages, self.tools = [*map(dict, messages), dict(answer.to_message())], list(tools)
        said = [m for m in self.messages if m["role"] == "assistant"]
        for message in said[: self._mistakes]:
            message["weight"] = 0
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


def told(task: Task, draw: Random, wish: str = "") -> str:
    """The wish as a person might put it."""
    asks = task.family in _ASKING
    return f"{draw.choice(_BEFORE)}{wish or task.instruction}{draw.choice(_AFTER_ASKING if asks else _AFTER_CHANGING)}"


def plan(task: Task, others: Sequence[Task], files: Collection[str], draw: Random) -> tuple[str, Scripted]:
    """What is wished, and the model that does it: at once, or in two steps, or after a mistake."""
    path = next((p for p in sorted(files) if "/" in p and p in task.instruction and p in task.command), "")
    name = path.rsplit("/", 1)[-1]
    how = draw.random()
    if how < _FINDS and path and sum(p.rsplit("/", 1)[-1] == name for p in files) == 1:
        wish = told(task, draw, task.instruction.replace(path, name))
        return wish, Scripted(f"find . -name '{name}'", task.command, silent=1)
    if how < _ERRS and path:
        wrong = task.command.replace(path, name if draw.random() < 0.5 else path.replace("/", "/src/", 1))
        if "*" not in wrong and ">" not in wrong:
            return told(task, draw), Scripted(wrong, task.command, mistakes=1, silent=1)
    asking = [t for t in others if t.family in _ASKING and t.instruction != task.instruction]
    if how < _BOTH and asking and task.family in _ASKING:
        other = draw.choice(asking)
        return f"{task.instruction} {draw.choice(_THEN)}{other.instruction}", Scripted(task.command, other.command)
    return told(task, draw), Scripted(task.command)


def agents(tasks: Sequence[Task], index: Index, draw: Random) -> Iterator[dict[str, Any]]:
    """Conversations of the agent loop on the tasks' own trees."""
    by_tree: dict[int, list[Task]] = defaultdict(list)
    for task in tasks:
        by_tree[task.tree].append(task)
    for number, of_tree in sorted(by_tree.items()):
        with TemporaryDirectory(prefix="agentsh-training-") as home:
            place, files = Path(home) / "tree", make_tree(number).files
            for path, text in files.items():
                file = place / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            with Workspace.open(place, policy="review", data_dir=Path(home) / "data") as workspace:
                for task in of_tree:
                    wish, model = plan(task, of_tree, files, draw)
                    done = run_task(workspace, model, wish)
                    if done.status != "done":
                        raise SystemExit(f"{task.command}: {done.error or done.status}")
                    workspace.discard()
                    near = [p for p in index.best(wish, _NEIGHBOURS + 2) if p.instruction != task.instruction]
                    text = examples_text(near[:_NEIGHBOURS])
                    yield {"messages": [{"role": "system", "content": text}, *model.messages], "tools": model.tools}


def apart(tasks: Iterable[Task], held_out: Sequence[Task]) -> list[Task]:
    """The tasks that are neither held out nor almost the same as one that is."""
    judged = Likeness(held_out)
    return [t for t in tasks if t.split == "train" and not judged.near(t)]


def foreign(path: Path, held_out: Sequence[Task]) -> Iterator[dict[str, Any]]:
    """Pairs from elsewhere whose line our shell can parse and our commands can run, each told where it is from."""
    ours, wishes = set(command_names()) | _BUILTINS, {t.instruction for t in held_out}
    for text in path.read_text("utf-8").splitlines():
        pair = json.loads(text)
        wish, line = pair["nl"].strip(), pair["cmd"].strip()
        try:
            parse(line)
        except AgentshError:
            continue
        words = re.findall(_COMMAND, line)
        if words and ours.issuperset(words) and len(line) <= _LONGEST_LINE and wish not in wishes:
            source = {"role": "system", "content": f"Source: {path.name.split('.')[0]}."}
            yield {"messages": [source, *prompt(wish, ()), {"role": "assistant", "content": line}]}


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
    parser.add_argument("--more", type=int, default=60, help="further trees, whose tasks are in no index")
    parser.add_argument("--agent", type=int, default=2500, help="conversations with tools")
    parser.add_argument("--foreign", type=Path, nargs="*", default=[], help="files of pairs: {nl, cmd} on each line")
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
    more = apart(make_tasks(range(_MORE, _MORE + options.more)), held_out)
    asked_for = [*pairs, *(Pair(t.instruction, t.command) for t in more)]
    made = [*lines(asked_for, index, draw), *agents(spread([*tasks, *more], options.agent, draw), index, draw)]
    for path in options.foreign:
        made += foreign(path, held_out)
    draw.shuffle(made)
    write(options.out, made)
    kinds = Counter("tools" if "tools" in m else "line" for m in made)
    print(len(pairs), "pairs,", len(more), "more tasks,", dict(kinds))


if __name__ == "__main__":
    main()
