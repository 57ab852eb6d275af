"""A search below a directory, as records in a guest's buffer: many files for one host call.

A record is three little-endian 32-bit numbers (kind, path length, content length), the path relative to where the
search began (``/`` between names, raw bytes), and the content. Kinds:

- :data:`FILE`: a file with its whole content.
- :data:`BIG`: a file too large for the buffer; no content, the guest reads it through WASI.
- :data:`FAILED`: a path that could not be read; the content is the WASI errno, 32 bits.

Order: depth first, the names of each directory sorted by their bytes. Symlinks are neither followed nor reported;
devices, FIFOs and sockets are skipped. Filters are pairs of a letter and a shell pattern, each ending in NUL: ``i`` a
file's name must match one of these, ``x`` must match none, ``d`` a directory's name must match none.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agentsh.sandbox.wasi import wasi_errno

if TYPE_CHECKING:
    from agentsh.core.tree import Tree

FILE: Final = 1
BIG: Final = 2
FAILED: Final = 3

_HEADER: Final = struct.Struct("<III")
_ERRNO: Final = struct.Struct("<I")
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_OPEN: Final = 16
"""Directories kept open at a time; deeper ones are opened again by path on the way back."""
_MAX_PATTERNS: Final = 1000


@dataclass(slots=True)
class Filters:
    """Which names a search reads: compiled patterns, matched against one name."""

    include: list[re.Pattern[bytes]] = field(default_factory=list)
    exclude: list[re.Pattern[bytes]] = field(default_factory=list)
    exclude_dir: list[re.Pattern[bytes]] = field(default_factory=list)

    def wants_file(self, name: bytes) -> bool:
        """Whether a file of this name is read."""
        if self.include and not any(p.match(name) for p in self.include):
            return False
        return not any(p.match(name) for p in self.exclude)

    def wants_directory(self, name: bytes) -> bool:
        """Whether a directory of this name is entered."""
        return not any(p.match(name) for p in self.exclude_dir)


def _compile(pattern: bytes) -> re.Pattern[bytes]:
    """A shell pattern on raw bytes. ``fnmatch`` holds each ``*`` in an atomic group: no blow-up by backtracking."""
    out, chars = [], iter(pattern.decode("latin-1").replace("[^", "[!"))
    for ch in chars:
        following = next(chars, "\\") if ch == "\\" else ""
        # fnmatch knows no backslash: a class of one says the same.
        out.append(f"[{following}]" if following and following in "*?[" else following or ch)
    return re.compile(fnmatch.translate("".join(out)).encode("latin-1"), re.DOTALL)


def parse_filters(packed: bytes) -> Filters:
    """The filters a guest passed.

    Raises:
        OSError: EINVAL for anything that is no list of filters, E2BIG for too many.
    """
    filters = Filters()
    groups = {b"i": filters.include, b"x": filters.exclude, b"d": filters.exclude_dir}
    if not packed:
        return filters
    if not packed.endswith(b"\0"):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    rules = packed[:-1].split(b"\0")
    if len(rules) > _MAX_PATTERNS:
        raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
    for rule in rules:
        group = groups.get(rule[:1])
        if group is None or len(rule) > 4096:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        group.append(_compile(rule[1:]))
    return filters


@dataclass(slots=True)
class _Frame:
    """A directory on the way down: its path from the search's start, and the entries still to do, last first."""

    path: bytes
    fd: int
    todo: list[tuple[bytes, bool]]

    def close(self) -> None:
        """Close the directory; it can be opened again by its path."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Walk:
    """One search.

    Args:
        tree: the staging view.
        start: the directory, resolved, relative to the tree's root.
        flags: none are defined; anything but 0 is EINVAL, so that there can be some.
        filters: which names to read.

    Raises:
        OSError: ``start`` is no directory or cannot be read.
    """

    def __init__(self, tree: Tree, start: bytes, flags: int, filters: Filters) -> None:
        if flags:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._tree = tree
        self._start = start
        self._filters = filters
        self._frames: list[_Frame] = []
        self._failed: list[tuple[bytes, int]] = []
        # Instances may run side by side, and a hostile one may name another's handle.
        self._lock = threading.Lock()
        with tree.directory(start) as fd:
            self._enter(b"", os.dup(fd))

    def close(self) -> None:
        """Close every directory that is open; the search is over."""
        with self._lock:
            for frame in self._frames:
                frame.close()
            self._frames.clear()
            self._failed.clear()

    def fill(self, buffer: memoryview) -> int:
        """Write as many records as fit.

        Returns:
            Bytes written; 0 when the search is over.

        Raises:
            OSError: EINVAL when not even one record fits into an empty buffer.
        """
        with self._lock:
            return self._fill(buffer)

    def _fill(self, buffer: memoryview) -> int:
        used = 0
        size = len(buffer)
        while True:
            entry = self._peek()
            while self._failed:
                path, number = self._failed[-1]
                end = used + _HEADER.size + len(path) + _ERRNO.size
                if end > size:
                    return self._full(used)
                _ERRNO.pack_into(buffer, end - _ERRNO.size, number)
                self._record(buffer, used, FAILED, path, _ERRNO.size)
                used = end
                self._failed.pop()
            if entry is None:
                return used
            frame, name = entry
            path = frame.path + name
            start = used + _HEADER.size + len(path)
            if start >= size:
                return self._full(used)
            kind, length = self._read(frame.fd, path, name, buffer[start:])
            if kind == BIG and used:
                return used  # the next buffer is empty: it may fit there
            frame.todo.pop()
            if kind in (FILE, BIG):
                self._record(buffer, used, kind, path, length)
                used = start + length

    @staticmethod
    def _full(used: int) -> int:
        if not used:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return used

    @staticmethod
    def _record(buffer: memoryview, at: int, kind: int, path: bytes, length: int) -> None:
        _HEADER.pack_into(buffer, at, kind, len(path), length)
        buffer[at + _HEADER.size : at + _HEADER.size + len(path)] = path

    def _read(self, directory: int, path: bytes, name: bytes, room: memoryview) -> tuple[int, int]:
        """Read a file into ``room``: the record's kind, and its content's length."""
        try:
            fd = os.open(name, _OPEN, dir_fd=directory)
            try:
                length = os.readv(fd, [room])
            finally:
                os.close(fd)
        except OSError as e:
            # What is gone, or has become something that a search leaves out, needs no word.
            if e.errno not in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
                self._failed.append((path, wasi_errno(e)))
            return FAILED, 0
        return (BIG, 0) if length == len(room) else (FILE, length)

    def _peek(self) -> tuple[_Frame, bytes] | None:
        """The next file, entering and leaving directories on the way; it stays its frame's last entry."""
        while self._frames:
            frame = self._frames[-1]
            if not frame.todo:
                frame.close()
                self._frames.pop()
                continue
            name, is_directory = frame.todo[-1]
            if not is_directory and frame.fd >= 0:
                return frame, name
            path = frame.path + name
            try:
                if frame.fd < 0:
                    with self._tree.directory(b"/".join(p for p in (self._start, frame.path) if p)) as fd:
                        frame.fd = os.dup(fd)
                    continue
                frame.todo.pop()
                self._enter(path + b"/", os.open(name, _DIRECTORY, dir_fd=frame.fd))
            except OSError as e:
                if frame.fd < 0:
                    frame.todo.clear()  # the directory itself went away while we were below it
                self._failed.append((path, wasi_errno(e)))
        return None

    def _enter(self, path: bytes, fd: int) -> None:
        """Go down into an open directory, which becomes ours to close."""
        todo = []
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        name = os.fsencode(entry.name)
                        if self._filters.wants_file(name):
                            todo.append((name, False))
                    elif entry.is_dir(follow_symlinks=False):
                        name = os.fsencode(entry.name)
                        if self._filters.wants_directory(name):
                            todo.append((name, True))
        except OSError:
            os.close(fd)
            raise
        todo.sort(reverse=True)
        self._frames.append(_Frame(path, fd, todo))
        if len(self._frames) > _MAX_OPEN:
            self._frames[-_MAX_OPEN - 1].close()
