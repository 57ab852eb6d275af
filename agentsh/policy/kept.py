"""Which paths' content the store is told not to keep, or to encrypt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.policy.flags import fold, secret_like
from agentsh.policy.rules import glob_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh.core.limits import Keep


def excluded(keep: Keep) -> Callable[[bytes], bool] | None:
    """Whether a path's content is not to be kept, as ``keep`` has it; None when that of every path is."""
    return _matching(keep.exclude, secrets=keep.exclude_secret_like) if keep.excludes else None


def sealed(keep: Keep) -> Callable[[bytes], bool] | None:
    """Whether a path's content is to be encrypted, as ``keep`` has it; None when that of no path is."""
    return _matching(keep.seal, secrets=keep.seal_secret_like) if keep.seals else None


def _matching(globs: Sequence[str], *, secrets: bool) -> Callable[[bytes], bool]:
    patterns = [glob_pattern(p) for p in globs]

    def answer(path: bytes) -> bool:
        if secrets and secret_like(path):
            return True
        text = fold(path)
        return any(p.fullmatch(text) for p in patterns)

    return answer
