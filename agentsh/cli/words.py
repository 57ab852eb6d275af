"""The words and marks by which effects, states and flags are shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentsh.cli.paint import Span
from agentsh.core.action import ActionStatus
from agentsh.core.effect import EffectKind, EffectState
from agentsh.core.flags import FLAG_REASONS
from agentsh.core.sanitise import visible_line, visible_path, visible_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff
    from agentsh.core.effect import Flag

MARKS = {
    EffectKind.CREATE: Span("A", "green"),
    EffectKind.MODIFY: Span("M", "yellow"),
    EffectKind.DELETE: Span("D", "red"),
    EffectKind.MODE: Span("m", "yellow"),
    EffectKind.XATTR: Span("x", "yellow"),
    EffectKind.RETYPE: Span("T", "magenta"),
}
"""One letter for what happened to a path: added, modified, deleted, mode, type."""

STATUS_STYLES = {
    ActionStatus.PENDING: "yellow",
    ActionStatus.APPROVED: "cyan",
    ActionStatus.COMMITTED: "green",
    ActionStatus.DENIED: "red",
    ActionStatus.INTERRUPTED: "red",
    ActionStatus.REJECTED: "red",
    ActionStatus.DISCARDED: "dim",
    ActionStatus.DONE: "dim",
    ActionStatus.RUNNING: "blue",
}

OPEN = (EffectState.PENDING, EffectState.APPROVED)
"""The states of an effect that is staged."""

LIMITS = {
    "wall_s": "time limit",
    "cpu_s": "limit on processor time",
    "memory_bytes": "memory limit",
    "output_bytes": "output limit",
    "staged_bytes": "limit on staged bytes",
    "staged_files": "limit on staged files",
    "open_files": "limit on open files",
    "processes": "limit on commands",
    "loop_iterations": "limit on loop iterations",
    "http.timeout_s": "time limit of a request",
    "http.max_bytes": "limit on the body of a request",
    "http.headers": "limit on the headers of a request",
}
"""What people call a limit, by its name in the configuration."""

ACTION_STATUSES = frozenset(s.value for s in ActionStatus)


def status_style(status: str) -> str:
    """The style of an action's status word; none for other words."""
    return STATUS_STYLES[ActionStatus(status)] if status in ACTION_STATUSES else ""


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def names(paths: Iterable[bytes], *, most: int = 5) -> str:
    """Up to ``most`` paths by name, then how many more."""
    every = list(paths)
    shown = ", ".join(visible_path(p) for p in every[:most])
    return shown + (f" and {len(every) - most:,} more" if len(every) > most else "")


def ids(records: Iterable[ActionRecord]) -> str:
    """The ids of actions, separated by spaces."""
    return " ".join(r.id for r in records)


def size(number: int) -> str:
    """Bytes for people, powers of 1,024."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{number} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError


def clock(at: float) -> str:
    """A moment in the person's own time zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def one_line(text: str, width: int = 160) -> str:
    """Untrusted text on one safe line: where it breaks, a mark, and no indentation."""
    line = visible_title(text)
    return line if len(line) <= width else line[: width - 1] + "…"


def title(record: ActionRecord, width: int = 100) -> str:
    """One safe line that names an action."""
    return one_line(record.spec.title, width)


def limit_name(field: str) -> str:
    """What a person calls the limit that stopped an action."""
    return f"{LIMITS[field]} ({field})" if field in LIMITS else f"limit {visible_line(field)}"


def moment(at: float) -> str:
    """As :func:`clock`, and shorter: the time alone when it is today's."""
    then, now = time.localtime(at), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


def lines_changed(diff: FileDiff) -> list[Span]:
    """``+3 -1``, or what there is instead of lines."""
    spans: list[Span] = []
    if diff.added:
        spans.append(Span(f"+{diff.added}", "green"))
    if diff.removed:
        spans.append(Span((" " if spans else "") + f"-{diff.removed}", "red"))
    if diff.binary:
        spans.append(Span((" " if spans else "") + "binary", "dim"))
    return spans


def reasons(flags: Sequence[Flag]) -> str:
    """Why an effect deserves a second look."""
    return "; ".join(f"{flag.value}: {FLAG_REASONS[flag]}" for flag in flags)


def path_text(diff: FileDiff) -> str:
    """The path, with a slash after a directory and the target after a symlink."""
    shown = visible_path(diff.path)
    state = diff.after or diff.before
    if state is None:
        return shown
    if state.type.value == "directory":
        return shown + "/"
    if diff.after is not None and diff.after.target is not None:
        return f"{shown} -> {visible_path(diff.after.target)}"
    return shown
