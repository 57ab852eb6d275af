"""Prove that what is kept is what was put there."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from agentsh.core.effect import EffectState
from agentsh.core.errors import AgentshError
from agentsh.core.ids import IdKind, make_id
from agentsh.core.report import CheckReport
from agentsh.store import journal
from agentsh.store.actions import arguments_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentsh.store.blobs import Blobs
    from agentsh.store.database import Database

_MOST = 1000
"""Problems reported; a file that is damaged all over needs no longer list."""


class Checker:
    """One pass over a store. Damage ends the step that meets it, never the pass."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._db = database
        self._blobs = blobs
        self._objects: dict[str, int] = {}

    def run(self) -> CheckReport:
        """Look at everything."""
        problems: list[str] = []
        steps: tuple[Callable[[], Iterator[str]], ...] = (
            self._file,
            self._references,
            self._content,
            self._journal,
            self._witnessed,
            self._commits,
        )
        for step in steps:
            try:
                for problem in step():
                    problems.append(problem)
                    if len(problems) >= _MOST:
                        break
            except (AgentshError, sqlite3.DatabaseError, ValueError, OverflowError, UnicodeError) as e:
                problems.append(f"The store could not be read to its end ({e}).")
        return CheckReport(not problems, tuple(problems), self._objects)

    def _file(self) -> Iterator[str]:
        with self._db.read() as connection:
            for (line,) in connection.execute(f"PRAGMA integrity_check({_MOST})"):
                if line != "ok":
                    yield f"The store's file is damaged: {line}."

    def _references(self) -> Iterator[str]:
        from sqlite_utils import Database as Inspector  # noqa: PLC0415 - 70 ms

        with self._db.read() as connection:
            for table in Inspector(connection).tables:
                self._objects[table.name] = table.count
            for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
                yield f"A row of {table} ({row}) refers to a row of {parent} that is missing."

    def _content(self) -> Iterator[str]:
        with self._db.read() as connection:
            digests = [d for (d,) in connection.execute("SELECT digest FROM blobs ORDER BY id")]
        for digest in digests:
            try:
                for _ in self._blobs.blob_pieces(digest):
                    pass
            except AgentshError:
                yield f"The content {digest.hex()} is damaged{self._used_by(digest)}."

    def _used_by(self, digest: bytes) -> str:
        """Which paths need a blob."""
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT DISTINCT p.name FROM blobs b JOIN states s ON s.blob = b.id JOIN paths p ON p.id = s.path"
                " WHERE b.digest = ?1 OR b.id IN (SELECT x.blob FROM pieces x JOIN blobs y ON y.id = x.piece"
                " WHERE y.digest = ?1) LIMIT 5",
                (digest,),
            ).fetchall()
        names = ", ".join(name.decode("utf-8", "backslashreplace") for (name,) in rows)
        return f" (it was in {names})" if names else ""

    def _journal(self) -> Iterator[str]:
        with self._db.read() as connection:
            yield from journal.problems(connection)

    def _witnessed(self) -> Iterator[str]:
        """What the journal says of the other tables must be what they hold."""
        with self._db.read() as connection:
            known = dict(connection.execute("SELECT number, arguments FROM actions"))
            proposed = connection.execute(
                "SELECT subject, json_extract(data, '$.arguments') FROM journal WHERE kind = 'proposal'"
            )
            for subject, expected in proposed:
                arguments = known.pop(int(subject[1:]), None)
                if arguments is None:
                    yield f"The action {subject} is in the journal, but not in the store."
                elif arguments_hash(arguments) != expected:
                    yield f"What the action {subject} asked for was altered."
            for key in known:
                yield f"The action {make_id(IdKind.ACTION, key)} is in the store, but not in the journal."
            landed = connection.execute(
                "SELECT DISTINCT action FROM effects WHERE (state = ?) <> (landed IS NOT NULL)",
                (EffectState.COMMITTED.value,),
            )
            for (key,) in landed:
                yield f"The effects of {make_id(IdKind.ACTION, key)} do not say which commit they landed in."
            ended = connection.execute(
                "SELECT c.number FROM commits c WHERE c.outcome IS NOT NULL AND NOT EXISTS"
                " (SELECT 1 FROM journal j WHERE j.subject = 'c' || c.number)"
            )
            for (key,) in ended:
                yield f"The commit {make_id(IdKind.COMMIT, key)} is in the store, but not in the journal."

    def _commits(self) -> Iterator[str]:
        with self._db.read() as connection:
            rows = connection.execute("SELECT number FROM commits WHERE outcome IS NULL").fetchall()
        for (key,) in rows:
            yield f"The commit {make_id(IdKind.COMMIT, key)} has not ended; the next command finishes or undoes it."
