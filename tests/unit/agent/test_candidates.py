"""Several answers are asked for, tried out and ranked; one goes on, and of the others nothing stays."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agentsh.core.effect import FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import Interrupted
from agentsh.llm import Answer, Model, Sample, ToolCall, Usage
from agentsh.runtime.agent import run_task
from agentsh.runtime.choosing import Choice
from agentsh.runtime.events import CandidatesRanked, Event
from agentsh.runtime.ranking import Candidate, rank, wants_change
from agentsh.runtime.trial import Trial
from tests.unit.agent.fakes import FakeWorkspace

USAGE = Usage(100, 7)


def call(line: str, name: str = "shell") -> Answer:
    return Answer("", (ToolCall("c1", name, {"line": line}),), "tool_calls")


class Sampler(Model):
    """Gives what a test wrote, turn after turn."""

    name = "sampler"

    def __init__(self, *turns: list[Answer]) -> None:
        self._turns = list(turns)
        self.asked: list[int] = []

    def complete(self, *_: Any, **__: Any) -> Answer:
        raise AssertionError("one answer was asked for")

    def sample(self, *asked: Any, stop: threading.Event | None = None, **_: Any) -> Any:
        if stop is not None and stop.is_set():
            raise Interrupted("stopped")
        self.asked.append(asked[2])
        turn = self._turns.pop(0)
        return [Sample(a if n else Answer(a.text, a.tool_calls, a.finish, USAGE)) for n, a in enumerate(turn)]


def run(
    workspace: FakeWorkspace, *turns: list[Answer], task: str = "Write b."
) -> tuple[Any, list[Event], list[Choice]]:
    events: list[Event] = []
    choices: list[Choice] = []
    result = run_task(workspace, Sampler(*turns), task, on_event=events.append, candidates=3, on_choice=choices.append)
    return result, events, choices


def write(workspace: FakeWorkspace, text: bytes) -> Any:
    def do() -> bytes:
        workspace.files["b"] = text
        return b"done\n"

    return do


def test_the_best_goes_on_and_of_the_others_nothing_stays() -> None:
    workspace = FakeWorkspace({"a": b"1\n"})
    workspace.lines = {"good": write(workspace, b"2\n"), "bad": write(workspace, b"3\n"), "look": b"1\n"}
    turns = [call("nosuch"), call("good"), call("good ", "nothing")], [Answer("Done.")]
    result, events, choices = run(workspace, *turns)
    assert (result.status, result.actions, result.text) == ("done", ("a1",), "Done.")
    assert [r.spec.arguments["line"] for r in workspace.records] == ["good"]
    assert workspace.files == {"a": b"1\n", "b": b"2\n"}
    sent = str(workspace.sessions["r1"]["messages"])
    assert "nosuch" not in sent
    (told,) = [e for e in events if isinstance(e, CandidatesRanked)]
    assert told.candidates[0].titles == ("good",)
    assert {c.exit_code for c in told.candidates} == {0, 127, None}
    assert told.candidates[0].effects[0].path == "b"
    assert (told.prompt_tokens, told.completion_tokens) == (100, 7)
    assert result.usage == USAGE + USAGE
    assert [len(c.diffs) for c in choices] == [3]


def test_what_would_leave_the_sandbox_is_not_tried_out() -> None:
    workspace = FakeWorkspace()
    workspace.lines = {"look": b"1\n"}
    request = Answer("", (ToolCall("c1", "http", {"url": "https://example.org/"}),), "tool_calls")
    both = Answer("", (ToolCall("c1", "shell", {"line": "look"}), *request.tool_calls), "tool_calls")
    run(workspace, [request, both, call("look")], [Answer("Done.")])
    (tried,) = [t for t in workspace.tried if t]
    assert [[s.arguments["line"] for s in option] for option in tried] == [["look"]]


def test_what_several_say_is_tried_once_and_counts_for_more() -> None:
    workspace = FakeWorkspace()
    workspace.lines = {"x": b"1\n", "y": b"2\n"}
    _, events, _ = run(workspace, [call("y"), call("x"), call("x")], [Answer("It is 1.")], task="What is it?")
    assert [len(t) for t in workspace.tried if t] == [2]
    (told,) = [e for e in events if isinstance(e, CandidatesRanked)]
    assert told.candidates[0].titles == ("x",)
    assert "1 of 2 others come to the same" in told.candidates[0].reasons


def test_one_answer_is_one_answer() -> None:
    workspace = FakeWorkspace()
    result, events, _ = run(workspace, [Answer("Done.")])
    assert result.text == "Done."
    assert not any(isinstance(e, CandidatesRanked) for e in events)
    assert workspace.tried == []


def tried(code: int | None = 0, *, changed: int = 0, deleted: int = 0, text: bytes = b"", **more: Any) -> Candidate:
    entry = Entry(EntryType.FILE, 0o644, 1, b"x" * 32)
    effects = [FileEffect(b"n%d" % n, None, entry) for n in range(changed)]
    effects += [FileEffect(b"o%d" % n, entry, None) for n in range(deleted)]
    outcome = repr((code, changed, deleted, text)).encode()
    trial = Trial(code, stdout=text, changes=change_set(effects), outcome=outcome, **more)
    return Candidate(Sample(call(repr((code, changed, deleted, text)))), trial)


@pytest.mark.parametrize(
    ("task", "better", "worse"),
    [
        ("Write b.", tried(changed=1), tried()),
        ("How many are there?", tried(), tried(changed=1)),
        ("Count them. Change nothing.", tried(), tried(changed=1)),
        ("Write b.", tried(changed=1), tried(changed=1, deleted=9)),
        ("Look.", tried(1), tried(127)),
        ("Look.", tried(0), tried(2, stderr=b"no\n")),
        ("Look.", tried(1), tried(1, stderr=b"no such file\n")),
        ("Look.", tried(3), tried(0, denied=True)),
        ("Look.", tried(0), tried(6, problem="It ran longer than 5 s.")),
        ("Look.", tried(0), tried(None, problem="It cannot be parsed.")),
    ],
)
def test_what_is_better(task: str, better: Candidate, worse: Candidate) -> None:
    assert [c.trial for c in rank([worse, better], task)] == [better.trial, worse.trial]


def test_what_the_model_is_sure_of_decides_between_equals() -> None:
    sure, unsure = Sample(call("x"), -0.1), Sample(call("y"), -0.9)
    trial = Trial(0, outcome=b"1")
    assert rank([Candidate(unsure, trial), Candidate(sure, trial)], "Look.")[0].sample is sure


def test_whether_a_task_asks_for_a_change() -> None:
    assert wants_change("How many files are there?") is False
    assert wants_change("Rename a to b.") is True
    assert wants_change("Count the lines and write them into n.txt.") is True
    assert wants_change("Delete it; do not change anything else... just kidding") is False
    assert wants_change("hello") is None
