"""From --model to a model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agentsh.config import Config, ModelProfile
from agentsh.core.errors import ConfigError, UsageError
from agentsh.core.secret import Secret
from agentsh.llm import EndpointModel, open_model

KEY = Secret("OPENAI_API_KEY", "sk-0123456789abcdef")
LOCAL = ModelProfile("local", "llama", base_url="http://localhost:11434/v1")


def test_openai_names_a_model_at_the_default_endpoint():
    with open_model("openai:gpt-x", Config(), keys={"OPENAI_API_KEY": KEY}.get) as model:
        assert isinstance(model, EndpointModel)
        assert model.name == "openai:gpt-x"
        assert repr(model) == "<model openai:gpt-x: gpt-x at https://api.openai.com/v1>"


def test_a_profile_by_name_and_as_the_default():
    config = Config(models={"local": LOCAL}, default_model="local")
    for spec in ("local", ""):
        with open_model(spec, config, keys=lambda _: None) as model:  # a local endpoint may do without its key
            assert model.name == "local"


def test_a_missing_key_says_how_to_store_it():
    with pytest.raises(ConfigError, match="no key OPENAI_API_KEY") as caught:
        open_model("openai:gpt-x", Config(), keys=lambda _: None)
    assert "agentsh secrets set OPENAI_API_KEY" in caught.value.next_step


@pytest.mark.parametrize("spec", ["", "nothing", "openai:", "replays", "http://example.com", "\x1b[2J"])
def test_what_names_no_model_is_refused(spec: str):
    with pytest.raises(UsageError) as caught:
        open_model(spec, Config(), keys=lambda _: None)
    assert "\x1b" not in caught.value.what


def test_a_recording_by_path(tmp_path: Path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"agentsh_recording": 1, "turns": [{"text": "hi"}]}))
    with open_model(f"replay:{path}", Config(), keys=lambda _: None) as model:
        assert model.name == f"replay:{path}"
        assert model.complete([{"role": "user", "content": "x"}], []).text == "hi"


def test_loading_the_package_loads_no_heavy_one():
    code = (
        "import sys, agentsh.llm, agentsh.secrets, agentsh.runtime.agent; "
        "print(sorted({'openai', 'keyring', 'http.server', 'wasmtime', 'sqlite_utils'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
