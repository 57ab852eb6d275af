"""Other ways of looking at the same bytes, each of which knows where its bytes came from.

A value that was split over lines, numbered, quoted, or partly escaped is found in a view that has the line ends,
numbers, quotes and escapes taken out. A view is made only where something suggests it, and its map only when something
was found in it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOISE = bytes(range(0x21)) + b"\x7f\"'`\\+,"
"""What may stand between the pieces of a value that was cut up: white space, controls, quotes, ``+`` and ``,``."""

_PIECE = re.compile(b"[^" + re.escape(NOISE) + b"]+")
_NUMBER = re.compile(rb"\n[ \t]*+\d++ *+[\t:|)-][ \t]?")
_ESCAPE = re.compile(
    rb"%[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|\\[0-3][0-7]{2}|&#[0-9]{1,3};|&#[xX][0-9A-Fa-f]{1,2};"
)


@dataclass
class View:
    """Bytes made of parts of others.

    Attributes:
        data: the bytes to search.
        pieces: gives, in order, where each stretch of ``data`` came from: (its length there, start, end of the source).
            A stretch of one byte may come from several (an escape).
        squeezed: whether :data:`NOISE` was taken out, so that spellings without it are what to search for.
    """

    data: bytes
    pieces: Callable[[], Iterator[tuple[int, int, int]]]
    squeezed: bool = True
    _starts: list[int] = field(default_factory=list)
    _sources: list[tuple[int, int, int]] = field(default_factory=list)

    def sources(self, start: int, end: int) -> list[tuple[int, int]]:
        """Where ``data[start:end]`` came from: spans of the source, in order."""
        if not self._starts:
            at = 0
            for length, first, last in self.pieces():
                self._starts.append(at)
                self._sources.append((length, first, last))
                at += length
        spans: list[tuple[int, int]] = []
        i = bisect_right(self._starts, start) - 1
        while i < len(self._starts) and self._starts[i] < end:
            length, first, last = self._sources[i]
            if last - first == length:  # taken over as it was
                low, high = max(start - self._starts[i], 0), min(end - self._starts[i], length)
                first, last = first + low, first + high
            spans.append((first, last))
            i += 1
        return spans


def squeezed(data: bytes) -> View | None:
    """Without what may stand between pieces; None where there is nothing of it."""
    bare = data.translate(None, NOISE)
    return None if len(bare) == len(data) else View(bare, lambda: _pieces(data, 0, len(data)))


def unnumbered(data: bytes) -> View | None:
    """As :func:`squeezed`, and without the numbers at the beginnings of lines; None where there are none."""
    numbers = [m.span() for m in _NUMBER.finditer(data)]
    if not numbers:
        return None
    spans = _between(data, numbers)
    bare = b"".join(data[a:b] for a, b in spans).translate(None, NOISE)
    return View(bare, lambda: (p for a, b in spans for p in _pieces(data, a, b)))


def unescaped(data: bytes) -> View | None:
    """With escapes as the bytes that they mean; None where there are none."""
    if not (b"%" in data or b"\\" in data or b"&#" in data):  # quicker than the search for what makes sense
        return None
    if _ESCAPE.search(data) is None:
        return None
    return View(_unescaped(data), lambda: _unescaped_pieces(data), squeezed=False)


VIEWS = (squeezed, unnumbered, unescaped)


def _pieces(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    for m in _PIECE.finditer(data, start, end):
        yield m.end() - m.start(), m.start(), m.end()


def _between(data: bytes, holes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    edges = [0, *(edge for hole in holes for edge in hole), len(data)]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def _unescaped(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda m: bytes((_meant(m[0]),)), data)


def _unescaped_pieces(data: bytes) -> Iterator[tuple[int, int, int]]:
    at = 0
    for m in _ESCAPE.finditer(data):
        if at < m.start():
            yield m.start() - at, at, m.start()
        yield 1, m.start(), m.end()
        at = m.end()
    if at < len(data):
        yield len(data) - at, at, len(data)


def _meant(escape: bytes) -> int:
    if escape.startswith(b"\\") and escape[1:2] not in b"xu":
        return int(escape[1:], 8)
    if escape.startswith(b"&"):
        digits = escape[2:-1]
        return int(digits[1:], 16) & 0xFF if digits[:1] in b"xX" else int(digits) & 0xFF
    return int(escape[-2:], 16)
