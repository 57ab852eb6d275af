"""Conflicts of an undo, for people: which path, of which action, why, and both sides."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agentsh.cli.output import say
from agentsh.cli.words import size
from agentsh.core.entry import EntryType
from agentsh.core.sanitise import visible, visible_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.entry import Entry
    from agentsh.core.history import PathConflict

MOST = 20
"""Conflicts that are told one by one."""


def headings(conflicts: Sequence[PathConflict], *, most: int = MOST) -> None:
    """A line for each conflict, on stderr."""
    for conflict in conflicts[:most]:
        of = f" ({conflict.action})" if conflict.action else ""
        say(f"  ! {visible_path(conflict.path)}{of}: {visible(conflict.why)}")
        say(f"      now:    {_state(conflict.ours)}")
        say(f"      undone: {_state(conflict.theirs)}")
    if len(conflicts) > most:
        say(f"  ! and {len(conflicts) - most} more (--json names all)")


def sides(conflict: PathConflict) -> None:
    """A conflict with what would go from what is there now to the undone state, on stderr."""
    headings([conflict])
    if conflict.diff is None:
        return
    from agentsh.cli import diffs as render  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.paint import Page, show  # noqa: PLC0415

    page = Page()
    render.full(page, [conflict.diff], fold=True)
    show(page, stream=sys.stderr)


def _state(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    if entry.type is EntryType.SYMLINK:
        return f"a symlink to {visible_path(entry.target or b'')}"
    if entry.type is EntryType.FILE:
        return f"a file of {size(entry.size)}, mode {entry.mode:o}"
    return f"a {entry.type.value}, mode {entry.mode:o}"
