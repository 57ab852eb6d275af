"""Content that is not there: why, and what the person is told."""

from __future__ import annotations

from agentsh.core.errors import NotFoundError, StoreDamaged

LOST, LET_GO, EXCLUDED = b"\x01", b"\x02", b"\x03"
"""Why content is not kept, in place of a list of pieces: damaged and given up, too old for the budget, not to be kept.

The row stays, so that everything that names the content can still be read and proved.
"""

KEPT = "NOT (codec = 2 AND length(data) > 0)"
"""As SQL: the content of a blob is there."""


def damaged(digest: bytes) -> StoreDamaged:
    """The error for content that is not what was put there."""
    return StoreDamaged(f"The content {digest.hex()} in the store is damaged.")


def gone(digest: bytes, why: bytes) -> NotFoundError | StoreDamaged:
    """The error for content that is not kept any more; ``why`` is what its row has in place of it."""
    if why == LET_GO:
        return NotFoundError(
            f"The content {digest.hex()} is not kept any more: it was older than the configuration keeps.",
            next_step="'[store]' in the configuration says how much is kept; newer actions and snapshots are there.",
        )
    if why == EXCLUDED:
        return NotFoundError(
            f"The content {digest.hex()} is not kept: '[store]' in the configuration excludes its path.",
            next_step="What replaced it is there now; agentsh cannot bring the old content back.",
        )
    if why == LOST:
        return StoreDamaged(
            f"The content {digest.hex()} was damaged, and given up when the store was repaired.",
            next_step="Newer or older states of the path may be there: 'agentsh log'.",
        )
    return damaged(digest)
