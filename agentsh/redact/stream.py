"""Redact what arrives in pieces, passing each on as soon as it is certain to be clean."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from agentsh.redact.views import NOISE

if TYPE_CHECKING:
    from agentsh.redact.redactor import Redactor

_LONGEST = 8192  # of a beginning that is waited for; the rest of a longer value is found by its lines


class RedactedStream:
    """A stream of bytes without values.

    Only a value that is written as one stretch, or broken by white space and quotes, is held back; what takes a look at
    the whole (escapes, archives) is found where the whole is kept.

    Args:
        redactor: what takes values out.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._patterns = sorted({p.translate(None, NOISE) for p in redactor.spellings})
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """What may be shown after ``piece``; may be empty."""
        if not self._patterns:
            return piece if self._redactor.idle else self._redactor.redact(piece).data
        # First what is whole, so that nothing is cut apart by a beginning that overlaps it.
        data = self._redactor.redact(self._held + piece).data
        cut = len(data) - self._beginning(data)
        self._held = data[cut:]
        return data[:cut]

    def end(self) -> bytes:
        """What was held back, at the end of the stream."""
        data, self._held = self._held, b""
        return data

    def _beginning(self, data: bytes) -> int:
        """How many bytes at the end of ``data`` could be the beginning of a value."""
        tail = data[-_LONGEST:]
        bare = tail.translate(None, NOISE)
        for at in range(len(bare)):
            rest = bare[at:]
            i = bisect_left(self._patterns, rest)
            if i < len(self._patterns) and self._patterns[i].startswith(rest):
                return _raw_length(tail, len(rest))
        return 0


def _raw_length(tail: bytes, bare: int) -> int:
    """How many bytes at the end of ``tail`` hold its last ``bare`` bytes that are no noise."""
    noise = frozenset(NOISE)
    at = len(tail)
    while bare:
        at -= 1
        bare -= tail[at] not in noise
    return len(tail) - at
