"""What an SQL statement for PostgreSQL would do: verbs and tables from its text, or that they cannot be known. Pure.

Only the text is read here. What the owner of the database has built in (triggers, rules, views, cascades, operators of
their own) runs on the server, which alone can say what it did.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind
from agentsh.core.sanitise import visible_line
from agentsh.core.sql import SqlReading, SqlVerb, TableUse
from agentsh.policy.sql_words import (
    DEEPEST,
    LONGEST,
    Word,
    WordKind,
    calls_in,
    depth_of,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlglot import exp

    from agentsh.core.action import ActionSpec

DEFAULT_SCHEMA = "public"

_FIRST_WORD = re.compile(r"[\s(]*([A-Za-z]+)")
_TRANSACTION = "begin start commit end rollback abort savepoint release"
_SESSION = "set reset discard prepare execute deallocate declare fetch move close listen unlisten notify load lock"
_UNSEEN = "copy do call vacuum cluster reindex checkpoint security import reassign"
_REFUSED = {
    **dict.fromkeys(_TRANSACTION.split(), "it begins or ends a transaction, and that is agentsh's to do"),
    **dict.fromkeys(_SESSION.split(), "it changes the session: who acts in it, its settings, or what it keeps"),
    **dict.fromkeys(_UNSEEN.split(), "what it does cannot be shown as rows, or cannot be taken back"),
}
_MADE = frozenset({"table", "view", "index", "sequence", "schema", "materialized"})
_SEMICOLON = Word(WordKind.SIGN, ";")
_MODIFIERS = frozenset({"or", "replace", "temp", "temporary", "unlogged", "global", "local", "unique", "recursive"})


def reading_of(spec: ActionSpec) -> SqlReading | None:
    """What an action's statement would do; None for an action that has none."""
    if spec.kind is not ActionKind.SQL:
        return None
    schema = spec.arguments.get("schema", DEFAULT_SCHEMA)
    return read_sql(str(spec.arguments.get("statement", "")), schema=str(schema))


@lru_cache(maxsize=256)
def read_sql(statement: str, *, schema: str = DEFAULT_SCHEMA) -> SqlReading:
    """Read one statement.

    Args:
        statement: as it is sent.
        schema: where a table is that the statement names without a schema.
    """
    try:
        return SqlReading(frozenset(_read(statement, schema)))
    except _Refused as e:
        return SqlReading(refused=str(e))
    except _Opaque as e:
        return SqlReading(opaque=str(e))


class _Opaque(Exception):
    """A statement turned out to be one whose effects the text does not tell."""


class _Refused(Exception):
    """A statement turned out to be one that is not run."""


def _read(statement: str, schema: str) -> Iterable[TableUse]:
    from sqlglot import exp  # noqa: PLC0415 - a fifth of a second, for statements alone

    words = _plain(statement)
    _check_kind(words)
    behind = words[4 if words[0].text == "create" else 2 :]  # CREATE UNLOGGED TABLE, TRUNCATE TABLE
    if any(w.text == "table" and w.kind is WordKind.NAME for w in behind):
        raise _Opaque("it has TABLE as a query within another one")
    if depth_of(words) > DEEPEST:
        raise _Opaque("its parentheses stand too deep in each other")
    tree = _parse(statement)
    _check_calls(words, conflicts=sum(1 for _ in tree.find_all(exp.OnConflict)))
    return _uses(tree, schema)


def _plain(statement: str) -> list[Word]:
    """The words of what is one statement, of a kind that is run, within the plain part of the syntax."""
    if not statement.strip(" \t\n\r\f;"):
        raise _Refused("There is no statement in it.")
    first = _FIRST_WORD.match(statement)
    if first and (why := _REFUSED.get(first[1].lower())):
        raise _Refused(f"{first[1].upper()} is not run: {why}.")
    if len(statement) > LONGEST:
        raise _Opaque(f"it is longer than {LONGEST} characters")
    words = words_of(statement)
    if words is None:
        raise _Opaque("it has a comment, an escape, a dollar quote or a character in it that programs read differently")
    while words[-1] == _SEMICOLON:
        words.pop()
    if _SEMICOLON in words:
        raise _Refused("It is several statements, and an action has one.")
    return words


def _check_kind(words: list[Word]) -> None:
    """Refuse to make, alter or drop what no action may."""
    names = [w.text if w.kind is WordKind.NAME else "" for w in words]
    if names[0] not in ("create", "alter", "drop"):
        return
    kind = next((n for n in names[1:] if n not in _MODIFIERS), "")
    if kind not in _MADE:
        raise _Refused(
            f"{names[0].upper()} {kind.upper()} is not run: agentsh makes, alters and drops tables, views, indexes, "
            "sequences and schemas; code, accounts and settings of the server are the person's."
        )
    if "concurrently" in names:
        raise _Refused("CONCURRENTLY is not run: it cannot be part of a transaction.")


def _parse(statement: str) -> exp.Expr:
    import sqlglot  # noqa: PLC0415 - as above

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it would print the statement when it gives up on it
    try:
        trees = [t for t in sqlglot.parse(statement, read="postgres") if t is not None]
    except (sqlglot.errors.SqlglotError, RecursionError) as e:
        raise _Opaque("it could not be parsed") from e
    if len(trees) != 1:
        raise _Opaque("it could not be parsed as one statement")
    return trees[0]


def _check_calls(words: list[Word], *, conflicts: int) -> None:
    calls = list(calls_in(words, conflicts=conflicts))
    if leaving := next((c for c in calls if c.leaves), None):
        raise _Refused(
            f"{visible_line(leaving.name)}() is not run: it reaches beyond the tables, to files, other servers, "
            "sessions or settings."
        )
    if unknown := next((c for c in calls if not c.harmless), None):
        raise _Opaque(f"it calls {visible_line(unknown.name)}(), which may do anything")


def _uses(tree: exp.Expr, schema: str) -> Iterable[TableUse]:
    from sqlglot import exp  # noqa: PLC0415 - as above

    _check_shape(tree)
    used: set[TableUse] = set()
    written: set[int] = set()
    for node in tree.find_all(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into):
        goal = node.this.this if isinstance(node.this, exp.Schema) else node.this
        written.add(id(goal))
        used.update(_use(verb, goal, schema) for verb in _verbs(node))
    if verbs := _schema_verbs(tree):
        goals = [g.this if isinstance(g, exp.Schema) else g for g in _schema_goals(tree)]
        written.update(map(id, goals))
        used.update(_use(verb, goal, schema) for verb in verbs for goal in goals)
    for table in tree.find_all(exp.Table):
        if id(table) not in written and not isinstance(table.this, exp.Func) and not _is_cte(table):
            used.add(_use(SqlVerb.SELECT, table, schema))
    return used or {TableUse(SqlVerb.SELECT)}


def _check_shape(tree: exp.Expr) -> None:
    """Refuse to tell about what the rest does not know."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    known = (exp.Query, exp.Values, exp.Insert, exp.Update, exp.Delete, exp.Merge)
    if not isinstance(tree, (*known, exp.TruncateTable, exp.Create, exp.Alter, exp.Drop)):
        raise _Opaque("it is no statement about rows or tables")
    if tree.find(exp.Command, exp.Lock) is not None:
        raise _Opaque("it locks rows, or has a part that could not be parsed")
    if isinstance(tree, (exp.Create, exp.Alter, exp.Drop)):
        if tree.args.get("kind") not in ("TABLE", "VIEW"):
            raise _Opaque("it is about something else than tables and views")
        if tree.args.get("properties") or tree.args.get("cascade"):
            raise _Opaque("it reaches what depends on the table, or makes one of another kind")
    if isinstance(tree, exp.Alter) and not all(
        isinstance(a, (exp.ColumnDef, exp.AlterColumn, exp.RenameColumn, exp.Drop)) and not a.args.get("cascade")
        for a in tree.args.get("actions") or [None]
    ):
        raise _Opaque("it alters more than columns")
    if isinstance(tree, exp.TruncateTable) and str(tree.args.get("option") or "").lower() == "cascade":
        raise _Opaque("it empties the tables that refer to this one, too")


def _verbs(node: exp.Expr) -> set[SqlVerb]:
    """What a part of a statement does to its table. What filters or returns rows reads it, too."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    if isinstance(node, exp.Into):
        return {SqlVerb.CREATE}
    if isinstance(node, exp.Insert):
        conflict = node.args.get("conflict")
        read = {SqlVerb.SELECT} if conflict or node.args.get("returning") else set()
        return {SqlVerb.INSERT, *read, *({SqlVerb.UPDATE} if conflict else ())}
    if isinstance(node, exp.Update):
        return {SqlVerb.UPDATE, SqlVerb.SELECT}
    if isinstance(node, exp.Delete):
        return {SqlVerb.DELETE, SqlVerb.SELECT}
    return {SqlVerb.MERGE, SqlVerb.INSERT, SqlVerb.UPDATE, SqlVerb.DELETE, SqlVerb.SELECT}


def _schema_verbs(tree: exp.Expr) -> set[SqlVerb]:
    from sqlglot import exp  # noqa: PLC0415 - as above

    if isinstance(tree, exp.TruncateTable):
        return {SqlVerb.TRUNCATE, SqlVerb.DELETE}
    kinds = {exp.Create: SqlVerb.CREATE, exp.Alter: SqlVerb.ALTER, exp.Drop: SqlVerb.DROP}
    return {verb for kind, verb in kinds.items() if isinstance(tree, kind)}


def _schema_goals(tree: exp.Expr) -> list[exp.Expr]:
    several = tree.args.get("tables") or (tree.expressions if tree.this is None else None)
    return several or [tree.this]


def _use(verb: SqlVerb, table: exp.Expr | None, schema: str) -> TableUse:
    from sqlglot import exp  # noqa: PLC0415 - as above

    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier) or table.args.get("catalog"):
        raise _Opaque("a table of it is named in an unusual way")
    where = table.args.get("db")
    name = _folded(table.this)
    if where is None and name.startswith("pg_"):
        raise _Opaque(f"{visible_line(name)} without a schema is looked for in the system's catalogs first")
    place = schema if where is None else _folded(where)
    if "." in name or "." in place:
        raise _Opaque("the name of a table has a dot in it")
    return TableUse(verb, place, name)


def _folded(name: exp.Expr) -> str:
    return str(name.this) if name.args.get("quoted") else str(name.this).lower()


def _is_cte(table: exp.Table) -> bool:
    """Whether a name stands for a query of a WITH that it can see: later ones of the same, and what they are before."""
    from sqlglot import exp  # noqa: PLC0415 - as above

    if table.args.get("db") is not None or not isinstance(table.this, exp.Identifier):
        return False
    name = _folded(table.this)
    below: exp.Expr = table
    inside: exp.Expr | None = None  # the query of the WITH that is being passed, if it is one's
    above = table.parent
    while above is not None:
        if isinstance(above, exp.With):
            inside = below
        elif (with_ := above.args.get("with_")) is not None:
            visible = list(with_.expressions)
            if below is with_ and not with_.args.get("recursive"):
                visible = visible[: next(i for i, c in enumerate(visible) if c is inside)]
            if any(_folded(c.args["alias"].this) == name for c in visible):
                return True
        below, above = above, above.parent
    return False
