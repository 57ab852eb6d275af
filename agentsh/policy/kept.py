"""Which paths' content the store is told not to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.policy.flags import fold, secret_like
from agentsh.policy.rules import glob_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.core.limits import Keep


def excluded(keep: Keep) -> Callable[[bytes], bool] | None:
    """A question about a path, as ``keep`` answers it; None when nothing is excluded."""
    if not keep.excludes:
        return None
    patterns = [glob_pattern(p) for p in keep.exclude]

    def answer(path: bytes) -> bool:
        if keep.exclude_secret_like and secret_like(path):
            return True
        text = fold(path)
        return any(p.fullmatch(text) for p in patterns)

    return answer
