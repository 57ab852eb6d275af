"""What the userland does with links that lead out of the workspace: nothing outside is read, written or removed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.unit.userland.conftest import tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.userland.conftest import Runner


@pytest.fixture
def outside(run: Runner, tmp_path: Path) -> Path:
    """A directory beside the workspace, and links to it from inside."""
    path = tmp_path / "outside"
    path.mkdir()
    (path / "secret").write_bytes(b"secret\n")
    (path / "secret").chmod(0o640)
    (run.root / "relative").symlink_to("../outside")
    (run.root / "absolute").symlink_to(path)
    (run.root / "file").symlink_to("../outside/secret")
    (run.root / "own").write_bytes(b"own\n")
    return path


EDIT = b"6\nsecret7\nchanged"

ATTEMPTS = [
    ("cat", "file"), ("cat", "relative/secret"), ("cat", "absolute/secret"), ("cat", "../outside/secret"),
    ("head", "relative/secret"), ("sort", "file"), ("view", "file"), ("view", "absolute/secret"),
    ("grep", "-r", "secret", "."), ("grep", "-R", "secret", "relative"), ("grep", "secret", "file"),
    ("diff", "-r", "relative", "absolute"), ("cp", "-r", "relative/.", "copy"), ("cp", "-rL", "relative", "copy"),
    ("cp", "own", "relative/new"), ("cp", "own", "file"), ("mv", "own", "relative/new"), ("mv", "relative/secret", "x"),
    ("rm", "-rf", "relative/"), ("rm", "-f", "relative/secret"), ("find", "relative/", "-delete"),
    ("find", "-L", ".", "-name", "secret", "-delete"), ("put", "file"), ("put", "relative/new"), ("put", "/etc/new"),
    ("edit", "file"), ("edit", "relative/secret"), ("sed", "-i", "s/secret/x/", "file"),
    ("sed", "-i", "s/secret/x/", "relative/secret"), ("sed", "-n", "w relative/new", "own"), ("tee", "relative/new"),
    ("touch", "relative/new"), ("touch", "file"), ("mkdir", "relative/new"), ("chmod", "777", "file"),
    ("chmod", "-R", "777", "relative/"), ("ln", "own", "relative/new"), ("ln", "relative/secret", "hard"),
    ("truncate", "-s", "0", "file"), ("sort", "-o", "file", "own"), ("split", "-l1", "own", "relative/part"),
    ("rmdir", "relative/"), ("sha256sum", "file"), ("base64", "relative/secret"), ("tac", "file"), ("sed", "", "file"),
]  # fmt: skip


@pytest.mark.parametrize("argv", ATTEMPTS, ids=" ".join)
def test_nothing_outside_is_read_or_changed(run: Runner, outside: Path, argv: tuple[str, ...]) -> None:
    before = tree_of(outside)
    result = run(*argv, stdin=EDIT)
    assert tree_of(outside) == before
    assert b"secret\n" not in result.out
    assert b"c2VjcmV0" not in result.out
    copies = [p for p in run.root.rglob("*") if p.is_file() and not p.is_symlink() and p.read_bytes() == b"secret\n"]
    assert copies == []


def test_a_recursive_removal_takes_links_and_leaves_what_they_lead_to(run: Runner, outside: Path) -> None:
    (run.root / "d").mkdir()
    (run.root / "d/link").symlink_to("../../outside")
    assert run("rm", "-rf", "d", "relative", "absolute", "file").code == 0
    assert sorted(os.listdir(run.root)) == ["own"]
    assert (outside / "secret").read_bytes() == b"secret\n"


NAMES = [b"new\nline", b" lead", b"-dash", b"q'\"$`", b"*", "ü".encode()]


def test_names_of_any_kind_are_handled(run: Runner) -> None:
    for name in NAMES:
        (run.root / os.fsdecode(name)).write_bytes(b"needle\n")
    assert run("grep", "-rlZ", "needle", ".").out.split(b"\0")[:-1] == sorted(b"./" + n for n in NAMES)
    found = run("find", ".", "-type", "f", "-print0").out.split(b"\0")[:-1]
    assert sorted(found) == sorted(b"./" + n for n in NAMES)
    assert run("find", ".", "-type", "f", "-delete").code == 0
    assert list(run.root.iterdir()) == []


def test_a_search_reads_files_whose_names_are_no_utf8(run: Runner) -> None:
    (run.root / os.fsdecode(b"\xff\xfe")).write_bytes(b"needle\n")
    assert run("grep", "-r", "needle", ".").out == b"./\xff\xfe:needle\n"
