"""``model upcycle`` and ``model train`` on the real base, for one step in two slices; then the weights answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch")

import agentsh_models
from agentsh.core.errors import UsageError
from agentsh.llm.local import load_weights
from agentsh.llm.local_training import MOST_BYTES, train_model, upcycle_model
from agentsh_models.errors import MissingPart

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _base():
    try:
        agentsh_models.load_base()
    except MissingPart as e:
        pytest.skip(e.what)


def test_upcycled_trained_in_slices_and_loaded(tmp_path: Path):
    start, out = tmp_path / "start.safetensors", tmp_path / "out.safetensors"
    many = upcycle_model(start, experts=4, rank=16, depth_blocks=(4,), capacity=0.5, seed=0)
    assert 10_000_000 < many < 15_000_000
    files = list(tmp_path.glob("start*"))
    assert len(files) > 1
    assert all(f.stat().st_size < MOST_BYTES + 65536 for f in files)
    data = tmp_path / "pairs.jsonl"
    data.write_text(json.dumps({"instruction": "Count the lines of a.txt.", "command": "wc -l < a.txt"}) + "\n")
    recipe = {"steps": 1, "rows": 1, "micro": 1, "length": 64}

    def slice_of(seconds: float) -> bool:
        return train_model(
            data,
            start=start,
            out=out,
            state=tmp_path / "state",
            recipe=recipe,
            seconds=seconds,
            device="cpu",
            on_step=lambda _line: None,
        )

    assert not slice_of(-1)
    assert not out.exists()
    assert slice_of(600)
    assert load_weights(out).config.moe.n_experts == 4


def test_data_that_is_none(tmp_path: Path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n")
    with pytest.raises(UsageError, match="Line 1"):
        train_model(
            bad,
            start=None,
            out=tmp_path / "o.safetensors",
            state=tmp_path / "s",
            recipe={},
            seconds=1,
            device="cpu",
            on_step=lambda _line: None,
        )
