"""Read what can still be read of a damaged database: row by row, from both ends, and by every key in between."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from agentsh.store.schema import APPLICATION_ID, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROBES = 2_000_000
"""Keys looked up one by one at most, in a table whose pages cannot be walked."""

_PAGE = 4096

_LATER = {"part": "0", "xattrs": "NULL", "before_xattrs": "NULL", "after_xattrs": "NULL", "seal": "NULL"}
"""Columns that an older format does not have, with what they hold after its migration."""

UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading damage may raise; even SQLite's own message about it may quote the damage."""


class Table(NamedTuple):
    """A table, its columns in order, and the first column of its key (a whole number in every one of ours)."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def order(self) -> str:
        """Its key, for ORDER BY."""
        return ", ".join(f'"{k}"' for k in self.key)


def tables(connection: sqlite3.Connection) -> list[Table]:
    """The tables of a sound store; those that are referred to come first."""
    found = []
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall():
        info = connection.execute(f"PRAGMA table_info({name})").fetchall()
        key = [c[1] for c in sorted((c for c in info if c[5]), key=lambda c: c[5])]
        found.append(Table(name, tuple(c[1] for c in info), tuple(key)))
    return found


def open_damaged(path: Path, sample: Path) -> sqlite3.Connection | None:
    """Open a damaged file for reading; None when not even its beginning can be made to serve.

    The schema of a store is always made by the same statements, so its pages are the same in every one: where they
    cannot be read, those of a new store take their place.

    Args:
        path: a copy of the damaged file, which is changed.
        sample: a new, empty store, checkpointed.
    """
    connection = _try(path)
    if connection is not None:
        return connection
    for companion in ("-wal", "-shm"):
        path.with_name(path.name + companion).unlink(missing_ok=True)
    size = path.stat().st_size // _PAGE
    good = sample.read_bytes()
    if size < len(good) // _PAGE:
        return None
    with path.open("r+b") as file:
        for page in _schema_pages(sample):
            start = page * _PAGE
            content = bytearray(good[start : start + _PAGE])
            if page == 0:
                content[28:32] = size.to_bytes(4, "big")
                content[32:40] = bytes(8)  # no free pages are known
            file.seek(start)
            file.write(content)
    return _try(path)


def _schema_pages(sample: Path) -> list[int]:
    """The pages of the schema's own table in a new store, counted from 0."""
    content = sample.read_bytes()
    pages, todo = [0], [0]
    while todo:
        page = todo.pop()
        head = page * _PAGE + (100 if page == 0 else 0)
        if content[head] != 5:  # an inner page of a table
            continue
        count = int.from_bytes(content[head + 3 : head + 5], "big")
        cells = [int.from_bytes(content[head + 12 + 2 * n : head + 14 + 2 * n], "big") for n in range(count)]
        below = [int.from_bytes(content[page * _PAGE + c : page * _PAGE + c + 4], "big") for c in cells]
        below.append(int.from_bytes(content[head + 8 : head + 12], "big"))
        pages += [b - 1 for b in below]
        todo += [b - 1 for b in below]
    return pages


def _try(path: Path) -> sqlite3.Connection | None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = bytes  # damaged text must not end a walk
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        names = {n for (n,) in connection.execute("SELECT name FROM sqlite_schema")}
        if application == APPLICATION_ID and 0 < version <= VERSION and {b"blobs", b"journal", b"states"} <= names:
            return connection
    except UNREADABLE:
        pass  # then its schema is taken from a sound store
    connection.close()
    return None


def rows(connection: sqlite3.Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """Every row that can be read; some may come twice, and what is in them may be damaged."""
    try:
        have = {c[1].decode() for c in connection.execute(f"PRAGMA table_info({table.name})")}
    except UNREADABLE:
        return
    if not set(table.columns) - _LATER.keys() <= have:
        return
    names = ", ".join(f'"{c}"' if c in have else _LATER[c] for c in table.columns)
    table = table._replace(key=tuple(k for k in table.key if k in have))
    select = f"SELECT {names} FROM {table.name}"  # noqa: S608 - our own names
    at = table.columns.index(table.key[0])
    low: int | None = None
    high: int | None = None
    walk = _walk(connection, f"{select} ORDER BY {table.order}")
    while True:
        try:
            row = next(walk)
        except StopIteration:
            return
        except UNREADABLE:
            break
        if isinstance(row[at], int):
            low = row[at] if low is None else max(low, row[at])
        yield row
    down = ", ".join(f'"{k}" DESC' for k in table.key)
    walk = _walk(connection, f"{select} ORDER BY {down}")
    while True:
        try:
            row = next(walk)
        except (StopIteration, *UNREADABLE):
            break
        if isinstance(row[at], int):
            high = row[at] if high is None else min(high, row[at])
        yield row
    yield from _probe(connection, f'{select} WHERE "{table.key[0]}" = ?', low or 0, high)


def _walk(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    yield from connection.execute(query)


def _probe(connection: sqlite3.Connection, query: str, low: int, high: int | None) -> Iterator[tuple[Any, ...]]:
    """Look up each key between two; past an open end, until long nothing was found."""
    last, silence = min(high, low + _PROBES) if high is not None else low + _PROBES, 0
    for key in range(low, last + 1):
        try:
            found = connection.execute(query, (key,)).fetchall()
        except UNREADABLE:
            found = []
        silence = 0 if found else silence + 1
        if high is None and silence > 10_000:
            return
        yield from found


def digests(connection: sqlite3.Connection) -> dict[int, bytes]:
    """The digest of each blob by its id, as the index of the table has them: a second copy of that column."""
    found: dict[int, bytes] = {}
    query = "SELECT id, digest FROM blobs INDEXED BY sqlite_autoindex_blobs_1 WHERE digest >= x'' ORDER BY digest"
    for direction in ("", " DESC"):
        try:
            found.update(_walk(connection, query + direction))
        except UNREADABLE:
            continue  # what came before it is in; the other end is tried
    return {id_: digest for id_, digest in found.items() if isinstance(digest, bytes) and len(digest) == 32}


def names(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
    """The id and name of each path as the index of the table has them: a second copy of all of it."""
    found: dict[int, bytes] = {}
    query = "SELECT id, name FROM paths INDEXED BY sqlite_autoindex_paths_1 WHERE name >= x'' ORDER BY name"
    for direction in ("", " DESC"):
        try:
            found.update(_walk(connection, query + direction))
        except UNREADABLE:
            continue  # as in digests
    return [(id_, name) for id_, name in found.items() if isinstance(id_, int) and isinstance(name, bytes)]


def copy_file(source: Path, target: Path) -> None:
    """Copy a file and bring the copy to the disk.

    Raises:
        OSError: it cannot be read or written.
    """
    with source.open("rb") as old, target.open("xb") as new:
        os.fchmod(new.fileno(), 0o600)
        while piece := old.read(1 << 20):
            new.write(piece)
        new.flush()
        os.fsync(new.fileno())
