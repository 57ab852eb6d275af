"""Seal what was kept before its path's content was to be sealed, so that nothing of it can be read in the file."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from agentsh.core.faults import fault_point
from agentsh.store.exclusion import USES, match_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agentsh.store.database import Database

_OPEN = f"""
WITH named(id) AS (SELECT blob FROM ({USES}) WHERE path IN (SELECT id FROM temp.matched))
SELECT digest FROM blobs WHERE codec IN (0, 1) AND size > 0 AND seal IS NULL
  AND (id IN (SELECT id FROM named) OR id IN (SELECT piece FROM pieces WHERE blob IN (SELECT id FROM named)))
"""  # noqa: S608 - fixed text


def open_contents(database: Database, sealed: Callable[[bytes], bool]) -> Iterator[bytes]:
    """The digests of what sealed paths have and is not sealed."""
    with database.write(durable=False) as connection:
        match_paths(connection, sealed)
        found = connection.execute(_OPEN).fetchall()
    yield from (digest for (digest,) in found)


def mark_of(store: Path) -> Path:
    """The file that says that the store's files may still have, unsealed, what is sealed by now."""
    return store.with_name(store.name + "-unsealed")


def mark(store: Path) -> None:
    """Say so, on disk, before anything is sealed that was not."""
    if mark_of(store).exists():
        return
    mark_of(store).touch(mode=0o600)
    fd = os.open(store.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_anew(database: Database) -> None:
    """Write the file anew, without what was overwritten or deleted in it, and cut the log.

    Where another process is reading just now, the mark stays, and the next turn tries again.
    """
    fault_point("seal.before-anew")
    with database.bare() as connection:
        connection.execute("VACUUM")
        fault_point("seal.anew")
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if not busy:
        with suppress(FileNotFoundError):
            mark_of(database.path).unlink()
