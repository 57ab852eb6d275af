"""Reading files whole, up to a bound."""

from __future__ import annotations

import os

from .failure import GitError, text

LARGEST = 512 << 20
"""The largest file, and the largest object, that is read; a bomb ends here, or at the sandbox's limit on memory."""


def read_file(path: bytes, most: int = LARGEST) -> bytes:
    """A file's content.

    Raises:
        GitError: it is larger than ``most``.
        OSError: it cannot be read.
    """
    return read_with_time(path, most)[0]


def read_with_time(path: bytes, most: int = LARGEST) -> tuple[bytes, int]:
    """A file's content, and when it was changed last, in nanoseconds."""
    fd = os.open(path, os.O_RDONLY)
    try:
        st = os.fstat(fd)
        if st.st_size > most:
            raise GitError(f"{text(path)} is too large to be read here")
        content = os.read(fd, st.st_size + 1)
        while len(content) < st.st_size:
            more = os.read(fd, st.st_size - len(content))
            if not more:
                break
            content += more
        return content, st.st_mtime_ns
    finally:
        os.close(fd)


def read_small(path: bytes, most: int = 1 << 20) -> bytes:
    """A small file's content; empty where there is none, or one that is larger than these files are."""
    try:
        return read_file(path, most)
    except (OSError, GitError):
        return b""
