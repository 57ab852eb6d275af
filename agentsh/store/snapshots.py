"""Snapshots: what changed from one to the next, and the manifest at any of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentsh.core.history import Signature, SnapshotRecord
from agentsh.core.ids import IdKind, make_id
from agentsh.store import journal
from agentsh.store.errors import decoding
from agentsh.store.journal import JournalKind
from agentsh.store.listings import all_listings, forget_listings, put_listings
from agentsh.store.moments import found_later
from agentsh.store.rows import (
    PATH_VALUE,
    STATE_VALUES,
    WIDTH,
    entry_of,
    intern_paths,
    missing,
    number,
    optional_id,
    select_state,
    state_columns,
    state_of,
    states_digest,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from agentsh.core.entry import Entry
    from agentsh.core.history import Listing, Moment
    from agentsh.store.database import Database

# SQLite gives bare columns beside max() from the row that holds the maximum.
_MANIFEST = f"""
SELECT p.name, {select_state("n.", "b")} FROM (
  SELECT path, max(snapshot), {state_columns()} FROM states WHERE snapshot <= ? GROUP BY path
) n JOIN paths p ON p.id = n.path LEFT JOIN blobs b ON b.id = n.blob WHERE n.mode IS NOT NULL
"""  # noqa: S608 - fixed column names

_DELTA = f"""
SELECT p.name, {select_state("s.", "b")} FROM states s
JOIN paths p ON p.id = s.path LEFT JOIN blobs b ON b.id = s.blob WHERE s.snapshot = ?
"""  # noqa: S608 - fixed column names

_LAST_DIRECTORY = f"""
SELECT {select_state("s.", "b")} FROM states s LEFT JOIN blobs b ON b.id = s.blob
WHERE s.path = {PATH_VALUE} AND s.mode >> 12 = 4 ORDER BY s.snapshot DESC LIMIT 1
"""  # noqa: S608 - fixed column names

_SNAPSHOTS = 'SELECT number, at, origin, "commit", changed FROM snapshots '

_ONE = f"""
SELECT {select_state("s.", "b")} FROM states s LEFT JOIN blobs b ON b.id = s.blob
WHERE s.path = {PATH_VALUE} AND s.snapshot <= ? ORDER BY s.snapshot DESC LIMIT 1
"""  # noqa: S608 - fixed column names


_SEEN_OF = f"""
SELECT p.name, {select_state("s.", "b")}, g.size, g.mtime_ns, g.ctime_ns, g.ino, g.mode
FROM paths p LEFT JOIN states s ON s.path = p.id AND s.snapshot = (SELECT max(snapshot) FROM states WHERE path = p.id)
LEFT JOIN blobs b ON b.id = s.blob LEFT JOIN signatures g ON g.path = p.id WHERE
"""  # noqa: S608 - fixed column names
_SEEN, _SEEN_BELOW = _SEEN_OF + "p.name IN ({})", _SEEN_OF + "p.name > ? AND p.name < ?"
_AT_ONCE = 250
"""Paths that one statement asks for."""

_SEEN_INSIDE = _SEEN_BELOW + " AND instr(substr(p.name, ?), x'2f') = 0"


class Snapshots:
    """The snapshots of a store."""

    _db: Database

    def record_snapshot(
        self,
        states: Mapping[bytes, Entry | None],
        *,
        signatures: Mapping[bytes, Signature | None],
        listings: Mapping[bytes, Listing | None] | None = None,
        whole: bool = True,
    ) -> str:
        """Record what was found in the workspace, as what differs from the latest snapshot.

        Args:
            states: each path that differs, with its state now; None: it is gone.
            signatures: what ``lstat`` says of paths read since; None forgets one.
            listings: marks of directories as they were found; None forgets one.
            whole: False: only some paths were looked at.

        Returns:
            The new snapshot's id.

        Raises:
            StoreDamaged: a state refers to content that was not put; nothing is recorded.
        """
        with self._db.write() as connection:
            origin = "person" if whole else "paths"
            id_ = add_snapshot(connection, states, origin=origin, commit=None, signatures=signatures)
            put_listings(connection, listings or {})
            data = {"changed": len(states), "states": states_digest(states), "whole": whole}
            journal.append(connection, JournalKind.SNAPSHOT, id_, data)
        return id_

    def update_signatures(
        self,
        signatures: Mapping[bytes, Signature | None],
        listings: Mapping[bytes, Listing | None] | None = None,
    ) -> None:
        """Record what ``lstat`` says of paths whose content is as in the latest snapshot; None forgets one.

        Args:
            signatures: of paths that were read.
            listings: as in :meth:`record_snapshot`.
        """
        if signatures or listings:
            with self._db.write(durable=False) as connection:
                _put_signatures(connection, signatures)
                put_listings(connection, listings or {})

    def listings(self) -> dict[bytes, Listing]:
        """The marks of the directories in which all is as in the latest snapshot, if they still fit."""
        with self._db.read() as connection:
            return all_listings(connection)

    def signatures(self) -> dict[bytes, Signature]:
        """What ``lstat`` said of each path when its content was last read."""
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT p.name, s.size, s.mtime_ns, s.ctime_ns, s.ino, s.mode"
                " FROM signatures s JOIN paths p ON p.id = s.path"
            )
            return {row[0]: Signature(*row[1:]) for row in rows}

    def last_seen(
        self, paths: Iterable[bytes], *, below: Iterable[bytes] = (), inside: Iterable[bytes] = ()
    ) -> tuple[dict[bytes, Entry], dict[bytes, Signature]]:
        """The newest state and the signature of some paths, where there are any.

        Args:
            paths: these.
            below: and all that was ever below these.
            inside: and all that was ever directly in these directories.
        """
        states: dict[bytes, Entry] = {}
        signatures: dict[bytes, Signature] = {}
        named = list(paths)
        wanted: list[tuple[str, Sequence[object]]] = [(_SEEN_BELOW, (d + b"/", d + b"0")) for d in below]
        for start in range(0, len(named), _AT_ONCE):
            some = named[start : start + _AT_ONCE]
            wanted.append((_SEEN.format(",".join("?" * len(some))), some))
        for directory in inside:
            prefix = directory + b"/" if directory else b""
            wanted.append((_SEEN_INSIDE, (prefix, directory + b"0" if directory else b"\xff" * 4097, len(prefix) + 1)))
        with decoding(), self._db.read() as connection:
            for query, values in wanted:
                for name, *row in connection.execute(query, values):
                    entry = entry_of(row[:WIDTH])
                    if entry is not None:
                        states[name] = entry
                    if row[WIDTH] is not None:
                        signatures[name] = Signature(*row[WIDTH:])
        return states, signatures

    def manifest(self, id_: str) -> dict[bytes, Entry]:
        """Every path and its state at a snapshot, as it was known then.

        Raises:
            NotFoundError: no such snapshot.
        """
        self.snapshot(id_)
        found: dict[bytes, Entry] = {}
        with decoding(), self._db.read() as connection:
            for row in connection.execute(_MANIFEST, (number(IdKind.SNAPSHOT, id_),)):
                entry = entry_of(row[1:])
                if entry is not None:
                    found[row[0]] = entry
        return found

    def manifest_at(self, moment: Moment) -> dict[bytes, Entry]:
        """Every path and its state at a moment, with what was found later and must have been there by then.

        Raises:
            NotFoundError: no such snapshot.
        """
        found = self.manifest(moment.snapshot)
        with decoding(), self._db.read() as connection:
            return found | found_later(connection, moment)

    def delta(self, id_: str) -> dict[bytes, Entry | None]:
        """What a snapshot changed from the one before it.

        Raises:
            StoreDamaged: a row cannot be read.
        """
        with decoding(), self._db.read() as connection:
            rows = connection.execute(_DELTA, (number(IdKind.SNAPSHOT, id_),))
            return {row[0]: entry_of(row[1:]) for row in rows}

    def states_at(self, moment: Moment, paths: Collection[bytes]) -> dict[bytes, Entry | None]:
        """Some paths' states, as :meth:`manifest_at`; None where there was nothing, or nothing was ever seen."""
        key = number(IdKind.SNAPSHOT, moment.snapshot)
        with decoding(), self._db.read() as connection:
            rows = {path: connection.execute(_ONE, (path, key)).fetchone() for path in paths}
            known = {path: None if row is None else entry_of(row) for path, row in rows.items()}
            return {**known, **found_later(connection, moment, paths)}

    def last_directory(self, path: bytes) -> Entry | None:
        """The newest state in which ``path`` was a directory; None when it never was."""
        with self._db.read() as connection:
            row = connection.execute(_LAST_DIRECTORY, (path,)).fetchone()
        return None if row is None else entry_of(row)

    def snapshot(self, id_: str) -> SnapshotRecord:
        """A snapshot.

        Raises:
            NotFoundError: no such snapshot.
        """
        found = self._snapshots("WHERE number = ?", number(IdKind.SNAPSHOT, id_))
        if not found:
            raise missing("snapshot", id_)
        return found[0]

    def snapshots(self) -> list[SnapshotRecord]:
        """All snapshots, oldest first."""
        return self._snapshots("WHERE ? ORDER BY number", 1)

    def latest_snapshot(self) -> str | None:
        """The newest snapshot's id; None before the first."""
        found = self._snapshots("WHERE ? ORDER BY number DESC LIMIT 1", 1)
        return found[0].id if found else None

    def _snapshots(self, tail: str, value: int) -> list[SnapshotRecord]:
        with self._db.read() as connection:
            rows = connection.execute(_SNAPSHOTS + tail, (value,))
            return [
                SnapshotRecord(make_id(IdKind.SNAPSHOT, key), at, origin, optional_id(IdKind.COMMIT, commit), changed)
                for key, at, origin, commit, changed in rows
            ]


def add_snapshot(
    connection: sqlite3.Connection,
    states: Mapping[bytes, Entry | None],
    *,
    origin: str,
    commit: int | None,
    signatures: Mapping[bytes, Signature | None],
) -> str:
    """Add a snapshot within a transaction; see :meth:`Snapshots.record_snapshot`."""
    row = connection.execute(
        'INSERT INTO snapshots(at, origin, "commit", changed) VALUES (?, ?, ?, ?)',
        (time.time(), origin, commit, len(states)),
    )
    key = row.lastrowid or 0
    intern_paths(connection, states)
    connection.executemany(
        f"INSERT INTO states(path, snapshot, {state_columns()}) VALUES ({PATH_VALUE}, ?, {STATE_VALUES})",  # noqa: S608 - fixed text
        ((path, key, *state_of(entry)) for path, entry in states.items()),
    )
    forget_listings(connection, states)
    forgotten = {path: None for path in states if path not in signatures}
    _put_signatures(connection, {**forgotten, **signatures})
    return make_id(IdKind.SNAPSHOT, key)


def _put_signatures(connection: sqlite3.Connection, signatures: Mapping[bytes, Signature | None]) -> None:
    intern_paths(connection, (p for p, s in signatures.items() if s is not None))
    connection.executemany(
        f"INSERT OR REPLACE INTO signatures VALUES ({PATH_VALUE}, ?, ?, ?, ?, ?)",  # noqa: S608 - fixed text
        ((path, *s) for path, s in signatures.items() if s is not None),
    )
    connection.executemany(
        f"DELETE FROM signatures WHERE path = {PATH_VALUE}",  # noqa: S608 - fixed text
        ((path,) for path, s in signatures.items() if s is None),
    )
