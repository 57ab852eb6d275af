"""Running lines on a tree in the sandbox, each on the tree as it was, and comparing what came of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from agentsh.core.action import ActionKind, ActionSpec
from agentsh.core.entry import EntryType
from agentsh.core.errors import AgentshError
from agentsh.core.limits import Limits
from agentsh.runtime.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from agentsh.core.entry import Entry
    from agentsh.runtime.tasks.trees import Tree
    from agentsh.runtime.trial import Trial

_LIMITS = Limits(wall_s=10.0, cpu_s=10.0)


@dataclass(frozen=True)
class Outcome:
    """What came of a line.

    Attributes:
        code: the exit code; None when it did not run to its end.
        stdout: what it printed.
        files: what became of paths: their content, or None for gone; directories have ``/`` at the end, links ``@``.
    """

    code: int | None
    stdout: str = ""
    files: dict[str, str | None] = field(default_factory=dict)


def normalised(text: str, *, ordered: bool = True) -> list[str]:
    """Printed lines without what does not matter: spaces at the ends, runs of spaces, ``./`` before a path."""
    lines = [re.sub(r"\s+", " ", line.strip()).removeprefix("./") for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines if ordered else sorted(lines)


class Bench:
    """A tree on the disk, and a workspace on it. A context manager.

    Args:
        tree: what is in the directory.
        home: an empty directory: the tree and the workspace's store go below it.
    """

    def __init__(self, tree: Tree, home: Path) -> None:
        place = home / "tree"
        for path, text in tree.files.items():
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        self._workspace = Workspace.open(place, policy="review", data_dir=home / "data", limits=_LIMITS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workspace.close()

    def run(self, line: str) -> Outcome:
        """What comes of a line; the tree is as before afterwards."""
        workspace = self._workspace
        try:
            record = workspace.exec(line)
        except AgentshError:  # it cannot be parsed
            return Outcome(None)
        files = {}
        for effect in record.changes:
            name, entry = effect.path.decode("utf-8", "replace"), effect.after or effect.before
            is_directory = entry is not None and entry.type is EntryType.DIRECTORY
            files[name + "/" * is_directory] = None if effect.after is None else self._content(effect.after)
        outcome = Outcome(record.exit_code, workspace.output(record.id).decode("utf-8", "replace"), files)
        if record.changes:
            workspace.discard()
        return outcome

    def try_out(self, lines: Sequence[str]) -> list[Trial]:
        """What the runtime finds when it tries the lines out."""
        return self._workspace.try_out([[ActionSpec(ActionKind.SHELL, {"line": line})] for line in lines])

    def _content(self, entry: Entry) -> str:
        if entry.type is EntryType.DIRECTORY:
            return ""
        if entry.target is not None:
            return "@" + entry.target.decode("utf-8", "replace")
        return self._workspace.read_blob(entry.digest).decode("utf-8", "replace") if entry.digest else ""
