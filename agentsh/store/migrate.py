"""Bring a store's schema up to date. Loaded only for a new or an older file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Database as Migrator

from agentsh.core.errors import StoreDamaged
from agentsh.core.faults import fault_point
from agentsh.store.head import Tip, tip_of
from agentsh.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

if TYPE_CHECKING:
    import sqlite3

    from agentsh.store.head import Head

_HEAD_SINCE = 2
"""From this version on a store has a head file."""


def migrate(connection: sqlite3.Connection, head: Head) -> None:
    """Run the steps that are missing, all or none of them.

    Args:
        connection: in autocommit mode. A process that migrated the file meanwhile is noticed under the write lock.
        head: begun before the end, so that a file of the new format never lacks it.
    """
    connection.execute("BEGIN IMMEDIATE")
    db = Migrator(connection, recursive_triggers=False)
    try:
        (have,) = db.execute("PRAGMA user_version").fetchone()
        if have == 0:
            _refuse_lost(head)
        for step in MIGRATIONS[have:]:
            for statement in step:
                fault_point("migrate.before-statement")
                db.execute(statement)
        if have < _HEAD_SINCE:
            head.begin(tip_of(connection))
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        fault_point("migrate.before-done")
        connection.execute("COMMIT")
        fault_point("migrate.after-done")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refuse_lost(head: Head) -> None:
    """Begin no new store where the end of an old one's journal is still named: its file was lost.

    Raises:
        StoreDamaged: it was.
    """
    named = head.peek()
    if isinstance(named, Tip) and named.seq:
        store = head.path.name.removesuffix("-head")
        raise StoreDamaged(
            f"The store's file {store} is gone or empty, and its journal had {named.seq} rows.",
            next_step=f"Put a copy of it into {head.path.parent}, or remove {head.path.name} there to begin anew.",
        )
