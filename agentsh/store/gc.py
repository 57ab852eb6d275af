"""Free content that nothing refers to, and let go of what is older than the person wants to keep.

Content goes, records stay: an action whose content was let go of is still listed, proved by the journal, and refused
when it is to be reverted. What is pending, what an open commit names, and the latest snapshot are never touched.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from agentsh.core.faults import fault_point
from agentsh.core.ids import IdKind, make_id
from agentsh.core.report import GcReport
from agentsh.store import journal
from agentsh.store.absent import KEPT, LET_GO
from agentsh.store.journal import JournalKind

if TYPE_CHECKING:
    import sqlite3

    from agentsh.core.limits import Keep
    from agentsh.store.database import Database

_DAY = 86_400.0

_UNUSED = """
WITH RECURSIVE used(id) AS (
  SELECT blob FROM states WHERE blob IS NOT NULL
  UNION SELECT before_blob FROM effects WHERE before_blob IS NOT NULL
  UNION SELECT after_blob FROM effects WHERE after_blob IS NOT NULL
  UNION SELECT before_blob FROM commit_effects WHERE before_blob IS NOT NULL
  UNION SELECT after_blob FROM commit_effects WHERE after_blob IS NOT NULL
  UNION SELECT stdout FROM actions WHERE stdout IS NOT NULL
  UNION SELECT stderr FROM actions WHERE stderr IS NOT NULL
  UNION SELECT body FROM requests WHERE body IS NOT NULL
  UNION SELECT answer FROM requests WHERE answer IS NOT NULL
  UNION SELECT p.piece FROM pieces p JOIN used u ON u.id = p.blob
)
SELECT id FROM blobs WHERE id NOT IN (SELECT id FROM used)
"""

_ALWAYS = "9e18"
_OPEN = "('pending', 'approved', 'running')"
_UNSETTLED = "('held', 'approved', 'sending', 'unknown')"

# When each content was last needed: by an action until it ran and landed, by a state until another took its place. A
# content that is needed still, whatever the age, is needed at the end of time.
_SPANS = """
CREATE TEMP TABLE spans AS
SELECT path, snapshot, blob, lead(snapshot) OVER (PARTITION BY path ORDER BY snapshot) AS until FROM states
"""

_NEEDED = f"""
CREATE TEMP TABLE needed AS
WITH action_times(number, at) AS (
  SELECT a.number, iif(a.status IN {_OPEN}, {_ALWAYS}, max(a.started_at, coalesce(c.started_at, 0)))
  FROM actions a LEFT JOIN commits c ON c.number = a.landed
), refs(blob, at) AS (
  SELECT f.before_blob, t.at
  FROM effects f JOIN action_times t ON t.number = f.action
  UNION ALL SELECT f.after_blob, t.at
  FROM effects f JOIN action_times t ON t.number = f.action
  UNION ALL SELECT f.before_blob, iif(c.outcome IS NULL, {_ALWAYS}, c.started_at)
  FROM commit_effects f JOIN commits c ON c.number = f."commit"
  UNION ALL SELECT f.after_blob, iif(c.outcome IS NULL, {_ALWAYS}, c.started_at)
  FROM commit_effects f JOIN commits c ON c.number = f."commit"
  UNION ALL SELECT a.stdout, t.at FROM actions a JOIN action_times t USING (number)
  UNION ALL SELECT a.stderr, t.at FROM actions a JOIN action_times t USING (number)
  UNION ALL SELECT q.body, iif(q.state IN {_UNSETTLED}, {_ALWAYS}, t.at)
  FROM requests q JOIN action_times t ON t.number = q.action
  UNION ALL SELECT q.answer, t.at FROM requests q JOIN action_times t ON t.number = q.action
  UNION ALL SELECT s.blob, coalesce(n.at, {_ALWAYS}) FROM spans s LEFT JOIN snapshots n ON n.number = s.until
), direct(blob, at) AS (
  SELECT blob, max(at) FROM refs WHERE blob IS NOT NULL GROUP BY blob
), all_of(blob, at) AS (
  SELECT * FROM direct UNION ALL SELECT p.piece, d.at FROM pieces p JOIN direct d ON d.blob = p.blob
)
SELECT n.blob AS blob, max(n.at) AS at, length(b.data) AS bytes FROM all_of n JOIN blobs b ON b.id = n.blob
WHERE {KEPT.replace("codec", "b.codec").replace("(data)", "(b.data)")} GROUP BY n.blob
"""  # noqa: S608 - fixed text


class _Plan(NamedTuple):
    """What a collection would do."""

    unused: list[int]
    let_go: list[int]
    bytes: int
    actions: tuple[str, ...]
    snapshots: tuple[str, ...]


def collect(
    database: Database, keep: Keep | None = None, *, dry_run: bool = False, pages: int | None = None
) -> GcReport:
    """Remove unreferenced content, let go of what is too old, and give the space back.

    The caller holds the workspace's lock: content that another process has put and not yet referred to would look
    unreferenced.

    Args:
        database: the store.
        keep: how much to keep; None keeps all that anything refers to.
        dry_run: only say what would go.
        pages: at most so many pages of the file (4 KiB each) are given back; the rest is for the next time.
    """
    before = database.size_bytes()
    if dry_run:
        with database.read() as connection:
            plan = _plan(connection, keep, before)
        return _report(plan, before, max(0, before - plan.bytes), dry_run=True)
    with database.bare() as connection:
        # The query has shown that nothing refers to them; enforcing it again would scan every table for each row.
        connection.execute("PRAGMA foreign_keys = OFF")
    try:
        with database.write() as connection:
            plan = _plan(connection, keep, before)
            fault_point("gc.before-delete")
            _apply(connection, plan)
            fault_point("gc.before-done")
    finally:
        with database.bare() as connection:
            connection.execute("PRAGMA foreign_keys = ON")
    fault_point("gc.deleted")
    with database.bare() as connection:
        # Moves pages within the file, in its own transaction: a full disk or a kill leaves the file as it was.
        # A script, because execute() would run a statement without rows for one step, which is one page.
        connection.executescript("PRAGMA incremental_vacuum" + ("" if pages is None else f"({pages})"))
        fault_point("gc.vacuumed")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return _report(plan, before, database.size_bytes(), dry_run=False)


def _report(plan: _Plan, before: int, after: int, *, dry_run: bool) -> GcReport:
    return GcReport(len(plan.unused), before, after, len(plan.let_go), plan.actions, plan.snapshots, dry_run=dry_run)


def _apply(connection: sqlite3.Connection, plan: _Plan) -> None:
    unused, let_go = ([(id_,) for id_ in ids] for ids in (plan.unused, plan.let_go))
    connection.executemany("DELETE FROM pieces WHERE blob = ?", unused + let_go)
    connection.executemany("DELETE FROM blobs WHERE id = ?", unused)
    if not let_go:
        return
    connection.executemany(f"UPDATE blobs SET codec = 2, data = x'{LET_GO.hex()}', seal = NULL WHERE id = ?", let_go)  # noqa: S608
    data = {
        "let_go": len(let_go),
        "bytes": plan.bytes,
        "actions": list(plan.actions),
        "snapshots": list(plan.snapshots),
    }
    journal.append(connection, JournalKind.GC, "store", data)


def _plan(connection: sqlite3.Connection, keep: Keep | None, size: int) -> _Plan:
    unused = [id_ for (id_,) in connection.execute(_UNUSED)]
    (spare,) = connection.execute(
        "SELECT coalesce(sum(length(data)), 0) FROM blobs WHERE id IN (SELECT value FROM json_each(?))",
        (str(unused),),
    ).fetchone()
    if keep is None or not keep.bounded:
        return _Plan(unused, [], spare, (), ())
    for name in ("spans", "needed"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
    connection.execute(_SPANS)
    connection.execute(_NEEDED)
    try:
        horizon = _horizon(connection, keep, size - spare)
        old = connection.execute("SELECT blob, bytes FROM needed WHERE at < ?", (horizon,)).fetchall()
        connection.execute("CREATE TEMP TABLE going AS SELECT blob FROM needed WHERE at < ?", (horizon,))
        actions = connection.execute(
            "SELECT DISTINCT action FROM effects WHERE landed IS NOT NULL AND (before_blob IN (SELECT blob FROM going)"
            " OR after_blob IN (SELECT blob FROM going)) ORDER BY action"
        ).fetchall()
        snapshots = connection.execute(
            "SELECT number FROM snapshots n WHERE EXISTS (SELECT 1 FROM spans s"
            " WHERE s.blob IN (SELECT blob FROM going) AND s.snapshot <= n.number"
            " AND (s.until IS NULL OR n.number < s.until)) ORDER BY number"
        ).fetchall()
    finally:
        for name in ("spans", "needed", "going"):
            connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
    return _Plan(
        unused,
        [id_ for id_, _ in old],
        spare + sum(size for _, size in old),
        tuple(make_id(IdKind.ACTION, n) for (n,) in actions),
        tuple(make_id(IdKind.SNAPSHOT, n) for (n,) in snapshots),
    )


def _horizon(connection: sqlite3.Connection, keep: Keep, size: int) -> float:
    """Content that was last needed before this time goes.

    Args:
        connection: with the table of needs.
        keep: the bounds; the strictest decides.
        size: bytes of the store once what is unused is gone.
    """
    horizon = 0.0
    if keep.days:
        horizon = time.time() - keep.days * _DAY
    if keep.snapshots:
        row = connection.execute(
            "SELECT at FROM snapshots ORDER BY number DESC LIMIT 1 OFFSET ?", (keep.snapshots - 1,)
        ).fetchone()
        horizon = max(horizon, row[0] if row else 0.0)
    if keep.max_bytes and size > keep.max_bytes:
        excess = size - keep.max_bytes
        for at, share in connection.execute(
            f"SELECT at, sum(bytes) FROM needed WHERE at < {_ALWAYS} GROUP BY at ORDER BY at"  # noqa: S608 - a number
        ):
            if excess <= 0:
                horizon = max(horizon, at)
                break
            excess -= share
        else:
            horizon = max(horizon, time.time())
    return horizon


def growth(database: Database) -> float | None:
    """Bytes of content that are added in a day, on average since the first snapshot; None before that."""
    with database.read() as connection:
        first = connection.execute("SELECT at FROM snapshots ORDER BY number LIMIT 1").fetchone()
        if first is None:
            return None
        (base,) = connection.execute("SELECT coalesce(max(blob), 0) FROM states WHERE snapshot = 1").fetchone()
        (added,) = connection.execute(
            "SELECT coalesce(sum(length(data)), 0) FROM blobs WHERE id > ?", (base,)
        ).fetchone()
    days: float = max((time.time() - first[0]) / _DAY, 1.0)
    return float(added) / days
