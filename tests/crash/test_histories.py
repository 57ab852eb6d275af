"""A short run of what `python -m tests.crash.histories --kills 10000` does for long."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.crash import histories

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("AGENTSH_KILLS", "20"))


@pytest.mark.parametrize("seed", [1, 2])
def test_random_histories_survive_kills_at_random_points(seed: int, tmp_path: Path) -> None:
    figures = histories.run(tmp_path, KILLS, seed)
    assert figures.kills >= KILLS
    assert figures.acknowledged
    assert figures.bad() == 0, figures
