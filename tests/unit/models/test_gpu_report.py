"""The report of a GPU, tried with a tiny model on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
SCRIPT = Path(__file__).resolve().parents[3] / "scripts/gpu_report.py"


def report(*options):
    return subprocess.run(
        [sys.executable, SCRIPT, *options], capture_output=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


@pytest.mark.slow
def test_every_part_is_measured(tmp_path):
    done = report("--small", "--device", "cpu", "--out", tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    (path,) = tmp_path.glob("*.json")
    told = json.loads(path.read_text())
    assert told == json.loads(done.stdout)
    assert not [n for n, p in told["parts"].items() if "failed" in p or "left_out" in p], told
    assert told["parts"]["training.upcycled"]["added"]["tokens_per_s"] > 0


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(tmp_path):
    done = report("--out", tmp_path)
    assert done.returncode == 69
    assert b"no GPU" in done.stderr
    assert not list(tmp_path.iterdir())
