"""Until when a request may take, and whether the person still wants it."""

from __future__ import annotations

import threading
import time

from agentsh.core.errors import Interrupted, LimitExceeded

TIMEOUT = "http.timeout_s"
_SLICE_S = 0.2  # how long a stop may go unnoticed


class Deadline:
    """A point in time for all of a request: every wait takes what is left of it.

    Args:
        seconds: from now.
        stop: set to give up at once.
    """

    def __init__(self, seconds: float, stop: threading.Event | None = None) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._stop = stop or threading.Event()

    def left(self) -> float:
        """Seconds that are left, more than 0.

        Raises:
            LimitExceeded: none are.
            Interrupted: the person stopped it.
        """
        if self._stop.is_set():
            raise Interrupted("The person stopped it.")
        left = self._end - time.monotonic()
        if left <= 0:
            raise LimitExceeded(f"The request took longer than {self._seconds:g} s.", limit=TIMEOUT)
        return left

    def slice(self) -> float:
        """Seconds to wait before asking again; raises as :meth:`left`."""
        return min(self.left(), _SLICE_S)
