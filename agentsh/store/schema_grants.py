"""The step of the schema by which an approval can hold for the rest of a session."""

from __future__ import annotations

GRANTS = (
    """CREATE TABLE grants (
  number INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sessions(number),
  action INTEGER NOT NULL REFERENCES actions(number),
  rules TEXT NOT NULL,
  at REAL NOT NULL,
  withdrawn_at REAL
) STRICT""",
    "CREATE INDEX grants_session ON grants(session)",
)
"""What a person approved for a session: the rules, as a policy file has them, and the action that they were shown."""
