"""The two numbers in a database's header that say what it is, held against its schema. Loaded only when they are odd.

A flipped bit makes them name another program or another format. The schema tells it from a store that really is
another: a new format has a schema that no older one has (see :mod:`agentsh.store.schema`).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

from agentsh.core.errors import StoreDamaged, UsageError
from agentsh.core.faults import fault_point
from agentsh.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

if TYPE_CHECKING:
    from pathlib import Path

_Schema = frozenset[tuple[str, str, str | None]]


def judge(connection: sqlite3.Connection, path: Path) -> int:
    """The format of a file whose header is not that of a store of this version: 0 for a new one, else an older one.

    Args:
        connection: in autocommit mode.
        path: the file, for messages.

    Raises:
        StoreDamaged: the file is no store; or it is one, and its header says something else.
        UsageError: a newer version wrote it.
    """
    application, version, schema = _read(connection)
    if not (application or version or schema):
        return 0
    fits = _fitting(schema)
    if fits and (application != APPLICATION_ID or version not in fits):
        raise StoreDamaged(
            f"The header of {path.name} is damaged: it names format {version} of program {application:#x},"
            f" and the tables are those of format {max(fits)} of agentsh.",
            next_step="'agentsh check --repair' mends it.",
        )
    if application != APPLICATION_ID:
        raise StoreDamaged(f"{path} is a database, but not a store of agentsh.")
    if version > VERSION:
        raise UsageError(
            f"The store was written by a newer agentsh (format {version}; this one knows {VERSION}).",
            next_step="Upgrade agentsh.",
        )
    return version


def mend(path: Path) -> str:
    """Write the header that the schema asks for; what was wrong with it, as a sentence; empty when nothing was.

    Raises:
        sqlite3.DatabaseError, UnicodeDecodeError: more is damaged than that.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        application, version, schema = _read(connection)
        fits = _fitting(schema)
        if not fits or (application == APPLICATION_ID and version in fits):
            return ""
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {max(fits)}")
        fault_point("store.committed")
        connection.execute("COMMIT")
    return f"The header named format {version} of program {application:#x}."


def _read(connection: sqlite3.Connection) -> tuple[int, int, _Schema]:
    """Application, format and schema, all of one moment: another process may be migrating the file."""
    connection.execute("BEGIN")
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return application, version, _schema_of(connection)
    finally:
        connection.execute("ROLLBACK")


def _schema_of(connection: sqlite3.Connection) -> _Schema:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    return frozenset(rows.fetchall())


@cache
def _schemas() -> tuple[_Schema, ...]:
    """The schema of each format, from the first on."""
    found = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for step in MIGRATIONS:
            for statement in step:
                connection.execute(statement)
            found.append(_schema_of(connection))
    return tuple(found)


def _fitting(schema: _Schema) -> set[int]:
    """The formats that have this schema."""
    return {format_ for format_, known in enumerate(_schemas(), 1) if known == schema}
