"""Marks of directories in which nothing has changed since all in them was known, so that a scan need not look them up.

A mark holds as long as the newest states of what is directly in the directory are those that were seen with it. Whoever
records a state takes away the mark of the directory that it is in; a scan puts a new one, with what it found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.history import Listing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping


def all_listings(connection: sqlite3.Connection) -> dict[bytes, Listing]:
    """Every mark, by its directory."""
    return {
        directory: Listing(mark, directories)
        for directory, mark, directories in connection.execute("SELECT directory, mark, directories FROM listings")
    }


def forget_listings(connection: sqlite3.Connection, paths: Iterable[bytes]) -> None:
    """Take away the marks of the directories that these paths are in."""
    connection.executemany(
        "DELETE FROM listings WHERE directory = ?", ((d,) for d in {p.rpartition(b"/")[0] for p in paths})
    )


def put_listings(connection: sqlite3.Connection, listings: Mapping[bytes, Listing | None]) -> None:
    """Put marks; None takes one away."""
    connection.executemany(
        "INSERT OR REPLACE INTO listings VALUES (?, ?, ?)",
        ((directory, *listing) for directory, listing in listings.items() if listing is not None),
    )
    connection.executemany(
        "DELETE FROM listings WHERE directory = ?", ((d,) for d, listing in listings.items() if listing is None)
    )
