"""A hostile endpoint tries to get the key into a place where it is kept or shown, or to take the process down."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from agentsh.config import ModelProfile, load_config
from agentsh.core.secret import Secret
from agentsh.llm import EndpointModel, Retry, open_model
from agentsh.runtime.agent import run_task
from agentsh.runtime.events import Event
from tests.unit.agent.fakes import FakeWorkspace
from tests.unit.llm.servers import Handler, Respond, ScriptedServer, delta, says, status, stream

VALUE = "sk-live-0123456789abcdefghij"
KEY = Secret("LIVE_KEY", VALUE)
ESCAPED = "".join(f"\\u{ord(c):04x}" for c in VALUE)


def letters(h: Handler) -> None:
    """Echoes the key letter by letter."""
    stream(*(delta(content=c) for c in f"your key is {VALUE}!"), delta("stop"))(h)


def split_arguments(h: Handler) -> None:
    raw = json.dumps({"line": f"echo {VALUE}"})
    pieces = [delta(tool_calls=[{"index": 0, "id": VALUE, "function": {"name": "shell", "arguments": ""}}])]
    pieces += [
        delta(tool_calls=[{"index": 0, "function": {"arguments": raw[i : i + 3]}}]) for i in range(0, len(raw), 3)
    ]
    stream(*pieces, delta("tool_calls"))(h)


def escaped_arguments(h: Handler) -> None:
    call = {"index": 0, "function": {"name": f"sh{VALUE}", "arguments": f'{{"line": "{ESCAPED}", "{ESCAPED}": 1}}'}}
    stream(delta(tool_calls=[call]), delta("tool_calls"))(h)


def reflecting(h: Handler) -> None:
    """Answers with every header that it got, as a debugging proxy would."""
    h.plain(400, json.dumps({"error": {"message": str(dict(h.headers))}}).encode())


ATTACKS: dict[str, Respond] = {
    "text in letters": letters,
    "text at once": says(f"{VALUE} {VALUE}"),
    "arguments in pieces": split_arguments,
    "arguments escaped": escaped_arguments,
    "reflected headers": reflecting,
    "error page": lambda h: h.plain(500, f"<html>{VALUE}</html>".encode(), "text/html"),
    "error in the stream": stream({"error": {"message": VALUE}}),
    "finish reason": stream(delta(VALUE, content="x")),
    "refused key": status(401, {"error": VALUE}),
    "unknown model": status(404, {"detail": [{"msg": VALUE}]}),
    "redirect": status(302, Location=f"http://127.0.0.1:9/{VALUE}"),
    "broken JSON": stream(b"data: {" + VALUE.encode() + b"\n\n"),
    "broken off": stream(delta(content=f"it is {VALUE[:-1]}"), done=False),
}


@pytest.mark.parametrize("respond", ATTACKS.values(), ids=ATTACKS)
def test_the_key_reaches_no_event_message_error_or_log(
    respond: Respond, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    ws, events = FakeWorkspace(), list[Event]()
    with ScriptedServer([respond, says("done")]) as server:
        where = ModelProfile("p", "m", base_url=server.url, key="LIVE_KEY", timeout_s=10)
        with EndpointModel(where, KEY, retry=Retry(attempts=2, base_s=0)) as model:
            result = run_task(ws, model, "do it", on_event=events.append)
            shown = [repr(model), repr(vars(model)), repr(result), str(result.error), repr(model._client)]
        assert server.seen[0].headers["authorization"] == f"Bearer {VALUE}"  # it was sent where it belongs
    shown += [e.to_json() for e in events] + [
        json.dumps(ws.sessions),
        repr(ws.records),
        caplog.text,
        *capfd.readouterr(),
    ]
    if result.error is not None:
        shown += [json.dumps(result.error.to_json()), repr(_chain(result.error))]
    for text in shown:
        assert VALUE not in text
        assert ESCAPED not in text
    # The same is checked with the pieces put together, as a reader of the events would see them.
    told = "".join(json.loads(e.to_json()).get("text", "") for e in events if e.type == "text")
    assert VALUE not in told


def _chain(error: BaseException | None) -> list[str]:
    chain = []
    while error is not None:
        chain.append(f"{error!r} {vars(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_cannot_carry_the_key_to_another_host(code: int):
    with ScriptedServer([says("got it")]) as thief:
        respond = status(code, Location=f"http://localhost:{thief.port}/v1/chat/completions")
        with ScriptedServer([respond]) as server:
            where = ModelProfile("p", "m", base_url=server.url, key="LIVE_KEY")
            with EndpointModel(where, KEY, retry=Retry(attempts=1)) as model:
                assert run_task(FakeWorkspace(), model, "do it").status == "failed"
        assert thief.seen == []


def test_the_key_is_not_added_to_a_request_for_another_origin():
    # Even if redirects were followed one day, the hook that adds the key checks each request by itself.
    import openai  # noqa: PLC0415 - brings the client's own request class

    http = openai.DefaultHttpxClient()
    with EndpointModel(ModelProfile("p", "m", base_url="https://llm.example.com/v1", key="K"), KEY) as model:
        for url in (
            "http://llm.example.com/v1/chat/completions",
            "https://llm.example.com:8443/v1/chat/completions",
            "https://llm.example.com.evil.test/v1/chat/completions",
            "https://llm.example.com@evil.test/v1/chat/completions",
        ):
            request = http.build_request("POST", url, headers={"Authorization": "Bearer unused"})
            model._leaving(request)
            assert "authorization" not in request.headers
        request = http.build_request("POST", "https://LLM.example.com:443/v1/x")
        model._leaving(request)
        assert request.headers["authorization"] == f"Bearer {VALUE}"
    http.close()


def test_a_profile_for_another_endpoint_does_not_inherit_the_default_key(tmp_path: Path):
    (tmp_path / "config.toml").write_text('[models.other]\nbase_url = "https://other.example/v1"\n')
    config = load_config(tmp_path / "workspace", user_dir=tmp_path)
    asked: list[str] = []

    def keys(name: str) -> Secret:
        asked.append(name)
        return KEY

    with open_model("other", config, keys=keys) as model:
        assert "other.example" in repr(model)
    assert asked == []


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": {}},
        {"choices": [None, 1, [], {"delta": 3}, {"delta": {"tool_calls": "x"}}, {"delta": {"tool_calls": [None, {}]}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": -(10**30), "function": {"name": [], "arguments": 1}}]}}]},
        {"choices": [{"delta": {"content": {"deep": ["x"]}}, "finish_reason": ["stop"]}], "usage": [1]},
        {
            "usage": {"prompt_tokens": 10**400, "completion_tokens": "many"},
            "choices": [{"delta": {"content": "\ud800"}}],
        },
        [[[[]]]],
        "text",
        None,
        10**300,
    ],
)
def test_no_chunk_takes_the_process_down(chunk: Any):
    ws = FakeWorkspace()
    with ScriptedServer([stream(chunk, delta(content="fine"), delta("stop"))]) as server:
        where = ModelProfile("p", "m", base_url=server.url, key="")
        with EndpointModel(where, None, retry=Retry(attempts=1)) as model:
            result = run_task(ws, model, "do it")
    assert result.status in ("done", "failed")
    json.dumps(ws.sessions).encode()
