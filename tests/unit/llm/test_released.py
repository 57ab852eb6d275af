"""The model that ships: its files are whole, and it does what it was trained for, through the agent loop."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("starlette")

import agentsh_models
from agentsh import Workspace
from agentsh.llm.local import BASE, LocalModel, load_weights
from agentsh.runtime.agent import run_task
from agentsh_models import loading
from agentsh_models.errors import BadWeights, MissingPart

ONE_FILE = 16 << 20


@pytest.fixture(scope="module", autouse=True)
def base():
    try:
        return agentsh_models.load_base()
    except MissingPart as e:
        pytest.skip(e.what)


@pytest.fixture(scope="module")
def local():
    model = LocalModel("local")
    yield model
    model.close()


@pytest.fixture
def place(tmp_path):
    place = tmp_path / "place"
    (place / "notes").mkdir(parents=True)
    (place / "notes/plan.txt").write_text("one\ntwo\nthree\n")
    (place / "notes/old.bak").write_text("old\n")
    return place


@pytest.fixture
def workspace(place, tmp_path):
    with Workspace.open(place, policy="review", data_dir=tmp_path / "data") as opened:
        yield opened


def test_the_files_are_small_and_checked(tmp_path, monkeypatch):
    files = sorted(loading.RELEASED.parent.glob("*.safetensors"))
    assert all(f.stat().st_size <= ONE_FILE for f in files)
    for file in files:
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(loading, "RELEASED", tmp_path / loading.RELEASED.name)
    assert agentsh_models.load_released().config.moe.blocks
    for file in files:
        copy = tmp_path / file.name
        whole = copy.read_bytes()
        copy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(BadWeights, match="changed"):
            agentsh_models.load_released()
        copy.write_bytes(whole)


def test_its_card_names_the_licences_of_what_it_learnt_from():
    card = (loading.RELEASED.parent / "MODEL_CARD.md").read_text()
    for said in ("Apache-2.0", "MIT", "CC BY 4.0", "tldr-pages", "NL2Bash", "held-out"):
        assert said in card


def test_it_answers_from_what_a_tool_said(local, workspace):
    result = run_task(workspace, local, "Count the lines of notes/plan.txt.", max_steps=4)
    assert result.status == "done"
    assert "3" in result.text
    assert len(result.actions) == 1
    assert not workspace.show(result.actions[0]).changes


def test_it_stages_a_change(local, workspace, place):
    result = run_task(workspace, local, "Rename notes/plan.txt to notes/main_plan.txt.", max_steps=4)
    assert result.status == "done"
    assert {e.path for e in workspace.show(result.actions[-1]).changes} == {b"notes/plan.txt", b"notes/main_plan.txt"}
    assert (place / "notes/plan.txt").exists()


def test_the_untrained_base_can_be_asked_for(base):
    assert load_weights(BASE).config == base.config
    assert load_weights(None).config != base.config
    assert json.loads(json.dumps(load_weights(None).config.to_json()))["moe"]["n_experts"] > 1
