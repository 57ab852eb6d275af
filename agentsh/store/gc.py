"""Free content that nothing refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.faults import fault_point
from agentsh.core.report import GcReport

if TYPE_CHECKING:
    from agentsh.store.database import Database

_UNUSED = """
WITH RECURSIVE used(id) AS (
  SELECT blob FROM states WHERE blob IS NOT NULL
  UNION SELECT before_blob FROM effects WHERE before_blob IS NOT NULL
  UNION SELECT after_blob FROM effects WHERE after_blob IS NOT NULL
  UNION SELECT before_blob FROM commit_effects WHERE before_blob IS NOT NULL
  UNION SELECT after_blob FROM commit_effects WHERE after_blob IS NOT NULL
  UNION SELECT stdout FROM actions WHERE stdout IS NOT NULL
  UNION SELECT stderr FROM actions WHERE stderr IS NOT NULL
  UNION SELECT p.piece FROM pieces p JOIN used u ON u.id = p.blob
)
SELECT id FROM blobs WHERE id NOT IN (SELECT id FROM used)
"""


def collect(database: Database) -> GcReport:
    """Remove unreferenced content and give its space back.

    Whatever an action, a commit or a snapshot refers to stays. The caller holds the workspace's lock: content that
    another process has put and not yet referred to would look unreferenced.
    """
    before = database.size_bytes()
    with database.bare() as connection:
        # The query has shown that nothing refers to them; enforcing it again would scan every table for each row.
        connection.execute("PRAGMA foreign_keys = OFF")
    try:
        with database.write() as connection:
            unused = connection.execute(_UNUSED).fetchall()
            fault_point("gc.before-delete")
            connection.executemany("DELETE FROM pieces WHERE blob = ?", unused)
            connection.executemany("DELETE FROM blobs WHERE id = ?", unused)
            fault_point("gc.before-done")
    finally:
        with database.bare() as connection:
            connection.execute("PRAGMA foreign_keys = ON")
    fault_point("gc.deleted")
    with database.bare() as connection:
        # Moves pages within the file, in its own transaction: a full disk or a kill leaves the file as it was.
        # A script, because execute() would run a statement without rows for one step, which is one page.
        connection.executescript("PRAGMA incremental_vacuum")
        fault_point("gc.vacuumed")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return GcReport(len(unused), before, database.size_bytes())
