"""The words, marks and styles by which effects, states and entries are shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentsh.core.effect import EffectKind, EffectState
from agentsh.core.entry import EntryType
from agentsh.core.flags import FLAG_REASONS
from agentsh.tui.text import Safe, Span, path, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentsh.core.diff import FileDiff
    from agentsh.core.effect import Flag
    from agentsh.core.entry import Entry

MARKS = {
    EffectKind.CREATE: Span(Safe("A"), "added"),
    EffectKind.MODIFY: Span(Safe("M"), "changed"),
    EffectKind.DELETE: Span(Safe("D"), "removed"),
    EffectKind.MODE: Span(Safe("m"), "changed"),
    EffectKind.XATTR: Span(Safe("x"), "changed"),
    EffectKind.RETYPE: Span(Safe("T"), "changed"),
}
"""One letter for what happened to a path, as on the command line."""

VERBS = {
    EffectKind.CREATE: "added",
    EffectKind.MODIFY: "modified",
    EffectKind.DELETE: "deleted",
    EffectKind.MODE: "mode changed",
    EffectKind.XATTR: "attributes changed",
    EffectKind.RETYPE: "type changed",
}

STATUS = {
    "running": ("…", "dim"),
    "done": ("·", "dim"),
    "pending": ("?", "changed"),
    "approved": ("✓", "added"),
    "committed": ("●", "added"),
    "rejected": ("✗", "removed"),
    "discarded": ("✗", "dim"),
    "denied": ("!", "removed"),
    "refused": ("!", "removed"),
    "sent": ("→", "added"),
    "unknown": ("?", "error"),
    "undone": ("←", "dim"),
    "interrupted": ("!", "removed"),
}
"""A mark and a style for how an action stands; the word is always beside it."""

STATE_MARKS = {
    EffectState.PENDING: Span(Safe("[ ]"), "changed"),
    EffectState.APPROVED: Span(Safe("[✓]"), "added"),
    EffectState.COMMITTED: Span(Safe("[●]"), "added"),
    EffectState.REJECTED: Span(Safe("[✗]"), "removed"),
    EffectState.DISCARDED: Span(Safe("[✗]"), "dim"),
}


def status_span(status: str) -> Span:
    """The mark and the word."""
    mark, style = STATUS.get(status, (" ", "dim"))
    return Span(safe(f"{mark} {status}"), style)


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: int) -> str:
    """Bytes for people, powers of 1,024."""
    value = float(number)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{number} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def moment(at: float) -> str:
    """A moment in the person's time zone: the time alone when it is today's."""
    then, now = time.localtime(at), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


def reasons(flags: Sequence[Flag]) -> str:
    """Why an effect deserves a second look."""
    return "; ".join(f"{flag.value}: {FLAG_REASONS[flag]}" for flag in flags)


def changed(added: int | None, removed: int | None) -> tuple[Span, ...]:
    """``+3 -1``."""
    spans = [Span(safe(f" +{added}"), "added")] if added else []
    if removed:
        spans.append(Span(safe(f" -{removed}"), "removed"))
    return tuple(spans)


def total(diffs: Iterable[FileDiff]) -> tuple[Span, ...]:
    """The lines that all of ``diffs`` add and remove."""
    every = list(diffs)
    return changed(sum(d.added for d in every), sum(d.removed for d in every))


def path_text(diff: FileDiff) -> Safe:
    """The path, with a slash after a directory and the target after a symlink."""
    shown = path(diff.path)
    state = diff.after or diff.before
    if state is not None and state.type is EntryType.DIRECTORY:
        return Safe(shown + "/")
    if diff.after is not None and diff.after.target is not None:
        return Safe(f"{shown} -> {path(diff.after.target)}")
    return shown


def state_text(entry: Entry | None) -> Safe:
    """A path's state in words."""
    if entry is None:
        return Safe("nothing")
    if entry.type is EntryType.SYMLINK:
        return Safe(f"a symlink to {path(entry.target or b'')}")
    if entry.type is EntryType.FILE:
        return safe(f"a file of {size(entry.size)}, mode {entry.mode:o}")
    return safe(f"a {entry.type.value}, mode {entry.mode:o}")
