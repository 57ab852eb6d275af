"""The one boundary at which an error of SQLite or of the disk becomes an error of ours."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentsh.core.errors import ActionFailed, AgentshError, LimitExceeded, StoreDamaged, UsageError, WorkspaceBusy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNUSABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
"""SQLite's own word for it; and the index of the log, which even reading needs, could not be made."""
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


class MissingContentError(StoreDamaged):
    """Something refers to content that the store does not have."""

    default_files = "Nothing was recorded; the workspace is unchanged."


def disk_full(where: str) -> LimitExceeded:
    """The error for a full disk at ``where``."""
    return LimitExceeded(
        f"The disk is full: {where} could not be written.",
        limit="disk",
        files="Nothing was lost: what was recorded before stays, and the workspace has no half-written file.",
        next_step="Free some space, then try again; 'agentsh gc' gives back what the store can spare.",
    )


def is_disk_full(error: OSError) -> bool:
    """True when ``error`` says that there is no space, or no quota, left."""
    return error.errno in _NO_SPACE


def head_unwritable(error: OSError) -> AgentshError:
    """The error for a head file that cannot follow a transaction which is already on disk."""
    return ActionFailed(
        f"The end of the journal cannot be written beside the store: {error.strerror}.",
        files="The record itself is on disk; a commit that was under way is finished by the next command.",
        next_step="Free some space, or check the permissions of the data directory and its disk.",
    )


def translate(error: sqlite3.Error) -> AgentshError | None:  # noqa: PLR0911 - a table of cases
    """Our error for one of SQLite's; None for a mistake in this program, which must stay visible as what it is."""
    if isinstance(error, sqlite3.ProgrammingError):
        return None
    code = getattr(error, "sqlite_errorcode", 0)
    primary = code & 0xFF
    if primary in _BUSY:
        return WorkspaceBusy("Another agentsh process is writing to the store.")
    if code in _NO_ROOM or primary in _NO_ROOM:
        return disk_full("the store")
    if primary in _UNUSABLE:
        return UsageError(
            f"The store cannot be opened for writing ({error}).",
            next_step="Check the permissions of the data directory, or choose another one.",
        )
    if primary == sqlite3.SQLITE_IOERR:
        return StoreDamaged(f"The store could not be read or written ({error}).")
    if primary == sqlite3.SQLITE_CONSTRAINT:
        if code in (sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, sqlite3.SQLITE_CONSTRAINT_CHECK):
            return MissingContentError("A record names content or an id that the store does not have.")
        return StoreDamaged(f"The store refused a record ({error}).")
    return StoreDamaged(f"The store is damaged, or is no store ({error}).")


@contextmanager
def decoding() -> Iterator[None]:
    """Rows that cannot be what this program wrote are damage."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise StoreDamaged(f"The store is damaged: a record cannot be read ({type(e).__name__}: {e}).") from e


class _Boundary:
    """Holds nothing, so that one serves everywhere; a class, because it is entered for every statement."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        if e is None:
            return
        if isinstance(e, sqlite3.Error):
            ours = translate(e)
            if ours is not None:
                raise ours from e
        elif isinstance(e, UnicodeDecodeError):  # even SQLite's own message about damage may quote the damage
            raise StoreDamaged("The store is damaged: it holds text that is no text.") from e
        elif isinstance(e, OSError) and is_disk_full(e):
            raise disk_full("the store") from e


_BOUNDARY = _Boundary()


def boundary() -> _Boundary:
    """Everything that touches the database runs inside."""
    return _BOUNDARY
