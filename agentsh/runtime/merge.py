"""Three-way merge: of texts line by line, and of the whole states of a path."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConflictError
from agentsh.core.sanitise import visible_path
from agentsh.runtime.linediff import matching_blocks, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentsh.core.history import PathConflict, Side
    from agentsh.runtime.linediff import Block
    from agentsh.store import Store

MOST_BYTES = 64 * 1024 * 1024
"""A longer text is not merged: both sides having changed it is then a conflict."""


OURS, BASE, SPLIT, THEIRS = b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>"
"""What the lines of a conflict stand between."""

_EMPTY = Entry(EntryType.FILE)


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

    def preferring(self, side: Side) -> bytes:
        """The merged text, with one side's lines where there is no agreement."""
        at = 1 if side == "ours" else 2
        return b"".join(p if isinstance(p, bytes) else b"".join(p[at]) for p in self.parts)

    def marked(self, labels: tuple[str, str, str]) -> bytes:
        """The merged text with every conflict between markers, as ``git merge-file --diff3`` sets them.

        Args:
            labels: what to call ours, base and theirs.
        """
        ours, base, theirs = (label.encode() for label in labels)
        out: list[bytes] = []
        for part in self.parts:
            if isinstance(part, bytes):
                out.append(part)
                continue
            for mark, label, lines in (
                (OURS, ours, part.ours),
                (BASE, base, part.base),
                (SPLIT, b"", part.theirs),
            ):
                out += [mark, b" " + label if label else b"", b"\n", *lines]
                if lines and not lines[-1].endswith(b"\n"):
                    out.append(b"\n")
            out += [THEIRS, b" ", theirs, b"\n"]
        return b"".join(out)


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
    left, right = matching_blocks(lines[0], lines[1]), matching_blocks(lines[0], lines[2])
    few, many = (1, 2) if len(left) < len(right) else (2, 1)
    spans = [*_spans(left, right)] if few == 1 else [*_spans(right, left)]
    end = (len(lines[0]), len(lines[few]), len(lines[many]))
    parts: list[bytes | Region] = []
    agreed: list[bytes] = []
    at = (0, 0, 0)
    for start, stop in [*spans, (end, end)]:
        old, mine, other = (lines[n][a:b] for n, a, b in zip((0, few, many), at, start, strict=True))
        region = _settle(agreed, old, *((mine, other) if few == 1 else (other, mine)))
        if region is not None:
            parts += [b"".join(agreed), region]
            agreed = []
        agreed += lines[many][start[2] : stop[2]]
        at = stop
    parts.append(b"".join(agreed))
    return Merge(tuple(p for p in parts if p), sum(isinstance(p, Region) for p in parts))


_Point = tuple[int, int, int]


def _spans(few: list[Block], many: list[Block]) -> Iterator[tuple[_Point, _Point]]:
    """The stretches that begin and end with lines that all three texts share, and that one side has not changed.

    Each is given by the points where it starts and stops, in the base, in the side with few changes, and in the other
    one, whose lines it takes: what that side changed within it, it changed alone.
    """
    starts, stops = [b.old for b in many], [b.old + b.size for b in many]
    for old, new, size in few:
        i, j = bisect_right(stops, old), bisect_left(starts, old + size) - 1
        if i > j:
            continue
        first, last = many[i], many[j]
        start, stop = max(old, first.old), min(old + size, last.old + last.size)
        yield (
            (start, new + start - old, first.new + start - first.old),
            (stop, new + stop - old, last.new + stop - last.old),
        )


def _settle(agreed: list[bytes], base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> Region | None:
    """Add what becomes of the stretch between two stable ones; a region when there is no agreement about it."""
    if ours in (theirs, base):
        agreed += theirs
    elif theirs == base:
        agreed += ours
    else:
        return Region(tuple(base), tuple(ours), tuple(theirs))
    return None


def merge_entries(
    store: Store,
    path: bytes,
    *,
    base: Entry | None,
    ours: Entry | None,
    theirs: Entry | None,
    prefer: Side | None = None,
) -> Entry | None:
    """Merge two changes of a path's state; the content of a merged text is put in the store.

    Args:
        store: has the content of all three.
        path: for the error's sake.
        base: the state that both changes started from.
        ours: the one result.
        theirs: the other.
        prefer: whose version to take of what is in conflict: the stretches of a text, the permission bits, an
            attribute, or all of what cannot be merged. What is in no conflict is merged all the same.

    Raises:
        ConflictError: both changed the same thing in different ways; the message says which.
    """
    if theirs in (ours, base):
        return ours
    if ours == base:
        return theirs
    if base is None or ours is None or theirs is None:
        was = "created on both sides, differently" if base is None else "deleted on one side and changed on the other"
        return _whole(path, f"was {was}", ours, theirs, prefer)
    if not base.type is ours.type is theirs.type:
        return _whole(path, "is of different types on both sides", ours, theirs, prefer)
    return _merge_alike(store, path, (base, ours, theirs), prefer)


def labels_of(conflict: PathConflict) -> tuple[str, str, str]:
    """What the markers of a conflict call ours, base and theirs."""
    return ("now", f"after {conflict.action}", f"before {conflict.action}")


def marked_text(
    store: Store, *, base: Entry | None, ours: Entry | None, theirs: Entry | None, labels: tuple[str, str, str]
) -> bytes | None:
    """The merge of three states as one text with the conflicts marked, for an editor; None where it is not for texts.

    Args:
        store: has the content of all three.
        base: the state that both changes started from; None counts as empty.
        ours: the one result.
        theirs: the other.
        labels: what the markers call ours, base and theirs.
    """
    merge = merged_states(store, base=base, ours=ours, theirs=theirs)
    return None if merge is None else merge.marked(labels)


def merged_states(store: Store, *, base: Entry | None, ours: Entry | None, theirs: Entry | None) -> Merge | None:
    """The merge of three states' texts, whatever is in conflict; None where they are no texts.

    Args:
        store: has the content of all three.
        base: the state that both changes started from; None counts as empty.
        ours: the one result.
        theirs: the other.
    """
    start = base or _EMPTY
    if ours is None or theirs is None or not start.type is ours.type is theirs.type is EntryType.FILE:
        return None
    merge = _merged_text(store, (start, ours, theirs))
    return None if isinstance(merge, str) else merge


def _merge_alike(store: Store, path: bytes, states: tuple[Entry, Entry, Entry], prefer: Side | None) -> Entry | None:
    """As :func:`merge_entries`, of three states of one type: permission bits, extended attributes and content apart.

    Raises:
        ConflictError: likewise.
    """
    base, ours, theirs = states
    mode = _pick(base.mode, ours.mode, theirs.mode)
    if mode is None:
        if prefer is None:
            raise _conflict(path, f"got permission bits {ours.mode:o} on one side and {theirs.mode:o} on the other")
        mode = ours.mode if prefer == "ours" else theirs.mode
    xattrs = _merged_attributes(path, states, prefer)
    if base.type is not EntryType.FILE:
        if base.type is EntryType.DIRECTORY:
            return replace(ours, mode=mode, xattrs=xattrs)
        return _whole(path, "is a symlink that leads to different places on both sides", ours, theirs, prefer)
    ours, theirs = (replace(side, mode=mode, xattrs=xattrs) for side in (ours, theirs))
    return _merge_files(store, path, (base, ours, theirs), prefer)


def _merged_attributes(
    path: bytes, states: tuple[Entry, Entry, Entry], prefer: Side | None
) -> tuple[tuple[str, bytes], ...]:
    """The extended attributes of a merge, each by itself.

    Raises:
        ConflictError: both sides changed one, in different ways.
    """
    base, ours, theirs = (dict(s.xattrs) for s in states)
    merged: dict[str, bytes] = {}
    for name in sorted(base.keys() | ours.keys() | theirs.keys()):
        old, mine, other = base.get(name), ours.get(name), theirs.get(name)
        value = other if mine in (other, old) else mine
        if mine not in (other, old) and other != old:
            if prefer is None:
                raise _conflict(path, f"got different values of {visible_path(os.fsencode(name))} on both sides")
            value = mine if prefer == "ours" else other
        if value is not None:
            merged[name] = value
    return tuple(merged.items())


def _merge_files(store: Store, path: bytes, states: tuple[Entry, Entry, Entry], prefer: Side | None) -> Entry | None:
    """As :func:`merge_entries`, of the content of three files whose permission bits are agreed.

    Raises:
        ConflictError: likewise.
    """
    base, ours, theirs = states
    if ours.digest == base.digest:
        return theirs
    if theirs.digest in (base.digest, ours.digest):
        return ours
    merge = _merged_text(store, states)
    if isinstance(merge, str):
        return _whole(path, merge, ours, theirs, prefer)
    text = merge.text if prefer is None else merge.preferring(prefer)
    if text is None:
        where = "one place" if merge.conflicts == 1 else f"{merge.conflicts} places"
        raise _conflict(path, f"was changed on both sides in {where}")
    return Entry(EntryType.FILE, ours.mode, len(text), store.put_bytes(text, path=path), xattrs=ours.xattrs)


def _merged_text(store: Store, entries: tuple[Entry, Entry, Entry]) -> Merge | str:
    """The merge of three files; or why they cannot be merged."""
    if any(e.size > MOST_BYTES for e in entries):
        return "was changed on both sides and is too large to merge"
    base, ours, theirs = (store.read_blob(e.digest) if e.digest and e.size else b"" for e in entries)
    if any(is_binary(c) for c in (base, ours, theirs)):
        return "was changed on both sides and is no text"
    return merge_texts(base, ours, theirs)


def _whole(path: bytes, why: str, ours: Entry | None, theirs: Entry | None, prefer: Side | None) -> Entry | None:
    """What becomes of two states that cannot be merged.

    Raises:
        ConflictError: neither is preferred.
    """
    if prefer is None:
        raise _conflict(path, why)
    return ours if prefer == "ours" else theirs


def _pick(base: int, ours: int, theirs: int) -> int | None:
    """The side that changed; None when both did, differently."""
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else None


def _conflict(path: bytes, why: str) -> ConflictError:
    return ConflictError(f"{visible_path(path)} {why}.", paths=[path])
