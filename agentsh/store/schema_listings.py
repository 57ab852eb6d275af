"""The step of the schema by which whole directories are told to be as they were."""

from __future__ import annotations

LISTINGS = (
    """CREATE TABLE listings (
  directory BLOB PRIMARY KEY,
  mark BLOB NOT NULL,
  directories BLOB NOT NULL
) STRICT, WITHOUT ROWID""",
)
"""Of a directory as it was when all in it was known: a digest of what ``lstat`` says of each entry, and the names of
the directories among them, NUL after each."""
