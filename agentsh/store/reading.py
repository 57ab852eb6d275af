"""Read a file as one version of it, and content as a stream; never more than a piece in memory."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING

from agentsh.core.errors import ConflictError, UsageError
from agentsh.store.packing import PIECE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TRIES = 4


def stable(fd: int, read: Callable[[int], tuple[bytes, int]]) -> tuple[bytes, int]:
    """Read a regular file until it is the same before and after: a mixture of two versions is never kept.

    Args:
        fd: the file.
        read: given its size, the digest and the size of what it read.

    Raises:
        ConflictError: it kept changing.
        UsageError: it is no regular file.
    """
    for _ in range(_TRIES):
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            raise UsageError("Only regular files have content that can be kept.")
        result = read(before.st_size)
        after = os.fstat(fd)
        if result[1] == after.st_size and _same(before, after):
            return result
    raise ConflictError(
        "A file keeps changing while it is being read.",
        next_step="Wait for whatever writes it, then try again.",
    )


def hash_file(fd: int) -> tuple[bytes, int]:
    """The digest and the size of what a file holds."""
    from blake3 import blake3  # noqa: PLC0415

    whole, size = blake3(), 0
    while data := pread_full(fd, size):
        whole.update(data)
        size += len(data)
    return whole.digest(), size


def pread_full(fd: int, offset: int) -> bytes:
    """A whole piece, or what is left of the file."""
    data = os.pread(fd, PIECE, offset)
    if data and len(data) < PIECE:
        parts = [data]
        have = len(data)
        while have < PIECE and (more := os.pread(fd, PIECE - have, offset + have)):
            parts.append(more)
            have += len(more)
        data = b"".join(parts)
    return data


def _same(a: os.stat_result, b: os.stat_result) -> bool:
    return (a.st_size, a.st_mtime_ns, a.st_ctime_ns) == (b.st_size, b.st_mtime_ns, b.st_ctime_ns)


class PieceReader(io.RawIOBase):
    """A raw stream over an iterator of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """As of any raw stream: how many bytes were put into ``buffer``."""
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
