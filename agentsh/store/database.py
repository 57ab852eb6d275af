"""The connection: how it is opened, and the two ways to use it, reading and writing."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentsh.core.errors import StoreDamaged, UsageError
from agentsh.core.faults import fault_point
from agentsh.store.errors import boundary, head_unwritable
from agentsh.store.head import Head, tip_of
from agentsh.store.schema import APPLICATION_ID, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType


class Database:
    """One connection to one store, usable from several threads, one at a time.

    Args:
        path: the file; created, with its directory, when missing. It is readable by its owner alone.

    Raises:
        StoreDamaged: the file is no store, or is damaged.
        UsageError: a newer version wrote it, or it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.depth = 0
        self.head = Head(path)
        self._proved = False
        self._level = ""
        if os.path.lexists(f"{path}-repair"):
            raise StoreDamaged(
                "A repair of the store was cut short.", next_step="'agentsh check --repair' takes it up again."
            )
        _create_private(path)
        with boundary():
            self.connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self.connection.close()
                raise

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        with self.lock, boundary():
            self.connection.close()

    def size_bytes(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        total = 0
        for name in (self.path, self.path.with_name(self.path.name + "-wal")):
            try:
                total += name.stat().st_size
            except FileNotFoundError:  # no log: everything is in the main file
                continue
        return total

    def _prepare(self) -> None:
        run = self.connection.execute
        run("PRAGMA busy_timeout = 5000")
        run("PRAGMA trusted_schema = OFF")
        (version,) = run("PRAGMA user_version").fetchone()
        (application,) = run("PRAGMA application_id").fetchone()
        if (application, version) != (APPLICATION_ID, VERSION):
            from agentsh.store.header import judge  # noqa: PLC0415 - only for what is new, older or damaged

            version = judge(self.connection, self.path)
        if version < VERSION:
            # Both must be set outside a transaction, and the first before any table exists.
            run("PRAGMA auto_vacuum = INCREMENTAL")
            run("PRAGMA journal_mode = WAL")
            from agentsh.store.migrate import migrate  # noqa: PLC0415 - loads sqlite_utils, 70 ms

            migrate(self.connection, self.head)
        run("PRAGMA foreign_keys = ON")
        self.sync("FULL")

    def sync(self, level: str) -> None:
        """How far the next commits go: ``FULL`` to the disk, ``NORMAL`` into the log. Outside any transaction."""
        if level != self._level:
            self.connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level

    def end_problem(self) -> str | None:
        """What is wrong with the end of the journal (see :mod:`agentsh.store.head`); None when nothing is."""
        named = self.head.peek()  # before the transaction: the database is then at least as new
        with self.read() as connection:
            return self.head.compare(named, connection)

    def prove_end(self) -> None:
        """Refuse to write on top of a store that has lost its newest rows: what comes next would hide it.

        Called in each write transaction, works in the first.

        Raises:
            StoreDamaged: rows are missing that were on disk.
        """
        if self._proved:
            return
        problem = self.head.problem(self.connection)
        if problem is not None:
            raise StoreDamaged(
                problem,
                next_step="'agentsh check' says what is affected; 'agentsh check --repair' goes on from what is there.",
            )
        self._proved = True

    def accept_end(self) -> None:
        """Let this connection write on top of what is there: the person has decided so."""
        self._proved = True

    def read(self) -> _Transaction:
        """One consistent view, however many statements; never waits for a writer."""
        return _Transaction(self, "BEGIN DEFERRED")

    def write(self, *, durable: bool = True) -> _Transaction:
        """One transaction: all of it is recorded, or none.

        Nested uses join the outermost one.

        Args:
            durable: on disk when this returns. Without it the rows survive the death of this process, and reach the
                disk with the next durable transaction (the log is sequential, so never out of order).
        """
        return _Transaction(self, "BEGIN IMMEDIATE", lazy=not durable, writes=True)

    @contextmanager
    def bare(self) -> Iterator[sqlite3.Connection]:
        """The connection outside any transaction, for statements that refuse to run inside one."""
        with self.lock, boundary():
            if self.depth:
                raise RuntimeError("bare() inside a transaction")
            self.sync("FULL")
            yield self.connection


class _Transaction:
    """A transaction, or a part of the one that is under way. A class: entering a generator costs more than the rest."""

    __slots__ = ("_begin", "_database", "_lazy", "_writes")

    def __init__(self, database: Database, begin: str, *, lazy: bool = False, writes: bool = False) -> None:
        self._database = database
        self._begin = begin
        self._lazy = lazy
        self._writes = writes

    def __enter__(self) -> sqlite3.Connection:
        db = self._database
        db.lock.acquire()
        try:
            if not db.depth:
                with boundary():
                    if self._writes:
                        db.sync("NORMAL" if self._lazy else "FULL")
                    db.connection.execute(self._begin)
                    if self._writes:
                        self._prove_end()
            db.depth += 1
        except BaseException:
            db.lock.release()
            raise
        return db.connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        db = self._database
        try:
            with boundary():
                db.depth -= 1
                if db.depth:
                    pass
                elif error is None:
                    self._commit()
                elif db.connection.in_transaction:  # a full disk may have ended it already
                    db.connection.execute("ROLLBACK")
                if isinstance(error, (sqlite3.Error, UnicodeDecodeError, OSError)):
                    raise error  # for the boundary to translate; any other goes on by itself
        finally:
            db.lock.release()

    def _prove_end(self) -> None:
        db = self._database
        try:
            db.prove_end()
        except BaseException:
            db.connection.execute("ROLLBACK")
            raise

    def _commit(self) -> None:
        connection = self._database.connection
        durable = self._writes and not self._lazy
        tip = tip_of(connection) if durable else None
        try:
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if tip is not None:
            fault_point("store.committed")
            # Every earlier row is on disk with this one: the log is synced as a whole.
            try:
                self._database.head.advance(tip)
            except OSError as e:
                raise head_unwritable(e) from e


def _create_private(path: Path) -> None:
    """Make the file readable by its owner alone; SQLite gives its companions the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as e:
        raise UsageError(
            f"The store {path} cannot be opened: {e.strerror}.",
            next_step="Check the data directory, or choose another one.",
        ) from e
    try:
        if os.fstat(fd).st_mode & 0o077:
            os.fchmod(fd, 0o600)
    finally:
        os.close(fd)
