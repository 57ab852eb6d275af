"""Walk the whole workspace: at the cost of looking at every entry once where nothing has changed.

Of each directory in which everything was known, the store has a mark: a digest of the names in it and of what ``lstat``
says of each. Where it still fits, nothing in the directory has changed, and nothing is looked up. What is compared is
size, inode, both times: content cannot change without its change time, which nobody can set.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
import time
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from agentsh.core.history import Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from agentsh.core.tree import Tree

TICK_NS = 20_000_000
"""Two writes within one tick of the clock that stamps files can look alike: a younger signature proves nothing."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_OPEN = 128
"""Directories held open on the way down; what is deeper is reached from the root again."""

_of = attrgetter("st_mtime_ns", "st_ctime_ns", "st_ino", "st_size", "st_mode")


class Found(NamedTuple):
    """A directory that is not, or not surely, as it was.

    Attributes:
        path: the directory.
        entries: what is in it: name and status.
        listing: its mark, to be kept when everything in it is known.
        settled: whether what is in it is old enough for the mark to prove anything.
    """

    path: bytes
    entries: list[tuple[bytes, os.stat_result]]
    listing: Listing
    settled: bool


def walk(
    tree: Tree,
    marks: Mapping[bytes, Listing],
    *,
    unreadable: Callable[[bytes], None],
    count: Callable[[int], None],
) -> Iterator[Found]:
    """Visit every directory, and give those that do not fit their mark.

    Args:
        tree: the workspace.
        marks: by directory.
        unreadable: told of a directory that cannot be listed.
        count: told how many entries a directory has that fits its mark.
    """
    walker = _Walk(tree, marks, unreadable, count)
    try:
        yield from walker.run()
    finally:
        walker.close()


class _Level:
    """A directory on the way down, and which of those in it are still to be visited."""

    __slots__ = ("fd", "path", "todo")

    def __init__(self, fd: int, path: bytes) -> None:
        self.fd = fd
        self.path = path
        self.todo: list[bytes] = []


class _Walk:
    def __init__(
        self,
        tree: Tree,
        marks: Mapping[bytes, Listing],
        unreadable: Callable[[bytes], None],
        count: Callable[[int], None],
    ) -> None:
        self._tree = tree
        self._marks = marks
        self._unreadable = unreadable
        self._count = count
        self._levels: list[_Level] = []

    def run(self) -> Iterator[Found]:
        found = self._enter(os.open(".", _DIRECTORY, dir_fd=self._tree.fd), b"")
        if found is not None:
            yield found
        while self._levels:
            level = self._levels[-1]
            if not level.todo:
                self._leave()
                continue
            name = level.todo.pop()
            path = level.path + b"/" + name if level.path else name
            try:
                fd = self._open(level, name)
            except FileNotFoundError:
                continue  # removed while scanning: the next snapshot sees it
            except OSError:
                self._unreadable(path)
                continue
            found = self._enter(fd, path)
            if found is not None:
                yield found

    def close(self) -> None:
        while self._levels:
            self._leave()

    def _open(self, level: _Level, name: bytes) -> int:
        if level.fd >= 0:
            return os.open(name, _DIRECTORY, dir_fd=level.fd)
        with self._tree.directory(level.path) as fd:
            return os.open(name, _DIRECTORY, dir_fd=fd)

    def _enter(self, fd: int, path: bytes) -> Found | None:
        level = _Level(fd, path)
        self._levels.append(level)
        if len(self._levels) > _MOST_OPEN:
            above = self._levels[-1 - _MOST_OPEN]
            os.close(above.fd)
            above.fd = -1
        try:
            found, level.todo, seen = _visit(fd, path, self._marks.get(path))
        except OSError:
            self._unreadable(path)
            return None
        if found is None:
            self._count(seen)
        return found

    def _leave(self) -> None:
        level = self._levels.pop()
        if level.fd >= 0:
            os.close(level.fd)


def _visit(fd: int, path: bytes, mark: Listing | None) -> tuple[Found | None, list[bytes], int]:
    """Look at an open directory: what was found unless it fits its mark, its directories, and how much is in it."""
    if mark is not None:
        with os.scandir(fd) as it:
            now = [(e.name, _of(e.stat(follow_symlinks=False))) for e in it]
        if _digest(now) == mark.mark:
            return None, mark.directories.split(b"\0")[:-1], len(now)
    started = time.time_ns()
    with os.scandir(fd) as it:
        entries = [(e.name, e.stat(follow_symlinks=False)) for e in it]
    names = [(os.fsencode(name), st) for name, st in entries]
    directories = [name for name, st in names if stat.S_ISDIR(st.st_mode)]
    digest = _digest([(name, _of(st)) for name, st in entries])
    settled = all(started - st.st_ctime_ns > TICK_NS for _, st in entries)
    listing = Listing(digest, b"".join(name + b"\0" for name in directories))
    return Found(path, names, listing, settled), directories, len(entries)


def _digest(entries: list[tuple[str, tuple[int, ...]]]) -> bytes:
    # The second version of the format says nothing of how objects are shared, so equal values are equal bytes.
    return hashlib.blake2b(marshal.dumps(entries, 2), digest_size=16).digest()
