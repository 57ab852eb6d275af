"""How a verb ends early."""

from __future__ import annotations


class GitError(Exception):
    """What git calls fatal.

    Attributes:
        status: the exit status.
        prefix: what stands before the message on stderr.
    """

    def __init__(self, message: str, status: int = 128, prefix: str = "fatal: ") -> None:
        super().__init__(message)
        self.status = status
        self.prefix = prefix


class UsageError(GitError):
    """An option that does not exist here, or is used wrongly; git ends with 129 for these."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 129, "error: ")


def text(name: bytes) -> str:
    """A name for a message."""
    return name.decode("utf-8", "backslashreplace")
