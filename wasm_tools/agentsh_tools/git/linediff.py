"""Which lines changed between two texts, as git would show it.

The shortest edit script by divide and conquer (Eugene W. Myers, 'An O(ND) Difference Algorithm and Its Variations',
1986, section 4b), with what git's does around it, so that the same of several equally short scripts comes out: lines
that cannot or should not be matched are set aside first, work is bounded, and at last each group of changed lines is
slid to where its indentation looks best.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .sliding import slide

if TYPE_CHECKING:
    from collections.abc import Sequence

_WINDOW = 100  # lines that are looked at around a frequent one
_FREQUENT_AT_MOST = 1024
_LEAST_BOUND = 256  # edits before the search may settle for less than the shortest script
_FAR = 1 << 60


class Hunk(NamedTuple):
    """``old`` lines at ``old_at`` became ``new`` lines at ``new_at``; places count from 0."""

    old_at: int
    old: int
    new_at: int
    new: int


def split_lines(text: bytes) -> list[bytes]:
    """The lines with their ends; the last one may lack it."""
    lines = text.split(b"\n")
    last = lines.pop()
    out = [line + b"\n" for line in lines]
    if last:
        out.append(last)
    return out


def changes(
    old: Sequence[bytes], new: Sequence[bytes], keys: tuple[Sequence[bytes], Sequence[bytes]] | None = None
) -> list[Hunk]:
    """What changed from ``old`` to ``new``, in order.

    Args:
        old: lines of the one.
        new: lines of the other.
        keys: what to compare in their place (white space left out, for example).
    """
    numbers: dict[bytes, int] = {}
    a_key, b_key = keys or (old, new)
    a = [numbers.setdefault(line, len(numbers)) for line in a_key]
    b = [numbers.setdefault(line, len(numbers)) for line in b_key]
    a_changed, b_changed = _Search(a, b).run()
    slide(a, a_changed, b_changed, old)
    slide(b, b_changed, a_changed, new)
    return _hunks(a_changed, b_changed)


def _hunks(a: list[bool], b: list[bool]) -> list[Hunk]:
    found, i, j = [], 0, 0
    while i < len(a) or j < len(b):
        if (i < len(a) and a[i]) or (j < len(b) and b[j]):
            start = i, j
            while i < len(a) and a[i]:
                i += 1
            while j < len(b) and b[j]:
                j += 1
            found.append(Hunk(start[0], i - start[0], start[1], j - start[1]))
        else:
            i += 1
            j += 1
    return found


def _square_root(n: int) -> int:
    """A power of two near the root, as git rounds it."""
    root = 1
    while n > 0:
        n >>= 2
        root <<= 1
    return root


class _Search:
    """One comparison; marks what has no partner."""

    def __init__(self, a: list[int], b: list[int]) -> None:
        self._whole = a, b
        self._a_changed = [False] * len(a)
        self._b_changed = [False] * len(b)

    def run(self) -> tuple[list[bool], list[bool]]:
        """For each line of either text, whether it is changed."""
        a, b = self._whole
        start, least = 0, min(len(a), len(b))
        while start < least and a[start] == b[start]:
            start += 1
        end = 0
        while end < least - start and a[-1 - end] == b[-1 - end]:
            end += 1
        self._a_at = self._set_aside(a, b, start, len(a) - end, self._a_changed)
        self._b_at = self._set_aside(b, a, start, len(b) - end, self._b_changed)
        self._a, self._b = [a[i] for i in self._a_at], [b[i] for i in self._b_at]
        diagonals = len(self._a) + len(self._b) + 3
        self._bound = max(_square_root(diagonals), _LEAST_BOUND)
        stack = [(0, len(self._a), 0, len(self._b), False)]
        while stack:
            self._compare(stack)
        return self._a_changed, self._b_changed

    @staticmethod
    def _set_aside(own: list[int], other: list[int], start: int, end: int, changed: list[bool]) -> list[int]:
        """The lines worth matching; the others are marked: no partner, or frequent ones among such."""
        counts: dict[int, int] = {}
        for line in other:
            counts[line] = counts.get(line, 0) + 1
        limit = min(_square_root(len(own)), _FREQUENT_AT_MOST)
        kinds = []  # 0: no partner, 1: some, 2: many
        for i in range(start, end):
            count = counts.get(own[i], 0)
            kinds.append(0 if not count else 2 if count >= limit else 1)
        kept = []
        for i, kind in enumerate(kinds):
            if kind == 1 or (kind == 2 and not _is_noise(kinds, i)):
                kept.append(start + i)
            else:
                changed[start + i] = True
        return kept

    def _compare(self, stack: list[tuple[int, int, int, int, bool]]) -> None:
        a_from, a_to, b_from, b_to, minimal = stack.pop()
        a, b = self._a, self._b
        while a_from < a_to and b_from < b_to and a[a_from] == b[b_from]:
            a_from += 1
            b_from += 1
        while a_from < a_to and b_from < b_to and a[a_to - 1] == b[b_to - 1]:
            a_to -= 1
            b_to -= 1
        if a_from == a_to:
            for j in range(b_from, b_to):
                self._b_changed[self._b_at[j]] = True
        elif b_from == b_to:
            for i in range(a_from, a_to):
                self._a_changed[self._a_at[i]] = True
        else:
            i, j, low, high = self._middle(a_from, a_to, b_from, b_to, minimal=minimal)
            stack += [(i, a_to, j, b_to, high), (a_from, i, b_from, j, low)]

    def _middle(self, a_from: int, a_to: int, b_from: int, b_to: int, *, minimal: bool) -> tuple[int, int, bool, bool]:
        """A point on a shortest path, found from both ends at once; and which halves must be searched to the end."""
        a, b = self._a, self._b
        least, most = a_from - b_to, a_to - b_from
        front_mid, back_mid = a_from - b_from, a_to - b_to
        odd = (front_mid - back_mid) & 1
        front: dict[int, int] = {front_mid: a_from}
        back: dict[int, int] = {back_mid: a_to}
        f_low = f_high = front_mid
        b_low = b_high = back_mid
        cost = 0
        while True:
            cost += 1
            if f_low > least:
                f_low -= 1
                front[f_low - 1] = -1
            else:
                f_low += 1
            if f_high < most:
                f_high += 1
                front[f_high + 1] = -1
            else:
                f_high -= 1
            for d in range(f_high, f_low - 1, -2):
                i = front[d - 1] + 1 if front[d - 1] >= front[d + 1] else front[d + 1]
                j = i - d
                while i < a_to and j < b_to and a[i] == b[j]:
                    i += 1
                    j += 1
                front[d] = i
                if odd and b_low <= d <= b_high and back[d] <= i:
                    return i, j, True, True
            if b_low > least:
                b_low -= 1
                back[b_low - 1] = _FAR
            else:
                b_low += 1
            if b_high < most:
                b_high += 1
                back[b_high + 1] = _FAR
            else:
                b_high -= 1
            for d in range(b_high, b_low - 1, -2):
                i = back[d - 1] if back[d - 1] < back[d + 1] else back[d + 1] - 1
                j = i - d
                while i > a_from and j > b_from and a[i - 1] == b[j - 1]:
                    i -= 1
                    j -= 1
                back[d] = i
                if not odd and f_low <= d <= f_high and i <= front[d]:
                    return i, j, True, True
            if not minimal and cost >= self._bound:
                return self._settle(front, back, (f_low, f_high), (b_low, b_high), (a_from, a_to, b_from, b_to))

    @staticmethod
    def _settle(
        front: dict[int, int],
        back: dict[int, int],
        f_range: tuple[int, int],
        b_range: tuple[int, int],
        box: tuple[int, int, int, int],
    ) -> tuple[int, int, bool, bool]:
        """The point furthest from either end, when a shortest path would take too long to find."""
        a_from, a_to, b_from, b_to = box
        best, best_i = -1, -1
        for d in range(f_range[1], f_range[0] - 1, -2):
            i = min(front[d], a_to)
            j = i - d
            if b_to < j:
                i, j = b_to + d, b_to
            if best < i + j:
                best, best_i = i + j, i
        worst, worst_i = _FAR, _FAR
        for d in range(b_range[1], b_range[0] - 1, -2):
            i = max(a_from, back[d])
            j = i - d
            if j < b_from:
                i, j = b_from + d, b_from
            if i + j < worst:
                worst, worst_i = i + j, i
        if (a_to + b_to) - worst < best - (a_from + b_from):
            return best_i, best - best_i, True, False
        return worst_i, worst - worst_i, False, True


def _is_noise(kinds: list[int], at: int) -> bool:
    """Whether a frequent line stands among lines without a partner, and mostly those."""
    lone = frequent = 0
    for step, stop in ((-1, max(at - _WINDOW, 0) - 1), (1, min(at + _WINDOW, len(kinds) - 1) + 1)):
        here, near = 0, 1
        for i in range(at + step, stop, step):
            if kinds[i] == 0:
                here += 1
            elif kinds[i] == 2:
                near += 1
            else:
                break
        if not here:
            return False
        lone += here
        frequent += near
    return frequent * 4 < frequent + lone
