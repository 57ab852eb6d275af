"""The connection: how it is opened, and the two ways to use it, reading and writing."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentsh.core.errors import StoreDamaged, UsageError
from agentsh.store.errors import boundary
from agentsh.store.schema import APPLICATION_ID, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
        self._lock = threading.RLock()
        self._depth = 0
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
        with self._lock, boundary():
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
        if version or application:
            self._refuse_foreign(application, version)
        elif run("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise StoreDamaged(f"{self.path} is a database, but not a store of agentsh.")
        if version < VERSION:
            # Both must be set outside a transaction, and the first before any table exists.
            run("PRAGMA auto_vacuum = INCREMENTAL")
            run("PRAGMA journal_mode = WAL")
            from agentsh.store.migrate import migrate  # noqa: PLC0415 - loads sqlite_utils, 70 ms

            migrate(self.connection)
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA synchronous = FULL")

    def _refuse_foreign(self, application: int, version: int) -> None:
        if application != APPLICATION_ID:
            raise StoreDamaged(f"{self.path} is a database, but not a store of agentsh.")
        if version > VERSION:
            raise UsageError(
                f"The store was written by a newer agentsh (format {version}; this one knows {VERSION}).",
                next_step="Upgrade agentsh.",
            )

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view, however many statements; never waits for a writer."""
        with self._transaction("BEGIN DEFERRED") as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is recorded, or none.

        Nested uses join the outermost one.

        Args:
            durable: on disk when this returns. Without it the rows survive the death of this process, and reach the
                disk with the next durable transaction (the log is sequential, so never out of order).
        """
        with self._lock:
            if self._depth == 0 and not durable:
                with boundary():
                    self.connection.execute("PRAGMA synchronous = NORMAL")
                try:
                    with self._transaction("BEGIN IMMEDIATE") as connection:
                        yield connection
                finally:
                    self.connection.execute("PRAGMA synchronous = FULL")
            else:
                with self._transaction("BEGIN IMMEDIATE") as connection:
                    yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, boundary():
            if self._depth == 0:
                self.connection.execute(begin)
            self._depth += 1
            try:
                yield self.connection
                if self._depth == 1:
                    self.connection.execute("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already.
                if self._depth == 1 and self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    @contextmanager
    def bare(self) -> Iterator[sqlite3.Connection]:
        """The connection outside any transaction, for statements that refuse to run inside one."""
        with self._lock, boundary():
            if self._depth:
                raise RuntimeError("bare() inside a transaction")
            yield self.connection


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
