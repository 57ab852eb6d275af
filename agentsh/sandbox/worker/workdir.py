"""The overlay's work directory: one for each worker.

The kernel prepares a change there before it moves it into the upper directory, and empties the place at each mount.
Two workers on one view (a session that is idle, a command in another terminal) must therefore not share it, or the
younger mount breaks the older one. A lock on the directory, which the kernel frees with its process, says that it is
in use.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress

_PREFIX = "w"


def take_work_directory(base: str) -> str:
    """Make a work directory of this process's own below ``base``, and remove those of dead processes.

    The lock is held until the process ends.

    Raises:
        OSError: it cannot be made.
    """
    for name in os.listdir(base):  # noqa: PTH208
        _remove_if_dead(os.path.join(base, name))  # noqa: PTH118 - pathlib is slow to load here
    number = 0
    while True:
        path = os.path.join(base, f"{_PREFIX}{os.getpid()}-{number}")  # noqa: PTH118
        number += 1
        try:
            os.mkdir(path, 0o700)  # noqa: PTH102
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileExistsError, FileNotFoundError):
            continue  # another process is cleaning up, or has the same number in a namespace of its own
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.stat(path).st_ino == os.fstat(fd).st_ino  # noqa: PTH116
        except (BlockingIOError, FileNotFoundError):
            same = False  # taken for a dead one's in the moment before it was locked
        if same:
            return path
        os.close(fd)


def _remove_if_dead(path: str) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _empty(fd)
            os.rmdir(path)  # noqa: PTH106
        except BlockingIOError:
            return  # in use
        finally:
            os.close(fd)


def _empty(directory: int) -> None:
    """Remove everything in a directory; the kernel leaves some without any permission bits."""
    with os.scandir(directory) as entries:
        found = [(e.name, stat.S_ISDIR(e.stat(follow_symlinks=False).st_mode)) for e in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=directory)
            continue
        os.chmod(name, 0o700, dir_fd=directory)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            _empty(fd)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=directory)
