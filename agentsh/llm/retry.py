"""When and how long to wait before asking an endpoint again."""

from __future__ import annotations

import email.utils
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentsh.core.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP statuses that may be different the next time. Others are answers."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How persistent to be.

    Attributes:
        attempts: requests at most, the first one included.
        base_s: seconds before the second request; doubles each time, with up to a quarter of jitter taken off.
        longest_s: the longest wait. An endpoint that asks for more (``Retry-After``) is not asked again.
    """

    attempts: int = 5
    base_s: float = 0.5
    longest_s: float = 60.0

    def delay(self, attempt: int, wanted: float | None) -> float | None:
        """Seconds to wait after the ``attempt``-th request (from 1) failed; None to give up.

        Args:
            attempt: how many requests were made.
            wanted: what the endpoint asked for; None when it did not say.
        """
        if attempt >= self.attempts:
            return None
        if wanted is not None:
            return wanted if wanted <= self.longest_s else None
        backoff = min(self.base_s * 2.0 ** (attempt - 1), self.longest_s)
        return backoff * (1 - 0.25 * random.random())  # noqa: S311 - spreads clients out, guards nothing


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """The seconds that ``Retry-After`` asks for (RFC 9110: a number or a date); None when it says nothing usable."""
    raw = headers.get("retry-after", "").strip()[:64]
    if raw.isascii() and raw.replace(".", "", 1).isdigit():
        return float(raw)
    try:
        when = email.utils.parsedate_to_datetime(raw).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return max(0.0, when - (time.time() if now is None else now))


def wait(seconds: float, stop: threading.Event | None) -> None:
    """Wait, unless ``stop`` is set or the person presses Ctrl-C.

    Raises:
        Interrupted: ``stop`` is set.
    """
    if (stop or threading.Event()).wait(seconds):
        raise Interrupted("The model's answer was given up.")
