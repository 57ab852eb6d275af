"""What is printed: names and contents that try to command a terminal, to pose as our own words, or to take forever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# A clipboard write, a new title, a cleared line with a forged message, reordering, an invisible letter, no UTF-8.
NAMES = [
    b"a\x1b]52;c;ZXZpbA==\x07",
    b"b\x1b[2K\ragentsh: approved",
    b"c\nagentsh: nothing to review",
    "d\u202etxt.exe".encode(),
    "e\u3164\u200b".encode(),
    b"f\x9b2J\xff",
    b"-rf",
    b"[red]g",
    b"h\tx\x85y\xe2\x80\xa8z",
]
FORBIDDEN = [
    b"\x1b",
    b"\x07",
    b"\x9b2J",
    b"\r",
    "\u202e".encode(),
    "\u3164".encode(),
    "\u200b".encode(),
    "\u2028".encode(),
]
COMMANDS = [
    "status",
    "diff",
    "diff a1",
    "show a1",
    "log",
    "approve a1",
    "status",
    "commit",
    "log",
    "show a1",
    "revert a1 --dry-run",
    "restore s1 --dry-run",
    "check",
    "approve a1",
    "revert a1",
    "undo",
]


def agentsh(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    env = {
        **os.environ,
        "AGENTSH_DATA_DIR": str(root.parent / "data"),
        "AGENTSH_CONFIG_DIR": str(root.parent / "config"),
    }
    command = [sys.executable, "-m", "agentsh", *arguments, "-w", str(root)]
    return subprocess.run(command, env=env, capture_output=True, check=False, timeout=120, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("as_json", [False, True])
def test_hostile_names_in_every_command(root: Path, *, as_json: bool):
    for name in NAMES:
        (root / os.fsdecode(name)).write_bytes(b"content\x1b]0;title\x07\n")
    more = ("--json",) if as_json else ()
    done = [agentsh(root, "exec", 'for f in *; do cp -- "$f" "copy $f"; rm -- "$f"; done', *more)]
    done += [agentsh(root, *command.split(), *more) for command in COMMANDS]
    # To a pipe these are patches, raw as patches are.
    patches = {c for c in COMMANDS if not as_json and (c.startswith("diff") or c.endswith("--dry-run"))}
    for command, result in zip(["exec", *COMMANDS], done, strict=True):
        assert b"Traceback" not in result.stderr
        assert b"inside agentsh" not in result.stderr, result.stderr
        shown = result.stderr if command in patches else result.stdout + result.stderr
        for bad in FORBIDDEN:
            assert bad not in shown, (command, shown)
        assert not any(line.startswith((b"agentsh: nothing to", b"agentsh: approved")) for line in shown.splitlines())
        if as_json:
            assert [json.loads(line) for line in result.stdout.splitlines()]


def test_a_patch_names_what_it_changes_unmistakably(root: Path):
    """To a pipe a diff is a patch, byte for byte; names are still quoted, so none can pose as a header."""
    (root / "c\n+++ other").write_text("x\n")
    agentsh(root, "exec", 'for f in c*; do echo y > "$f"; done')
    patch = agentsh(root, "diff").stdout
    assert [line for line in patch.splitlines() if line.startswith(b"+++")] == [b'+++ "b/c\\n+++ other"\t']


@pytest.mark.parametrize("special", ["fifo", "socket"])
def test_what_is_no_file_in_the_workspace(root: Path, special: str):
    (root / "d").mkdir()
    for place in (root / "thing", root / "d" / "thing"):
        os.mkfifo(place) if special == "fifo" else os.mknod(place, 0o140600)
    assert agentsh(root, "exec", "echo x > f; find . ; ls -lR; grep -r nothing d/").stdout
    for command in ["status", "diff", "approve a1", "commit", "log", "revert a1", "undo", "check", "gc"]:
        result = agentsh(root, *command.split())
        assert result.returncode == 0, result
    assert agentsh(root, "exec", "rm -r d thing").returncode == 3
    assert (root / "d" / "thing").exists()


def test_a_huge_change_can_be_reviewed(root: Path):
    """Every line of a long file changed, and very many paths: nothing in the review is worse than it is long."""
    (root / "long").write_text("".join(f"line {i}\n" for i in range(200_000)))
    script = "sed -i 's/line/LINE/' long; python -c \"import os\nfor i in range(3000): open(f'f{i}', 'w').write('x')\""
    for command in [("exec", script), ("diff", "--stat"), ("diff",), ("approve", "a1"), ("commit",), ("revert", "a1")]:
        result = agentsh(root, *command)
        assert result.returncode == 0, result.stderr
    assert sorted(os.listdir(root)) == ["long"]
