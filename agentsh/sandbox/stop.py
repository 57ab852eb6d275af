"""The wish to stop some of an action's commands: what ``timeout`` tells those that it has started."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Stop:
    """Asks a group of commands to end. Use as a context manager: leaving gives its descriptor back.

    Args:
        outer: the group that this one is part of; a wish to stop that one is a wish to stop this one.

    Attributes:
        fd: readable from the moment the group is asked, so that a command which waits can wait for that as well.
        requested: whether it was asked.
    """

    def __init__(self, outer: Stop | None = None) -> None:
        self.requested = False
        self._calls: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        self._outer = outer
        self.fd, self._write = os.pipe()
        if outer is not None:
            outer.add(self.request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._outer is not None:
            self._outer.remove(self.request)
        with self._lock:
            os.close(self.fd)
            os.close(self._write)
            self.fd = self._write = -1

    def add(self, call: Callable[[], None]) -> None:
        """Have ``call`` called, from some thread, when the group is asked; at once when it has been."""
        with self._lock:
            if not self.requested:
                self._calls.add(call)
                return
        call()

    def remove(self, call: Callable[[], None]) -> None:
        """Undo :meth:`add`."""
        with self._lock:
            self._calls.discard(call)

    def request(self) -> None:
        """Ask the group to end. Safe in any thread, and more than once."""
        with self._lock:
            if self.requested or self._write < 0:
                return
            self.requested = True
            os.write(self._write, b"x")
            calls, self._calls = self._calls, set()
        for call in calls:
            call()
