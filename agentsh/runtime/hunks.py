"""Take a change apart: the hunks or lines of it that a person chose, and the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import NotFoundError, UsageError
from agentsh.core.record import record
from agentsh.core.sanitise import visible_path
from agentsh.runtime.diff import MOST_BYTES, diff_effects, grouped_changes
from agentsh.runtime.linediff import split_lines
from agentsh.runtime.merge import is_binary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentsh.core.effect import FileEffect
    from agentsh.store import Store


@record(frozen=True, slots=True)
class Choice:
    """What of a path's change is meant.

    Attributes:
        hunks: by the numbers that a diff of the action shows.
        lines: from one line to another, both included, counted from 1 in the state after the action. A run of changed
            lines belongs to it as a whole when it touches it, and a deletion when it is beside one of the lines.
    """

    hunks: frozenset[int] = frozenset()
    lines: tuple[tuple[int, int], ...] = ()

    def takes(self, number: int, start: int, end: int) -> bool:
        """Whether a change of hunk ``number`` is meant, which left the lines from ``start`` up to ``end`` (from 0)."""
        if number in self.hunks:
            return True
        first, last = (start + 1, end) if start < end else (start, start + 1)
        return any(first <= b and a <= last for a, b in self.lines)


def choices(
    hunks: Mapping[bytes, Sequence[int]] | None, lines: Mapping[bytes, Sequence[tuple[int, int]]] | None
) -> dict[bytes, Choice]:
    """The choice for each path that is named.

    Raises:
        UsageError: a path has no number or range, a number is not positive, or a range ends before it starts.
    """
    hunks, lines = hunks or {}, lines or {}
    found = {path: Choice(frozenset(hunks.get(path, ())), tuple(lines.get(path, ()))) for path in (*hunks, *lines)}
    for path, choice in found.items():
        wrong = any(n < 1 for n in choice.hunks) or any(not 1 <= a <= b for a, b in choice.lines)
        if wrong or not (choice.hunks or choice.lines):
            raise UsageError(
                f"The hunks or lines of {visible_path(path)} are not named right: hunks count from 1, a range of lines"
                " goes from a line to a later one.",
                next_step="'agentsh diff ACTION' shows the numbers.",
            )
    return found


@record(frozen=True, slots=True)
class Division:
    """An effect taken apart: first ``chosen``, then ``rest``, and the path is as after the effect.

    Attributes:
        chosen: what was chosen; None when nothing was.
        rest: the rest; None when there is none. Permission bits that change with the lines belong to it.
        without: the state after the effect, less what was chosen.
        hunks: how many hunks the effect has.
        taken: the numbers of those that were chosen, in part or whole.
    """

    chosen: FileEffect | None
    rest: FileEffect | None
    without: Entry | None
    hunks: int
    taken: frozenset[int]


def divide(store: Store, effect: FileEffect, choice: Choice, *, first: int = 1) -> Division:
    """Take ``effect`` apart.

    What comes or goes as a whole (a file made or deleted, a change of type, a symlink) is one hunk.

    Args:
        store: has the content of both states; receives what is between them.
        effect: the effect.
        choice: what is meant.
        first: the number of its first hunk.
    """
    before, after = effect.before, effect.after
    if before is None or after is None or not before.type is after.type is EntryType.FILE:
        return _undivided(store, effect, choice, first)
    if before.digest == after.digest or max(before.size, after.size) > MOST_BYTES:
        return Division(None, effect, after, 0, frozenset())
    old, new = (store.read_blob(e.digest) if e.digest and e.size else b"" for e in (before, after))
    if is_binary(old) or is_binary(new):
        return Division(None, effect, after, 0, frozenset())
    a, b = split_lines(old), split_lines(new)
    groups = grouped_changes(a, b)
    chosen: list[bytes] = []
    without: list[bytes] = []
    taken: set[int] = set()
    at = 0
    for number, group in enumerate(groups, first):
        for i, i_end, j, j_end in group:
            same, was, now = a[at:i], a[i:i_end], b[j:j_end]
            takes = choice.takes(number, j, j_end)
            if takes:
                taken.add(number)
            chosen += [*same, *(now if takes else was)]
            without += [*same, *(was if takes else now)]
            at = i_end
    if not taken:
        return Division(None, effect, after, len(groups), frozenset())
    middle = _file(store, b"".join([*chosen, *a[at:]]), before, effect.path)
    less = _file(store, b"".join([*without, *a[at:]]), after, effect.path)
    if middle == after:
        return Division(effect, None, less, len(groups), frozenset(taken))
    # Written later than what was chosen, the rest must look younger to a build: it gets the time of its writing.
    rest = replace(effect, before=middle, after=replace(after, mtime_ns=0))
    return Division(replace(effect, after=middle), rest, less, len(groups), frozenset(taken))


def _undivided(store: Store, effect: FileEffect, choice: Choice, first: int) -> Division:
    """An effect of one hunk at most."""
    (diff,) = diff_effects([effect], store.read_blob)
    for hunk in diff.hunks:
        start = hunk.new_start - 1 if hunk.new_count else hunk.new_start
        if choice.takes(first, start, start + hunk.new_count):
            return Division(effect, None, effect.before, 1, frozenset({first}))
    return Division(None, effect, effect.after, len(diff.hunks), frozenset())


def _file(store: Store, content: bytes, like: Entry, path: bytes) -> Entry:
    """A file at ``path`` with the permission bits and attributes of another state."""
    return Entry(EntryType.FILE, like.mode, len(content), store.put_bytes(content, path=path), xattrs=like.xattrs)


def refuse_unknown(action: str, path: bytes, choice: Choice, taken: frozenset[int], count: int) -> None:
    """Refuse a choice that names what is not there.

    Args:
        action: the action.
        path: the path.
        choice: what was asked for.
        taken: the numbers of the hunks that it names.
        count: how many hunks the action has on the path.

    Raises:
        NotFoundError: a hunk has no such number, or no line of a range is changed.
    """
    shown = visible_path(path)
    if not count:
        raise NotFoundError(
            f"{action} has no hunks in {shown}: its change has no lines to choose from.",
            next_step="Name the path alone, without hunks.",
        )
    unknown = sorted(n for n in choice.hunks if n > count)
    if unknown:
        raise NotFoundError(
            f"{action} has no hunk {unknown[0]} in {shown}, but {'one' if count == 1 else f'1 to {count}'}.",
            next_step=f"'agentsh diff {action}' shows the numbers.",
        )
    if not taken:
        raise NotFoundError(
            f"{action} changed none of these lines of {shown}.", next_step=f"'agentsh diff {action}' shows the lines."
        )
