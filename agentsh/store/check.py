"""Prove that what is kept is what was put there."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from agentsh.core.effect import ChangeSet, EffectState
from agentsh.core.errors import AgentshError
from agentsh.core.ids import IdKind, make_id
from agentsh.core.report import CheckReport
from agentsh.store import journal
from agentsh.store.actions import arguments_hash
from agentsh.store.rows import states_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentsh.store.database import Database
    from agentsh.store.store import Store

_MOST = 1000
"""Problems reported; a file that is damaged all over needs no longer list."""


_DAMAGE = (AgentshError, sqlite3.DatabaseError, ValueError, KeyError, TypeError, AttributeError, OverflowError)
"""What reading a record may raise that this program did not write like that."""


class Checker:
    """One pass over a store. Damage ends the step that meets it, never the pass."""

    def __init__(self, database: Database, store: Store) -> None:
        self._db = database
        self._store = store
        self._objects: dict[str, int] = {}

    def run(self) -> CheckReport:
        """Look at everything."""
        problems: list[str] = []
        steps: tuple[Callable[[], Iterator[str]], ...] = (
            self._file,
            self._references,
            self._content,
            self._journal,
            self._actions,
            self._history,
            self._landings,
        )
        for step in steps:
            try:
                for problem in step():
                    problems.append(problem)
                    if len(problems) >= _MOST:
                        break
            except _DAMAGE as e:
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
                for _ in self._store.blob_pieces(digest):
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
        problem = self._db.end_problem()
        if problem is not None:
            yield problem

    def _actions(self) -> Iterator[str]:
        """What the journal says of actions must be what the store has."""
        proposed = {subject: data["arguments"] for subject, data in self._witnesses("proposal")}
        with self._db.read() as connection:
            known = connection.execute("SELECT number, arguments FROM actions").fetchall()
        for key, arguments in known:
            id_ = make_id(IdKind.ACTION, key)
            expected = proposed.pop(id_, None)
            if expected is None:
                yield f"The action {id_} is in the store, but not in the journal."
            elif arguments_hash(arguments) != expected:
                yield f"What the action {id_} asked for was altered."
        for id_ in proposed:
            yield f"The action {id_} is in the journal, but not in the store."
        changes = {subject: data["change_set"] for subject, data in self._witnesses("execution", "rebase")}
        for id_, digest in changes.items():
            if self._store.action(id_).changes.digest != digest:
                yield f"The effects of the action {id_} were altered."

    def _history(self) -> Iterator[str]:
        """What the journal says of commits and snapshots must be what the store has."""
        witnessed: dict[str, str] = {}
        for subject, data in self._witnesses("snapshot"):
            witnessed[subject] = data["states"]
        ended = {s: d for s, d in self._witnesses("commit", "revert", "restore", "recovery") if s.startswith("c")}
        for commit in self._store.commits():
            end = ended.get(commit.id)
            if end is None:
                yield (
                    f"The commit {commit.id} is in the store, but not in the journal."
                    if commit.outcome
                    else f"The commit {commit.id} has not ended; the next command finishes or undoes it."
                )
                continue
            if ChangeSet(commit.effects).digest != end["change_set"]:
                yield f"The effects of the commit {commit.id} were altered."
            if end["snapshot"]:
                witnessed[end["snapshot"]] = end["states"]
        for snapshot in self._store.snapshots():
            if states_digest(self._store.delta(snapshot.id)) != witnessed.pop(snapshot.id, ""):
                yield f"The snapshot {snapshot.id} was altered."
        for id_ in witnessed:
            yield f"The snapshot {id_} is in the journal, but not in the store."

    def _landings(self) -> Iterator[str]:
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT DISTINCT action FROM effects WHERE (state = ?) <> (landed IS NOT NULL)",
                (EffectState.COMMITTED.value,),
            ).fetchall()
        for (key,) in rows:
            yield f"The effects of {make_id(IdKind.ACTION, key)} do not say which commit they landed in."

    def _witnesses(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The journal's rows of some kinds: subject and data."""
        marks = ",".join("?" * len(kinds))
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT subject, data FROM journal WHERE kind IN ({marks}) ORDER BY seq",  # noqa: S608 - question marks
                kinds,
            ).fetchall()
        for subject, data in rows:
            yield subject, json.loads(data)
