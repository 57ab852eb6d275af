"""Bring a store's schema up to date. Loaded only for a new or an older file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Database as Migrator

from agentsh.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

if TYPE_CHECKING:
    import sqlite3


def migrate(connection: sqlite3.Connection) -> None:
    """Run the steps that are missing, all or none of them.

    Args:
        connection: in autocommit mode. A process that migrated the file meanwhile is noticed under the write lock.
    """
    connection.execute("BEGIN IMMEDIATE")
    db = Migrator(connection, recursive_triggers=False)
    try:
        (have,) = db.execute("PRAGMA user_version").fetchone()
        for step in MIGRATIONS[have:]:
            for statement in step:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
