"""What is said of forms that would write."""

from __future__ import annotations

from .failure import GitError

READ_ONLY = "git internals are read-only to actions: "


def refused(what: str) -> GitError:
    """A verb's form that would write."""
    return GitError(
        f"{READ_ONLY}{what} would write into .git. Change files as usual: the person reviews them, and commits them "
        "with their own git."
    )
