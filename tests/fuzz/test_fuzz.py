"""A short run of each fuzz target; `python -m tests.fuzz TARGET -max_total_time=3600` is a long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import SEEDS, TARGETS

RUNS = int(os.environ.get("AGENTSH_FUZZ_RUNS", "1000"))


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_short_run_finds_nothing(target: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS[target]):
        (corpus / str(number)).write_bytes(seed)
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, corpus, f"-runs={RUNS}", "-seed=1", "-timeout=10", "-max_len=400"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_the_seeds_pass(target: str) -> None:
    for seed in (*SEEDS[target], b"", b"\0"):
        TARGETS[target](seed)
