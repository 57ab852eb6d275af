"""The end of the journal's hash chain, kept beside the database: a lost tail or an older copy is noticed by it.

SQLite cannot tell that the last transactions of its file are missing, nor that the whole file was put back from a copy.
So the number and the hash of the newest row that is known to be on disk are written into a small file of their own,
after the transaction was synced: the file never names a row that a power cut could take. The database may be ahead of
it (a process died between the two), never behind.

The file has two slots, each within one sector of a disk and with a checksum of its own. A write changes one of them, so
a torn one leaves the other. It is not synced: losing it makes the file older, which is no alarm.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from agentsh.core.errors import StoreDamaged
from agentsh.core.faults import fault_point

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_SLOT = 512
_MARK = b"agentsh-head-1"
_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC


class Tip(NamedTuple):
    """The newest row of a journal: its number and its hash (32 bytes)."""

    seq: int
    hash: bytes


def tip_of(connection: sqlite3.Connection) -> Tip | None:
    """The newest row of a database's journal; None while it has none."""
    row = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    return None if row is None else Tip(*row)


class Head:
    """The head file of one store.

    Args:
        path: the store's file; the head is beside it, with ``-head`` added to its name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + "-head")

    def read(self) -> Tip | None:
        """The newest row that it names; ``seq`` is 0 for an empty journal, None stands for a missing file.

        Raises:
            StoreDamaged: it can be read, and neither slot is whole.
        """
        try:
            fd = os.open(self.path, os.O_RDONLY | _OPEN)
        except FileNotFoundError:
            return None
        try:
            data = os.read(fd, 2 * _SLOT)
        finally:
            os.close(fd)
        found = [tip for slot in (data[:_SLOT], data[_SLOT:]) if (tip := _decode(slot)) is not None]
        if not found:
            raise StoreDamaged(f"The file {self.path.name}, which names the end of the journal, is damaged.")
        return max(found)

    def advance(self, tip: Tip) -> None:
        """Name ``tip``, which is on disk; costs two system calls and waits for nothing.

        Raises:
            OSError: it cannot be written.
        """
        fault_point("head.before-write")
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | _OPEN, 0o600)
        try:
            os.pwrite(fd, _encode(tip), tip.seq % 2 * _SLOT)
        finally:
            os.close(fd)
        fault_point("head.written")

    def begin(self, tip: Tip | None) -> None:
        """Make the file anew, durably, and name ``tip`` (None: an empty journal), whatever it named before.

        Raises:
            OSError: it cannot be written.
        """
        new = self.path.with_name(self.path.name + f".{os.getpid()}.new")
        slot = _encode(tip or Tip(0, bytes(32)))
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _OPEN, 0o600)
        try:
            os.pwrite(fd, slot + slot, 0)
            os.fsync(fd)
        finally:
            os.close(fd)
        fault_point("head.before-rename")
        os.rename(new, self.path)  # noqa: PTH104 - bytes for bytes what the page says
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | _OPEN)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def problem(self, connection: sqlite3.Connection) -> str | None:
        """What is wrong with the end of the journal, as one sentence; None when it is all there.

        Read it before the transaction began, or under the write lock: the database is then at least as new.

        Args:
            connection: to the database.
        """
        return self.compare(self.peek(), connection)

    def peek(self) -> Tip | str | None:
        """As :meth:`read`, with what is wrong as a sentence instead of an error."""
        try:
            return self.read()
        except StoreDamaged as e:
            return e.what
        except OSError as e:
            return f"The file {self.path.name}, which names the end of the journal, cannot be read ({e.strerror})."

    def compare(self, named: Tip | str | None, connection: sqlite3.Connection) -> str | None:
        """What :meth:`peek` found, held against the database; see :meth:`problem`."""
        if isinstance(named, str):
            return named
        have = tip_of(connection)
        if named is None:
            lost = f"The file {self.path.name} is missing: nothing tells whether the newest rows are there."
            return None if have is None else lost
        row = connection.execute("SELECT hash FROM journal WHERE seq = ?", (named.seq,)).fetchone()
        if row == (named.hash,) or named.seq == 0:
            return None
        if row is not None:
            return f"The journal's row {named.seq} is not the one that was recorded: the store was exchanged."
        return (
            f"The store is older than it was: its journal ends with row {have.seq if have else 0}, and row {named.seq}"
            " was on disk. The newest rows were lost, or an older copy was put back."
        )


def _encode(tip: Tip) -> bytes:
    body = b"%s %d %s" % (_MARK, tip.seq, tip.hash.hex().encode())
    text = b"%s %s\n" % (body, hashlib.sha256(body).hexdigest().encode())
    return text.ljust(_SLOT, b"\n")


def _decode(slot: bytes) -> Tip | None:
    """The tip in a slot; None when it is not whole."""
    text = slot.rstrip(b"\n")
    body, _, check = text.rpartition(b" ")
    if hashlib.sha256(body).hexdigest().encode() != check or slot != text.ljust(_SLOT, b"\n"):
        return None
    parts = body.split(b" ")
    if len(parts) != 3 or parts[0] != _MARK:
        return None
    return Tip(int(parts[1]), bytes.fromhex(parts[2].decode("ascii")))
