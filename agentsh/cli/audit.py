"""The journal for an outsider: JSON lines whose hashes prove that none was altered or removed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from agentsh.cli.output import say, write_bytes
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh import Workspace


def export(workspace: Workspace, file: str) -> None:
    """Write the journal of ``workspace`` to ``file``, or to stdout for ``-``.

    Raises:
        UsageError: the file exists already, or cannot be made.
    """
    if file == "-":
        _write(workspace, write_bytes)
        return
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise UsageError(
            f"The journal cannot be written to {visible_line(file)}: {e.strerror}.",
            next_step="Name a file that does not exist yet, in a directory that you may write to.",
        ) from e
    with os.fdopen(fd, "wb") as out:
        rows = _write(workspace, out.write)
    say(f"Wrote {rows:,} rows of the journal to {visible_line(file)}.")


def _write(workspace: Workspace, write: Callable[[bytes], object]) -> int:
    rows = -1  # the first line is no row
    for line in workspace.journal():
        write(json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n")
        rows += 1
    return rows
