"""Stat signatures of a tree: what tells that a path changed without reading its content."""

from __future__ import annotations

import os
import stat
import sys
import time
from typing import TYPE_CHECKING

from agentsh.sandbox.staging.files import opened_directory, write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Index = dict[bytes, bytes]
"""Path -> signature. A signature is only ever compared, never read."""

_COARSE_CLOCK_NS = 20_000_000  # two ticks of the slowest kernel clock (HZ=100) that stamps files
_MULTIGRAIN = (6, 13)  # from this Linux on a file looked at gets a fresh stamp with its next change


def signature(st: os.stat_result) -> bytes:
    """What must stay equal for a path to count as unchanged.

    The modification time can be set at will; the change time (``st_ctime``) cannot, so both are in it. A directory is
    its mode alone: what is in it has signatures of its own.
    """
    mode = st.st_mode
    if stat.S_ISDIR(mode):
        return b"d%o" % (mode & 0o7777)
    if stat.S_ISREG(mode):
        return b"f%o %d %d %d %d" % (mode & 0o7777, st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_ino)
    return b"%o %d %d %d" % (mode, st.st_ctime_ns, st.st_ino, st.st_rdev)


def stamps_are_coarse() -> bool:
    """Whether two writes in one clock tick may leave equal stamps (Linux before 6.13)."""
    if sys.platform != "linux":
        return False
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) < _MULTIGRAIN


def racy_horizon() -> int:
    """Change times from here on (ns since the epoch) cannot be told from a later change in the same tick."""
    return time.time_ns() - _COARSE_CLOCK_NS if stamps_are_coarse() else sys.maxsize


def scan(
    root: int,
    *,
    force: bool = False,
    on_unreadable: Callable[[bytes, OSError], None] | None = None,
    visit: Callable[[bytes, os.stat_result, int], bytes] | None = None,
) -> Index:
    """Signatures of everything below a directory, which itself is left out.

    Args:
        root: descriptor of the directory.
        force: the tree is ours: open a directory's mode for as long as it takes to read it.
        on_unreadable: told of each directory that cannot be read; without it that is an error.
        visit: makes the signature instead of :func:`signature`; gets the path, its status, and its directory.

    Raises:
        OSError: a directory cannot be read, and nobody is told of it.
    """
    found: Index = {}
    todo = [b""]
    while todo:
        path = todo.pop()
        prefix = path + b"/" if path else b""
        try:
            with opened_directory(root, path, force=force) as fd, os.scandir(fd) as entries:
                for entry in entries:
                    st = entry.stat(follow_symlinks=False)
                    here = prefix + os.fsencode(entry.name)
                    found[here] = signature(st) if visit is None else visit(here, st, fd)
                    if stat.S_ISDIR(st.st_mode):
                        todo.append(here)
        except OSError as e:
            if on_unreadable is None:
                raise
            on_unreadable(path, e)
    return found


def differing(old: Index, new: Index) -> set[bytes]:
    """The paths that only one side has, or that differ."""
    return {p for p, _ in old.items() ^ new.items()}


def save(path: Path, index: Index) -> None:
    """Write an index so that a reader sees the old or the new one whole."""
    write_atomic(path, b"\0".join(x for item in index.items() for x in item))


def load(path: Path) -> Index | None:
    """Read an index back; None when there is none or it is no index."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if not data:
        return {}
    fields = iter(data.split(b"\0"))
    try:
        return dict(zip(fields, fields, strict=True))
    except ValueError:
        return None
