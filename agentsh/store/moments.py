"""What was there at a moment, although it was found only later: between two looks at the whole workspace.

A commit looks at its own paths alone. What the person changed elsewhere before it is found by the next look at the
whole, and would otherwise seem to have come after it: going back to the commit would take it away.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentsh.core.entry import EntryType
from agentsh.core.ids import IdKind
from agentsh.store.rows import PATH_VALUE, entry_of, missing, number, select_state

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from agentsh.core.entry import Entry
    from agentsh.core.history import Moment

_COARSE = getattr(time, "CLOCK_REALTIME_COARSE", time.CLOCK_REALTIME)
_BEHIND_NS = time.clock_getres(_COARSE) * 1e9
"""The clock that stamps files may be so far behind the one that stamps snapshots."""

# Of each path, what came first after a snapshot, up to the next look at the whole, unless a commit wrote it; and when
# the path was looked at last by then.
_FIRST_AFTER = f"""
SELECT p.name, {select_state("s.", "b")}, (
  SELECT max(e.at) FROM states r JOIN snapshots e ON e.number = r.snapshot WHERE r.path = s.path AND r.snapshot <= :key
)
FROM (
  SELECT path, min(snapshot) AS snapshot FROM states WHERE snapshot > :key AND snapshot <= :until {{one}} GROUP BY path
) f
JOIN states s ON s.path = f.path AND s.snapshot = f.snapshot
JOIN snapshots n ON n.number = s.snapshot AND n.origin <> 'commit'
JOIN paths p ON p.id = s.path LEFT JOIN blobs b ON b.id = s.blob
WHERE s.mode IS NOT NULL
"""  # noqa: S608 - fixed column names

_OF_ONE = f"AND path = {PATH_VALUE.replace('?', ':path')}"


def found_later(
    connection: sqlite3.Connection, moment: Moment, paths: Iterable[bytes] | None = None
) -> dict[bytes, Entry]:
    """The paths whose state at a moment was found only after it, and those states.

    Taken for such is what was last written after the path had been looked at, and before the moment. Something of an
    older time (moved there, or unpacked) tells nothing; neither does something that is gone.

    Args:
        connection: within a transaction.
        moment: when.
        paths: these alone.

    Raises:
        NotFoundError: no such snapshot.
    """
    key = number(IdKind.SNAPSHOT, moment.snapshot)
    row = connection.execute("SELECT at, origin FROM snapshots WHERE number = ?", (key,)).fetchone()
    if row is None:
        raise missing("snapshot", moment.snapshot)
    at, origin = row
    if moment.at is None and origin == "person":
        return {}  # all of the workspace was looked at then
    at = max(at, moment.at or at)
    (whole,) = connection.execute(
        "SELECT max(at) FROM snapshots WHERE number <= ? AND origin = 'person'", (key,)
    ).fetchone()
    (until,) = connection.execute(
        "SELECT min(number) FROM snapshots WHERE number > ? AND origin = 'person'", (key,)
    ).fetchone()
    values = {"key": key, "until": (1 << 62) if until is None else until}
    if paths is None:
        rows = connection.execute(_FIRST_AFTER.format(one=""), values).fetchall()
    else:
        query = _FIRST_AFTER.format(one=_OF_ONE)
        rows = [row for path in paths for row in connection.execute(query, {**values, "path": path})]
    found: dict[bytes, Entry] = {}
    directories: dict[bytes, Entry] = {}
    for name, *state, looked in rows:
        entry = entry_of(state)
        if entry is None:
            continue
        since = max(whole or 0.0, looked or 0.0)
        if since * 1e9 < entry.mtime_ns < at * 1e9 - _BEHIND_NS:
            found[name] = entry
        elif entry.type is EntryType.DIRECTORY and looked is None:
            directories[name] = entry  # its time is that of what was last put into it
    for name in list(found):
        above = name.rpartition(b"/")[0]
        while above in directories:
            found[above] = directories.pop(above)
            above = above.rpartition(b"/")[0]
    return found
