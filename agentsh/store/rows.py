"""Between rows and the words of :mod:`agentsh.core`: entries, paths, text, ids."""

from __future__ import annotations

import hashlib
import json
import stat
from typing import TYPE_CHECKING, Any

from agentsh.core.attributes import NO_ATTRIBUTES, decode_attributes, encode_attributes
from agentsh.core.effect import EffectState, FileEffect, Flag
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import NotFoundError
from agentsh.core.ids import IdKind, make_id, parse_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

_BITS = {
    EntryType.FILE: stat.S_IFREG,
    EntryType.DIRECTORY: stat.S_IFDIR,
    EntryType.SYMLINK: stat.S_IFLNK,
    EntryType.OTHER: 0,
}
_TYPES = {bits: type_ for type_, bits in _BITS.items()}

StateRow = tuple[int | None, int | None, bytes | None, int | None, bytes | None, bytes | None, int | None]
"""mode, blob, target, mtime, xattrs, and of the blob: digest, size."""

WIDTH = 7
"""Columns of a :data:`StateRow`."""

_COLUMNS = ("mode", "blob", "target", "mtime", "xattrs")


def select_state(prefix: str, blob: str) -> str:
    """The columns of a :data:`StateRow`: ``prefix`` names the state's columns, ``blob`` the joined blob."""
    own = ", ".join(f"{prefix}{c}" for c in _COLUMNS)
    return f"{own}, {blob}.digest, {blob}.size"


def entry_of(row: Sequence[Any]) -> Entry | None:
    """The entry in a :data:`StateRow`."""
    mode, _, target, mtime, xattrs, digest, size = row
    if mode is None:
        return None
    type_ = _TYPES[mode & 0o170000]
    kept, unkept = decode_attributes(xattrs) if xattrs else NO_ATTRIBUTES
    return Entry(type_, mode & 0o7777, size or 0, digest, target, mtime or 0, kept, unkept)


def state_of(entry: Entry | None) -> tuple[int | None, bytes | None, bytes | None, int | None, bytes | None]:
    """Mode, digest, target, mtime, xattrs: what :data:`STATE_VALUES` takes."""
    if entry is None:
        return None, None, None, None, None
    xattrs = encode_attributes(entry.xattrs, entry.unkept) if entry.xattrs or entry.unkept else None
    return _BITS[entry.type] | entry.mode, entry.digest, entry.target, entry.mtime_ns, xattrs


def state_columns(prefix: str = "") -> str:
    """The columns that :data:`STATE_VALUES` fills, in its order."""
    return ", ".join(f"{prefix}{c}" for c in _COLUMNS)


# A digest that the store does not have becomes NULL, which a file's row may not have: the insert then fails.
STATE_VALUES = "?, (SELECT id FROM blobs WHERE digest = ?), ?, ?, ?"
PATH_VALUE = "(SELECT id FROM paths WHERE name = ?)"


def intern_paths(connection: sqlite3.Connection, paths: Iterable[bytes]) -> None:
    """Make sure that every path has a row."""
    connection.executemany("INSERT INTO paths(name) VALUES (?) ON CONFLICT DO NOTHING", ((p,) for p in paths))


def effect_of(
    path: bytes, before: Sequence[Any], after: Sequence[Any], flags: str, state: str, *, part: int = 0
) -> FileEffect:
    """An effect from its columns."""
    return FileEffect(
        path,
        entry_of(before),
        entry_of(after),
        tuple(Flag(f) for f in flags.split(",") if f),
        EffectState(state),
        part,
    )


def states_digest(states: Mapping[bytes, Entry | None]) -> str:
    """SHA-256 (hex) over paths with their states, times included: what the journal keeps of a snapshot."""
    h = hashlib.sha256(b"agentsh states 1\0")
    for path, entry in sorted(states.items()):
        for part in (path, b"-" if entry is None else b"%s\0%d" % (entry.encode(), entry.mtime_ns)):
            h.update(len(part).to_bytes(8, "big"))
            h.update(part)
    return h.hexdigest()


def text(value: str) -> str:
    r"""``value`` as SQLite can keep it: characters that are no Unicode text (undecodable bytes) as ``\\udcNN``."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def to_json(value: object) -> str:
    """Canonical JSON: the same value always gives the same text."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def number(kind: IdKind, id_: str) -> int:
    """The number in ``id_``.

    Raises:
        NotFoundError: it cannot be the id of such a thing.
    """
    return parse_id(id_, kind)


def optional_id(kind: IdKind, value: int | None) -> str | None:
    """The id of a row that may be absent."""
    return None if value is None else make_id(kind, value)


def missing(what: str, id_: str) -> NotFoundError:
    """The error for an id that names nothing."""
    return NotFoundError(f"There is no {what} {id_}.")


def existing(connection: sqlite3.Connection, table: str, kind: IdKind, id_: str) -> int:
    """The number in ``id_``, which has a row in ``table``.

    Raises:
        NotFoundError: it has none.
    """
    key = number(kind, id_)
    found = connection.execute(f"SELECT 1 FROM {table} WHERE number = ?", (key,)).fetchone()  # noqa: S608 - our names
    if found is None:
        raise missing(kind.name.lower(), id_)
    return key
