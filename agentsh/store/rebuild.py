"""Take over what a damaged store still has into a new, empty one, and find what in it cannot be relied on."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

from agentsh.core.attributes import decode_attributes
from agentsh.core.errors import AgentshError, SealedError
from agentsh.core.ids import IdKind, make_id
from agentsh.core.report import RepairReport
from agentsh.store import journal, salvage
from agentsh.store.absent import KEPT, LOST
from agentsh.store.check import DAMAGE, Checker
from agentsh.store.journal import START, JournalKind, row_hash
from agentsh.store.outbox import doubt
from agentsh.store.packing import PIECE, digest_of, unpacked
from agentsh.store.seal import Packed, mended
from agentsh.store.settle import DOUBT

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.store.database import Database
    from agentsh.store.store import Store

    Find = Callable[[bytes], bytes | None]
    """Given a path: what the workspace has there now, when it is a file and small enough; else None."""

_TYPE_BITS = "(32768, 16384, 40960, 0)"

_UNREADABLE = (
    *(
        f"DELETE FROM {table} WHERE {column} & 61440 NOT IN {_TYPE_BITS}"  # noqa: S608 - our own names
        for table, column in (
            ("states", "mode"),
            ("effects", "before_mode"),
            ("effects", "after_mode"),
            ("commit_effects", "before_mode"),
            ("commit_effects", "after_mode"),
        )
    ),
    "DELETE FROM messages WHERE NOT json_valid(body)",
    "DELETE FROM signatures",  # a scan makes them anew
)
"""Rows that are whole and say what no state can be."""

_ORPHANS = (
    "DELETE FROM pieces WHERE blob NOT IN (SELECT id FROM blobs) OR piece NOT IN (SELECT id FROM blobs)",
    "DELETE FROM messages WHERE session NOT IN (SELECT number FROM sessions)",
    "UPDATE actions SET session = NULL WHERE session NOT IN (SELECT number FROM sessions)",
    "UPDATE actions SET landed = NULL WHERE landed NOT IN (SELECT number FROM commits)",
    "UPDATE actions SET stdout = NULL WHERE stdout NOT IN (SELECT id FROM blobs)",
    "UPDATE actions SET stderr = NULL WHERE stderr NOT IN (SELECT id FROM blobs)",
    "UPDATE commits SET snapshot_before = NULL WHERE snapshot_before NOT IN (SELECT number FROM snapshots)",
    'UPDATE snapshots SET "commit" = NULL WHERE "commit" NOT IN (SELECT number FROM commits)',
    """DELETE FROM effects WHERE action NOT IN (SELECT number FROM actions) OR path NOT IN (SELECT id FROM paths)
       OR before_blob NOT IN (SELECT id FROM blobs) OR after_blob NOT IN (SELECT id FROM blobs)""",
    "UPDATE effects SET landed = NULL, state = 'discarded' WHERE landed NOT IN (SELECT number FROM commits)",
    """DELETE FROM requests WHERE action NOT IN (SELECT number FROM actions)
       OR (body IS NOT NULL AND body NOT IN (SELECT id FROM blobs))""",
    "UPDATE requests SET answer = NULL WHERE answer NOT IN (SELECT id FROM blobs)",
    "UPDATE requests SET undoes = NULL WHERE undoes NOT IN (SELECT number FROM requests)",
    'UPDATE requests SET "commit" = NULL WHERE "commit" NOT IN (SELECT number FROM commits)',
    "DELETE FROM approvals WHERE action NOT IN (SELECT number FROM actions)",
    """DELETE FROM grants WHERE action NOT IN (SELECT number FROM actions)
       OR session NOT IN (SELECT number FROM sessions)""",
    """DELETE FROM commit_actions WHERE "commit" NOT IN (SELECT number FROM commits)
       OR action NOT IN (SELECT number FROM actions)""",
    """DELETE FROM commit_effects WHERE "commit" NOT IN (SELECT number FROM commits)
       OR path NOT IN (SELECT id FROM paths) OR before_blob NOT IN (SELECT id FROM blobs)
       OR after_blob NOT IN (SELECT id FROM blobs)""",
    """DELETE FROM states WHERE path NOT IN (SELECT id FROM paths) OR snapshot NOT IN (SELECT number FROM snapshots)
       OR blob NOT IN (SELECT id FROM blobs)""",
)
"""What refers to a row that is not there goes, or lets go of it."""


class Rebuild:
    """One repair's work.

    Args:
        old: the damaged store.
        store: the new one.
        find: asked for content that is damaged here and may be in the workspace still.
        aside: the name of the damaged file, for the record.
        end: what was wrong with the end of the journal, for the record.
        mended: pages that were put right before, for the record.
    """

    def __init__(self, old: sqlite3.Connection, store: Store, find: Find, *, aside: str, end: str, mended: int) -> None:
        self._old = old
        self._new: Database = store._db  # noqa: SLF001 - its own package
        self._store = store
        self._find = find
        self._aside = aside
        self._end = end
        self._mended = mended
        self._saved: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._found = 0
        self._lost = 0

    def run(self) -> RepairReport:
        """Take over all that can be read and proved; what could not is in the report, and in the journal."""
        with self._new.bare() as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            tables = salvage.tables(connection)
        with self._new.write() as connection:
            for table in tables:
                if table.name not in ("journal", "signatures", "listings"):
                    self._copy(connection, table)
            verified, rechained = self._journal(connection, next(t for t in tables if t.name == "journal"))
            self._contents(connection)
            for statement in (*_UNREADABLE, *_ORPHANS):
                connection.execute(statement)
            self._drop_unreadable(connection)
            for statement in _ORPHANS:
                connection.execute(statement)
        with self._new.bare() as connection:
            connection.execute("PRAGMA foreign_keys = ON")
        unproved, missing = self._witness()
        with self._new.write() as connection:
            doubt(connection, DOUBT)  # a row that is lost may have said that it was sent
            data = {
                "aside": self._aside,
                "verified": verified,
                "rechained": rechained,
                "dropped": dict(self._dropped),
                "found": self._found,
                "lost": self._lost,
                "end": self._end,
                "pages": self._mended,
                "unproved": unproved,
                "missing": missing,
            }
            journal.append(connection, JournalKind.REPAIR, "store", data)
        return RepairReport(
            self._aside,
            dict(self._saved),
            dict(self._dropped),
            self._found,
            self._lost,
            tuple(unproved),
            tuple(missing),
        )

    def _copy(self, connection: sqlite3.Connection, table: salvage.Table) -> None:
        names = ", ".join(f'"{c}"' for c in table.columns)
        marks = ", ".join("?" * len(table.columns))
        insert = f"INSERT INTO {table.name} ({names}) VALUES ({marks}) ON CONFLICT ({table.order}) DO NOTHING"  # noqa: S608
        texts = self._texts(connection, table.name)
        xattrs = {n for n, c in enumerate(table.columns) if c.endswith("xattrs")}
        index = salvage.digests(self._old) if table.name == "blobs" else {}
        for row in salvage.rows(self._old, table):
            try:
                values = [v.decode("utf-8") if isinstance(v, bytes) and n in texts else v for n, v in enumerate(row)]
                values = [None if n in xattrs and not _fit(v) else v for n, v in enumerate(values)]
                if table.name == "blobs":
                    values = mend(values, index)
                connection.execute(insert, values)
            except (sqlite3.IntegrityError, UnicodeDecodeError, OverflowError):
                self._dropped[table.name] += 1
        if table.name == "paths":
            connection.executemany("INSERT OR IGNORE INTO paths VALUES (?, ?)", salvage.names(self._old))
        for id_, digest in index.items():
            # The row is gone; its digest is still known, so what names it can be read. The size is not.
            connection.execute(
                "INSERT OR IGNORE INTO blobs(id, digest, size, codec, data) VALUES (?, ?, 0, 2, ?)", (id_, digest, LOST)
            )
        (self._saved[table.name],) = connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()  # noqa: S608

    @staticmethod
    def _texts(connection: sqlite3.Connection, table: str) -> set[int]:
        return {c[0] for c in connection.execute(f"PRAGMA table_info({table})") if c[2] == "TEXT"}

    def _drop_unreadable(self, connection: sqlite3.Connection) -> None:
        """Remove the actions and commits that hold a word that is none of ours: nothing could list them."""
        for kind, table, read in (
            (IdKind.ACTION, "actions", self._store.action),
            (IdKind.COMMIT, "commits", self._store.commit),
            (IdKind.REQUEST, "requests", self._store.request),
        ):
            for (number,) in connection.execute(f"SELECT number FROM {table}").fetchall():  # noqa: S608 - our own names
                try:
                    read(make_id(kind, number))
                except DAMAGE:
                    connection.execute(f"DELETE FROM {table} WHERE number = ?", (number,))  # noqa: S608
                    self._dropped[table] += 1

    # -- the journal --------------------------------------------------------------------------------------------------

    def _journal(self, connection: sqlite3.Connection, table: salvage.Table) -> tuple[int, int]:
        """Copy the rows that prove themselves; those after the first gap get a new place in the chain.

        Returns:
            How many rows are as they were, and how many were chained anew.
        """
        rows: dict[int, journal.Row] = {}
        for row in salvage.rows(self._old, table):
            try:
                seq, at, *words, stored = row
                kind, subject, data = (w.decode("utf-8") for w in words)
                if isinstance(seq, int) and isinstance(at, int) and isinstance(stored, bytes):
                    rows.setdefault(seq, journal.Row(seq, at, kind, subject, data, stored))
            except (UnicodeDecodeError, AttributeError):
                continue
        proved, verified = journal.prove(rows)
        previous, seq = START, 0
        for row in proved:
            seq += 1
            previous = row_hash(previous, seq, *row[1:5])
            connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", (seq, *row[1:5], previous))
        self._saved["journal"] = seq
        self._dropped["journal"] += max(rows, default=0) - seq
        return verified, seq - verified

    # -- content ------------------------------------------------------------------------------------------------------

    def _contents(self, connection: sqlite3.Connection) -> None:
        """Prove every content; what is damaged is looked for in the workspace, and given up where it is not."""
        lists = connection.execute(f"SELECT id, digest, codec FROM blobs WHERE {KEPT} ORDER BY codec").fetchall()  # noqa: S608
        gone = connection.execute("SELECT id, digest, 2 FROM blobs WHERE codec = 2 AND data = ?", (LOST,)).fetchall()
        for id_, digest, _ in [*lists, *gone]:  # pieces come before the lists that they are in
            try:
                self._store.prove_blob(digest)
            except AgentshError:
                self._give_up(connection, id_, digest)

    def _give_up(self, connection: sqlite3.Connection, id_: int, digest: bytes) -> None:
        (seal,) = connection.execute("SELECT seal FROM blobs WHERE id = ?", (id_,)).fetchone()
        connection.execute("UPDATE blobs SET codec = 2, data = ?, seal = NULL WHERE id = ?", (LOST, id_))
        connection.execute("DELETE FROM pieces WHERE blob = ?", (id_,))
        paths = connection.execute(
            "SELECT name FROM paths WHERE id IN (SELECT path FROM states WHERE blob = ?1 UNION SELECT path FROM effects"
            " WHERE before_blob = ?1 OR after_blob = ?1)",
            (id_,),
        ).fetchall()
        for (path,) in paths:
            content = self._find(path)
            if content is not None and len(content) <= PIECE and digest_of(content) == digest:
                try:
                    self._store.put_again(content, path, seal=seal is not None)
                except SealedError:  # to keep it for all to read would be worse
                    break
                self._found += 1
                return
        self._lost += 1

    # -- what the journal can vouch for -------------------------------------------------------------------------------

    def _witness(self) -> tuple[list[str], list[str]]:
        """The ids that the journal cannot vouch for, and those that it names and that are gone."""
        checker = Checker(self._new, self._store)
        complaints = {id_ for p in checker.walk(checker.witnessing()) for id_ in p.affected}
        there: set[str] = set()
        with self._new.read() as connection:
            for kind, table in (
                (IdKind.ACTION, "actions"),
                (IdKind.COMMIT, "commits"),
                (IdKind.SNAPSHOT, "snapshots"),
                (IdKind.REQUEST, "requests"),
            ):
                there |= {f"{kind.value}{n}" for (n,) in connection.execute(f"SELECT number FROM {table}")}  # noqa: S608
        open_ = {c.id for c in self._open_commits()}
        unproved = sorted((complaints & there) - open_, key=_by_number)
        return unproved, sorted(complaints - there, key=_by_number)

    def _open_commits(self) -> list[Any]:
        try:
            return list(self._store.open_commits())
        except DAMAGE:
            return []


def _fit(xattrs: object) -> bool:
    """Whether a state's extended attributes can be read; the journal tells whether they are those that were put."""
    try:
        return xattrs is None or (isinstance(xattrs, bytes) and decode_attributes(xattrs) is not None)
    except ValueError:
        return False


def mend(values: list[Any], index: dict[int, bytes]) -> list[Any]:
    """A blob's row with what can be told from the rest of it put right: digest, size, codec.

    Args:
        values: id, digest, size, codec, data, seal as they were read.
        index: the digest of each blob by its id, as the index has it.
    """
    id_, digest, size, codec, data, seal = values
    if codec == 2 or not isinstance(data, bytes):
        return values
    if isinstance(seal, bytes):
        digests = [d for d in dict.fromkeys((digest, index.get(id_))) if isinstance(d, bytes)]
        whole = mended(Packed(digest, size, codec, data, seal), digests, (0, 1))
        return values if whole is None else [id_, whole.digest, whole.size, whole.codec, data, seal]
    for candidate in (codec, 0, 1):
        content = unpacked(candidate, data)
        if content is not None and digest_of(content) in (digest, index.get(id_)):
            return [id_, digest_of(content), len(content), candidate, data, None]
    return values


def _by_number(id_: str) -> tuple[str, int, str]:
    return id_[:1], len(id_), id_
