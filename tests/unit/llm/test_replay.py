"""The recorded model: its format, its server, its refusals."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from agentsh.config import ModelProfile
from agentsh.core.errors import ModelError
from agentsh.core.secret import Secret
from agentsh.llm import EndpointModel, Retry
from agentsh.llm.replay import (
    Recorder,
    Recording,
    ReplayModel,
    ReplayServer,
    Turn,
    demo_recording,
    load_recording,
    parse_recording,
)
from agentsh.llm.replay.recording import to_json

TURNS: list[dict[str, Any]] = [
    {"text": "Looking. \u2603", "tool_calls": [{"name": "shell", "arguments": {"line": "ls " + "x" * 100}}]},
    {
        "text": "Done.",
        "expect": {"result_contains": ["README"], "result_lacks": ["refused"], "task_contains": ["tidy"]},
    },
]
RECORDING = {"agentsh_recording": 1, "name": "short", "task": "tidy up", "turns": TURNS}
TASK = {"role": "user", "content": "please tidy up"}
LOOKED = {"role": "assistant", "content": "Looking."}


def result(text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "call_0_0", "content": text}


@pytest.fixture
def server():
    with ReplayServer(parse_recording(json.dumps(RECORDING).encode(), source="test")) as running:
        yield running


def post(server: ReplayServer, body: bytes, *, path: str = "/v1/chat/completions", token: str | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.split(":")[2].split("/")[0]), timeout=10)
    headers = {"Authorization": f"Bearer {server.token if token is None else token}"}
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_the_plain_client_can_stream_and_not_stream(server: ReplayServer):
    with openai.OpenAI(api_key=server.token, base_url=server.url, max_retries=0) as client:
        assert [m.id for m in client.models.list()] == ["short"]
        whole = client.chat.completions.create(model="short", messages=[TASK])  # type: ignore[list-item]
        message = whole.choices[0].message
        streamed = list(
            client.chat.completions.create(
                model="short",
                messages=[TASK],  # type: ignore[list-item]
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    assert message.content == "Looking. \u2603"
    assert message.tool_calls is not None
    deltas = [c.choices[0].delta for c in streamed if c.choices]
    assert "".join(d.content or "" for d in deltas) == message.content
    fragments = [d.tool_calls[0].function.arguments for d in deltas if d.tool_calls and d.tool_calls[0].function]
    assert len(fragments) > 3
    assert json.loads("".join(f or "" for f in fragments)) == TURNS[0]["tool_calls"][0]["arguments"]
    assert streamed[-1].usage is not None
    assert streamed[-1].usage == whole.usage
    assert whole.usage.prompt_tokens > 0


def test_a_request_sent_again_gets_the_same_turn(server: ReplayServer):
    body = json.dumps({"messages": [TASK]}).encode()
    assert post(server, body) == post(server, body)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([TASK, LOOKED, result("nothing here")], "to contain 'README'"),
        ([TASK, LOOKED, result("README refused")], "not to contain 'refused'"),
        ([{**TASK, "content": "other"}, LOOKED, result("README")], "the task to contain 'tidy'"),
        ([TASK, LOOKED, result("README"), LOOKED], "all 2 turns"),
    ],
)
def test_a_conversation_that_does_not_fit_fails_clearly(server: ReplayServer, messages: list[Any], why: str):
    status, body = post(server, json.dumps({"messages": messages}).encode())
    assert status == 422
    assert why in body["error"]["message"]


def test_expectations_look_at_the_newest_results_alone(server: ReplayServer):
    messages = [TASK, result("refused"), LOOKED, result("README"), result("more")]
    assert post(server, json.dumps({"messages": messages}).encode())[0] == 200


@pytest.mark.parametrize("token", ["", "wrong", "\u00e9"])
def test_without_the_token_nothing_is_told(server: ReplayServer, token: str):
    status, body = post(server, b"{}", token=token)
    assert status == 401
    assert "short" not in json.dumps(body)


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b'{"messages": 3}', 400), (b"[" * 100_000, 400)]
)
def test_requests_that_are_none_are_refused(server: ReplayServer, body: bytes, status: int):
    assert post(server, body)[0] == status


def test_unknown_paths_are_refused(server: ReplayServer):
    assert post(server, b"{}", path="/v1/embeddings")[0] == 404


def test_tokens_differ_from_start_to_start():
    recording = demo_recording()
    with ReplayServer(recording) as a, ReplayServer(recording) as b:
        assert a.token != b.token


def test_the_model_tells_why_a_recording_does_not_fit():
    never = Recording("r", (Turn("x", result_contains=("never",)),))
    with (
        ReplayModel("replay", never) as model,
        pytest.raises(ModelError, match=r"turn 1 of 1 .* expects the tools' results to contain 'never'"),
    ):
        model.complete([TASK], [])


def test_json_lines_are_the_same_recording(tmp_path: Path):
    head = {k: v for k, v in RECORDING.items() if k != "turns"}
    lines = tmp_path / "r.jsonl"
    lines.write_text("\n".join(json.dumps(x) for x in [head, *TURNS]) + "\n")
    assert load_recording(lines) == parse_recording(json.dumps(RECORDING).encode(), source="test")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"agentsh_recording": 2, "turns": [{}]}',
        b'{"agentsh_recording": 1}',
        b'{"agentsh_recording": 1, "turns": [1]}',
        b'{"agentsh_recording": 1, "turns": [{"text": 1}]}',
        b'{"agentsh_recording": 1, "turns": [{"tool_calls": [{"name": "x", "arguments": 1}]}]}',
        b'{"agentsh_recording": 1, "turns": [{"expect": {"results_contain": ["typo"]}}]}',
        b'{"agentsh_recording": 1, "turns": [{"expect": {"result_contains": [""]}}]}',
        b'{"agentsh_recording": 1}\nnot json\n',
    ],
)
def test_what_is_no_recording_is_refused(raw: bytes):
    with pytest.raises(ModelError, match="is no recording"):
        parse_recording(raw, source="test")


def test_a_missing_recording_is_an_error(tmp_path: Path):
    with pytest.raises(ModelError, match="cannot be read"):
        load_recording(tmp_path / "none.json")


def test_the_demonstration_is_well_formed():
    demo = demo_recording()
    names = [name for turn in demo.turns for name, _ in turn.tool_calls]
    assert demo.task
    assert {"shell", "read", "search", "edit", "write"} == set(names)
    assert not demo.turns[-1].tool_calls
    assert all(t.result_contains for t in demo.turns[1:])


def test_a_conversation_recorded_from_an_endpoint_plays_the_same(tmp_path: Path):
    path = tmp_path / "made.json"
    original = parse_recording(json.dumps(RECORDING).encode(), source="test")
    with ReplayModel("real", original) as real, ReplayServer(Recorder(real, path, name="made")) as between:
        profile = ModelProfile("p", "made", base_url=between.url, key="T")
        with EndpointModel(profile, Secret("T", between.token), retry=Retry(attempts=1)) as model:
            first = model.complete([TASK], [])
            assert model.complete([TASK], []) == first  # asked once more, as after a broken connection
            talk = [TASK, first.to_message(), result("README")]
            second = model.complete(talk, [])
            with pytest.raises(ModelError, match=r"HTTP 502: .*all 2 turns"):
                model.complete([*talk, second.to_message()], [])
            with pytest.raises(ModelError, match="begin it anew"):
                model.complete([TASK, *[LOOKED] * 7], [])
    made = load_recording(path)
    assert [(t.text, t.tool_calls) for t in made.turns] == [(t.text, t.tool_calls) for t in original.turns]
    assert made.task == TASK["content"]
    with ReplayModel("replay", made) as model:
        assert model.complete([TASK], []) == replace(first, usage=model.complete([TASK], []).usage)


def test_a_recording_survives_being_written_and_read():
    original = parse_recording(json.dumps(RECORDING).encode(), source="test")
    assert parse_recording(to_json(original).encode(), source="test") == original


def test_the_server_runs_by_itself(tmp_path: Path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(RECORDING))
    command = [sys.executable, "-m", "agentsh.llm.replay", str(path), "--token", "t0ken"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            assert process.stdout.readline() == "token = t0ken\n"
            with openai.OpenAI(api_key="t0ken", base_url=url, max_retries=0) as client:
                assert [m.id for m in client.models.list()] == ["short"]
        finally:
            process.terminate()
