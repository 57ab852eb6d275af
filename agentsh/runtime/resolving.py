"""A conflict of texts taken apart, so that a person can answer it place by place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from agentsh.core.record import record
from agentsh.runtime.linediff import split_lines
from agentsh.runtime.merge import Merge, Region, merged_states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentsh.core.history import PathConflict
    from agentsh.redact import Redactor
    from agentsh.store import Store

Pick = Literal["ours", "theirs", "both", "both-theirs-first"] | bytes
"""What a place becomes: one side's lines, both sides' lines one after the other, or lines of the person's own."""

Part = bytes | Region
"""A stretch that is agreed, or a place that is not."""


@record(frozen=True, slots=True)
class Apart:
    """A conflict, place by place.

    Attributes:
        parts: in order, all that the path's text becomes.
        shown: the same parts with names in place of values of secrets: a view, not content.
    """

    parts: tuple[Part, ...]
    shown: tuple[Part, ...]

    @property
    def places(self) -> tuple[Region, ...]:
        """The parts that are not agreed."""
        return tuple(p for p in self.parts if isinstance(p, Region))

    def picked(self, picks: Mapping[int, Pick]) -> Merge:
        """The merge with some of its places answered.

        Args:
            picks: what becomes of a place, by its number from 0.
        """
        parts: list[Part] = []
        at = -1
        for part in self.parts:
            if isinstance(part, Region):
                at += 1
                parts.append(lines_of(part, picks[at]) if at in picks else part)
            else:
                parts.append(part)
        return Merge(tuple(parts), sum(isinstance(p, Region) for p in parts))


def lines_of(place: Region, pick: Pick) -> bytes:
    """What a place becomes by an answer."""
    if isinstance(pick, bytes):
        return pick
    ours, theirs = b"".join(place.ours), b"".join(place.theirs)
    if pick == "ours":
        return ours
    if pick == "theirs":
        return theirs
    first, second = (ours, theirs) if pick == "both" else (theirs, ours)
    # A last line without an end would run into the first one of what comes after it.
    return first + (b"\n" if first and second and not first.endswith(b"\n") else b"") + second


def take_apart(store: Store, conflict: PathConflict, redactor: Redactor | None) -> Apart | None:
    """The places of a conflict; None where there is no text in conflict, so that a side is the only answer.

    Args:
        store: has the content of all three states.
        conflict: as the runtime gave it.
        redactor: knows the values that are not shown.
    """
    merge = merged_states(store, base=conflict.base, ours=conflict.ours, theirs=conflict.theirs)
    if merge is None or not merge.conflicts:
        return None
    return Apart(merge.parts, merge.parts if redactor is None else _clean(merge, redactor))


def _clean(merge: Merge, redactor: Redactor) -> tuple[Part, ...]:
    """The parts without values. Each whole version first, for a value may lie across parts; lines stay as many."""
    versions: list[list[tuple[bytes, ...]]] = []
    for n in range(3):
        lines = [tuple(split_lines(p)) if isinstance(p, bytes) else p[n] for p in merge.parts]
        texts = _clean_lines([line for part in lines for line in part], redactor)
        at, cut = 0, []
        for part in lines:
            cut.append(tuple(texts[at : at + len(part)]))
            at += len(part)
        versions.append(cut)
    return tuple(
        b"".join(versions[1][k]) if isinstance(p, bytes) else Region(*(versions[n][k] for n in range(3)))
        for k, p in enumerate(merge.parts)
    )


def _clean_lines(lines: list[bytes], redactor: Redactor) -> list[bytes]:
    clean = redactor.redact(b"".join(lines))
    if not clean.names:
        return lines
    texts = split_lines(clean.data)
    if len(texts) != len(lines):
        return [b" ".join(f"secret:{n}".encode() for n in clean.names) + b"\n"] * len(lines)
    return texts
