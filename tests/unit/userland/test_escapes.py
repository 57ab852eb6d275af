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


@pytest.fixture
def odd(run: Runner) -> bytes:
    """A directory with a file, a directory and a link whose names are not UTF-8, and one with a plain name."""
    root = os.fsencode(run.root)
    os.makedirs(root + b"/w/d\xfe/sub")
    for name in (b"w/ok", b"w/\xff", b"w/d\xfe/in", b"w/d\xfe/sub/deep"):
        with open(root + b"/" + name, "wb") as f:
            f.write(b"x\n")
    os.symlink(b"\xf0", root + b"/w/l\xfe")
    return root


@pytest.mark.usefixtures("odd")
def test_names_that_are_no_utf8_are_listed(run: Runner) -> None:
    assert run("ls", "w").out == b"d\xfe\nl\xfe\nok\n\xff\n"
    found = run("find", "w", "-print0")
    assert found.code == 0
    below = [b"d\xfe", b"d\xfe/in", b"d\xfe/sub", b"d\xfe/sub/deep", b"l\xfe", b"ok", b"\xff"]
    assert sorted(found.out.split(b"\0")[1:-1]) == [b"w/" + n for n in below]
    assert run("find", "w", "-type", "f", "-size", "2c", "-name", "deep").out == b"w/d\xfe/sub/deep\n"
    assert run("du", "-a", "w").out.count(b"\n") == 8
    shown = run("ls", "-l", "w").out
    assert b"l\xfe -> \xf0\n" in shown
    assert b"\ndrwxr-xr-x" in shown


def test_names_that_are_no_utf8_are_removed(run: Runner, odd: bytes) -> None:
    assert run("find", "w", "-type", "f", "-delete").code == 0
    assert os.listdir(odd + b"/w/d\xfe") == [b"sub"]
    assert run("rm", "-rf", "w") == run("true")
    assert os.listdir(odd) == []


def test_a_copy_names_what_it_cannot_take_and_goes_on(run: Runner, odd: bytes) -> None:
    result = run("cp", "-r", "w", "copy")
    assert result.code == 1
    assert os.listdir(odd + b"/copy") == [b"ok"]
    for name in (b"d\xfe", b"l\xfe", b"\xff"):
        assert b"copy/" + name + b": Illegal byte sequence\n" in result.err


def test_a_directory_of_many_odd_names_is_listed_whole(run: Runner) -> None:
    os.mkdir(os.fsencode(run.root) + b"/many")
    names = sorted(b"%03d\xff" % n + b"x" * (n % 50) for n in range(500))
    for name in names:
        os.mkdir(os.fsencode(run.root) + b"/many/" + name)
    assert run("ls", "many").out.split(b"\n")[:-1] == names
    assert run("rm", "-r", "many").code == 0


def test_removal_by_a_name_that_is_no_utf8_follows_no_link(run: Runner, outside: Path) -> None:
    os.symlink(b"../../outside", os.fsencode(run.root) + b"/\xff")
    (run.root / "d").mkdir()
    os.symlink(b"../../outside", os.fsencode(run.root) + b"/d/\xfe")
    assert run("find", "-L", "d", "-delete").code in (0, 1)
    assert run("rm", "-rf", "d").code == 0
    assert (outside / "secret").read_bytes() == b"secret\n"
    assert not (run.root / "d").exists()


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/../etc/passwd", "/dev/null/x", "/dev", "/dev/fd/3", "/dev/tty"])
def test_no_other_device_can_be_opened(run: Runner, path: str) -> None:
    result = run("cat", path)
    assert result.code == 1
    assert result.out == b""


def test_the_devices_names_are_what_they_are_elsewhere(run: Runner) -> None:
    assert run("cat", "/dev/stdin", "-", stdin=b"in\n").out == b"in\n"
    copies = run("tee", "/dev/stderr", "/dev/stdout", "/dev/null", "file", stdin=b"x\n")
    assert copies == type(copies)(0, b"x\nx\n", b"x\n")
    assert (run.root / "file").read_bytes() == b"x\n"
    assert run("ls", "-l", "/dev/null").out.startswith(b"crw-rw-rw-")
    assert run("cp", "file", "/dev/null").code == 0
    assert run("rm", "/dev/null").code == 1


def test_mktemp_says_that_there_is_no_tmp(run: Runner) -> None:
    result = run("mktemp")
    assert result.code == 1
    assert b"mktemp -p ." in result.err
    assert run("mktemp", "-p", ".").code == 0
    assert run("mktemp", env={"TMPDIR": "/workspace"}).code == 0
