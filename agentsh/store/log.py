"""The journal as a person reads it: one line per action, answer, commit, snapshot, session, recovery.

A line stands where its subject began and tells how it stands now.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionKind, ActionSpec
from agentsh.core.ids import IdKind, make_id
from agentsh.core.report import LogEntry, LogKind
from agentsh.store import journal
from agentsh.store.errors import decoding
from agentsh.store.journal import JournalKind
from agentsh.store.rows import number

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from agentsh.store.database import Database

_SHOWN = {
    JournalKind.PROPOSAL: LogKind.ACTION,
    JournalKind.APPROVAL: LogKind.REVIEW,
    JournalKind.REJECTION: LogKind.REVIEW,
    JournalKind.COMMIT: LogKind.COMMIT,
    JournalKind.REVERT: LogKind.COMMIT,
    JournalKind.RESTORE: LogKind.COMMIT,
    JournalKind.WITHDRAW: LogKind.COMMIT,
    JournalKind.SNAPSHOT: LogKind.SNAPSHOT,
    JournalKind.SESSION: LogKind.SESSION,
    JournalKind.RESPONSE: LogKind.REQUEST,
    JournalKind.RECOVERY: LogKind.RECOVERY,
    JournalKind.REPAIR: LogKind.RECOVERY,
    JournalKind.GC: LogKind.RECOVERY,
}
"""What becomes a line; the rest (decision, execution, message) is told by the line of its action or session."""

_TOUCHES = (
    (IdKind.ACTION, "effects", "action"),
    (IdKind.COMMIT, "commit_effects", '"commit"'),
    (IdKind.SNAPSHOT, "states", "snapshot"),
)
"""The tables that say what was changed, each with the column that says by what."""


class Log:
    """The log of a store."""

    _db: Database

    def journal(self) -> Iterator[dict[str, object]]:
        """The journal's rows as JSON objects that prove their own chain; see :func:`agentsh.store.journal.export`."""
        with decoding(), self._db.read() as connection:
            yield from journal.export(connection)

    def log(self, limit: int | None = None) -> list[LogEntry]:
        """What happened, newest last; with ``limit``, the newest so many lines."""
        marks = ",".join("?" * len(_SHOWN))
        with decoding(), self._db.read() as connection:
            # What becomes of an action is joined to its line: there are more of these than of all others.
            rows = connection.execute(
                "SELECT j.at, j.kind, j.subject, j.data, a.arguments, a.status, a.exit_code,"  # noqa: S608
                " (SELECT count(*) FROM effects e WHERE e.action = a.number) FROM journal j"
                " LEFT JOIN actions a ON j.kind = ? AND a.number = CAST(substr(j.subject, 2) AS INTEGER)"
                f" WHERE j.kind IN ({marks})"
                " AND (j.kind != ? OR j.seq IN (SELECT min(seq) FROM journal WHERE kind = ? GROUP BY subject))"
                " ORDER BY j.seq DESC LIMIT ?",
                (
                    JournalKind.PROPOSAL.value,
                    *(k.value for k in _SHOWN),
                    *[JournalKind.SESSION.value] * 2,
                    -1 if limit is None else limit,
                ),
            ).fetchall()
            rows.reverse()
            # As one array: twenty thousand small ones take four times as long.
            datas = json.loads(f"[{','.join(row[3] for row in rows)}]")
            arguments = json.loads(f"[{','.join(row[4] or 'null' for row in rows)}]")
            return [
                _action(at / 1e9, subject, data, given, row)
                if kind == JournalKind.PROPOSAL.value
                else _entry(connection, at / 1e9, JournalKind(kind), subject, data)
                for (at, kind, subject, _, _, *row), data, given in zip(rows, datas, arguments, strict=True)
            ]

    def touching(self, path: bytes) -> frozenset[str]:
        """The ids of the actions, commits and snapshots that changed a path, or what is below it.

        Args:
            path: raw bytes relative to the workspace; empty for all; or a pattern with ``*``, ``?`` or ``[``, whose
                ``*`` stands for slashes too.
        """
        with decoding(), self._db.read() as connection:
            return frozenset(
                make_id(kind, subject)
                for kind, table, column in _TOUCHES
                for (subject,) in connection.execute(
                    f"SELECT DISTINCT {column} FROM {table} WHERE path IN (SELECT id FROM paths"  # noqa: S608
                    " WHERE ?1 = x'' OR name = ?1 OR (name > ?2 AND name < ?3) OR (?4 AND CAST(name AS TEXT) GLOB ?5))",
                    (path, path + b"/", path + b"0", any(c in path for c in b"*?["), path.decode("utf-8", "replace")),
                )
            )


def _entry(
    connection: sqlite3.Connection, at: float, kind: JournalKind, subject: str, data: dict[str, Any]
) -> LogEntry:
    shown = _SHOWN[kind]
    match shown:
        case LogKind.REVIEW:
            paths = data.get("paths")
            what = "approved" if kind is JournalKind.APPROVAL else str(data.get("status", "rejected"))
            title = f"{what} {subject}" + ("" if paths is None else f" ({_paths(len(paths))})")
            return LogEntry(subject, shown, at, title, what, data)
        case LogKind.SNAPSHOT:
            first = subject == make_id(IdKind.SNAPSHOT, 1)
            title = (
                f"first seen, with {_paths(data['changed'])}"
                if first
                else f"{_paths(data['changed'])} changed outside agentsh"
            )
            return LogEntry(subject, shown, at, title, "", data)
        case LogKind.SESSION | LogKind.REQUEST:
            return _looked_up(connection, at, shown, subject, data)
        case LogKind.RECOVERY if kind is not JournalKind.RECOVERY or subject.startswith("a"):
            return _upkeep(at, kind, subject, data)
        case _:
            title = f"{data['kind']} {' '.join(data['actions'])} ({_paths(data['effects'])})"
            if data.get("snapshot"):
                title += f", snapshot {data['snapshot']}"
            return LogEntry(subject, shown, at, title, str(data["outcome"]), data)


def _looked_up(
    connection: sqlite3.Connection, at: float, shown: LogKind, subject: str, data: dict[str, Any]
) -> LogEntry:
    """A line whose title stands in a table: a session's task, or where a request goes."""
    if shown is LogKind.SESSION:
        title, status = connection.execute(
            "SELECT task, status FROM sessions WHERE number = ?", (number(IdKind.SESSION, subject),)
        ).fetchone() or ("", "missing")
    else:
        (title,) = connection.execute(
            "SELECT method || ' ' || url FROM requests WHERE number = ?", (number(IdKind.REQUEST, subject),)
        ).fetchone() or ("",)
        status = str(data["state"])
    return LogEntry(subject, shown, at, title, status, data)


def _upkeep(at: float, kind: JournalKind, subject: str, data: dict[str, Any]) -> LogEntry:
    if kind is JournalKind.GC:
        return LogEntry(subject, LogKind.RECOVERY, at, f"let go of {data['let_go']} old contents", "collected", data)
    if kind is JournalKind.RECOVERY:
        return LogEntry(subject, LogKind.RECOVERY, at, f"{subject} had not ended", str(data["outcome"]), data)
    if not data["aside"]:
        return LogEntry(subject, LogKind.RECOVERY, at, "the store was repaired in place", "repaired", data)
    title = f"the store was repaired, {data['lost']} contents given up; the damaged file is {data['aside']}"
    return LogEntry(subject, LogKind.RECOVERY, at, title, "repaired", data)


def _paths(count: int) -> str:
    return f"{count} path{'' if count == 1 else 's'}"


def _action(at: float, subject: str, data: dict[str, Any], arguments: dict[str, Any], row: Sequence[Any]) -> LogEntry:
    """The line of an action, with what its row says of it: status, exit code, number of effects."""
    status, exit_code, effects = row
    if status is None:
        return LogEntry(subject, LogKind.ACTION, at, "", "missing", data)
    title = ActionSpec(ActionKind(data["kind"]), arguments).title
    details = {**data, "exit_code": exit_code, "effects": effects}
    return LogEntry(subject, LogKind.ACTION, at, title, status, details)
