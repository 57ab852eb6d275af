"""What an SQL statement would do, as far as its text says: verbs, tables, and whether more could happen."""

from __future__ import annotations

from enum import StrEnum

from agentsh.core.record import record


class SqlVerb(StrEnum):
    """What is done to a table."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"
    TRUNCATE = "truncate"
    CREATE = "create"
    ALTER = "alter"
    DROP = "drop"


CHANGING = frozenset(SqlVerb) - {SqlVerb.SELECT}
"""Verbs that leave something changed."""


@record(frozen=True, slots=True)
class TableUse:
    """One thing that a statement does to one table.

    Attributes:
        verb: what.
        schema: where the table is; empty where there is no table.
        table: its name, in the case that the server looks it up by; empty for ``SELECT 1`` and the like.
    """

    verb: SqlVerb
    schema: str = ""
    table: str = ""


@record(frozen=True, slots=True)
class SqlReading:
    """What one reading of a statement found.

    Attributes:
        uses: every table that its text names, with what is done to it.
        opaque: why it could do more than ``uses`` says; empty where it could not.
        refused: why it is not run at all, whatever the rules say; empty where it may be.
    """

    uses: frozenset[TableUse] = frozenset()
    opaque: str = ""
    refused: str = ""
