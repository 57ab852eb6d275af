"""One writer a workspace: a lock that the kernel frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Self

from agentsh.core.errors import WorkspaceBusy

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """An exclusive ``flock``; re-entrant within one instance, not shared between threads.

    Args:
        path: the lock's file; created, never removed (removing it would let two holders in).
        wait_s: how long to wait for another process before giving up.
    """

    def __init__(self, path: Path, *, wait_s: float = 10.0) -> None:
        self._path = path
        self._wait_s = wait_s
        self._fd = -1
        self._depth = 0

    def __enter__(self) -> Self:
        if self._depth == 0:
            self._acquire()
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            os.close(self._fd)
            self._fd = -1

    def _acquire(self) -> None:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        deadline = time.monotonic() + self._wait_s
        delay = 0.001
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
                    os.close(fd)
                    raise WorkspaceBusy(f"Another agentsh process (pid {holder}) is working here.") from None
                time.sleep(delay)
                delay = min(delay * 2, 0.1)
        os.pwrite(fd, b"%-20d\n" % os.getpid(), 0)  # always as long: nothing of an older holder is left
        self._fd = fd
