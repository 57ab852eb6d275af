"""The hunks of contents that were compared a moment ago: a screen, its neighbour and an approval ask for the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from agentsh.core.diff import Hunk

MOST_LINES = 400_000
"""Lines of all hunks that are kept; the longest unused go first. About 60 MB at most."""


class Remembered:
    """Hunks by what they are of: contents are named by their hashes, so nothing here can be out of date.

    Args:
        most: lines to keep.
    """

    def __init__(self, most: int = MOST_LINES) -> None:
        self._most = most
        self._lines = 0
        self._hunks: OrderedDict[Hashable, tuple[Hunk, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def hunks(self, of: Hashable, make: Callable[[], tuple[Hunk, ...]]) -> tuple[Hunk, ...]:
        """The hunks of ``of``, made now or kept since they were."""
        with self._lock:
            if (known := self._hunks.get(of)) is not None:
                self._hunks.move_to_end(of)
                return known
        made = make()
        with self._lock:
            if of not in self._hunks and (size := _lines(made)) <= self._most:
                self._hunks[of] = made
                self._lines += size
                while self._lines > self._most:
                    self._lines -= _lines(self._hunks.popitem(last=False)[1])
        return made


def _lines(hunks: tuple[Hunk, ...]) -> int:
    return 1 + sum(len(h.lines) for h in hunks)
