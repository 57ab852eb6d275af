"""Lines that agents write, run by the interpreter and by bash in twin directories."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.interpreter.native import bash, listing, run_or_refuse

LINES = [line.rstrip("\n") for line in (Path(__file__).parent / "lines.txt").read_text().split("\n%%\n")]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash to compare with")


@pytest.mark.parametrize("line", LINES)
def test_same_output_status_and_tree(line: str, project: Path, twin: Path) -> None:
    mine = run_or_refuse(line, project)
    theirs = bash(line, twin)
    assert (mine.status, mine.stdout) == (theirs.status, theirs.stdout), (mine.stderr, theirs.stderr)
    assert listing(project) == listing(twin)
    # What goes to stderr is worded differently, but something is said where bash says something.
    assert bool(mine.stderr) == bool(theirs.stderr), (mine.stderr, theirs.stderr)
