"""Other ways to run a shell line: native bash, bashkit, just-bash. What is missing is said, never skipped silently."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


# A peer runs in a process of its own language and answers one JSON line for each that it is sent, so that a warm
# measurement holds the peer's own work and a pipe's turn, and no start of an interpreter.
_BASHKIT_SERVER = """
import json, os, sys
from bashkit import Bash, FileSystem

root = sys.argv[1]
bash = Bash()
if root:
    bash.mount("/w", FileSystem.real(root))
for line in sys.stdin:
    script = json.loads(line)
    result = bash.execute_sync(("cd /w; " if root else "") + script)
    print(json.dumps([result.exit_code, result.stdout]), flush=True)
"""

_JUST_BASH_SERVER = """
import { Bash, OverlayFs } from "just-bash";
import { createInterface } from "node:readline";
const root = process.argv[2];
const options = root ? { fs: new OverlayFs({ root }), cwd: new OverlayFs({ root }).getMountPoint() } : {};
const bash = new Bash(options);
for await (const line of createInterface({ input: process.stdin })) {
  const result = await bash.exec(JSON.parse(line));
  console.log(JSON.stringify([result.exitCode, result.stdout]));
}
"""


PATIENCE_S = 60
"""Seconds that a peer may take over one line."""


class Missing(Exception):
    """A peer is not installed, or did not start; the message says why."""


class Peer:
    """A running peer."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process

    def run(self, script: str) -> str:
        """Run a script and return its stdout.

        Raises:
            Missing: it failed, stopped, or took longer than :data:`PATIENCE_S`.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(script) + "\n")
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], PATIENCE_S)[0]:
                self._process.kill()
                raise Missing(f"takes longer than {PATIENCE_S} s")
            answer = self._process.stdout.readline()
        except OSError as e:
            raise Missing(f"{self.name} stopped: {e}") from e
        if not answer:
            raise Missing(f"{self.name} stopped: {self._why()}")
        code, out = json.loads(answer)
        if code != 0:
            raise Missing(f"{self.name} ended {script!r} with exit code {code}")
        return str(out)

    def _why(self) -> str:
        assert self._process.stderr is not None
        lines = [line for line in self._process.stderr.read().splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"


def command_bashkit(peers: Path) -> list[str]:
    """How bashkit is started, or why it cannot be."""
    python = peers / "venv" / "bin" / "python"
    if not python.exists():
        raise Missing("not installed: make bench-peers")
    return [str(python), "-c", _BASHKIT_SERVER]


def command_just_bash(peers: Path) -> list[str]:
    """How just-bash is started, or why it cannot be."""
    if shutil.which("node") is None:
        raise Missing("needs node, which is not installed")
    if not (peers / "node" / "node_modules" / "just-bash").exists():
        raise Missing("not installed: make bench-peers")
    script = peers / "node" / "server.mjs"
    script.write_text(_JUST_BASH_SERVER, encoding="utf-8")
    return ["node", str(script)]


COMMANDS: dict[str, Callable[[Path], list[str]]] = {"bashkit": command_bashkit, "just-bash": command_just_bash}


@contextmanager
def started(name: str, peers: Path, root: Path | None) -> Iterator[Peer]:
    """A peer whose scripts see ``root`` as their directory (no directory for None)."""
    command = [*COMMANDS[name](peers), str(root) if root else ""]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, text=True, cwd=peers, env=dict(os.environ), **pipes))
        stack.callback(process.kill)
        yield Peer(name, process)
