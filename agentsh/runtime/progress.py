"""Notice when an agent's calls come to nothing, before they have used up its steps."""

from __future__ import annotations

import hashlib

SAME_CALL = 3
"""Times that one call may give one result, with nothing changed in between, before it is refused."""

BARREN = 8
"""Calls in a row that were refused, denied or repeated before the task is given up."""


class Progress:
    """What one run's calls came to.

    Attributes:
        barren: calls in a row, up to now, that were refused, denied or repeated.
    """

    def __init__(self) -> None:
        self.barren = 0
        self._seen: dict[str, tuple[bytes, int]] = {}

    def repeats(self, key: str) -> bool:
        """Whether the call has given the same result too often since something last changed."""
        return self._seen.get(key, (b"", 0))[1] >= SAME_CALL

    def came_to_nothing(self) -> None:
        """A call was refused or denied."""
        self.barren += 1

    def ran(self, key: str, outcome: tuple[bytes, ...], *, changed: bool) -> None:
        """An action ran."""
        if changed:
            self._seen.clear()
            self.barren = 0
            return
        h = hashlib.sha256()
        for part in outcome:
            h.update(len(part).to_bytes(8, "big"))
            h.update(part)
        digest, times = self._seen.get(key, (b"", 0))
        same = digest == h.digest()
        self._seen[key] = (h.digest(), times + 1 if same else 1)
        self.barren = self.barren + 1 if same else 0
