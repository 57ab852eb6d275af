"""Collect by itself at a safe moment: after a commit, under the lock, now and then, and never for long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.core.limits import Keep
    from agentsh.store import Store

_DAILY_S, _FULL_S = 86_400.0, 600.0
_PAGES = 5_000
"""Pages of the store's file (4 KiB each) that one such collection gives back at most; the next one goes on."""


def tidy(store: Store, home: Path, keep: Keep) -> bool:
    """Collect when it is time: once a day, and soon when the store is over its budget.

    Args:
        store: the store; the caller holds the workspace's lock.
        home: the workspace's place, where the time of the last collection is kept.
        keep: the bounds.

    Returns:
        True when it did.
    """
    full = bool(keep.max_bytes) and store.size() > keep.max_bytes
    if time.time() - _last(home) < (_FULL_S if full else _DAILY_S):
        return False
    store.gc(keep, pages=_PAGES)
    note(home)
    return True


def note(home: Path) -> None:
    """Remember that a collection was done now."""
    (home / "collected").touch(mode=0o600)


def _last(home: Path) -> float:
    try:
        return (home / "collected").stat().st_mtime
    except FileNotFoundError:
        return 0.0
