"""Several answers to one request, from real servers."""

from __future__ import annotations

from typing import Any

import pytest

from agentsh.core.errors import ModelError
from agentsh.llm import EndpointModel, Sample
from tests.unit.llm.servers import Respond, ScriptedServer, status, stream
from tests.unit.llm.test_endpoint import HELLO, KEY, QUICK, profile


def piece(index: int, finish: str | None = None, logprob: float | None = None, **delta: Any) -> dict[str, Any]:
    sure = None if logprob is None else {"content": [{"token": "x", "logprob": logprob}]}
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": sure}]}


def sample(*responses: Respond, many: int = 2, **fields: Any) -> tuple[list[Sample], ScriptedServer]:
    with ScriptedServer(responses) as server, EndpointModel(profile(server, **fields), KEY, retry=QUICK) as model:
        return model.sample(HELLO, [], many), server


def test_each_choice_is_an_answer_of_its_own() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "shell", "arguments": '{"line": "ls"}'}}
    chunks = (
        piece(1, logprob=-1.0, content="B"),
        piece(0, logprob=-0.5, content="A"),
        piece(1, logprob=-3.0, content="b"),
        piece(0, tool_calls=[call]),
        piece(1, "stop"),
        piece(7, content="not asked for"),
        piece(0, "tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
    )
    (first, second), server = sample(stream(*chunks))
    assert (first.answer.text, first.answer.tool_calls[0].name, first.logprob) == ("A", "shell", -0.5)
    assert (second.answer.text, second.answer.tool_calls, second.logprob) == ("Bb", (), -2.0)
    assert (first.answer.usage.prompt_tokens, second.answer.usage.prompt_tokens) == (9, 0)
    sent = server.seen[0].body
    assert (sent["n"], sent["logprobs"], sent["temperature"]) == (2, True, 0.7)


def test_the_temperature_is_that_of_the_profile() -> None:
    _, server = sample(stream(piece(0, "stop", content="A")), temperature=0.2)
    assert server.seen[0].body["temperature"] == 0.2


def test_an_endpoint_that_gives_one_gives_one() -> None:
    samples, _ = sample(stream(piece(0, "stop", content="A")), many=5)
    assert [s.answer.text for s in samples] == ["A"]
    assert samples[0].logprob is None


def test_an_endpoint_without_logprobs_is_asked_without_them() -> None:
    refusal = status(400, {"error": {"message": "Unknown parameter: logprobs"}})
    samples, server = sample(refusal, stream(piece(0, "stop", content="A"), piece(1, "stop", content="B")))
    assert len(samples) == 2
    assert "logprobs" not in server.seen[1].body


def test_what_says_nothing_is_no_answer_and_its_cost_is_counted() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
    samples, _ = sample(stream(piece(0, "stop"), piece(1, "stop", content="B"), usage))
    assert [(s.answer.text, s.answer.usage.prompt_tokens) for s in samples] == [("B", 9)]
    with pytest.raises(ModelError, match="empty answer"):
        sample(stream(piece(0, "stop"), piece(1, "stop")))


def test_a_stream_that_breaks_off_is_tried_again() -> None:
    broken = stream(piece(0, "stop", content="A"), piece(1, content="B"), done=False)
    whole = stream(piece(0, "stop", content="A"), piece(1, "stop", content="B"), done=False)
    samples, server = sample(broken, whole)
    assert [s.answer.text for s in samples] == ["A", "B"]
    assert len(server.seen) == 2


def test_what_an_endpoint_calls_a_logprob_may_be_anything() -> None:
    odd = [{"logprob": v} for v in ("x", None, True, float("-inf"), 3.0, -0.25)] + ["y"]
    chunk = {
        "choices": [{"index": 0, "delta": {"content": "A"}, "finish_reason": "stop", "logprobs": {"content": odd}}]
    }
    samples, _ = sample(stream(chunk, {"choices": [1, {"index": "x"}, {"index": -1, "delta": {"content": "C"}}]}))
    assert samples[0].logprob == -0.25
