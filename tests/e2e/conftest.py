"""The real program in processes of its own, on a workspace and a data directory of the test's."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-m", "agentsh"]

State = dict[bytes, tuple[str, int, bytes]]


def tree_state(root: Path) -> State:
    """Every path below ``root``: its type, mode, and content or target."""
    out: State = {}
    for directory, folders, files in os.walk(os.fsencode(root)):
        for name in (*folders, *files):
            path = os.path.join(directory, name)
            st = os.lstat(path)
            relative = os.path.relpath(path, os.fsencode(root))
            mode = stat.S_IMODE(st.st_mode)
            if stat.S_ISLNK(st.st_mode):
                out[relative] = ("link", 0, os.readlink(path))
            elif stat.S_ISDIR(st.st_mode):
                out[relative] = ("dir", mode, b"")
            else:
                out[relative] = ("file", mode, Path(os.fsdecode(path)).read_bytes())
    return out


@dataclass
class Program:
    """Runs ``agentsh`` in a workspace."""

    root: Path
    data: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, code: int = 0, stdin: bytes = b"", **environment: str) -> Any:
        """Run a command line and check its exit code; stdout and stderr as bytes."""
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.root,
            env={**os.environ, **self.environment, "AGENTSH_DATA_DIR": str(self.data), **environment},
            input=stdin,
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-4000:])
        assert b"Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, code: int = 0, **environment: str) -> Any:
        """Run with ``--json`` and parse the one object on stdout."""
        done = self(*arguments, "--json", code=code, **environment)
        value = json.loads(done.stdout)
        assert value["schema"] == 1
        return value

    def pending(self) -> list[str]:
        """The ids of what waits."""
        return [a["id"] for a in self.json("status")["pending"]]

    def state(self) -> State:
        """The workspace as it is on disk."""
        return tree_state(self.root)


@pytest.fixture
def agentsh(tmp_path: Path) -> Program:
    root = tmp_path / "workspace"
    root.mkdir()
    config = tmp_path / "config"
    config.mkdir()
    return Program(root, tmp_path / "data", {"AGENTSH_CONFIG_DIR": str(config)})
