"""One writer a workspace: a lock that the kernel frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Self

from agentsh.core.errors import WorkspaceBusy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TELL_AFTER_S = 0.5


class FileLock:
    """An exclusive ``flock``; re-entrant within one instance, not shared between threads.

    Args:
        path: the lock's file; created, never removed (removing it would let two holders in).
        wait_s: how long to wait for another process before giving up.
        on_wait: told once, after half a second of waiting, who holds the lock and since when.
    """

    def __init__(self, path: Path, *, wait_s: float = 10.0, on_wait: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._wait_s = wait_s
        self._on_wait = on_wait
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
        try:
            self._wait(fd)
        except BaseException:
            os.close(fd)
            raise
        # Always as long: nothing of an older holder is left.
        os.pwrite(fd, b"%-20d %-20d\n" % (os.getpid(), time.time()), 0)
        self._fd = fd

    def _wait(self, fd: int) -> None:
        start = time.monotonic()
        told = self._on_wait is None
        delay = 0.001
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = time.monotonic() - start
                if waited >= self._wait_s:
                    raise WorkspaceBusy(f"{_holder(fd)} is working here.") from None
                if not told and self._on_wait is not None and waited >= _TELL_AFTER_S:
                    told = True
                    self._on_wait(f"{_holder(fd)} is working here; waiting up to {self._wait_s - waited:.0f} s for it.")
                time.sleep(delay)
                delay = min(delay * 2, 0.1)
            else:
                return


def _holder(fd: int) -> str:
    """Who holds the lock, in words. Written just after it is taken: it may be missing, or the last one's."""
    pid, _, since = os.pread(fd, 64, 0).decode("ascii", "replace").partition(" ")
    if not pid.isdigit():
        return "Another agentsh process"
    at = since.strip()
    when = f", since {time.strftime('%H:%M:%S', time.localtime(int(at)))}" if at.isdigit() else ""
    return f"Another agentsh process (pid {pid}{when})"
