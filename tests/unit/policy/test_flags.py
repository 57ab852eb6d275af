"""Paths that deserve a second look are found, however they are spelled."""

from __future__ import annotations

import pytest

from agentsh.core.effect import FileEffect, Flag
from agentsh.core.entry import Entry, EntryType
from agentsh.policy import flag_effect
from agentsh.policy.flags import escapes, in_git_internals, runs_code, secret_like

FILE = Entry(EntryType.FILE, 0o644, 0, b"0" * 32)


@pytest.mark.parametrize(
    "path",
    [
        b".git",
        b".git/config",
        b"sub/.git/hooks/pre-commit",
        b".GIT/config",
        b".g\xe2\x80\x8cit/config",
        b"git~1/x",
        b".git./x",
    ],
)
def test_git_internals(path: bytes) -> None:
    assert in_git_internals(path)


@pytest.mark.parametrize("path", [b".gitignore", b"git/config", b"a.git.txt", b".github/x"])
def test_not_git_internals(path: bytes) -> None:
    assert not in_git_internals(path)


@pytest.mark.parametrize(
    "path",
    [
        b".envrc", b"a/conftest.py", b"CONFTEST.PY", b"x/y.pth", b".github/workflows/ci.yml", b".vscode/tasks.json",
        b".husky/pre-commit", b".bashrc", b"repo.git/hooks/update", b".pre-commit-config.yaml", b"Jenkinsfile",
    ],
)  # fmt: skip
def test_runs_code(path: bytes) -> None:
    assert runs_code(path)


@pytest.mark.parametrize(
    "path", [b"src/hooks/use.ts", b"README.md", b"path.pth.txt", b"conftest.pyx", b"github/workflows/a"]
)
def test_ordinary(path: bytes) -> None:
    assert not runs_code(path)


def test_secret_like() -> None:
    assert all(map(secret_like, [b".env", b"a/.env.production", b"x.pem", b".ssh/id_rsa", b"secrets.json"]))
    assert not any(map(secret_like, [b".env.example", b"environment", b"keys.py"]))


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        (b"a", b"b", False),
        (b"a/l", b"../b", False),
        (b"a/l", b"../../b", True),
        (b"l", b"/etc/passwd", True),
        (b"l", b"x/../../y", True),
        (b"d/l", b"./../d/../d", True),
    ],
)
def test_escapes(path: bytes, target: bytes, out: bool) -> None:
    assert escapes(path, target) is out


def test_flags_of_an_effect() -> None:
    script = Entry(EntryType.FILE, 0o755, 0, b"0" * 32)
    link = Entry(EntryType.SYMLINK, target=b"../../out")
    fifo = Entry(EntryType.OTHER)
    assert flag_effect(FileEffect(b"a", FILE, script)).flags == (Flag.EXECUTABLE,)
    assert flag_effect(FileEffect(b"a", script, script)).flags == ()
    assert flag_effect(FileEffect(b"a/b", None, link)).flags == (Flag.ESCAPING_SYMLINK,)
    assert flag_effect(FileEffect(b"a", None, fifo)).flags == (Flag.SPECIAL,)
    assert flag_effect(FileEffect(b".git/config", FILE, None)).flags == (Flag.GIT_INTERNALS,)
