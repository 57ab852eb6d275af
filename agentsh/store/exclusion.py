"""Content that is not to be kept: recorded by its digest, held only while an action on it waits, then let go of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.store.absent import EXCLUDED, KEPT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from agentsh.store.database import Database

USES = """
  SELECT path, blob, 0 AS waits FROM states
  UNION ALL SELECT f.path, f.before_blob, a.status IN ('pending', 'approved', 'running')
    FROM effects f JOIN actions a ON a.number = f.action
  UNION ALL SELECT f.path, f.after_blob, a.status IN ('pending', 'approved', 'running')
    FROM effects f JOIN actions a ON a.number = f.action
  UNION ALL SELECT f.path, f.before_blob, c.outcome IS NULL
    FROM commit_effects f JOIN commits c ON c.number = f."commit"
  UNION ALL SELECT f.path, f.after_blob, c.outcome IS NULL
    FROM commit_effects f JOIN commits c ON c.number = f."commit"
  UNION ALL SELECT NULL, body, state IN ('held', 'approved', 'sending', 'unknown') FROM requests
  UNION ALL SELECT NULL, answer, 1 FROM requests
  UNION ALL SELECT NULL, stdout, 1 FROM actions
  UNION ALL SELECT NULL, stderr, 1 FROM actions
"""
"""Each use of a content: the path that has it, and whether it has to stay for this use whatever the path.

What was printed and answered is part of the record: it has no path, and stays.
"""

_GOING = f"""
SELECT id FROM blobs WHERE {KEPT}
  AND id IN (SELECT blob FROM ({USES}) WHERE path IN (SELECT id FROM temp.matched))
  AND id NOT IN (SELECT blob FROM ({USES}) WHERE blob IS NOT NULL
                 AND (waits OR path NOT IN (SELECT id FROM temp.matched)))
  AND id NOT IN (SELECT piece FROM pieces)
"""  # noqa: S608 - fixed text


def match_paths(connection: sqlite3.Connection, matches: Callable[[bytes], bool]) -> None:
    """Fill the table ``temp.matched`` with the ids of the paths that match."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS matched(id INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM temp.matched")
    paths = [(id_,) for id_, name in connection.execute("SELECT id, name FROM paths") if matches(name)]
    connection.executemany("INSERT INTO temp.matched VALUES (?)", paths)


def forget(database: Database, excluded: Callable[[bytes], bool]) -> int:
    """Let go of what only excluded paths have, and overwrite it in the file.

    Content that another path has too stays: there it is kept for that path.

    Args:
        database: the store; the caller holds the workspace's lock.
        excluded: whether a path is.

    Returns:
        How many contents went.
    """
    with database.bare() as connection:
        connection.execute("PRAGMA secure_delete = ON")
    try:
        with database.write() as connection:
            match_paths(connection, excluded)
            going = connection.execute(_GOING).fetchall()
            marks = [(EXCLUDED, id_) for (id_,) in going]
            connection.executemany("UPDATE blobs SET codec = 2, data = ?, seal = NULL WHERE id = ?", marks)
            for (whole,) in going:
                pieces = connection.execute("SELECT DISTINCT piece FROM pieces WHERE blob = ?", (whole,)).fetchall()
                connection.execute("DELETE FROM pieces WHERE blob = ?", (whole,))
                connection.executemany(
                    f"DELETE FROM blobs WHERE id = ? AND id NOT IN (SELECT piece FROM pieces)"  # noqa: S608 - fixed text
                    f" AND id NOT IN (SELECT blob FROM ({USES}) WHERE blob IS NOT NULL)",
                    pieces,
                )
    finally:
        with database.bare() as connection:
            connection.execute("PRAGMA secure_delete = OFF")
    if going:
        with database.bare() as connection:
            # The log holds it until it is written back and cut.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return len(going)
