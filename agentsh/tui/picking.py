"""Choosing lines of a diff: the runs of changed lines that an answer about a range of rows is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentsh.runtime.hunks import Choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.diff import Hunk
    from agentsh.tui.diffrows import DiffRow


class Run(NamedTuple):
    """Changed lines between two kept ones, which are answered together.

    Attributes:
        rows: the first of its rows, and the one after the last.
        start: lines of the state after before it.
        end: lines of the state after up to its end.
        hunk: the number of its hunk.
    """

    rows: tuple[int, int]
    start: int
    end: int
    hunk: int


class Picked(NamedTuple):
    """What is chosen.

    Attributes:
        lines: ranges of the state after, as :meth:`Workspace.approve` takes them.
        rows: the rows that they mean, all of them.
        changed: how many changed lines these are.
    """

    lines: tuple[tuple[int, int], ...]
    rows: frozenset[int]
    changed: int


def pick(rows: Sequence[DiffRow], hunks: Sequence[Hunk], file: int, first: int, last: int) -> Picked:
    """What the rows from ``first`` to ``last`` of a file choose.

    The runtime takes whole runs of changed lines, and a deletion by a line beside it. All that it would take is in the
    answer, so that nobody answers about lines that are not marked.
    """
    runs = _runs(rows, hunks, file)
    touched = [r for r in runs if r.rows[0] <= last and first < r.rows[1]]
    lines = tuple((r.start + 1, r.end) if r.start < r.end else (max(1, r.start),) * 2 for r in touched)
    choice = Choice(lines=lines)
    taken = [r for r in runs if lines and choice.takes(0, r.start, r.end)]
    marked = frozenset(y for r in taken for y in range(*r.rows))
    return Picked(lines, marked, sum(_changed(rows[y]) for y in marked))


def _changed(row: DiffRow) -> int:
    return sum(half is not None and half.tag != " " for half in (row.left, row.right))


def _runs(rows: Sequence[DiffRow], hunks: Sequence[Hunk], file: int) -> list[Run]:
    found: list[Run] = []
    begun: int | None = None
    after = 0  # the number of the last line of the state after that was passed
    start = 0
    for y, row in enumerate(rows):
        here = row.kind == "line" and row.file == file and row.hunk >= 0
        if row.kind == "hunk" and row.file == file:
            hunk = hunks[row.hunk]
            after = hunk.new_start - 1 if hunk.new_count else hunk.new_start
        changed = here and _changed(row) > 0
        if begun is not None and not changed:
            found.append(Run((begun, y), start, after, rows[begun].hunk))
            begun = None
        if changed and begun is None:
            begun, start = y, after
        if here:
            new = row.right if row.right is not None else row.left
            if new is not None and new.tag != "-":
                after = new.number
    if begun is not None:
        found.append(Run((begun, len(rows)), start, after, rows[begun].hunk))
    return found
