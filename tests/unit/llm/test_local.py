"""The model of this machine, asked through the openai package as any endpoint is."""

import json
import threading

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("starlette")

import agentsh_models
from agentsh.core.errors import AgentshError, ModelError
from agentsh.llm.local import LocalModel
from agentsh_models.errors import MissingPart

TOOL = {
    "type": "function",
    "function": {
        "name": "shell",
        "description": "Run a shell line.",
        "parameters": {
            "type": "object",
            "properties": {"line": {"type": "string", "maxLength": 20}},
            "required": ["line"],
            "additionalProperties": False,
        },
    },
}
ASK = [{"role": "user", "content": "Say the word yes."}]


@pytest.fixture(scope="module")
def local():
    try:
        agentsh_models.load_base()
    except MissingPart as e:
        pytest.skip(e.what)
    model = LocalModel("local")
    yield model
    model.close()


def test_answers_and_streams_the_same(local):
    client = local._open()
    whole = client.chat.completions.create(model="local", messages=ASK, max_tokens=12, temperature=0)
    stream = client.chat.completions.create(model="local", messages=ASK, max_tokens=12, temperature=0, stream=True)
    pieces = [c.choices[0].delta.content or "" for c in stream if c.choices]
    assert whole.choices[0].message.content
    assert "".join(pieces) == whole.choices[0].message.content
    assert 0 < whole.usage.completion_tokens <= 12


def test_a_call_that_is_asked_for_fits_its_schema(local):
    answer = local._open().chat.completions.create(
        model="local",
        messages=[{"role": "user", "content": "List the files."}],
        tools=[TOOL],
        tool_choice="required",
        max_tokens=80,
        temperature=0,
    )
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "shell"
    assert set(json.loads(call.function.arguments)) == {"line"}


def test_several_at_once(local):
    client, got = local._open(), []

    def ask():
        got.append(client.chat.completions.create(model="local", messages=ASK, max_tokens=6, temperature=0))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert len({g.choices[0].message.content for g in got}) == 1
    assert len(got) == 3


def test_weights_that_are_none(tmp_path):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + b"\0" * 40)
    with pytest.raises(ModelError):
        LocalModel(f"local:{bad}", bad)
    with pytest.raises(AgentshError):
        LocalModel("local:x", tmp_path / "not-there.gguf")
