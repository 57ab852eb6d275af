"""Every line is run by the userland and by the machine's own commands, in twin directories: they must agree.

Compared are standard output, the exit code, whether something was said on standard error, and the tree afterwards.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.userland.conftest import plant, tree_of

if TYPE_CHECKING:
    from tests.unit.userland.conftest import Runner

CORPUS = Path(__file__).parent / "corpus.txt"
NATIVE = {"awk": "gawk", "js": "node"}
"""Whose behaviour is held against ours, where it is not the program of that name: Debian's awk is mawk."""


def corpus() -> list[str]:
    """Lines of the corpus: a command; after ' <<< ' what it reads (escaped); after ' ## ' a known difference."""
    lines = CORPUS.read_text("utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("# ")]


def parameters() -> list[object]:
    """The corpus as test parameters; a known difference must stay one, so that the list is never out of date."""
    found: list[object] = []
    for line in corpus():
        command, _, reason = line.partition(" ## ")
        marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
        found.append(pytest.param(command, marks=marks, id=command))
    return found


def split(line: str) -> tuple[list[str], bytes]:
    command, _, given = line.partition(" ## ")[0].partition(" <<< ")
    return shlex.split(command), given.encode().decode("unicode_escape").encode("latin-1")


def owned_by_agent(listing: bytes) -> bytes:
    """What ``ls -l`` says, with the owner that every file has in the sandbox."""
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    return listing.replace(f" {user} {group} ".encode(), b" agent agent ").replace(f" {user} ".encode(), b" agent ")


@pytest.mark.parametrize("line", parameters())
def test_agrees_with_the_machine_s_own(run: Runner, tmp_path: Path, line: str) -> None:
    argv, stdin = split(line)
    native = shutil.which(NATIVE.get(argv[0], argv[0]))
    if native is None:
        pytest.skip(f"this machine has no {NATIVE.get(argv[0], argv[0])}")
    twin = tmp_path / "twin"
    twin.mkdir()
    for root in (run.root, twin):
        plant(root)
    ours = run(*argv, stdin=stdin, env={"HOME": "/workspace", "LANG": "C.UTF-8"})
    environment = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], "TZ": "UTC"}
    theirs = subprocess.run(
        [native, *argv[1:]], cwd=twin, input=stdin, capture_output=True, check=False, env=environment, timeout=20
    )
    # Where a command prints its directory or the owner of a file, both must print their own.
    expected = theirs.stdout.replace(os.fsencode(twin), b"/workspace")
    if argv[0] == "ls":
        expected = owned_by_agent(expected)
    assert (ours.out, ours.code, bool(ours.err)) == (expected, theirs.returncode, bool(theirs.stderr)), (
        f"ours said {ours.err!r}, theirs {theirs.stderr!r}"
    )
    assert tree_of(run.root) == tree_of(twin)
