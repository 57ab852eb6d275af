"""``python -m tests.fuzz TARGET [CORPUS] [-runs=N] [-max_total_time=S]``: libFuzzer on a target, through atheris."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["agentsh"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
