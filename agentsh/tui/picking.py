"""Choosing lines of a diff: the runs of changed lines that an answer about a range of rows is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentsh.runtime.hunks import Choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.tui.diffrows import DiffRows


class Run(NamedTuple):
    """Changed lines between two kept ones, which are answered together.

    Attributes:
        rows: the first of its rows, and the one after the last.
        start: lines of the state after before it.
        end: lines of the state after up to its end.
        changed: how many changed lines it has.
    """

    rows: tuple[int, int]
    start: int
    end: int
    changed: int


class Picked(NamedTuple):
    """What is chosen.

    Attributes:
        lines: ranges of the state after, as :meth:`Workspace.approve` takes them.
        rows: the rows that they mean, all of them: from one up to another.
        changed: how many changed lines these are.
    """

    lines: tuple[tuple[int, int], ...]
    rows: tuple[tuple[int, int], ...]
    changed: int


def pick(runs: Sequence[Run], first: int, last: int) -> Picked:
    """What the rows from ``first`` to ``last`` of a file with ``runs`` choose.

    The runtime takes whole runs of changed lines, and a deletion by a line beside it. All that it would take is in the
    answer, so that nobody answers about lines that are not marked.
    """
    touched = [r for r in runs if r.rows[0] <= last and first < r.rows[1]]
    lines = tuple((r.start + 1, r.end) if r.start < r.end else (max(1, r.start),) * 2 for r in touched)
    choice = Choice(lines=lines)
    taken = [r for r in runs if lines and choice.takes(0, r.start, r.end)]
    return Picked(lines, tuple(r.rows for r in taken), sum(r.changed for r in taken))


def runs_of(rows: DiffRows, file: int) -> list[Run]:
    """The runs of a file, from the top."""
    found: list[Run] = []
    for first, part in rows.rows.hunks_of(file):
        hunk = part.hunk
        passed = hunk.new_start - 1 if hunk.new_count else hunk.new_start  # lines of the state after, up to the hunk
        for run in part.runs:
            after = passed + run.new - hunk.new_start
            if count := run.changed(split=rows.split):
                y, changed = first + run.row, len(run.removed) + len(run.added)
                found.append(Run((y, y + count), after, after + len(run.added), changed))
    return found
