"""The lines of much output, by number, without taking all of it apart: there may be millions; a screen shows forty."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

_BLOCK = 1 << 16
_PLAIN = bytes(range(0x20, 0x7F))
_MEASURED = 1 << 20
"""Bytes up to which the longest line is looked for."""


class ByteLines:
    r"""Lines as ``data.split(b"\n")`` gives them.

    Args:
        data: what was printed, without the line end of its last line.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        counts = (data.count(b"\n", at, at + _BLOCK) for at in range(0, len(data), _BLOCK))
        self._ends = list(accumulate(counts))  # line ends up to the end of each block
        self._block = -1
        self._places: list[int] = []

    def __len__(self) -> int:
        return (self._ends[-1] if self._ends else 0) + 1

    def __getitem__(self, y: int) -> bytes:
        if not 0 <= y < len(self):
            raise IndexError(y)
        start = self._end(y - 1) + 1 if y else 0
        return self._data[start : self._end(y) if y < len(self) - 1 else len(self._data)]

    def _end(self, y: int) -> int:
        """Where the line end of line ``y`` is."""
        block = bisect_left(self._ends, y + 1)
        if block != self._block:
            at = block * _BLOCK
            lines = self._data[at : at + _BLOCK].split(b"\n")
            lengths = [len(line) + 1 for line in lines[:-1]]
            self._block, self._places = block, list(accumulate(lengths, initial=at - 1))[1:]
        return self._places[y - (self._ends[block - 1] if block else 0)]

    @property
    def cells(self) -> int | None:
        """A bound of the longest line's cells, four for a byte that is not plain; None where there is too much."""
        if len(self._data) > _MEASURED:
            return None
        return max(len(line) + 3 * len(line.translate(None, _PLAIN)) for line in self._data.split(b"\n"))
