"""Which lines two texts have in common: bounded work, deterministic.

Lines that occur once on both sides are anchors, and the longest run of anchors that are in order on both sides splits
the texts (patience diff, after Bram Cohen); what lies between two anchors is split again. Where no line is unique, the
shortest edit script is searched greedily (Eugene W. Myers, 'An O(ND) Difference Algorithm and Its Variations', 1986),
leg by leg; past a bound on the work, what is left of the stretch counts as replaced.
"""

from __future__ import annotations

import io
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MOST_EDITS = 100
"""Edits after which the greedy search keeps what it has found and goes on from there."""

_REACH = 5000
"""Lines that one leg of the greedy search looks at."""

_WORK = 1_500_000
"""Steps of the greedy search in one comparison, all stretches together: less than a second."""


class Block(NamedTuple):
    """``size`` equal lines, at ``old`` in the one text and at ``new`` in the other."""

    old: int
    new: int
    size: int


class _Range(NamedTuple):
    old: int
    old_end: int
    new: int
    new_end: int


def split_lines(text: bytes) -> list[bytes]:
    r"""The lines of ``text`` with their ends; only ``\n`` ends a line, and the last one may lack it."""
    return io.BytesIO(text).readlines()


def matching_blocks(old: Sequence[bytes], new: Sequence[bytes]) -> list[Block]:
    """The stretches that two texts share, in order, not touching each other on both sides.

    Args:
        old: lines of the one.
        new: lines of the other.
    """
    head = _shared(old, new)
    tail = _shared(old[head:][::-1], new[head:][::-1])
    i_end, j_end = len(old) - tail, len(new) - tail
    # A line that the other side lacks can never match: without them most changes leave nothing to search.
    on_old, on_new = set(old[head:i_end]), set(new[head:j_end])
    rows = [i for i in range(head, i_end) if old[i] in on_new]
    columns = [j for j in range(head, j_end) if new[j] in on_old]
    numbers: dict[bytes, int] = {}
    a = [numbers.setdefault(old[i], len(numbers)) for i in rows]
    b = [numbers.setdefault(new[j], len(numbers)) for j in columns]
    between = _placed(_Matcher(a, b).run(), rows, columns)
    return list(_joined([Block(0, 0, head), *between, Block(i_end, j_end, tail)]))


def _shared(old: Sequence[bytes], new: Sequence[bytes]) -> int:
    """How many lines two texts have in common from their start: by halves, as comparing slices is quick."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _placed(blocks: Iterable[Block], rows: list[int], columns: list[int]) -> Iterator[Block]:
    """Blocks of what is left of two texts, as blocks of the texts."""
    for old, new, size in blocks:
        start = 0
        for k in range(1, size + 1):
            last_i, last_j = rows[old + k - 1], columns[new + k - 1]
            if k == size or rows[old + k] != last_i + 1 or columns[new + k] != last_j + 1:
                yield Block(rows[old + start], columns[new + start], k - start)
                start = k


class _Matcher:
    """Finds pairs of equal lines of two sequences of line numbers."""

    def __init__(self, a: list[int], b: list[int]) -> None:
        self._a = a
        self._b = b
        self._work = _WORK

    def run(self) -> list[Block]:
        """All blocks, in order."""
        found: list[Block] = []
        todo = [_Range(0, len(self._a), 0, len(self._b))]
        while todo:
            rest, blocks = self._trim(todo.pop())
            found += blocks
            if rest.old == rest.old_end or rest.new == rest.new_end:
                continue
            anchors = self._anchors(rest)
            if anchors:
                found += [Block(i, j, 1) for i, j in anchors]
                todo += _between(rest, anchors)
            else:
                found += self._greedy(rest)
        found.sort()
        return found

    def _trim(self, r: _Range) -> tuple[_Range, list[Block]]:
        """Take equal lines off both ends."""
        a, b = self._a, self._b
        i, i_end, j, j_end = r
        while i < i_end and j < j_end and a[i] == b[j]:
            i, j = i + 1, j + 1
        while i < i_end and j < j_end and a[i_end - 1] == b[j_end - 1]:
            i_end, j_end = i_end - 1, j_end - 1
        blocks = [Block(r.old, r.new, i - r.old), Block(i_end, j_end, r.old_end - i_end)]
        return _Range(i, i_end, j, j_end), [x for x in blocks if x.size]

    def _anchors(self, r: _Range) -> list[tuple[int, int]]:
        """Lines that are unique in both stretches, as many as are in the same order."""
        once_a = {n for n, c in Counter(self._a[r.old : r.old_end]).items() if c == 1}
        once_b = {n for n, c in Counter(self._b[r.new : r.new_end]).items() if c == 1}
        unique = once_a & once_b
        if not unique:
            return []
        where = {self._b[j]: j for j in range(r.new, r.new_end) if self._b[j] in unique}
        pairs = [(i, where[self._a[i]]) for i in range(r.old, r.old_end) if self._a[i] in unique]
        return _longest_increasing(pairs)

    def _greedy(self, r: _Range) -> list[Block]:
        """Match a stretch without unique lines by the shortest edit script, if it is short enough."""
        # As for the whole texts: what one of these two stretches lacks.
        in_a, in_b = set(self._a[r.old : r.old_end]), set(self._b[r.new : r.new_end])
        rows = [i for i in range(r.old, r.old_end) if self._a[i] in in_b]
        columns = [j for j in range(r.new, r.new_end) if self._b[j] in in_a]
        pairs = self._edit([self._a[i] for i in rows], [self._b[j] for j in columns])
        return [Block(rows[x], columns[y], 1) for x, y in pairs]

    def _edit(self, a: list[int], b: list[int]) -> list[tuple[int, int]]:
        """Pairs of equal positions along an edit script: the shortest one, as far as one leg of the search reaches."""
        pairs: list[tuple[int, int]] = []
        x = y = 0
        while x < len(a) and y < len(b) and self._work > 0:
            leg, ahead_x, ahead_y = self._leg(a[x : x + _REACH], b[y : y + _REACH])
            pairs += [(x + i, y + j) for i, j in leg]
            x, y = x + ahead_x, y + ahead_y
        return pairs

    def _leg(self, a: list[int], b: list[int]) -> tuple[list[tuple[int, int]], int, int]:
        """Myers' greedy search up to a bound: the pairs, and how far it came on both sides."""
        furthest: dict[int, int] = {1: 0}
        trace: list[dict[int, int]] = []
        best = (0, 0, 0)
        for d in range(_MOST_EDITS + 1):
            trace.append(furthest.copy())
            self._work -= d + 1
            for k in range(-d, d + 1, 2):
                down = k == -d or (k != d and furthest[k - 1] < furthest[k + 1])
                x = furthest[k + 1] if down else furthest[k - 1] + 1
                start = x
                while x < len(a) and 0 <= x - k < len(b) and a[x] == b[x - k]:
                    x += 1
                self._work -= x - start
                furthest[k] = x
                if x <= len(a) and x - k <= len(b):
                    best = max(best, (2 * x - k, x, d))
                    if x == len(a) and x - k == len(b):
                        return _retrace(trace, x, x - k), x, x - k
        # The bound is reached: keep what led furthest, and go on from there.
        ahead, x, edits = best
        return _retrace(trace[: edits + 1], x, ahead - x), x, ahead - x


def _retrace(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    """Walk Myers' search back from the end; the diagonals are the pairs."""
    pairs: list[tuple[int, int]] = []
    for d in range(len(trace) - 1, -1, -1):
        furthest = trace[d]
        k = x - y
        down = k == -d or (k != d and furthest[k - 1] < furthest[k + 1])
        from_k = k + 1 if down else k - 1
        from_x = furthest[from_k]
        from_y = from_x - from_k
        while x > max(from_x, 0) and y > max(from_y, 0):
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = from_x, from_y
    pairs.reverse()
    return pairs


def _longest_increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence of pairs (sorted by the first) whose seconds increase."""
    tails: list[int] = []
    last: list[int] = []
    previous: list[int] = []
    for n, (_, j) in enumerate(pairs):
        at = bisect_left(tails, j)
        previous.append(last[at - 1] if at else -1)
        if at == len(tails):
            tails.append(j)
            last.append(n)
        else:
            tails[at], last[at] = j, n
    chain: list[tuple[int, int]] = []
    n = last[-1] if last else -1
    while n >= 0:
        chain.append(pairs[n])
        n = previous[n]
    chain.reverse()
    return chain


def _between(r: _Range, anchors: list[tuple[int, int]]) -> Iterator[_Range]:
    """The stretches before, between and after anchors that have lines on both sides."""
    i, j = r.old, r.new
    for x, y in [*anchors, (r.old_end, r.new_end)]:
        if i < x and j < y:
            yield _Range(i, x, j, y)
        i, j = x + 1, y + 1


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks that touch on both sides, made one."""
    current: Block | None = None
    for block in blocks:
        if not block.size:
            continue
        if current and (current.old + current.size, current.new + current.size) == block[:2]:
            current = Block(current.old, current.new, current.size + block.size)
            continue
        if current:
            yield current
        current = block
    if current:
        yield current
