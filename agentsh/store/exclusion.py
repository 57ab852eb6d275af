"""Content that is not to be kept: recorded by its digest, held only while an action on it waits, then let go of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.store.blobs import EXCLUDED, KEPT

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.store.database import Database

_USES = """
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
"""

_GOING = f"""
SELECT id FROM blobs WHERE {KEPT}
  AND id IN (SELECT blob FROM ({_USES}) WHERE path IN (SELECT id FROM temp.excluded))
  AND id NOT IN (SELECT blob FROM ({_USES}) WHERE blob IS NOT NULL
                 AND (waits OR path NOT IN (SELECT id FROM temp.excluded)))
  AND id NOT IN (SELECT piece FROM pieces)
"""  # noqa: S608 - fixed text


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
            connection.execute("CREATE TEMP TABLE IF NOT EXISTS excluded(id INTEGER PRIMARY KEY)")
            connection.execute("DELETE FROM temp.excluded")
            paths = [(id_,) for id_, name in connection.execute("SELECT id, name FROM paths") if excluded(name)]
            connection.executemany("INSERT INTO temp.excluded VALUES (?)", paths)
            going = connection.execute(_GOING).fetchall()
            connection.executemany(f"UPDATE blobs SET codec = 2, data = x'{EXCLUDED.hex()}' WHERE id = ?", going)  # noqa: S608
            for (whole,) in going:
                pieces = connection.execute("SELECT DISTINCT piece FROM pieces WHERE blob = ?", (whole,)).fetchall()
                connection.execute("DELETE FROM pieces WHERE blob = ?", (whole,))
                connection.executemany(
                    f"DELETE FROM blobs WHERE id = ? AND id NOT IN (SELECT piece FROM pieces)"  # noqa: S608 - fixed text
                    f" AND id NOT IN (SELECT blob FROM ({_USES}) WHERE blob IS NOT NULL)",
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
