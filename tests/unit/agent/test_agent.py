"""The loop: a recorded model, a workspace in memory."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agentsh.core.action import ActionRecord, Origin
from agentsh.core.errors import ModelError, NotFoundError, SandboxError, ShellSyntaxError, UsageError
from agentsh.core.report import Rejection
from agentsh.llm import Answer, Model, ToolCall
from agentsh.runtime.agent import run_task
from agentsh.runtime.conversation import CUT, INTERRUPTED
from agentsh.runtime.events import Event
from agentsh.runtime.task_result import TaskResult
from tests.unit.agent.fakes import FakeWorkspace, replay, shell


def run(workspace: FakeWorkspace, model: Model, task: str = "do it", **kwargs: Any) -> tuple[TaskResult, list[Event]]:
    events: list[Event] = []
    with model:
        result = run_task(workspace, model, task, on_event=events.append, **kwargs)
    return result, events


class Saying(Model):
    """Gives prepared answers and keeps what it was asked."""

    name = "saying"

    def __init__(self, *answers: Answer | BaseException) -> None:
        self.answers = list(answers)
        self.asked: list[list[Any]] = []

    def complete(self, messages: Sequence[Any], tools: Sequence[Mapping[str, Any]], **_: Any) -> Answer:
        del tools
        self.asked.append(json.loads(json.dumps(messages)))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def calling(*lines: str) -> Answer:
    return Answer("", tuple(ToolCall(f"c{i}", "shell", {"line": x}) for i, x in enumerate(lines)), "tool_calls")


def test_a_task_from_start_to_end():
    ws = FakeWorkspace({"a.py": b"x = 1\n"})
    ws.lines["ls"] = b"a.py\n"
    model = replay(
        [shell("ls"), ("read", {"path": "a.py"})],
        [("edit", {"path": "a.py", "old": "1", "new": "2"}), ("write", {"path": "b.py", "content": "y\n"})],
        "All done.",
    )
    result, events = run(ws, model)
    assert result.status == "done"
    assert result.exit_code == 0
    assert result.text == "All done."
    assert result.actions == ("a1", "a2", "a3", "a4")
    assert (result.steps, result.denied) == (3, 0)
    assert result.usage.prompt_tokens > 0
    assert ws.files == {"a.py": b"x = 2\n", "b.py": b"y\n"}
    assert all(r.spec.origin is Origin.AGENT and r.session == "r1" for r in ws.records)
    assert ws.status() == "done"
    kinds = [e.type for e in events]
    assert kinds[0] == "session-started"
    assert kinds[-1] == "session-ended"
    assert kinds.count("action-started") == kinds.count("action-finished") == 4
    assert "staged: M a.py" in ws.results()[2]
    assert "a.py\n" in ws.results()[0]
    assert "untrusted data" in ws.results()[0]


def test_every_message_is_journalled_before_what_follows_from_it():
    ws = FakeWorkspace()
    run(ws, replay([shell("a"), shell("b")], "end"))
    assert ws.journal == [
        "message system",
        "message user",
        "message assistant",
        "act a1",
        "message tool",
        "act a2",
        "message tool",
        "message assistant",
    ]
    origins = [m["agentsh"]["origin"] for m in ws.sessions["r1"]["messages"]]
    assert origins == ["agentsh", "person", "agent", "untrusted", "untrusted", "agent"]


def test_what_only_the_journal_keeps_is_not_sent():
    ws, model = FakeWorkspace(), Saying(calling("x"), Answer("end"))
    run(ws, model)
    assert all("agentsh" not in m for asked in model.asked for m in asked)


def test_a_denied_action_is_told_with_its_reason():
    ws = FakeWorkspace()
    result, events = run(ws, replay([("write", {"path": ".git/hooks/x", "content": "evil"})], "I see."))
    assert result.denied == 1
    assert "denied by rule no-git: Actions may not write inside .git." in ws.results()[0]
    finished = next(e for e in events if e.type == "action-finished")
    assert json.loads(finished.to_json())["verdict"] == "deny"


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("launch", {}, "There is no tool 'launch'. The tools are shell, read, write, edit, search."),
        ("shell", {}, "'shell' needs the argument 'line'"),
        ("shell", {"line": 3}, "'line' of 'shell' must be a string"),
        ("shell", {"line": ""}, "is empty"),
        ("shell", {"line": "a\0b"}, "NUL"),
        ("shell", "{broken", "not valid JSON"),
        ("read", {"path": "a", "offset": 0}, "at least 1"),
        ("read", {"path": "a", "limit": True}, "must be a integer"),
        ("read", {"path": "a", "lines": 3}, "takes path, offset, limit; not lines"),
        ("edit", {"path": "a", "old": "", "new": "b"}, "is empty"),
    ],
)
def test_calls_that_do_not_fit_are_told_and_nothing_runs(name: str, arguments: Any, why: str):
    ws = FakeWorkspace()
    result, events = run(ws, replay([(name, arguments)], "end"))
    assert ws.records == []
    assert ws.results()[0].startswith("refused: ")
    assert why in ws.results()[0]
    assert result.status == "done"
    assert result.denied == 1
    assert [e.type for e in events].count("action-finished") == 1


def test_arguments_that_are_null_count_as_left_out():
    ws = FakeWorkspace({"a": b"1"})
    run(ws, replay([("read", {"path": "a", "offset": None, "limit": None})], "end"))
    assert ws.records[0].spec.arguments == {"path": "a"}


def test_a_line_that_does_not_parse_is_told():
    ws = FakeWorkspace()
    ws.act = lambda *_, **__: (_ for _ in ()).throw(ShellSyntaxError("A quote is not closed."))  # type: ignore[method-assign]
    result, _ = run(ws, replay([shell("echo '")], "end"))
    assert ws.results() == ["refused: A quote is not closed."]
    assert result.status == "done"


def test_a_broken_sandbox_fails_the_run():
    ws = FakeWorkspace()
    ws.act = lambda *_, **__: (_ for _ in ()).throw(SandboxError("It broke."))  # type: ignore[method-assign]
    result, events = run(ws, replay([shell("ls")], "end"))
    assert result.status == ws.status() == "failed"
    assert isinstance(result.error, SandboxError)
    assert json.loads(events[-1].to_json())["error"]["what"] == "It broke."


def test_a_failing_model_fails_the_run_with_its_exit_code():
    ws = FakeWorkspace()
    result, _ = run(ws, Saying(ModelError("No.")))
    assert (result.status, result.exit_code, ws.status()) == ("failed", 1, "failed")


def test_a_defect_marks_the_session_and_is_not_hidden():
    ws = FakeWorkspace()
    with pytest.raises(ZeroDivisionError):
        run(ws, Saying(ZeroDivisionError()))
    assert ws.status() == "failed"


def test_the_step_limit():
    ws = FakeWorkspace()
    ws.lines |= {str(i): str(i).encode() for i in range(5)}
    result, _ = run(ws, replay(*([shell(str(i))] for i in range(5))), max_steps=3)
    assert (result.status, result.exit_code, result.steps, ws.status()) == ("step-limit", 6, 3, "step-limit")


def test_the_same_call_with_the_same_result_is_refused_after_three():
    ws = FakeWorkspace()
    ws.lines["ls"] = b"same\n"
    run(ws, replay(*[[shell("ls")]] * 4, "end"))
    assert len(ws.records) == 3
    assert "same call 3 times with the same result" in ws.results()[3]


def test_a_call_whose_result_changes_may_be_repeated():
    ws = FakeWorkspace()
    ticks = iter(range(10))
    ws.lines["tick"] = lambda: str(next(ticks)).encode()
    run(ws, replay(*[[shell("tick")]] * 8, "end"))
    assert len(ws.records) == 8


def test_a_call_may_be_repeated_after_something_changed():
    ws = FakeWorkspace()
    ws.lines["make"] = b"ok\n"
    turns = [[shell("make"), ("write", {"path": "a", "content": str(i)})] for i in range(6)]
    result, _ = run(ws, replay(*turns, "end"))
    assert (result.status, len(ws.records)) == ("done", 12)


def test_a_model_that_gets_nowhere_is_given_up():
    ws = FakeWorkspace()
    result, _ = run(ws, replay(*[[("launch", {})]] * 50), max_steps=50)
    assert result.status == "failed"
    assert result.steps < 10
    assert "no progress" in str(result.error)


def test_an_answer_cut_off_is_asked_to_go_on():
    ws = FakeWorkspace()
    model = Saying(Answer("half", finish="length"), Answer(" whole"))
    result, events = run(ws, model)
    assert (result.status, result.text) == ("done", " whole")
    assert "cut off" in model.asked[1][-1]["content"]
    assert any(e.type == "notice" for e in events)


def test_an_answer_cut_off_just_before_ctrl_c_goes_on_too():
    ws = FakeWorkspace()
    run(ws, Saying(Answer("half", finish="length"), KeyboardInterrupt()))
    del ws.sessions["r1"]["messages"][-1]  # as if it had come before the model was asked to go on
    model = Saying(Answer(" whole"))
    result, _ = run(ws, model, "", resume="r1")
    assert result.text == " whole"
    assert "cut off" in model.asked[0][-1]["content"]


def test_a_call_cut_off_says_so():
    ws = FakeWorkspace()
    cut = Answer("", (ToolCall("c", "write", None, "they are not valid JSON"),), "length")
    run(ws, Saying(cut, Answer("end")))
    assert "cut off by its token limit" in ws.results()[0]


class Pressed(FakeWorkspace):
    """Ctrl-C comes at the n-th moment: before or after an action, a message, an event."""

    def __init__(self, moment: int) -> None:
        super().__init__({"a": b"1"})
        self.lines["ls"] = b"a\n"
        self.left = moment

    def tick(self, event: Event | None = None) -> None:
        if event is not None and event.type == "text":
            return  # in how many pieces it comes depends on the endpoint's key
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def act(self, *args: Any, **kwargs: Any) -> ActionRecord:
        self.tick()
        record = super().act(*args, **kwargs)
        self.tick()
        return record

    def add_message(self, *args: Any) -> None:
        self.tick()
        super().add_message(*args)
        self.tick()


MOMENTS = 35  # of the run below, counted by the test after it


@pytest.mark.parametrize("moment", range(1, MOMENTS))
def test_ctrl_c_at_any_moment_leaves_a_session_that_goes_on(moment: int):
    turns = ([shell("ls"), ("write", {"path": "b", "content": "2"})], [shell("ls")], "end")
    ws = Pressed(moment)
    with replay(*turns) as model:
        result = run_task(ws, model, "do it", on_event=ws.tick)
    assert (result.status, result.exit_code, ws.status()) == ("interrupted", 130, "interrupted")
    again = Asked(replay(*turns))
    result, _ = run(ws, again, "", resume="r1")
    assert result.status == ws.status() == "done"
    for asked in again.asked:
        assert [m["role"] for m in asked[:2]] == ["system", "user"]
        calls = [c["id"] for m in asked for c in m.get("tool_calls", ())]
        results = [m for m in asked if m["role"] == "tool"]
        assert [m["tool_call_id"] for m in results] == calls
        for m in results:
            assert m["content"] == INTERRUPTED or m["content"].startswith("a")


def test_the_moments_are_all_there_are():
    ws = Pressed(-1)
    with replay([shell("ls"), ("write", {"path": "b", "content": "2"})], [shell("ls")], "end") as model:
        result = run_task(ws, model, "do it", on_event=ws.tick)
    assert result.status == "done"
    assert -1 - ws.left == MOMENTS  # the last one is the event of the end, which Ctrl-C cannot disturb


class Asked(Model):
    """Keeps what another model is asked."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self._model = model
        self.asked: list[list[Any]] = []

    def complete(self, messages: Sequence[Any], tools: Sequence[Mapping[str, Any]], **kwargs: Any) -> Answer:
        self.asked.append(json.loads(json.dumps(messages)))
        return self._model.complete(messages, tools, **kwargs)

    def close(self) -> None:
        self._model.close()


def test_a_real_ctrl_c_while_the_model_is_awaited():
    class Waiting(Model):
        name = "waiting"

        def complete(self, *_: Any, **__: Any) -> Answer:
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("the signal was swallowed")

    ws = FakeWorkspace()
    before = signal.getsignal(signal.SIGINT)
    assert run_task(ws, Waiting(), "do it").status == "interrupted"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_does_not_tear_the_end():
    ws = FakeWorkspace()
    plain = ws.end_session

    def pressed_again(session: str, status: str) -> None:
        signal.raise_signal(signal.SIGINT)
        plain(session, status)

    ws.end_session = pressed_again  # type: ignore[method-assign]
    assert run_task(ws, Saying(KeyboardInterrupt()), "do it").status == "interrupted"
    assert ws.status() == "interrupted"


def test_stop_from_another_thread_ends_the_run():
    ws, stop = FakeWorkspace(), threading.Event()
    ws.lines["ls"] = lambda: stop.set() or b"x"  # type: ignore[func-returns-value]
    result, _ = run(ws, replay([shell("ls"), shell("ls")], "never"), stop=stop)
    assert result.status == "interrupted"
    assert len(ws.records) == 1


def test_a_run_off_the_main_thread_ends_as_any():
    ws, results = FakeWorkspace(), []
    thread = threading.Thread(target=lambda: results.append(run_task(ws, Saying(Answer("end")), "do it")))
    thread.start()
    thread.join()
    assert results[0].status == ws.status() == "done"


def test_resume_after_the_step_limit_goes_on_where_it_was():
    ws = FakeWorkspace()
    ws.lines |= {"1": b"one", "2": b"two"}
    turns = ([shell("1")], [shell("2")], "end")
    run(ws, replay(*turns), max_steps=1)
    result, events = run(ws, replay(*turns), "", resume="r1")
    assert result.status == "done"
    assert [r.spec.arguments["line"] for r in ws.records] == ["1", "2"]
    assert json.loads(events[0].to_json())["resumed"] is True
    assert json.loads(events[0].to_json())["task"] == "do it"
    assert len(ws.messages("user")) == 1


def test_resume_of_a_killed_process_answers_the_calls_that_have_no_result():
    ws = FakeWorkspace()
    session = ws.start_session("do it", "saying")
    ws.add_message(session, {"role": "system", "content": "s"})
    ws.add_message(session, {"role": "user", "content": "do it"})
    ws.add_message(session, calling("one", "two").to_message())
    ws.add_message(session, {"role": "tool", "tool_call_id": "c0", "content": "fine"})
    model = Saying(Answer("end"))
    run(ws, model, "", resume=session)
    assert [m["content"] for m in model.asked[0][3:]] == ["fine", INTERRUPTED]


@pytest.mark.parametrize("journalled", [0, 1])
def test_resume_of_a_session_that_never_got_its_task(journalled: int):
    ws = FakeWorkspace()
    session = ws.start_session("do it", "saying")
    if journalled:
        ws.add_message(session, {"role": "system", "content": "s"})
    model = Saying(Answer("end"))
    run(ws, model, "", resume=session)
    assert [m["role"] for m in model.asked[0]] == ["system", "user"]
    assert model.asked[0][1]["content"] == "do it"


def test_resume_with_a_further_wish():
    ws = FakeWorkspace()
    run(ws, Saying(Answer("end")))
    model = Saying(Answer("ended again"))
    result, _ = run(ws, model, "and now this", resume="r1")
    assert result.text == "ended again"
    assert model.asked[0][-1]["content"] == "and now this"


def test_resume_of_what_is_done_or_unknown_is_refused():
    ws = FakeWorkspace()
    run(ws, Saying(Answer("end")))
    with pytest.raises(UsageError, match="is done"):
        run(ws, Saying(), "", resume="r1")
    with pytest.raises(NotFoundError):
        run(ws, Saying(), "", resume="r9")
    assert ws.status() == "done"


def test_a_run_needs_a_task_and_a_step():
    for kwargs in ({"task": " "}, {"task": "x", "max_steps": 0}):
        with pytest.raises(UsageError):
            run(FakeWorkspace(), Saying(), **kwargs)  # type: ignore[arg-type]


def test_a_long_conversation_is_shortened_for_the_model_and_kept_in_the_journal():
    ws = FakeWorkspace()
    ws.lines |= {str(i): str(i).encode() * 6000 for i in range(9)}
    model = Saying(*(calling(str(i)) for i in range(9)), Answer("end"))
    result, events = run(ws, model, context_bound=30_000)
    assert result.status == "done"
    assert all(len(json.dumps(asked)) < 45_000 for asked in model.asked)
    assert CUT.split("{}")[1] in model.asked[-1][3]["content"]
    assert "8888" in model.asked[-1][-1]["content"]
    assert all(len(r) > 6000 for r in ws.results())
    assert any(json.loads(e.to_json()).get("code") == "context" for e in events)


def test_output_is_told_as_it_comes_without_torn_characters():
    ws = FakeWorkspace()
    plain = ws.act

    def in_pieces(spec: Any, **kwargs: Any) -> ActionRecord:
        tell = kwargs.pop("on_output")
        for piece in ("\u2603".encode()[:1], "\u2603".encode()[1:], b"\xff", "\u2603".encode()[:2]):
            tell("stdout", piece)
        return plain(spec, **kwargs)

    ws.act = in_pieces  # type: ignore[method-assign]
    _, events = run(ws, replay([shell("x")], "end"))
    text = "".join(json.loads(e.to_json())["text"] for e in events if e.type == "output")
    assert text == "\u2603\ufffd\ufffd"


def test_what_the_person_rejected_is_told_once_before_the_next_turn():
    workspace = FakeWorkspace()
    run(workspace, Saying(Answer("one")))
    workspace.rejected = [
        Rejection(7, "a1", "rejected", "edit the template", (b"page.html",), "hunk 2"),
        Rejection(9, "a2", "rejected", ""),
    ]
    model = Saying(Answer("two"), Answer("three"))
    for _ in range(2):
        run(workspace, model, "go on", resume="r1")
    (told,) = [m["content"] for m in workspace.messages("user") if "rejected" in m["content"]]
    assert "The person rejected hunk 2 of page.html in a1: edit the template" in told
    assert "The person rejected a2." in told
    assert model.asked[0][-1] == {"role": "user", "content": told}
