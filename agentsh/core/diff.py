"""What a person looks at: the difference between two states of a path, as hunks of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from agentsh.core.record import record

if TYPE_CHECKING:
    from agentsh.core.effect import EffectKind, EffectState, Flag
    from agentsh.core.entry import Entry

Tag = Literal[" ", "+", "-"]


@record(frozen=True, slots=True)
class DiffLine:
    """One line: kept, added or removed. ``text`` is raw and keeps its line end; sanitise before showing it."""

    tag: Tag
    text: bytes


@record(frozen=True, slots=True)
class Hunk:
    """A run of changed lines with context. Starts count from 1, as in a unified diff (POSIX ``diff -u``).

    ``number`` names it among the hunks of one action on one path, from 1; 0 where it cannot be named.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[DiffLine, ...]
    number: int = 0


@record(frozen=True, slots=True)
class FileDiff:
    """One effect as a person sees it.

    Attributes:
        path: raw bytes, relative to the workspace.
        action: the id of the action whose effect it is; empty for a diff that spans several.
        binary: content that is no text; ``hunks`` is empty then.
        note: why there are no hunks, or what changed beside content ('mode 644 -> 755'); empty otherwise.
        added: lines added.
        removed: lines removed.
        inside: what changed inside binary content, as text, where something can read it: to look at, not to approve
            in parts.
    """

    path: bytes
    kind: EffectKind
    before: Entry | None
    after: Entry | None
    flags: tuple[Flag, ...] = ()
    state: EffectState | None = None
    action: str = ""
    hunks: tuple[Hunk, ...] = ()
    binary: bool = False
    note: str = ""
    added: int = 0
    removed: int = 0
    inside: tuple[Hunk, ...] = ()
