"""A second terminal looks on; and whatever becomes of the first one, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Program
from tests.worlds.terminal import Pty

pytestmark = pytest.mark.slow

Opened = Callable[..., Pty]


@pytest.fixture
def opened(agentsh: Program) -> Iterator[Opened]:
    every: list[Pty] = []

    def open_(*arguments: str) -> Pty:
        places = {**agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data)}
        every.append(Pty(["tui", *arguments], cwd=agentsh.root, environment=places))
        return every[-1]

    yield open_
    for pty in every:
        pty.close()


def recording(base: Path) -> str:
    calls = [{"name": "shell", "arguments": {"line": line}} for line in ("echo one > a.txt", "touch go; sleep 30")]
    turns = [{"text": "First this.", "tool_calls": calls[:1]}, {"text": "Now I wait.", "tool_calls": calls[1:]}]
    path = base / "recording.json"
    path.write_text(json.dumps({"agentsh_recording": 1, "name": "recorded", "turns": [*turns, {"text": "Done."}]}))
    return f"replay:{path}"


def test_a_second_terminal_sees_it_live_and_changes_nothing(agentsh: Program, opened: Opened, tmp_path: Path) -> None:
    watching = opened("--watch")
    watching.sees("no session yet")
    working = opened("--model", recording(tmp_path))
    working.sees("nothing to review")
    working.press("do it")
    working.press("\r")
    # While the second action still runs: what came before is on the other screen already.
    watching.sees("do it", "First this.", "echo one > a.txt", "A a.txt", "Now I wait.", "r1 running", "read only")
    for key in ("y", "c", "x", "\x12", "\x14", "\r", "z"):
        watching.press(key)
    at = working.press("\x1b")
    working.sees("Stopped", since=at)
    watching.sees("interrupted")
    assert [a["status"] for a in agentsh.json("status")["pending"]][:1] == ["pending"]
    assert agentsh.state() == {}
    named = opened("--watch", "r1")
    named.sees("First this.", "interrupted")
    gone = opened("--watch", "r9")
    assert gone.ended() == 2


@pytest.mark.parametrize("end", ["SIGKILL", "SIGHUP", "SIGTERM", "hang-up"])
def test_the_interface_ends_amid_a_review_and_it_goes_on(agentsh: Program, opened: Opened, end: str) -> None:
    agentsh("exec", "echo 1 > a; echo 2 > b")
    first = opened()
    first.sees("1 action to review")
    at = first.press("\x12")
    first.sees("hunk 1", since=at)
    at = first.press("j")
    first.until(lambda: len(first.sent) > at)
    while first.read(0.3):
        pass
    at = first.press("y")
    first.sees("[✓] A a", since=at)
    if end == "hang-up":
        first.hang_up()
    else:
        os.kill(first.process.pid, signal.Signals[end])
    first.process.wait(20)

    second = opened()
    second.sees("1 action to review")
    at = second.press("\x12")
    second.sees("[✓] A a", "[ ] A b", since=at)
    at = second.press("c")
    second.sees("elsewhere", "y: yes", since=at)  # not on this screen: it is shown before it lands
    second.press("y")
    second.until((agentsh.root / "a").exists)
    assert not (agentsh.root / "b").exists()
    second.press("\x11")
    assert second.ended() == 0
    assert agentsh.json("check")["ok"]


def test_it_ends_amid_an_action(agentsh: Program, opened: Opened) -> None:
    first = opened()
    first.sees("nothing to review")
    first.press("!echo 1 > a; echo sta''rted; sleep 60")
    first.sees("sleep 60")
    first.press("\r")
    first.sees("started")
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait(20)
    second = opened()
    second.sees("Say what to do")
    at = second.press("\x14")
    second.sees("interrupted", since=at)
    assert agentsh.state() == {}
