"""Where a group of changed lines reads best: of several places that mean the same, the one git would choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_SLIDING = 100
_MOST_INDENT, _MOST_BLANKS = 200, 20
_INDENT_WEIGHT = 60


class _Groups:
    """Goes from one group of changed lines to the next; between two unchanged lines there is always one, maybe empty.

    Attributes:
        start: of the group.
        end: behind it.
    """

    def __init__(self, lines: Sequence[int], changed: list[bool]) -> None:
        self._lines = lines
        self._changed = [*changed, False]
        self._result = changed
        self.start = self.end = 0
        while self._changed[self.end]:
            self.end += 1

    def next(self) -> bool:
        """Go on; False at the end."""
        if self.end == len(self._lines):
            return False
        self.start = self.end = self.end + 1
        while self._changed[self.end]:
            self.end += 1
        return True

    def previous(self) -> None:
        """Go back."""
        self.end = self.start = self.start - 1
        while self.start and self._changed[self.start - 1]:
            self.start -= 1

    def up(self) -> bool:
        """Slide the group one line up where that means the same; it takes in a group that it meets."""
        if not self.start or self._lines[self.start - 1] != self._lines[self.end - 1]:
            return False
        self.start -= 1
        self.end -= 1
        self._changed[self.start], self._changed[self.end] = True, False
        while self.start and self._changed[self.start - 1]:
            self.start -= 1
        return True

    def down(self) -> bool:
        """Slide it one line down."""
        if self.end >= len(self._lines) or self._lines[self.start] != self._lines[self.end]:
            return False
        self._changed[self.start], self._changed[self.end] = False, True
        self.start += 1
        self.end += 1
        while self._changed[self.end]:
            self.end += 1
        return True

    def finish(self) -> None:
        """Write back where the groups are now."""
        self._result[:] = self._changed[:-1]


def slide(lines: list[int], changed: list[bool], other_changed: list[bool], text: Sequence[bytes]) -> None:
    """Move each group of changed lines to where it reads best."""
    own, other = _Groups(lines, changed), _Groups([0] * len(other_changed), other_changed)
    while True:
        if own.end > own.start:
            _slide_one(own, other, text)
        if not own.next():
            break
        other.next()
    own.finish()


def _slide_one(own: _Groups, other: _Groups, text: Sequence[bytes]) -> None:
    while True:
        size = own.end - own.start
        while own.up():
            other.previous()
        earliest = own.end
        beside = own.end if other.end > other.start else -1
        while own.down():
            other.next()
            if other.end > other.start:
                beside = own.end
        if size == own.end - own.start:
            break
    if own.end == earliest:
        return
    if beside != -1:  # a group of the other text is there: the two make one change
        while other.end == other.start:
            own.up()
            other.previous()
        return
    lowest = max(earliest, own.end - size - 1, own.end - _MOST_SLIDING)
    best, best_end = (0, 0), -1
    for end in range(lowest, own.end + 1):
        score = _add(_score_at(text, end), _score_at(text, end - size))
        if best_end == -1 or _INDENT_WEIGHT * _sign(score[0] - best[0]) + score[1] - best[1] <= 0:
            best, best_end = score, end
    while own.end > best_end:
        own.up()
        other.previous()


def _add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    return one[0] + two[0], one[1] + two[1]


def _sign(n: int) -> int:
    return (n > 0) - (n < 0)


def _indent(line: bytes) -> int:
    """Columns before the text; -1 for a blank line."""
    width = 0
    for c in line:
        if c == 32:
            width += 1
        elif c == 9:
            width += 8 - width % 8
        elif c not in b"\n\r\v\f":
            return min(width, _MOST_INDENT)
        if width >= _MOST_INDENT:
            return _MOST_INDENT
    return -1


def _score_at(text: Sequence[bytes], split: int) -> tuple[int, int]:
    """How bad it is to cut a text before line ``split``: indentation, and a penalty.

    The weights are git's, found by its authors on many diffs.
    """
    at_end = split >= len(text)
    indent = -1 if at_end else _indent(text[split])
    blanks_before, before = 0, -1
    for i in range(split - 1, -1, -1):
        before = _indent(text[i])
        if before != -1:
            break
        blanks_before += 1
        if blanks_before == _MOST_BLANKS:
            before = 0
            break
    blanks_after, after = 0, -1
    for i in range(split + 1, len(text)):
        after = _indent(text[i])
        if after != -1:
            break
        blanks_after += 1
        if blanks_after == _MOST_BLANKS:
            after = 0
            break
    penalty = 0
    if before == -1 and not blanks_before:
        penalty += 1
    if at_end:
        penalty += 21
    blanks_here = 1 + blanks_after if indent == -1 else 0
    blanks = blanks_before + blanks_here
    penalty += -30 * blanks + 6 * blanks_here
    effective = indent if indent != -1 else after
    if effective != -1 and before not in (-1, effective):
        if effective > before:
            penalty += 10 if blanks else -4
        elif after != -1 and after > effective:
            penalty += 17 if blanks else 24
        else:
            penalty += 17 if blanks else 23
    return effective, penalty
