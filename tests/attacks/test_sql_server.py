"""What is read in a statement, held against what a real server makes of it."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from agentsh.core.sql import CHANGING
from agentsh.policy.sql import read_sql
from agentsh.policy.sql_words import HARMLESS, RESERVED

from .postgres import Server, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = ("a", "b", "c", "s.d", '"E"', 's."f g"')


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres() as running:
        tables = [f"create table {t} (x int primary key, y int, z text)" for t in TABLES]
        running.run("create schema s", *tables)
        yield running


class Writer:
    """Writes statements at random, most of which the server takes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def _one(self, *choices: str) -> str:
        return self._random.choice(choices)

    def table(self) -> str:
        return self._one(*TABLES)

    def value(self, depth: int) -> str:
        plain = ["1", "x", "x + 1", "-y", "coalesce(x, y)", "null::int"]
        if depth <= 0:
            return self._one(*plain)
        below = depth - 1
        return self._one(
            *plain,
            f"(select max(x) from {self.table()})",
            f"(select y from {self.source(below)} limit 1)",
            f"case when {self.test(below)} then {self.value(below)} else {self.value(below)} end",
            f"greatest({self.value(below)}, cast({self.value(below)} as int))",
            f"array_length(array(select x from {self.table()}), 1)",
        )

    def test(self, depth: int) -> str:
        plain = ["x = 1", "y is not null", "z like 'from b;%'", "x is distinct from y", "x between 1 and 2"]
        if depth <= 0:
            return self._one(*plain)
        below = depth - 1
        return self._one(
            *plain,
            f"x in (select x from {self.table()})",
            f"exists (select from {self.source(below)})",
            f"not {self.test(below)}",
            f"({self.test(below)} and {self.test(below)})",
            f"x = any (select y from {self.table()})",
            f"(x, y) in (select x, y from {self.table()})",
            f"extract(year from now()) > {self.value(below)}",
        )

    def source(self, depth: int) -> str:
        n = self._random.randrange(1000)
        plain = [self.table(), f"{self.table()} as t{n}", f"only {self.table()}"]
        if depth <= 0:
            return self._one(*plain)
        return self._one(
            *plain,
            f"({self.query(depth - 1)}) q{n}",
            f"{self.table()} natural join {self.table()} n{n}",
            f"({self.table()} l{n} cross join {self.table()} r{n}) j{n}(x, y, z)",
            f"(values (1, 2, 'z')) v{n}(x, y, z)",
            f"unnest(array[1]) u{n}(x) join {self.table()} m{n} using (x)",
        )

    def query(self, depth: int) -> str:
        n = self._random.random()
        found = f"select {self._one('', 'distinct ')}x, y, z from {self.source(depth)} where {self.test(depth)}"
        if depth > 0 and n < 0.2:
            found = f"({found}) {self._one('union', 'except', 'intersect')} ({self.query(depth - 1)})"
        elif n < 0.4:
            found += f" order by x desc nulls last limit {self._one('1', f'(select count(*) from {self.table()})')}"
        elif n < 0.5:
            of = self.table()
            found = (
                f"select max(x) over (partition by y order by (select 1 from {of} limit 1)) x, y, z from {self.table()}"
            )
        if depth > 0 and self._random.random() < 0.35:
            name = self._one("a", "b", "w", '"E"')
            inner = self._changing() if self._random.random() < 0.2 else self.query(depth - 1)
            found = (
                f"with {self._one('', 'recursive ')}{name} as {self._one('', 'materialized ')}({inner}) "
                f"select x, y, z from {self._one(name, self.table())}"
            )
        return found

    def _changing(self) -> str:
        of, other = self.table(), self.table()
        return self._one(
            f"insert into {of} select x, y, z from {other} returning x, y, z",
            f"delete from {of} where {self.test(0)} returning x, y, z",
            f"update {of} set y = 1 returning x, y, z",
        )

    def statement(self) -> str:
        depth = self._random.randrange(1, 4)
        of, other = self.table(), self.table()
        return self._one(
            self.query(depth),
            self.query(depth),
            f"insert into {of} {self.query(depth)}",
            f"insert into {of} as i (x) values ((select max(x) from {other})) on conflict (x) do update "
            f"set y = (select min(x) from {self.table()}) returning i.x",
            f"update {of} set y = (select max(x) from {other}) where {self.test(depth)}",
            f"delete from {of} using {other} o where o.x = 1 and exists (select from {self.source(depth)})",
            f"merge into {of} m using ({self.query(depth)}) s on m.x = s.x when matched then delete",
        )


def _planned(node: Any) -> Iterator[tuple[str, str, bool]]:
    """Schema and name of each table in a plan, and whether it is changed."""
    if isinstance(node, list):
        for part in node:
            yield from _planned(part)
    elif isinstance(node, dict):
        if "Relation Name" in node:
            yield node["Schema"], node["Relation Name"], node["Node Type"] == "ModifyTable"
        for part in node.values():
            yield from _planned(part)


def test_no_table_of_the_servers_plan_is_missing(server: Server):
    writer = Writer(seed=2026)
    statements = [writer.statement() for _ in range(1500)]
    taken = 0
    for statement, plan in zip(statements, server.plans(statements), strict=True):
        reading = read_sql(statement)
        assert not reading.refused, statement
        if plan is None or reading.opaque:
            continue
        taken += 1
        tables = set(_planned(json.loads(plan)))
        assert {t[:2] for t in tables} <= {(u.schema, u.table) for u in reading.uses}, statement
        changed = {(u.schema, u.table) for u in reading.uses if u.verb in CHANGING}
        assert {t[:2] for t in tables if t[2]} <= changed, statement
    assert taken > 1000


@pytest.mark.parametrize(
    "statement",
    [
        "select 1 -- \rfrom s.d",
        "select 1 /* /* */ from a */ from s.d",
        r"select E'\'' from s.d where z = E'\''",
        "select '\\' from s.d where z = '\\'",
        "select $q$ from a $q$ from s.d",
        r'select x from s.U&"\0064"',
        "select x from a where (x, y, z) in (table s.d)",
        "select x from a where exists (table s.d)",
        "select x, y, z from a union table s.d",
    ],
)
def test_a_table_that_the_server_finds_is_found_or_the_statement_is_opaque(server: Server, statement: str):
    (plan,) = server.plans([statement])
    assert plan is not None, "the server does not take it, so it shows nothing"
    assert ("s", "d") in {t[:2] for t in _planned(json.loads(plan))}
    reading = read_sql(statement)
    assert reading.opaque or ("s", "d") in {(u.schema, u.table) for u in reading.uses}


@pytest.mark.parametrize(
    "name", ["over", "filter", "by", "key", "set", "conflict", "rows", "recursive", "is", "overlaps", "verbose"]
)
def test_a_function_with_the_name_of_a_word_of_the_syntax(server: Server, name: str):
    server.run(f'create or replace function "{name}"(int) returns int language sql as $$ select $1 $$')
    forms = [
        f"select {name}(1)",
        f"select (array[1, 2])[1:{name}(2)]",
        f"select x from a where {name}(x) = 1",
        f"select x from a join b on {name}(1) = 1",
    ]
    plans = server.plans(forms)
    assert any(plans), "the server takes none of it, so it shows nothing"
    for statement, plan in zip(forms, plans, strict=True):
        if plan is not None:
            assert read_sql(statement).opaque, statement


def test_no_function_can_have_the_name_of_a_reserved_word(server: Server):
    words = dict(server.rows("select word, catcode from pg_get_keywords()"))
    assert {w: words.get(w) for w in RESERVED if words.get(w) not in ("R", "C")} == {}


def test_harmless_functions_change_nothing(server: Server):
    rows = server.rows(
        "select distinct proname, provolatile from pg_proc where pronamespace = 'pg_catalog'::regnamespace"
    )
    own = {name for name, _ in rows} | {w for w, _ in server.rows("select word, catcode from pg_get_keywords()")}
    assert own >= HARMLESS
    assert {name for name, kind in rows if kind == "v"} & HARMLESS == {"random"}
