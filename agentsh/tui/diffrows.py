"""A diff as rows. Of a hunk only its runs are kept, and a row is made when it is asked for: there may be hundreds of
thousands, and a screen shows forty.
"""  # noqa: D205

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, overload

from agentsh.tui import words
from agentsh.tui.text import MOST_COLUMNS, Safe, safe

if TYPE_CHECKING:
    from agentsh.core.diff import FileDiff, Hunk

_RUN = re.compile(r"([-+]*)( *)")
_PLAIN = bytes(range(0x20, 0x7F))


class Half(NamedTuple):
    """One side of a line.

    Attributes:
        number: of the line in the file, from 1; 0 where there is none.
        tag: kept, added or removed.
        text: raw bytes.
        other: the line that it takes the place of, or that takes its place.
    """

    number: int
    tag: str
    text: bytes
    other: bytes | None = None


class DiffRow(NamedTuple):
    """One row of a diff.

    Attributes:
        kind: a file's heading, a reason to look twice, a note, a hunk's heading, a line, or the gap between files.
        file: which of the files it belongs to, from 0.
        hunk: the hunk's place among those of the file, from 0; -1 outside of any.
        left: the line before, or of a unified diff the line; None where there is none.
        right: the line after, side by side alone.
        old: of a unified line its number before; 0 where there is none.
        text: of a heading or a note.
    """

    kind: Literal["file", "flag", "note", "hunk", "line", "gap"]
    file: int
    hunk: int = -1
    left: Half | None = None
    right: Half | None = None
    old: int = 0
    text: Safe = Safe("")


class Run(NamedTuple):
    """Changed lines of a hunk, and the kept ones up to the next.

    Attributes:
        row: the first of its rows, from the hunk's first line on.
        old: the number of its first line in the state before.
        new: the same of the state after.
        removed: places of the removed lines among the hunk's.
        added: places of the added ones.
        kept: places of the kept ones.
    """

    row: int
    old: int
    new: int
    removed: Sequence[int]
    added: Sequence[int]
    kept: range

    def changed(self, *, split: bool) -> int:
        """How many rows the changed lines take."""
        return max(len(self.removed), len(self.added)) if split else len(self.removed) + len(self.added)


class HunkRows:
    """The lines of a hunk.

    Args:
        file: which of the files, from 0.
        at: the hunk's place in it; -1 where it cannot be answered about.
        hunk: it.
        split: side by side.
    """

    def __init__(self, file: int, at: int, hunk: Hunk, *, split: bool) -> None:
        self.file, self.at, self.hunk, self._split = file, at, hunk, split
        self.runs: list[Run] = []
        line, row, old, new = 0, 0, hunk.old_start, hunk.new_start
        for found in _RUN.finditer("".join([line.tag for line in hunk.lines])):
            changed, kept = found.groups()
            if not changed and not kept:
                continue
            removed, added = _sides(changed, line)
            line += len(changed)
            run = Run(row, old, new, removed, added, range(line, line + len(kept)))
            self.runs.append(run)
            line += len(kept)
            row += run.changed(split=split) + len(kept)
            old += len(removed) + len(kept)
            new += len(added) + len(kept)
        self.count = row
        self._starts = [run.row for run in self.runs]

    def row(self, k: int) -> DiffRow:
        """The ``k``-th row."""
        run = self.runs[bisect_right(self._starts, k) - 1]
        k -= run.row
        changed = run.changed(split=self._split)
        if k >= changed:
            k -= changed
            text = self.hunk.lines[run.kept[k]].text
            old, new = run.old + len(run.removed) + k, run.new + len(run.added) + k
            if self._split:
                return self._line(Half(old, " ", text), Half(new, " ", text))
            return self._line(Half(new, " ", text), old=old)
        return self._side_by_side(run, k) if self._split else self._unified(run, k)

    def _side_by_side(self, run: Run, k: int) -> DiffRow:
        was, now = self._text(run.removed, k), self._text(run.added, k)
        return self._line(
            None if was is None else Half(run.old + k, "-", was, now),
            None if now is None else Half(run.new + k, "+", now, was),
        )

    def _unified(self, run: Run, k: int) -> DiffRow:
        paired = len(run.removed) == len(run.added)
        if k < len(run.removed):
            text, other = self._text(run.removed, k), self._text(run.added, k)
            return self._line(Half(0, "-", text or b"", other if paired else None), old=run.old + k)
        k -= len(run.removed)
        text, other = self._text(run.added, k), self._text(run.removed, k)
        return self._line(Half(run.new + k, "+", text or b"", other if paired else None))

    def _text(self, places: Sequence[int], k: int) -> bytes | None:
        return self.hunk.lines[places[k]].text if k < len(places) else None

    def _line(self, left: Half | None, right: Half | None = None, old: int = 0) -> DiffRow:
        return DiffRow("line", self.file, self.at, left, right, old)


def _sides(tags: str, first: int) -> tuple[Sequence[int], Sequence[int]]:
    """The places of removed and of added lines in a run of both that begins at ``first``."""
    removed = tags.count("-")
    if not tags[:removed].count("+"):  # as nearly always: first all that go, then all that come
        return range(first, first + removed), range(first + removed, first + len(tags))
    places = range(first, first + len(tags))
    return [k for k, t in zip(places, tags, strict=True) if t == "-"], [
        k for k, t in zip(places, tags, strict=True) if t == "+"
    ]


class RowList(Sequence[DiffRow]):
    """Rows that are there, and hunks whose rows are made when they are asked for."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._parts: list[DiffRow | HunkRows] = []
        self._count = 0

    def add(self, part: DiffRow | HunkRows) -> None:
        """Put a row, or a hunk's lines, behind what is there."""
        self._starts.append(self._count)
        self._parts.append(part)
        self._count += part.count if isinstance(part, HunkRows) else 1

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, y: int) -> DiffRow: ...
    @overload
    def __getitem__(self, y: slice) -> Sequence[DiffRow]: ...
    def __getitem__(self, y: int | slice) -> DiffRow | Sequence[DiffRow]:
        if isinstance(y, slice):
            return [self[k] for k in range(*y.indices(self._count))]
        if y < 0:
            y += self._count
        if not 0 <= y < self._count:
            raise IndexError(y)
        k = bisect_right(self._starts, y) - 1
        part = self._parts[k]
        return part.row(y - self._starts[k]) if isinstance(part, HunkRows) else part

    def hunks_of(self, file: int) -> list[tuple[int, HunkRows]]:
        """The hunks of a file that can be answered about, each with its first row."""
        parts = zip(self._starts, self._parts, strict=True)
        return [(y, p) for y, p in parts if isinstance(p, HunkRows) and p.file == file and p.at >= 0]

    def next_hunk(self, y: int, by: int) -> int | None:
        """The row of the next hunk's heading from ``y`` on, or with ``by`` -1 of the one before."""
        headings = [
            s for s, p in zip(self._starts, self._parts, strict=True) if isinstance(p, DiffRow) and p.kind == "hunk"
        ]
        found = [h for h in headings if (h > y if by > 0 else h < y)]
        return (found[0] if by > 0 else found[-1]) if found else None

    def first_of(self, file: int, hunk: int) -> int:
        """The first row of a hunk or of what comes after it; 0 when there is none."""
        for y, part in zip(self._starts, self._parts, strict=True):
            if (part.file, part.at if isinstance(part, HunkRows) else part.hunk) >= (file, hunk):
                return y
        return 0


class DiffRows(NamedTuple):
    """All rows of some files.

    Attributes:
        rows: from the top.
        columns: an upper bound of their width, in cells.
        digits: columns of a line number.
        split: side by side.
    """

    rows: RowList
    columns: int
    digits: int
    split: bool


NO_ROWS = DiffRows(RowList(), 0, 1, split=False)


def rows_of(diffs: Sequence[FileDiff], *, split: bool, reasons: Sequence[Sequence[str]] = ()) -> DiffRows:
    """The rows of ``diffs``.

    Args:
        diffs: the files.
        split: side by side instead of one below the other.
        reasons: for each file why a person is asked about it, if at all.
    """
    rows = RowList()
    last = longest = 1
    for at, diff in enumerate(diffs):
        if at:
            rows.add(DiffRow("gap", at))
        rows.add(DiffRow("file", at))
        for flag in diff.flags:
            rows.add(DiffRow("flag", at, text=safe(f"! {words.reasons([flag])}")))
        for why in reasons[at] if at < len(reasons) else ():
            rows.add(DiffRow("flag", at, text=safe(f"? {why}")))
        if diff.note:
            rows.add(DiffRow("note", at, text=safe(diff.note)))
        for k, hunk in enumerate(diff.hunks):
            number = f"  hunk {hunk.number}" if hunk.number else ""
            ranges = f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
            rows.add(DiffRow("hunk", at, k, text=safe(ranges + number)))
            rows.add(HunkRows(at, k, hunk, split=split))
        for hunk in diff.inside:  # outside of any hunk that could be approved by itself
            rows.add(HunkRows(at, -1, hunk, split=split))
        for hunk in (*diff.hunks, *diff.inside):
            last = max(last, hunk.old_start + hunk.old_count, hunk.new_start + hunk.new_count)
            longest = max(longest, _longest(hunk))
    digits = len(str(last))
    return DiffRows(rows, min(longest, MOST_COLUMNS) + 2 * digits + 6, digits, split)


def _longest(hunk: Hunk) -> int:
    """An upper bound of the cells of its longest line: a byte that is not plain takes four at most, or as a tab."""
    texts = [line.text for line in hunk.lines]
    longest = max(map(len, texts), default=0)
    if longest > MOST_COLUMNS or not b"".join(texts).translate(None, _PLAIN + b"\n"):
        return longest
    return max(len(t) + 3 * len(t.rstrip(b"\n").translate(None, _PLAIN)) for t in texts)
