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

from agentsh import Workspace

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
        self.data = base / "data"
        editor = base / "editor"
        editor.write_text('#!/bin/sh\necho EDITING; read -r line; printf \'%s\\n\' "$line" > "$1"\n')
        editor.chmod(0o755)
        settings = {"AGENTSH_DATA_DIR": self.data, "AGENTSH_CONFIG_DIR": base / "config", "TERM": "tmux-256color"}
        settings["VISUAL"] = editor
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


def test_a_conflict_is_answered_in_an_editor_on_the_same_terminal(terminal: Terminal) -> None:
    path = terminal.root / "t.txt"
    path.write_text("one\nend\n")
    terminal.sees("nothing to review")
    with Workspace.open(terminal.root, data_dir=terminal.data) as workspace:
        for line in ("sed -i s/one/two/ t.txt", "sed -i s/two/three/ t.txt"):
            workspace.approve([workspace.exec(line).id])
            workspace.commit()
    terminal.press("C-t")
    terminal.sees("commit a2")
    terminal.press("fs/one/two", "Enter")  # in one go: the filter's line is not there yet when it is typed
    terminal.sees("1 entry of 5")
    terminal.press("r")
    terminal.sees("1 conflict to answer", "ours, now", "theirs, undone")
    terminal.press("e")
    terminal.sees("EDITING")
    terminal.press("four", "Enter")
    terminal.sees("all answered", "e four")
    terminal.press("y")
    terminal.until(lambda: path.read_text() == "four\nend\n")
    terminal.press("C-q")
