"""The journal: rows that are only ever added, each hashed together with the one before it."""

from __future__ import annotations

import hashlib
import json
import time
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from agentsh.store.rows import to_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

START = hashlib.sha256(b"agentsh journal 1\0").digest()
"""What stands for the hash of the row before the first."""


class JournalKind(StrEnum):
    """What happened."""

    SESSION = "session"
    MESSAGE = "message"
    PROPOSAL = "proposal"
    DECISION = "decision"
    EXECUTION = "execution"
    APPROVAL = "approval"
    REJECTION = "rejection"
    GRANT = "grant"
    """An approval that holds for a session, or in the person's file, is given or withdrawn."""
    STATUS = "status"
    REBASE = "rebase"
    COMMIT = "commit"
    REVERT = "revert"
    RESTORE = "restore"
    WITHDRAW = "withdraw"
    SNAPSHOT = "snapshot"
    RECOVERY = "recovery"
    REPAIR = "repair"
    GC = "gc"
    REQUEST = "request"
    """A request is held, approved, dropped, or about to be sent."""
    RESPONSE = "response"
    """What became of a request that was sent, or of which nobody knows."""


class Row(NamedTuple):
    """One row, as the table has it."""

    seq: int
    at: int
    kind: str
    subject: str
    data: str
    hash: bytes


def row_hash(previous: bytes, *row: int | str) -> bytes:
    """SHA-256 over the previous row's hash and this row: seq, at, kind, subject, data, each with its length."""
    h = hashlib.sha256(previous)
    for part in row:
        raw = str(part).encode("utf-8")
        h.update(len(raw).to_bytes(8, "big"))
        h.update(raw)
    return h.digest()


def append(connection: sqlite3.Connection, kind: JournalKind, subject: str, data: Mapping[str, object]) -> None:
    """Add a row; runs inside the transaction that makes the row true."""
    extend(connection, subject, [(kind, data)])


def extend(
    connection: sqlite3.Connection, subject: str, rows: Iterable[tuple[JournalKind, Mapping[str, object]]]
) -> None:
    """Add rows about one subject; runs inside the transaction that makes them true."""
    last = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = last or (0, START)
    for kind, data in rows:
        seq += 1
        at = time.time_ns()
        body = to_json(data)
        previous = row_hash(previous, seq, at, kind.value, subject, body)
        connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", (seq, at, kind.value, subject, body, previous)
        )


def export(connection: sqlite3.Connection) -> Iterator[dict[str, object]]:
    """The journal as JSON objects: one that says how the chain begins, then one a row, oldest first.

    Whoever has them can prove the chain without agentsh: docs/store.md has the rule.
    """
    yield {"schema": 1, "journal": "agentsh journal 1", "start": START.hex()}
    for seq, at, kind, subject, data, stored in connection.execute(
        "SELECT seq, at, kind, subject, data, hash FROM journal ORDER BY seq"
    ):
        yield {"seq": seq, "at": at, "kind": kind, "subject": subject, "data": data, "hash": stored.hex()}


def problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Walk the chain from its start; a sentence for every row that is missing or altered."""
    previous, expected = START, 1
    for seq, at, kind, subject, data, stored in connection.execute(
        "SELECT seq, at, kind, subject, data, hash FROM journal ORDER BY seq"
    ):
        if seq != expected:
            yield f"The journal lacks row {expected}."
        if row_hash(previous, seq, at, kind, subject, data) != stored:
            yield f"The journal's row {seq} ({kind} {subject}) was altered, or one before it was removed."
        previous, expected = stored, seq + 1


def prove(rows: Mapping[int, Row]) -> tuple[list[Row], int]:
    """Of the rows that are left of a damaged journal, those that can be gone on from.

    A row whose hash follows from the row before it is proved. One whose own hash alone is damaged is shown by the row
    after it. One after a gap is taken when it can be read and when its hash is shown by the row after it, or it is the
    last; a row that was altered is not.

    Returns:
        The rows in order, and how many from the first on are proved without a gap.
    """
    kept: list[Row] = []
    verified, previous, unbroken = 0, START, True
    for seq in sorted(rows):
        row, after = rows[seq], rows.get(seq + 1)
        known = seq - 1 in rows or seq == 1
        expected = row_hash(previous, *row[:5])
        if not known:
            good, previous = after is None or row_hash(row.hash, *after[:5]) == after.hash, row.hash
        elif expected == row.hash or (after is not None and row_hash(expected, *after[:5]) == after.hash):
            good, previous = True, expected
        else:
            good, previous = False, row.hash
        unbroken = unbroken and known and good
        verified += unbroken
        if good and _readable(row):
            kept.append(row)
    return kept, verified


def _readable(row: Row) -> bool:
    try:
        return isinstance(json.loads(row.data), dict) and JournalKind(row.kind) is not None
    except ValueError:
        return False
