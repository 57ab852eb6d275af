"""Effects as a person looks at them: hunks of lines, or a note where there are no lines to show."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.diff import DiffLine, FileDiff, Hunk
from agentsh.core.entry import Entry, EntryType
from agentsh.core.sanitise import visible_path
from agentsh.runtime.images import image_head
from agentsh.runtime.linediff import Block, matching_blocks, split_lines
from agentsh.runtime.merge import is_binary
from agentsh.runtime.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agentsh.core.effect import FileEffect

    Read = Callable[[bytes], bytes]
    """The content of a digest."""

CONTEXT = 3
"""Unchanged lines around a change."""

_REMEMBERED = Remembered()

MOST_BYTES = 16 * 1024 * 1024
"""Larger content is told by its size alone."""


def diff_effects(effects: Iterable[FileEffect], read: Read) -> list[FileDiff]:
    """What each effect changes.

    Args:
        effects: in the order in which they are shown.
        read: gives the content of a file's digest.
    """
    return [_diff(e, read) for e in effects]


def _diff(effect: FileEffect, read: Read) -> FileDiff:
    before, after = effect.before, effect.after
    notes = _notes(before, after) + _lost(before, after)
    hunks: tuple[Hunk, ...] = ()
    binary = False
    if _same_content(before, after):
        pass
    elif max(_size(before), _size(after)) > MOST_BYTES:
        notes.append(f"{_size(before)} -> {_size(after)} bytes, too large to show")
    else:
        old, new = _text(before, read), _text(after, read)
        binary = is_binary(old) or is_binary(new)
        if binary:
            notes.append(_binary(old, new))
        else:
            cut = _retyped(before, after)
            of = (_named(before), _named(after), cut)
            hunks = _REMEMBERED.hunks(of, lambda: tuple(hunks_of(split_lines(old), split_lines(new), cut=cut)))
    lines = [line.tag for h in hunks for line in h.lines]
    return FileDiff(
        path=effect.path,
        kind=effect.kind,
        before=before,
        after=after,
        flags=effect.flags,
        state=effect.state,
        hunks=hunks,
        binary=binary,
        note="; ".join(notes),
        added=lines.count("+"),
        removed=lines.count("-"),
    )


def _named(entry: Entry | None) -> tuple[bytes | None, bytes | None]:
    """What its lines are a function of."""
    return (None, None) if entry is None else (entry.digest, entry.target)


def _binary(old: bytes, new: bytes) -> str:
    """What binary content is, in words."""
    heads = [image_head(side) for side in (old, new)]
    if not any(heads):
        return f"binary, {len(old)} -> {len(new)} bytes"
    sides: list[str] = []
    for head, side in zip(heads, (old, new), strict=True):
        of = f"{head.type} image, {head.width} x {head.height}, " if head else ""
        sides.append(f"{of}{len(side)} bytes" if side else "nothing")
    return " -> ".join(sides)


def _notes(before: Entry | None, after: Entry | None) -> list[str]:
    """What changes beside content."""
    if before is None:
        return [] if after is None else _new(after)
    if after is None:
        return [] if before.type is EntryType.FILE else [before.type.value]
    if before.type is not after.type:
        return [f"{before.type.value} -> {after.type.value}"]
    notes = [f"mode {before.mode:o} -> {after.mode:o}"] if before.mode != after.mode else []
    return notes + _attributes(before, after)


def _new(after: Entry) -> list[str]:
    notes = [] if after.type is EntryType.FILE else [after.type.value]
    if after.type is EntryType.FILE:
        notes += ["empty file"] if not after.size else []
        notes += [f"mode {after.mode:o}"] if after.mode & 0o7111 else []
    return notes + _attributes(None, after)


def _attributes(before: Entry | None, after: Entry) -> list[str]:
    """Which extended attributes change, by name; their values are no text in general."""
    old, new = dict(before.xattrs) if before is not None else {}, dict(after.xattrs)
    words = {
        name: "removed" if name not in new else "added" if name not in old else "changed"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }
    return [f"xattr {visible_path(os.fsencode(name))} {word}" for name, word in words.items()]


def _lost(before: Entry | None, after: Entry | None) -> list[str]:
    """The system's attributes that go with a path, and that no revert brings back."""
    if before is None or not before.unkept or (after is not None and after.type is before.type):
        return []
    return [f"xattr {visible_path(os.fsencode(name))} is not kept" for name in before.unkept]


def _retyped(before: Entry | None, after: Entry | None) -> bool:
    return before is not None and after is not None and before.type is not after.type


def _same_content(before: Entry | None, after: Entry | None) -> bool:
    return (
        before is not None
        and after is not None
        and before.type is after.type
        and (before.digest, before.target) == (after.digest, after.target)
    )


def _size(entry: Entry | None) -> int:
    return entry.size if entry is not None else 0


def _text(entry: Entry | None, read: Read) -> bytes:
    """What a path's lines are: a file's content, a symlink's target."""
    if entry is None:
        return b""
    if entry.type is EntryType.SYMLINK:
        return entry.target or b""
    return read(entry.digest) if entry.digest is not None else b""


def numbered(diffs: Iterable[FileDiff]) -> list[FileDiff]:
    """The diffs of one action, their hunks numbered: from 1 for each path, on through the parts of its change."""
    next_of: dict[bytes, int] = {}
    out: list[FileDiff] = []
    for diff in diffs:
        first = next_of.get(diff.path, 1)
        hunks = tuple(replace(h, number=n) for n, h in enumerate(diff.hunks, first))
        next_of[diff.path] = first + len(hunks)
        out.append(replace(diff, hunks=hunks))
    return out


def grouped_changes(old: Sequence[bytes], new: Sequence[bytes]) -> list[list[_Change]]:
    """The runs of changed lines (old from, to, new from, to), those of a hunk together."""
    return list(_groups(_changes(matching_blocks(old, new), len(old), len(new))))


def hunks_of(old: Sequence[bytes], new: Sequence[bytes], *, cut: bool = False) -> Iterator[Hunk]:
    """The differences of two texts with their context.

    Args:
        old: lines before.
        new: lines after.
        cut: treat the texts as having nothing in common.
    """
    blocks = [] if cut else matching_blocks(old, new)
    for group in _groups(_changes(blocks, len(old), len(new))):
        yield _hunk(old, new, group)


_Change = tuple[int, int, int, int]


def _changes(blocks: Sequence[Block], old: int, new: int) -> Iterator[_Change]:
    """The stretches between blocks."""
    i = j = 0
    for block in [*blocks, Block(old, new, 0)]:
        if i < block.old or j < block.new:
            yield i, block.old, j, block.new
        i, j = block.old + block.size, block.new + block.size


def _groups(changes: Iterable[_Change]) -> Iterator[list[_Change]]:
    """Changes whose contexts touch belong together."""
    group: list[_Change] = []
    for change in changes:
        if group and change[0] - group[-1][1] > 2 * CONTEXT:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _hunk(old: Sequence[bytes], new: Sequence[bytes], group: list[_Change]) -> Hunk:
    lead = min(CONTEXT, group[0][0])
    start, new_start = group[0][0] - lead, group[0][2] - lead
    end = min(len(old), group[-1][1] + CONTEXT)
    new_end = group[-1][3] + end - group[-1][1]
    lines: list[DiffLine] = []
    at = start
    for i, i_end, j, j_end in group:
        lines += [DiffLine(" ", x) for x in old[at:i]]
        lines += [DiffLine("-", x) for x in old[i:i_end]]
        lines += [DiffLine("+", x) for x in new[j:j_end]]
        at = i_end
    lines += [DiffLine(" ", x) for x in old[at:end]]
    # An empty side is named by the line before it, as in a unified diff.
    return Hunk(
        start + 1 if end > start else start,
        end - start,
        new_start + 1 if new_end > new_start else new_start,
        new_end - new_start,
        tuple(lines),
    )
