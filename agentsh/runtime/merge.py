"""Three-way merge: of texts line by line, and of the whole states of a path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConflictError
from agentsh.core.sanitise import visible_path
from agentsh.runtime.linediff import matching_blocks, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.runtime.linediff import Block
    from agentsh.store import Store

MOST_BYTES = 64 * 1024 * 1024
"""A longer text is not merged: both sides having changed it is then a conflict."""


class Region(NamedTuple):
    """A stretch that both sides changed, each in its own way, as lines."""

    base: tuple[bytes, ...]
    ours: tuple[bytes, ...]
    theirs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """The outcome of a merge.

    Attributes:
        parts: in order, what is agreed (bytes) and what is not.
        conflicts: how many regions are not agreed.
    """

    parts: tuple[bytes | Region, ...]
    conflicts: int

    @property
    def text(self) -> bytes | None:
        """The merged text; None when there is a conflict."""
        return None if self.conflicts else b"".join(p for p in self.parts if isinstance(p, bytes))


def is_binary(content: bytes) -> bool:
    """True for content that is no text: it has a NUL byte."""
    return b"\0" in content


def merge_texts(base: bytes, ours: bytes, theirs: bytes) -> Merge:
    """Merge two changes of ``base``.

    A stretch that one side alone changed takes that side's lines; a stretch that both changed alike is taken once.
    Changes that touch, with no unchanged line between them, are one stretch. Line ends are part of their lines.
    """
    if theirs in (ours, base):
        return Merge((ours,), 0)
    if ours == base:
        return Merge((theirs,), 0)
    lines = split_lines(base), split_lines(ours), split_lines(theirs)
    parts: list[bytes | Region] = []
    at = (0, 0, 0)
    for stable, count in _stable(*lines):
        parts += _unstable(lines, at, stable)
        parts.append(b"".join(lines[0][stable[0] : stable[0] + count]))
        at = (stable[0] + count, stable[1] + count, stable[2] + count)
    parts += _unstable(lines, at, (len(lines[0]), len(lines[1]), len(lines[2])))
    return Merge(tuple(p for p in parts if p), sum(isinstance(p, Region) for p in parts))


_Point = tuple[int, int, int]


def _stable(base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> Iterator[tuple[_Point, int]]:
    """The stretches that all three share: where each begins, and how many lines it has."""
    left, right = matching_blocks(base, ours), matching_blocks(base, theirs)
    i = j = 0
    while i < len(left) and j < len(right):
        a, b = left[i], right[j]
        start, end = max(a.old, b.old), min(a.old + a.size, b.old + b.size)
        if start < end:
            yield (start, _opposite(a, start), _opposite(b, start)), end - start
        if a.old + a.size <= b.old + b.size:
            i += 1
        else:
            j += 1


def _opposite(block: Block, line: int) -> int:
    return block.new + line - block.old


def _unstable(lines: tuple[list[bytes], ...], start: _Point, end: _Point) -> list[bytes | Region]:
    """What becomes of the stretch between two stable ones."""
    base, ours, theirs = (tuple(x[a:b]) for x, a, b in zip(lines, start, end, strict=True))
    if ours in (theirs, base):
        return [b"".join(theirs)]
    if theirs == base:
        return [b"".join(ours)]
    return [Region(base, ours, theirs)]


def merge_entries(
    store: Store, path: bytes, *, base: Entry | None, ours: Entry | None, theirs: Entry | None
) -> Entry | None:
    """Merge two changes of a path's state; the content of a merged text is put in the store.

    Args:
        store: has the content of all three.
        path: for the error's sake.
        base: the state that both changes started from.
        ours: the one result.
        theirs: the other.

    Raises:
        ConflictError: both changed the same thing in different ways; the message says which.
    """
    if theirs in (ours, base):
        return ours
    if ours == base:
        return theirs
    if base is None or ours is None or theirs is None:
        was = "created on both sides, differently" if base is None else "deleted on one side and changed on the other"
        raise _conflict(path, f"was {was}")
    if not base.type is ours.type is theirs.type:
        raise _conflict(path, "is of different types on both sides")
    mode = _pick(base.mode, ours.mode, theirs.mode)
    if mode is None:
        raise _conflict(path, f"got permission bits {ours.mode:o} on one side and {theirs.mode:o} on the other")
    if base.type is not EntryType.FILE:
        if base.type is EntryType.DIRECTORY:
            return replace(ours, mode=mode)
        raise _conflict(path, "is a symlink that leads to different places on both sides")
    if ours.digest == base.digest:
        return replace(theirs, mode=mode)
    if theirs.digest in (base.digest, ours.digest):
        return replace(ours, mode=mode)
    text = _merged_text(store, path, (base, ours, theirs))
    return Entry(EntryType.FILE, mode, len(text), store.put_bytes(text))


def _merged_text(store: Store, path: bytes, entries: Sequence[Entry]) -> bytes:
    if any(e.size > MOST_BYTES for e in entries):
        raise _conflict(path, "was changed on both sides and is too large to merge")
    base, ours, theirs = (store.read_blob(e.digest or b"") for e in entries)
    if any(is_binary(c) for c in (base, ours, theirs)):
        raise _conflict(path, "was changed on both sides and is no text")
    merge = merge_texts(base, ours, theirs)
    text = merge.text
    if text is None:
        where = "one place" if merge.conflicts == 1 else f"{merge.conflicts} places"
        raise _conflict(path, f"was changed on both sides in {where}")
    return text


def _pick(base: int, ours: int, theirs: int) -> int | None:
    """The side that changed; None when both did, differently."""
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else None


def _conflict(path: bytes, why: str) -> ConflictError:
    return ConflictError(f"{visible_path(path)} {why}.", paths=[path])
