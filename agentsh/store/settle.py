"""Repair in place what needs no new file: a wrong header, and a journal whose end is lost or not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.errors import StoreDamaged, UsageError
from agentsh.core.report import RepairReport
from agentsh.store import header, journal
from agentsh.store.head import tip_of
from agentsh.store.journal import JournalKind
from agentsh.store.outbox import doubt
from agentsh.store.salvage import UNREADABLE

if TYPE_CHECKING:
    from pathlib import Path

DOUBT = "The store was damaged: what it lost may have said that this was sent."


def settle(path: Path) -> RepairReport | None:
    """Repair the store at ``path`` in place; None when anything else is damaged, or nothing at all.

    What is lost at the end stays lost. From here on the journal goes on from what is there, and says so. A crash in
    between leaves the damage told as before, and the next repair starts anew.

    Raises:
        LimitExceeded: the disk is full.
    """
    from agentsh.store.store import Store  # noqa: PLC0415 - the store knows this module

    try:
        wrong = header.mend(path)
        with Store.open(path) as store:
            report = store.check()
            end = store.end_problem()
            if not (wrong or end) or any(problem != end for problem in report.problems):
                return None
            database = store._db  # noqa: SLF001 - its own package
            database.accept_end()
            with database.write() as connection:
                if end:
                    doubt(connection, DOUBT)
                (rows,) = connection.execute("SELECT count(*) FROM journal").fetchone()
                data = {
                    "aside": "",
                    "verified": rows,
                    "rechained": 0,
                    "dropped": {},
                    "found": 0,
                    "lost": 0,
                    "end": " ".join(filter(None, (wrong, end))),
                    "unproved": [],
                    "missing": [],
                }
                journal.append(connection, JournalKind.REPAIR, "store", data)
            with database.bare() as connection:
                tip = tip_of(connection)
            database.head.begin(tip)  # after the row: until then the old end is missed, and told
            return RepairReport("", dict(report.objects))
    except (StoreDamaged, UsageError, *UNREADABLE):
        return None  # the whole of it is made anew, then
