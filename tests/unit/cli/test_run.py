"""``run``: what is printed where, who is asked, and how it ends."""

from __future__ import annotations

import ast
import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentsh.config import Config, ModelProfile
from agentsh.core.action import ActionStatus
from agentsh.core.effect import EffectState, change_set
from agentsh.core.errors import ConflictError, ModelError, PolicyDenied
from agentsh.runtime.choosing import Choice
from agentsh.runtime.events import (
    ActionFinished,
    ActionStarted,
    CandidatesRanked,
    CandidateSummary,
    EffectSummary,
    Event,
    MessageDone,
    Notice,
    OutputPiece,
    SessionEnded,
    SessionStarted,
    TextDelta,
)
from agentsh.runtime.task_result import TaskResult

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("workspace")

HOSTILE = "\x1b]52;c;QUFB\x07\x1b[2J\u202e"


def events() -> list[Event]:
    return [
        SessionStarted("r1", task="t", model="m" + HOSTILE, policy="review", max_steps=50),
        TextDelta("r1", step=1, text="I look" + HOSTILE),
        TextDelta("r1", step=1, text=" around."),
        MessageDone("r1", step=1, text="I look around."),
        ActionStarted("r1", step=1, call="x", tool="shell", title="ls " + HOSTILE),
        OutputPiece("r1", stream="stdout", text="".join(f"line {i}{HOSTILE}\n" for i in range(20)) + "open end"),
        ActionFinished(
            "r1",
            step=1,
            call="x",
            action="a1",
            tool="shell",
            status="pending",
            exit_code=3,
            note="n" + HOSTILE,
            duration_s=0.25,
            effects=(EffectSummary("p" + HOSTILE, "create", ("executable",), 2, None),),
        ),
        ActionFinished(
            "r1", step=1, call="y", action="", tool="shell", status="refused", rule="no-git", reason="history is yours"
        ),
        Notice("r1", code="retry", text="again" + HOSTILE),
        SessionEnded("r1", status="done", exit_code=0, text="All done.", steps=1, actions=("a1",), prompt_tokens=1200),
    ]


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Put a loop in place that tells events and ends as the test says; gives the calls it got."""

    def install(
        result: TaskResult | None = None, told: list[Event] | None = None, choices: tuple[Choice, ...] = ()
    ) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def run_task(_workspace: Any, model: Any, task: str, **kwargs: Any) -> TaskResult:
            calls.append({"model": model, "task": task, **kwargs})
            for event in told if told is not None else events():
                kwargs["on_event"](event)
            for choice in choices:
                kwargs["on_choice"](choice)
            return result or TaskResult("r1", "done", "All done.", 1, ("a1",))

        monkeypatch.setattr("agentsh.runtime.agent.run_task", run_task)
        monkeypatch.setattr("agentsh.runtime.models.model_for", lambda spec, _config: nullcontext((spec, "")))
        return calls

    return install


def stage(workspace: Any, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"f"], session="r1")
    workspace.diffs = [make.created(b"f")]


def test_the_answer_is_data_and_the_progress_is_talk(cli: Any, agent: Any) -> None:
    calls = agent()
    result = cli("run", "do it", "--model", "openai:x", "--max-steps", "7")
    assert result.code == 0
    assert result.out == b"All done.\n"
    for part in ("I look", "around.", "> ls", "line 0", "a1 pending, exit code 3", "A p", "becomes executable"):
        assert part in result.err
    for part in ("and 15 more lines: agentsh show a1", "refused: history is yours (rule no-git)", "1,200 tokens"):
        assert part in result.err
    assert "line 15" not in result.err
    assert calls[0]["task"] == "do it"
    assert calls[0]["model"][0] == "openai:x"
    assert calls[0]["max_steps"] == 7


def test_nothing_hostile_is_told(cli: Any, agent: Any) -> None:
    agent()
    result = cli("run", "do it")
    assert "\x1b" not in result.err
    assert "\u202e" not in result.err
    assert "\x07" not in result.err


def test_json_is_one_event_a_line_and_ends_with_the_review(cli: Any, agent: Any, workspace: Any, make: Any) -> None:
    agent()
    stage(workspace, make)
    result = cli("run", "do it", "--json")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert result.err == ""
    assert result.code == 4
    assert all(line["schema"] == 1 for line in lines)
    assert [line["type"] for line in lines] == [*(e.type for e in events()), "review"]
    assert lines[-1]["pending"] == ["a1"]
    assert lines[-1]["exit_code"] == 4
    assert b"\x1b" not in result.out


def test_with_nobody_to_ask_it_stays_staged(cli: Any, agent: Any, workspace: Any, make: Any) -> None:
    agent()
    stage(workspace, make)
    result = cli("run", "do it")
    assert result.code == 4
    assert "agentsh approve a1 && agentsh commit" in result.err
    assert workspace.called("commit") == []


def test_yes_commits(cli: Any, agent: Any, workspace: Any, make: Any) -> None:
    agent()
    stage(workspace, make)
    result = cli("run", "do it", "--yes")
    assert result.code == 0
    assert workspace.called("approve") == [(("a1",), (), "", "requests held")]
    assert "committed a1 as c1, 1 path: f" in result.err


def test_yes_does_not_commit_what_the_policy_denies(cli: Any, agent: Any, workspace: Any, make: Any) -> None:
    agent()
    stage(workspace, make)
    workspace.errors["approve"] = PolicyDenied("f is protected.")
    result = cli("run", "do it", "--yes")
    assert result.code == 3
    assert "f is protected." in result.err
    assert workspace.called("commit") == []


def test_a_conflict_at_the_commit_is_five(cli: Any, agent: Any, workspace: Any, make: Any) -> None:
    agent()
    stage(workspace, make)
    workspace.errors["commit"] = ConflictError("f was changed.")
    assert cli("run", "do it", "--yes").code == 5


def test_what_the_policy_allows_is_committed_unasked(cli: Any, agent: Any, workspace: Any, make: Any) -> None:
    agent()
    stage(workspace, make)
    record = workspace.records["a1"]
    effects = [replace(e, state=EffectState.APPROVED) for e in record.changes]
    workspace.records["a1"] = replace(record, status=ActionStatus.APPROVED, changes=change_set(effects))
    assert cli("run", "do it", "--policy", "trusted").code == 0
    assert workspace.called("commit") == [()]


@pytest.mark.parametrize(
    "result",
    [
        TaskResult("r1", "failed", error=ModelError("The endpoint is gone.")),
        TaskResult("r1", "step-limit"),
        TaskResult("r1", "interrupted"),
    ],
)
def test_what_did_not_finish_is_not_committed_and_says_how_to_go_on(
    cli: Any, agent: Any, workspace: Any, make: Any, result: TaskResult
) -> None:
    agent(result, [])
    stage(workspace, make)
    ended = cli("run", "do it", "--yes")
    assert ended.code == result.exit_code != 0
    assert "agentsh run --resume r1" in ended.err
    assert workspace.called("commit") == []


def test_without_a_task_it_is_a_wrong_call(cli: Any) -> None:
    assert cli("run").code == 2
    assert cli("run", " ").code == 2


Asked = tuple[str, list[tuple[Any, ...]]]


@pytest.mark.parametrize(
    "asked",
    [
        ("y\n", [("approve", ("a1",), (), ""), ("commit",)]),
        ("?\nn\n", [("reject", ("a1",), "discarded in review")]),
        ("l\n", []),
        ("\x04", []),
        ("a\ny\n", [("approve", ("a1",), (), ""), ("commit",)]),
        ("a\nx\n", []),
        ("f\ny\n", [("approve", ("a1",), (b"f",), ""), ("commit",)]),
        ("f\nn\n", []),
    ],
)
def test_a_person_is_asked(terminal: Any, agent: Any, workspace: Any, make: Any, asked: Asked) -> None:
    typed, calls = asked
    agent()
    stage(workspace, make)
    workspace.diary = Path("diary").absolute()
    result = terminal("run", "do it", typed=typed)
    assert result.code == 0
    assert b"Commit? " in result.out
    made = [ast.literal_eval(line) for line in workspace.diary.read_text().splitlines() if "{" not in line]
    assert [call for call in made if call[0] in ("approve", "reject", "commit", "discard")] == calls


def ranked(make: Any) -> Choice:
    first = CandidateSummary("I look" + HOSTILE, ("ls -l",), 3.0, ("exit code 0",), 0, "out" + HOSTILE, logprob=-0.5)
    second = CandidateSummary("", ("rm -r x" + HOSTILE,), -2.0, ("it deletes 9 files",), 0)
    event = CandidatesRanked("r1", step=2, candidates=(first, second), prompt_tokens=1200, model_s=1.5, trial_s=0.25)
    return Choice(event, ((), (make.created(b"other", b"else\n"),)))


def test_what_else_was_proposed_can_be_paged_through(terminal: Any, agent: Any, workspace: Any, make: Any) -> None:
    choice = ranked(make)
    agent(None, [choice.event], (choice,))
    stage(workspace, make)
    result = terminal("run", "do it", typed="o\nn\np\nn\nn\nl\n")
    assert result.code == 0
    shown = result.out
    assert b"1 of 2: exit code 0 (1,200 tokens, 1.5 s to think, 0.2 s to try)" in shown
    assert b"[o]thers that were tried" in shown
    assert shown.count(b"step 2: 1 of 2") == 2
    assert shown.count(b"step 2: 2 of 2") == shown.count(b"not taken: nothing of it was kept") == 2
    assert b"it deletes 9 files" in shown
    assert b"else" in shown
    assert b"other" in shown
    assert b"\x1b]52" not in shown
    assert "\u202e".encode() not in shown


def test_without_others_there_is_nothing_to_page(terminal: Any, agent: Any, workspace: Any, make: Any) -> None:
    agent()
    stage(workspace, make)
    result = terminal("run", "do it", typed="o\nl\n")
    assert b"thers" not in result.out


@pytest.mark.parametrize(
    "asked",
    [
        (Config(), ("--model", "local"), 1),
        (Config(local_candidates=3), ("--model", "local:x.gguf"), 3),
        (Config(), ("--model", "openai:x"), 1),
        (Config(), ("--model", "openai:x", "--candidates", "5"), 5),
        (Config(default_model="m", models={"m": ModelProfile("m", "m", candidates=4)}), (), 4),
        (Config(local_candidates=3), ("--model", "local", "--candidates", "1"), 1),
    ],
)
def test_how_many_answers_are_asked_for(
    cli: Any, agent: Any, workspace: Any, asked: tuple[Config, tuple[str, ...], int]
) -> None:
    workspace.config, arguments, many = asked
    calls = agent()
    assert cli("run", "do it", *arguments).code == 0
    assert calls[0]["candidates"] == many
    assert cli("run", "do it", "--candidates", "17").code == 2
