"""NO_COLOR is none at all: what a colour says, words and marks say too."""

from __future__ import annotations

import re

import pytest

from tests.e2e.conftest import Program
from tests.worlds.terminal import Pty

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("colours", [True, False])
def test_no_color(agentsh: Program, colours: bool) -> None:
    agentsh("exec", "echo 1 > a")
    environment = {**agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data)}
    terminal = Pty([], cwd=agentsh.root, environment=environment if colours else {**environment, "NO_COLOR": "1"})
    try:
        terminal.sees("1 action to review")
        at = terminal.press("\x12")
        terminal.sees("[ ]", "A", "+1", "hunk 1", since=at)
        terminal.press("\x11")
        assert terminal.ended() == 0
    finally:
        terminal.close()
    codes = {c for sgr in re.findall(r"\x1b\[([0-9;]*)m", terminal.sent) for c in sgr.split(";")}
    painted = codes & {*map(str, range(30, 39)), *map(str, range(40, 49)), *map(str, range(90, 108))}
    assert bool(painted) is colours
