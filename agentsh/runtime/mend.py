"""Look at a store that may be damaged, and repair it with what the workspace still has."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from agentsh.core.errors import StoreDamaged
from agentsh.core.report import CheckReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agentsh.core.report import RepairReport
    from agentsh.core.tree import Tree
    from agentsh.store import Seals, Store

_MOST = 4 * 1024 * 1024  # larger content is in pieces, which no single file holds


def examine(open_store: Callable[[], Store]) -> CheckReport:
    """Verify the store; one that cannot even be opened is a problem as any other."""
    try:
        return open_store().check()
    except StoreDamaged as e:
        return CheckReport(ok=False, problems=(e.what,))


def repair_store(path: Path, tree: Tree, end: str, seals: Seals) -> RepairReport:
    """Repair the store at ``path``; content that is damaged there is taken from the workspace where it still has it.

    The caller holds the workspace's lock, and has closed the store.

    Raises:
        StoreDamaged: nothing of it can be read.
    """
    from agentsh.store.repair import repair  # noqa: PLC0415 - only for this

    return repair(path, lambda name: _content(tree, name), end=end, seals=seals)


def _content(tree: Tree, path: bytes) -> bytes | None:
    """What the workspace has at ``path``; the caller compares."""
    try:
        fd = tree.open(path)
    except OSError:  # not there any more, or no file: then it cannot help
        return None
    try:
        st = os.fstat(fd)
        if not stat.S_ISREG(st.st_mode) or st.st_size > _MOST:
            return None
        return os.pread(fd, _MOST + 1, 0)
    finally:
        os.close(fd)
