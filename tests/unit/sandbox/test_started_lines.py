"""awk's system() and pipes: shell lines that a command starts, alone and beside the machine's gawk."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.unit.interpreter.conftest import fill
from tests.unit.interpreter.test_against_bash import LINES

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Box

STARTING = [line for line in LINES if "awk" in line and ("system(" in line or " | getline" in line or ' | "' in line)]


@pytest.mark.parametrize("line", STARTING)
def test_as_gawk_does(box: Box, tmp_path: Path, line: str) -> None:
    gawk = shutil.which("gawk")
    if gawk is None:
        pytest.skip("this machine has no gawk")
    for root in (box.workspace, twin := tmp_path / "twin"):
        if root.exists():
            root.rmdir()
        fill(root)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "awk").symlink_to(gawk)
    outcome = box.run(line)
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    theirs = subprocess.run(["bash", "-c", line], cwd=twin, env=environment, capture_output=True, check=False)
    assert (outcome.stdout, outcome.exit_code) == (theirs.stdout, theirs.returncode), (outcome.stderr, theirs.stderr)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("awk 'BEGIN { print system(\"exit 3\") }'", b"3\n"),
        ("awk 'BEGIN { \"echo a b\" | getline; print $2 }'", b"b\n"),
        ('printf "b\\na\\n" | awk \'{ print | "sort" }\'', b"a\nb\n"),
        ("x=1; export x; awk 'BEGIN { system(\"echo $x; x=2\") }'; echo $x", b"1\n1\n"),
        ('cd d; awk \'BEGIN { system("pwd; cd .."); system("pwd") }\'', b"/workspace/d\n/workspace/d\n"),
        ("awk 'BEGIN { system(\"echo made > f; mkdir e\") }'; cat f; ls -d e", b"made\ne\n"),
        ("timeout 0.2 awk 'BEGIN { system(\"sleep 100\") }'; echo $?", b"124\n"),
        ('set -f; awk \'BEGIN { system("if"); print "on" }\' 2> said; grep -c . said', b"on\n1\n"),
        ("awk 'BEGIN { system(\"cat\") }' <<< given", b"given\n"),
        ("awk 'BEGIN { for (i = 0; i < 50000; i++) print i | \"head -2\" }'", b"0\n1\n"),
        ('awk \'BEGIN { printf "%c%c", 0, 255 | "wc -c" }\'', b"3\n"),
        ('awk \'BEGIN { while (("printf \\"\\"" | getline x) > 0) n++; print n + 0 }\'', b"0\n"),
    ],
)
def test_what_comes_out(box: Box, line: str, expected: bytes) -> None:
    (box.workspace / "d").mkdir()
    outcome = box.run(line)
    assert outcome.stdout == expected, outcome


def test_a_command_that_is_not_run_by_a_shell_starts_nothing(box: Box) -> None:
    outcome = box.command("awk", 'BEGIN { system("echo out > made") }')
    assert outcome.exit_code == 2
    assert b"cannot run 'echo out > made'" in outcome.stderr
    assert box.run("ls").stdout == b""


def test_what_it_starts_counts_as_the_action_s(box: Box) -> None:
    outcome = box.run("awk 'BEGIN { for (;;) system(\"ls\") }'", processes=20)
    assert (outcome.stopped, outcome.exit_code) == ("processes", 6)
    assert box.run("echo on").stdout == b"on\n"
