"""Whatever a workspace holds, a commit changes what was approved and a revert brings every byte back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = [
    b"with space",
    b"new\nline",
    b"tab\t",
    b"\x1b[31mred",
    b"-rf",
    b"quote'\"",
    b"back\\slash",
    "grün".encode(),
    b"*",
]


def put(root: Path, name: bytes, content: bytes = b"x\n") -> None:
    path = os.path.join(os.fsencode(root), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(os.fsdecode(path)).write_bytes(content)


def round_trip(agentsh: Any, line: str) -> Any:
    """Commit what ``line`` does, revert it, and check that nothing is different; the state in between."""
    start = agentsh.state()
    agentsh("exec", line)
    assert agentsh.state() == start
    agentsh("diff")
    agentsh("approve", "a1")
    agentsh("commit")
    middle = agentsh.state()
    assert middle != start
    agentsh("revert", "a1")
    assert agentsh.state() == start
    assert agentsh.json("check")["ok"] is True
    return middle


def test_odd_names(agentsh: Any) -> None:
    for name in NAMES:
        put(agentsh.root, name)
        put(agentsh.root, b"d/" + name)
    state = round_trip(agentsh, 'for f in ./*; do if test -f "$f"; then echo more >> "$f"; fi; done; rm -r d')
    assert {state[n][2] for n in NAMES} == {b"x\nmore\n"}


def test_names_that_are_no_utf_8_are_kept(agentsh: Any) -> None:
    try:
        put(agentsh.root, b"\xff\xfe", b"latin\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    put(agentsh.root, b"d\xff/x")
    put(agentsh.root, b"plain")
    state = round_trip(agentsh, "echo more >> plain")
    assert state[b"\xff\xfe"][2] == b"latin\n"
    assert state[b"d\xff/x"][2] == b"x\n"


def test_symlinks_inside_dangling_and_out(agentsh: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    put(agentsh.root, b"target")
    for name, target in {"inside": "target", "dangling": "nowhere", "out": str(secret), "up": "../secret"}.items():
        (agentsh.root / name).symlink_to(target)
    assert agentsh("exec", "cat out", code=1).stdout == b""
    assert agentsh("exec", "cat up", code=1).stdout == b""
    agentsh("exec", "echo overwritten > up; echo overwritten > out; true")
    assert secret.read_text() == "secret\n"
    agentsh("discard")
    start = agentsh.state()
    agentsh("exec", "rm dangling up && echo more >> inside && ln -s ../../etc/passwd planted && ln -s target second")
    action = agentsh.pending()[0]
    agentsh("approve", action)
    agentsh("commit")
    state = agentsh.state()
    assert state[b"target"][2] == b"x\nmore\n"
    assert state[b"inside"] == ("link", 0, b"target")
    assert state[b"second"] == ("link", 0, b"target")
    assert b"up" not in state
    assert state[b"planted"] == ("link", 0, b"../../etc/passwd")
    assert secret.read_text() == "secret\n"
    agentsh("revert", action)
    assert agentsh.state() == start


def test_a_symlink_that_leads_out_is_flagged(agentsh: Any) -> None:
    done = agentsh("exec", "ln -s ../../etc/passwd planted; ln -s inside fine")
    assert b"escaping-symlink" in done.stderr
    flags = {f["path"]: f["flags"] for f in agentsh.json("diff")["files"]}
    assert flags == {"planted": ["escaping-symlink"], "fine": []}


def test_modes_empty_directories_binary_and_empty_files(agentsh: Any) -> None:
    put(agentsh.root, b"script", b"#!/bin/sh\n")
    (agentsh.root / "script").chmod(0o755)
    put(agentsh.root, b"private", b"x")
    (agentsh.root / "private").chmod(0o600)
    put(agentsh.root, b"empty", b"")
    put(agentsh.root, b"binary", bytes(range(256)) * 100)
    (agentsh.root / "hollow" / "deep").mkdir(parents=True)
    (agentsh.root / "hollow").chmod(0o750)
    line = (
        "echo more >> script; echo more >> private; echo more >> empty; cat script >> binary; rm -r hollow; mkdir new"
    )
    state = round_trip(agentsh, line)
    assert state[b"script"][1] == 0o755
    assert state[b"private"][1] == 0o600
    assert state[b"new"][0] == "dir"
    assert b"hollow" not in state


def test_everything_can_go_and_come_back(agentsh: Any) -> None:
    for name in (b"a", b"d/b", b"d/e/c", b".hidden", b"build/ignored.o"):
        put(agentsh.root, name, name)
    put(agentsh.root, b".gitignore", b"build/\n")
    assert round_trip(agentsh, "rm -r a d .hidden build .gitignore") == {}


def test_a_read_only_file_and_directory(agentsh: Any) -> None:
    put(agentsh.root, b"locked")
    (agentsh.root / "locked").chmod(0o444)
    put(agentsh.root, b"folder/f")
    (agentsh.root / "folder" / "f").chmod(0o400)
    state = round_trip(agentsh, "rm -f locked; cp folder/f copy")
    assert b"locked" not in state
    assert state[b"copy"][2] == b"x\n"


def test_a_git_repository_stays_one(agentsh: Any) -> None:
    put(agentsh.root, b"f", b"one\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=agentsh.root, check=True)
    subprocess.run([*git, "add", "f"], cwd=agentsh.root, check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], cwd=agentsh.root, check=True)
    agentsh("exec", "echo two >> f; echo new > g")
    patch = agentsh("diff").stdout
    subprocess.run(["git", "apply", "--check", "-"], input=patch, cwd=agentsh.root, check=True)
    agentsh("approve", "a1")
    agentsh("commit")
    done = subprocess.run(["git", "status", "--porcelain"], cwd=agentsh.root, check=True, capture_output=True)
    assert done.stdout == b" M f\n?? g\n"


def test_a_fifo_hangs_nothing(agentsh: Any) -> None:
    os.mkfifo(agentsh.root / "pipe")
    put(agentsh.root, b"f")
    done = agentsh("exec", "cat pipe", code=1)
    assert b"FIFO" in done.stderr
    agentsh("exec", "--commit", "echo 2 > f")
    assert (agentsh.root / "pipe").is_fifo()


@pytest.mark.slow
def test_a_file_of_a_gigabyte(agentsh: Any) -> None:
    size = 1 << 30
    block = os.urandom(1 << 20)
    with (agentsh.root / "large").open("wb") as f:
        for _ in range(size >> 20):
            f.write(block)
    (agentsh.root / "small").write_text("x\n")
    agentsh("exec", "--commit", "echo more >> small")
    agentsh("exec", "--timeout", "250", "echo tail >> large; mv small moved")
    action = agentsh.pending()[0]
    agentsh("approve", action)
    agentsh("commit")
    assert (agentsh.root / "large").stat().st_size == size + 5
    agentsh("revert", action)
    with (agentsh.root / "large").open("rb") as f:
        for _ in range(size >> 20):
            assert f.read(1 << 20) == block
        assert f.read() == b""
    assert (agentsh.root / "small").exists()
