"""Prove that what is kept is what was put there."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from agentsh.core.effect import ChangeSet, EffectState
from agentsh.core.errors import AgentshError
from agentsh.core.ids import IdKind, make_id
from agentsh.core.report import CheckReport
from agentsh.store import journal
from agentsh.store.absent import KEPT, LOST
from agentsh.store.actions import arguments_hash
from agentsh.store.rows import states_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentsh.store.database import Database
    from agentsh.store.store import Store

_MOST = 1000
"""Problems reported; a file that is damaged all over needs no longer list."""


DAMAGE = (AgentshError, sqlite3.DatabaseError, ValueError, KeyError, TypeError, AttributeError, OverflowError)
"""What reading a record may raise that this program did not write like that."""


class Problem(NamedTuple):
    """One thing that is not as it was put.

    Attributes:
        text: a sentence.
        affected: ids that cannot be relied on for it.
        paths: paths that have a state with damaged content.
    """

    text: str
    affected: tuple[str, ...] = ()
    paths: tuple[bytes, ...] = ()


_PARENTS = """
WITH hit(id) AS (
  SELECT id FROM blobs WHERE digest = ?
  UNION SELECT p.blob FROM pieces p JOIN blobs b ON b.id = p.piece WHERE b.digest = ?
)
"""

_USERS = (
    ("SELECT DISTINCT action FROM effects WHERE before_blob IN hit OR after_blob IN hit", IdKind.ACTION),
    ("SELECT number FROM actions WHERE stdout IN hit OR stderr IN hit", IdKind.ACTION),
    ("SELECT number FROM requests WHERE body IN hit OR answer IN hit", IdKind.REQUEST),
    ('SELECT DISTINCT "commit" FROM commit_effects WHERE before_blob IN hit OR after_blob IN hit', IdKind.COMMIT),
    ("SELECT DISTINCT snapshot FROM states WHERE blob IN hit", IdKind.SNAPSHOT),
)

_PATHS = """
SELECT name FROM paths WHERE id IN (
  SELECT path FROM states WHERE blob IN hit
  UNION SELECT path FROM effects WHERE before_blob IN hit OR after_blob IN hit
  UNION SELECT path FROM commit_effects WHERE before_blob IN hit OR after_blob IN hit
) ORDER BY name
"""


class Checker:
    """One pass over a store. Damage ends the step that meets it, never the pass."""

    def __init__(self, database: Database, store: Store) -> None:
        self._db = database
        self._store = store
        self._objects: dict[str, int] = {}
        self._given_up = 0
        self._locked = 0
        self._known: frozenset[str] = frozenset()

    def run(self) -> CheckReport:
        """Look at everything."""
        steps = (self._repairs, self._file, self._references, self._content, self._chain, *self.witnessing())
        problems = self.walk(steps)
        affected = sorted({id_ for p in problems for id_ in p.affected}, key=lambda i: (i[:1], len(i), i))
        return CheckReport(
            not problems,
            tuple(p.text for p in problems),
            self._objects,
            tuple(affected),
            tuple(sorted({path for p in problems for path in p.paths})),
            self._given_up,
            self._locked,
        )

    def witnessing(self) -> tuple[Callable[[], Iterator[Problem]], ...]:
        """The steps that hold records against what the journal says of them."""
        return (self._actions, self._requests, self._commits, self._snapshots, self._landings)

    @staticmethod
    def walk(steps: tuple[Callable[[], Iterator[Problem]], ...]) -> list[Problem]:
        """Take some steps; what they find."""
        problems: list[Problem] = []
        for step in steps:
            try:
                for problem in step():
                    problems.append(problem)
                    if len(problems) >= _MOST:
                        break
            except DAMAGE as e:
                problems.append(Problem(f"The store could not be read to its end ({str(e).rstrip('.')})."))
        return list(dict.fromkeys(problems))

    def _repairs(self) -> Iterator[Problem]:
        """What an earlier repair has told already is no news."""
        known: set[str] = set()
        for _, data in self._witnesses("repair"):
            known.update(data["unproved"], data["missing"])
        self._known = frozenset(known)
        return iter(())

    def _file(self) -> Iterator[Problem]:
        with self._db.read() as connection:
            for (line,) in connection.execute(f"PRAGMA integrity_check({_MOST})"):
                if line != "ok":
                    yield Problem(f"The store's file is damaged: {line}.")

    def _references(self) -> Iterator[Problem]:
        from sqlite_utils import Database as Inspector  # noqa: PLC0415 - 70 ms

        with self._db.read() as connection:
            for table in Inspector(connection).tables:
                self._objects[table.name] = table.count
            for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
                yield Problem(f"A row of {table} ({row}) refers to a row of {parent} that is missing.")

    def _content(self) -> Iterator[Problem]:
        with self._db.read() as connection:
            (self._given_up,) = connection.execute(
                "SELECT count(*) FROM blobs WHERE codec = 2 AND data = ?", (LOST,)
            ).fetchone()
            digests = [d for (d,) in connection.execute(f"SELECT digest FROM blobs WHERE {KEPT} ORDER BY id")]  # noqa: S608
        locked: set[bytes] = set()
        for digest in digests:
            try:
                if not self._store.prove_blob(digest):
                    locked.add(digest)
            except AgentshError:
                yield self._damaged(digest)
        if locked:
            with self._db.read() as connection:
                pieces = connection.execute("SELECT digest FROM blobs WHERE id IN (SELECT piece FROM pieces)")
                self._locked = len(locked.difference(piece for (piece,) in pieces))

    def _damaged(self, digest: bytes) -> Problem:
        """A content that is damaged, with everything that needs it."""
        affected: list[str] = []
        with self._db.read() as connection:
            for query, kind in _USERS:
                rows = connection.execute(_PARENTS + query, (digest, digest))
                affected += [make_id(kind, number) for (number,) in rows]
            paths = tuple(name for (name,) in connection.execute(_PARENTS + _PATHS, (digest, digest)))
        names = ", ".join(name.decode("utf-8", "backslashreplace") for name in paths[:5])
        where = f" (it was in {names})" if names else ""
        return Problem(f"The content {digest.hex()} is damaged{where}.", tuple(dict.fromkeys(affected)), paths)

    def _chain(self) -> Iterator[Problem]:
        with self._db.read() as connection:
            for text in journal.problems(connection):
                yield Problem(text)
        problem = self._db.end_problem()
        if problem is not None:
            yield Problem(problem)

    def _about(self, id_: str, text: str) -> Iterator[Problem]:
        if id_ not in self._known:
            yield Problem(text, (id_,))

    def _actions(self) -> Iterator[Problem]:
        """What the journal says of actions must be what the store has."""
        proposed = {subject: data["arguments"] for subject, data in self._witnesses("proposal")}
        with self._db.read() as connection:
            known = connection.execute("SELECT number, arguments FROM actions").fetchall()
        for key, arguments in known:
            id_ = make_id(IdKind.ACTION, key)
            expected = proposed.pop(id_, None)
            if expected is None:
                yield from self._about(id_, f"The action {id_} is in the store, but not in the journal.")
            elif arguments_hash(arguments) != expected:
                yield from self._about(id_, f"What the action {id_} asked for was altered.")
        for id_ in proposed:
            yield from self._about(id_, f"The action {id_} is in the journal, but not in the store.")
        changes = {subject: data["change_set"] for subject, data in self._witnesses("execution", "rebase")}
        for id_, digest in changes.items():
            try:
                altered = id_ not in proposed and self._store.action(id_).changes.digest != digest
            except DAMAGE as e:
                yield from self._about(id_, f"The action {id_} cannot be read ({e}).")
                continue
            if altered:
                yield from self._about(id_, f"The effects of the action {id_} were altered.")

    def _requests(self) -> Iterator[Problem]:
        """What the journal says of how a request stands must be what the store has: by it, it is sent or is not."""
        last = dict(self._witnesses("request", "response"))
        ends = {s: d for s, d in self._witnesses("response") if "status" in d}
        with self._db.read() as connection:
            numbers = [n for (n,) in connection.execute("SELECT number FROM requests ORDER BY number")]
        for id_ in (make_id(IdKind.REQUEST, n) for n in numbers):
            said = last.pop(id_, None)
            if said is None:
                yield from self._about(id_, f"The request {id_} is in the store, but not in the journal.")
                continue
            try:
                request = self._store.request(id_)
            except DAMAGE as e:
                yield from self._about(id_, f"The request {id_} cannot be read ({e}).")
                continue
            end = ends.get(id_, {"status": None, "answer": ""})
            answer = request.answer.hex() if request.answer else ""
            if request.state.value != said["state"] or (request.status, answer) != (end["status"], end["answer"]):
                yield from self._about(id_, f"How the request {id_} stands was altered.")
        for id_ in last:
            yield from self._about(id_, f"The request {id_} is in the journal, but not in the store.")

    def _commits(self) -> Iterator[Problem]:
        """What the journal says of commits must be what the store has."""
        ended = dict(self._ends())
        with self._db.read() as connection:
            numbers = [n for (n,) in connection.execute("SELECT number FROM commits ORDER BY number")]
        for id_ in (make_id(IdKind.COMMIT, n) for n in numbers):
            end = ended.pop(id_, None)
            try:
                commit = self._store.commit(id_)
            except DAMAGE as e:
                yield from self._about(id_, f"The commit {id_} cannot be read ({e}).")
                continue
            if end is None:
                yield from self._about(
                    id_,
                    f"The commit {id_} is in the store, but not in the journal."
                    if commit.outcome
                    else f"The commit {id_} has not ended; the next command finishes or undoes it.",
                )
            elif ChangeSet(commit.effects).digest != end["change_set"]:
                yield from self._about(id_, f"The effects of the commit {id_} were altered.")
        for id_ in ended:
            yield from self._about(id_, f"The commit {id_} is in the journal, but not in the store.")

    def _snapshots(self) -> Iterator[Problem]:
        """What the journal says of snapshots must be what the store has."""
        witnessed = {subject: data["states"] for subject, data in self._witnesses("snapshot")}
        witnessed |= {end["snapshot"]: end["states"] for _, end in self._ends() if end["snapshot"]}
        for snapshot in self._store.snapshots():
            try:
                altered = states_digest(self._store.delta(snapshot.id)) != witnessed.pop(snapshot.id, "")
            except DAMAGE as e:
                yield from self._about(snapshot.id, f"The snapshot {snapshot.id} cannot be read ({e}).")
                continue
            if altered:
                yield from self._about(snapshot.id, f"The snapshot {snapshot.id} was altered.")
        for id_ in witnessed:
            yield from self._about(id_, f"The snapshot {id_} is in the journal, but not in the store.")

    def _ends(self) -> Iterator[tuple[str, dict[str, Any]]]:
        kinds = ("commit", "revert", "restore", "withdraw", "recovery")
        return ((s, d) for s, d in self._witnesses(*kinds) if s.startswith(IdKind.COMMIT.value))

    def _landings(self) -> Iterator[Problem]:
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT DISTINCT action FROM effects WHERE (state = ?) <> (landed IS NOT NULL)",
                (EffectState.COMMITTED.value,),
            ).fetchall()
        for (key,) in rows:
            id_ = make_id(IdKind.ACTION, key)
            yield from self._about(id_, f"The effects of {id_} do not say which commit they landed in.")

    def _witnesses(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The journal's rows of some kinds: subject and data."""
        marks = ",".join("?" * len(kinds))
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT subject, data FROM journal WHERE kind IN ({marks}) ORDER BY seq",  # noqa: S608 - question marks
                kinds,
            ).fetchall()
        for subject, data in rows:
            if isinstance(subject, str):  # a flipped bit makes bytes of text; the chain tells of that row
                yield subject, json.loads(data)
