"""A whole session typed by keys, in a real terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux, which is a terminal without a screen"),
]


class Terminal:
    """A terminal with agentsh in it."""

    def __init__(self, base: Path) -> None:
        self.root = base / "workspace"
        self.root.mkdir()
        self._tmux = ["tmux", "-L", f"agentsh-{os.getpid()}", "-f", "/dev/null"]
        settings = {"AGENTSH_DATA_DIR": base / "data", "AGENTSH_CONFIG_DIR": base / "config", "TERM": "tmux-256color"}
        given = [f"{k}={v}" for k, v in settings.items()]
        program = ["env", *given, sys.executable, "-m", "agentsh"]
        self._do("new-session", "-d", "-c", str(self.root), *program)

    def _do(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True).stdout

    def press(self, *keys: str) -> None:
        self._do("send-keys", *keys)

    def screen(self) -> str:
        return self._do("capture-pane", "-p")

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(self.screen())
            time.sleep(0.05)

    def sees(self, *texts: str) -> None:
        self.until(lambda: all(t in self.screen() for t in texts))

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    yield made
    made.close()


def test_from_a_line_to_its_revert(terminal: Terminal) -> None:
    new = terminal.root / "new.txt"
    terminal.sees("Say what to do", "nothing to review")
    terminal.press("!printf 'a\\033[2Jb' > new.txt", "Enter")  # in one go, as a paste or a quick hand
    terminal.sees("1 action to review", "A new.txt")
    assert not new.exists()

    terminal.press("C-r")
    terminal.sees("hunk 1", "a\\x1b[2Jb")
    terminal.press("y")
    terminal.sees("[✓] A new.txt")
    terminal.press("c")
    terminal.until(new.exists)
    assert new.read_bytes() == b"a\x1b[2Jb"

    terminal.sees("Nothing waits")
    terminal.press("Escape")
    terminal.sees("Say what to do")
    terminal.press("C-t")
    terminal.sees("Timeline", "c1")
    terminal.press("z")
    terminal.until(lambda: not new.exists() or "y Revert" in terminal.screen())
    if new.exists():
        terminal.press("y")
    terminal.until(lambda: not new.exists())
    terminal.press("C-q")
