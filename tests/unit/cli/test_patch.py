"""The patch that ``diff --patch`` prints is checked by the one judge that matters: ``git apply``."""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from agentsh.core.diff import DiffLine, FileDiff, Hunk
from agentsh.core.effect import EffectKind, FileEffect
from agentsh.core.entry import Entry, EntryType
from agentsh.runtime.patch import patch

if TYPE_CHECKING:
    from pathlib import Path


class Blobs(dict[bytes, bytes]):
    def file(self, content: bytes, mode: int = 0o644) -> Entry:
        digest = hashlib.sha256(content).digest()
        self[digest] = content
        return Entry(EntryType.FILE, mode, len(content), digest)


def link(target: bytes) -> Entry:
    return Entry(EntryType.SYMLINK, target=target)


def a_diff(path: bytes, before: Entry | None, after: Entry | None, hunks: tuple[Hunk, ...] = ()) -> FileDiff:
    return FileDiff(path, FileEffect(path, before, after).kind, before, after, hunks=hunks)


def put(root: Path, path: bytes, entry: Entry | None, blobs: Blobs) -> None:
    full = os.path.join(os.fsencode(root), path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if entry is None:
        return
    if entry.target is not None:
        os.symlink(entry.target, full)
        return
    with open(full, "wb") as f:
        f.write(blobs[entry.digest or b""])
    os.chmod(full, entry.mode)


def state(root: Path, path: bytes) -> tuple[bool, object, object]:
    full = os.path.join(os.fsencode(root), path)
    if os.path.islink(full):
        return True, os.readlink(full), "link"
    if not os.path.exists(full):
        return False, None, None
    with open(full, "rb") as f:
        return True, f.read(), bool(os.stat(full).st_mode & 0o100)


def apply(root: Path, content: bytes) -> None:
    done = subprocess.run(["git", "apply", "-v", "-"], cwd=root, input=content, capture_output=True, check=False)
    assert done.returncode == 0, (done.stderr, content)


NAMES = [
    b"plain.txt",
    b"dir/with space.txt",
    b'quote".txt',
    b"back\\slash",
    b"new\nline",
    b"tab\there",
    b"\xff\xfe not utf-8",
    "grün.txt".encode(),
    b"\x1b[31mred",
]


@pytest.mark.parametrize("path", NAMES)
@pytest.mark.parametrize("change", ["create", "modify", "delete", "mode", "binary", "to-link", "empty", "no-newline"])
def test_git_applies_it(tmp_path: Path, path: bytes, change: str) -> None:
    blobs = Blobs()
    old = blobs.file(b"one\ntwo\nthree\n")
    hunks: tuple[Hunk, ...] = ()
    before: Entry | None = old
    after: Entry | None
    match change:
        case "create":
            before, after = None, blobs.file(b"new\n", 0o755)
            hunks = (Hunk(0, 0, 1, 1, (DiffLine("+", b"new\n"),)),)
        case "modify" | "no-newline":
            end = b"" if change == "no-newline" else b"\n"
            after = blobs.file(b"one\n2\nthree" + end)
            lines = [DiffLine(" ", b"one\n"), DiffLine("-", b"two\n"), DiffLine("+", b"2\n")]
            if end:
                lines.append(DiffLine(" ", b"three\n"))
            else:
                lines += [DiffLine("-", b"three\n"), DiffLine("+", b"three")]
            hunks = (Hunk(1, 3, 1, 3, tuple(lines)),)
        case "delete":
            after = None
            hunks = (Hunk(1, 3, 0, 0, tuple(DiffLine("-", t) for t in (b"one\n", b"two\n", b"three\n"))),)
        case "mode":
            after = blobs.file(b"one\ntwo\nthree\n", 0o755)
        case "binary":
            after = blobs.file(bytes(range(256)) * 5)
        case "to-link":
            after = link(b"../else where\n")
        case _:
            before, after = None, blobs.file(b"")
    diff = a_diff(path, before, after, hunks)
    put(tmp_path, path, before, blobs)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)

    apply(tmp_path, b"".join(patch([diff], blobs.__getitem__)))

    want = tmp_path / "want"
    want.mkdir()
    put(want, path, after, blobs)
    assert state(tmp_path, path) == state(want, path)


def test_a_symlink_becomes_a_file_and_another_link(tmp_path: Path) -> None:
    blobs = Blobs()
    new = blobs.file(b"now a file\n")
    put(tmp_path, b"l", link(b"a"), blobs)
    put(tmp_path, b"m", link(b"a"), blobs)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    diffs = [a_diff(b"l", link(b"a"), new), a_diff(b"m", link(b"a"), link(b"b"))]
    assert diffs[0].kind is EffectKind.RETYPE

    apply(tmp_path, b"".join(patch(diffs, blobs.__getitem__)))

    assert state(tmp_path, b"l") == (True, b"now a file\n", False)
    assert state(tmp_path, b"m") == (True, b"b", "link")


def test_an_empty_directory_and_a_mode_that_git_does_not_keep_say_nothing() -> None:
    blobs = Blobs()
    directory = Entry(EntryType.DIRECTORY, 0o755)
    diffs = [
        a_diff(b"d", None, directory),
        a_diff(b"f", blobs.file(b"x", 0o644), blobs.file(b"x", 0o600)),
    ]
    assert b"".join(patch(diffs, blobs.__getitem__)) == b""


def test_content_too_large_for_a_literal_is_named_and_not_read() -> None:
    huge = Entry(EntryType.FILE, 0o644, 10**12, b"h" * 32)

    def never(_digest: bytes) -> bytes:
        raise AssertionError

    out = b"".join(patch([a_diff(b"big", None, huge)], never))
    assert b"Binary files a/big and b/big differ" in out


@pytest.mark.parametrize("path", NAMES)
def test_what_moved_is_a_rename_for_git(tmp_path: Path, path: bytes) -> None:
    blobs = Blobs()
    entry, other, empty = blobs.file(b"text\n" * 9), blobs.file(bytes(range(256))), blobs.file(b"")
    new = b"moved/to here"
    hunks = (Hunk(1, 9, 0, 0, (DiffLine("-", b"text\n"),) * 9),)
    diffs = [
        a_diff(path, entry, None, hunks),
        a_diff(new, None, blobs.file(b"text\n" * 9, 0o755)),
        a_diff(b"a/" + path, other, None),
        a_diff(b"b/" + path, None, other),
        a_diff(b"c/copy", None, other),
        a_diff(b"e", empty, None),
        a_diff(b"n", None, empty),
        a_diff(b"from-link", link(b"x y"), None),
        a_diff(b"to-link", None, link(b"x y")),
    ]
    for diff in diffs:
        put(tmp_path, diff.path, diff.before, blobs)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)

    content = b"".join(patch(diffs, blobs.__getitem__))
    apply(tmp_path, content)

    assert content.count(b"rename from ") == 3
    assert state(tmp_path, new) == (True, b"text\n" * 9, True)
    for diff in diffs:
        full = os.path.join(os.fsencode(tmp_path), diff.path)
        assert os.path.lexists(full) == (diff.after is not None), diff.path
    assert state(tmp_path, b"b/" + path) == state(tmp_path, b"c/copy") == (True, bytes(range(256)), False)
