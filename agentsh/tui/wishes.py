"""What a person wishes to be undone: actions whole or in part, or paths as they were at a point in time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentsh.tui import words
from agentsh.tui.text import Safe, join, path, safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentsh.core.history import Resolution
    from agentsh.core.report import CommitResult
    from agentsh.runtime.workspace import Workspace

_MOST = 4
"""Paths that are named one by one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An undo; its preview and its doing are the same call of the runtime.

    Attributes:
        actions: committed ones, to revert.
        point: instead of them, where to go back to, as :meth:`Workspace.restore` takes it.
        paths: these alone; all, when neither these nor ``hunks`` nor ``lines`` name any.
        hunks: of these paths, these hunks alone.
        lines: of these paths, the changes within these ranges alone.
    """

    actions: tuple[str, ...] = ()
    point: str = ""
    paths: tuple[bytes, ...] = ()
    hunks: Mapping[str | bytes, Sequence[int]] = field(default_factory=dict)
    lines: Mapping[str | bytes, Sequence[tuple[int, int]]] = field(default_factory=dict)

    @property
    def verb(self) -> str:
        """What it does, in a word."""
        return "Restore" if self.point else "Revert"

    @property
    def name(self) -> Safe:
        """What it is about."""
        parts = [safe(self.point)] if self.point else [safe(a) for a in self.actions[:_MOST]]
        parts += _more(len(self.actions) - _MOST)
        parts += [path(p) for p in self.paths[:_MOST]] + _more(len(self.paths) - _MOST)
        for named, numbers in self.hunks.items():
            parts += [path(os.fsencode(named)), safe("hunk " + ", ".join(map(str, numbers)))]
        for named, ranges in self.lines.items():
            parts += [path(os.fsencode(named)), safe("lines " + ", ".join(f"{a}-{b}" for a, b in ranges))]
        return join(parts)

    def run(self, workspace: Workspace, *, dry_run: bool = False, answers: Sequence[Resolution] = ()) -> CommitResult:
        """Do it, or only say what it would do.

        Raises:
            ConflictError: newer work is in the way of it, and not every conflict has an answer.
        """
        if self.point:
            return workspace.restore(self.point, paths=self.paths, dry_run=dry_run)
        return workspace.revert(
            self.actions,
            dry_run=dry_run,
            paths=self.paths,
            hunks=self.hunks or None,
            lines=self.lines or None,
            answers=answers,
        )

    def said(self, result: CommitResult) -> str:
        """What it did, in a sentence."""
        if result.commit is None:
            return "There was nothing to write."
        taken = result.actions[-1] if result.actions else result.commit
        wrote = words.count(len(result.paths), "path")
        return f"{self.verb}{'d' if self.point else 'ed'} {self.name} as {taken}: {wrote}. It can be reverted too."


def _more(number: int) -> list[Safe]:
    return [safe(f"and {number} more")] if number > 0 else []
