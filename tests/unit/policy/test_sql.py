"""What SQL statements would do, and what policies decide about them."""

from __future__ import annotations

import pytest

from agentsh.core.action import ActionKind, ActionSpec, Origin
from agentsh.core.decision import Verdict
from agentsh.core.errors import ConfigError
from agentsh.policy import parse_policy, preset
from agentsh.policy.examples import run_examples
from agentsh.policy.explain import lint
from agentsh.policy.rules import Policy
from agentsh.policy.sql import read_sql

READ_ORDERS = """
[[rule]]
name = "read-shop"
verdict = "allow"
connections = ["shop"]
verbs = ["select"]
tables = ["public.orders", "public.items_*"]
"""


def _spec(statement: str, connection: str = "shop") -> ActionSpec:
    return ActionSpec(ActionKind.SQL, {"connection": connection, "statement": statement}, Origin.AGENT)


def _policy(text: str) -> Policy:
    return parse_policy(text, name="p")


@pytest.mark.parametrize(
    ("statement", "uses"),
    [
        ("SELECT 1;", "select ."),
        ("select a.*, b.x from a, s.B as b", "select public.a, select s.b"),
        ('select * from "Mixed" where t = \'from "x"; y\'', "select public.Mixed"),
        ("select lower(a), count(*) filter (where a > 1) over (order by b) from t", "select public.t"),
        ("table t", "select public.t"),
        ("select * from (values (1)) v (a) join unnest(array[1]) as u(b) on true, t", "select public.t"),
        ("insert into t (a, b) values (1, 'x')", "insert public.t"),
        ("insert into t select * from u returning a", "insert public.t, select public.t, select public.u"),
        (
            "insert into t (a) values (1) on conflict (a) do update set b = 2",
            "insert public.t, select public.t, update public.t",
        ),
        ("update only t set a = 1 from u where t.i = u.i", "select public.t, select public.u, update public.t"),
        ("delete from t using u where t.i = u.i", "delete public.t, select public.t, select public.u"),
        (
            "merge into t using u on t.i = u.i when matched then delete",
            "delete public.t, insert public.t, merge public.t, select public.t, select public.u, update public.t",
        ),
        ("truncate table a, s.b", "delete public.a, delete s.b, truncate public.a, truncate s.b"),
        ("create table if not exists t (a varchar(3), b int references u)", "create public.t, select public.u"),
        ("create view v as select * from t", "create public.v, select public.t"),
        ("select * into n from t", "create public.n, select public.t"),
        ("alter table t add column a int", "alter public.t"),
        ("drop table a, s.b", "drop public.a, drop s.b"),
    ],
)
def test_verbs_and_tables(statement: str, uses: str):
    found = read_sql(statement)
    assert (found.opaque, found.refused) == ("", "")
    assert ", ".join(sorted(f"{u.verb} {u.schema}.{u.table}" for u in found.uses)) == uses


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("with d as (select * from t) select * from d", {"t"}),
        ("with t as (select * from t) select * from t", {"t"}),  # the one within is the table
        ("with a as (select * from b), b as (select 1) select * from a, b", {"b"}),  # the earlier one sees the table
        ("with recursive a as (select * from a) select * from a", {""}),
        ("select * from (with d as (select 1) select * from d) x, d", {"d"}),
        ("with d as (select 1) select * from s.d", {"d"}),
        ('with d as (select 1) select * from "D"', {"D"}),
        ("with d as (select 1) select (select max(x) from d), (select 1 from e)", {"e"}),
    ],
)
def test_names_of_common_table_expressions_hide_tables_only_where_they_are_seen(statement: str, tables: set[str]):
    assert {u.table for u in read_sql(statement).uses} == tables


def test_a_name_without_a_schema_is_in_that_of_the_connection():
    assert {u.schema for u in read_sql("select * from t, s.u", schema="shop").uses} == {"shop", "s"}


@pytest.mark.parametrize("name", ["review", "trusted", "ci", "read-only"])
@pytest.mark.parametrize("statement", ["select * from orders", "select 1", "delete from orders", "drop table orders"])
def test_no_preset_allows_a_statement(name: str, statement: str):
    decision = preset(name).judge_action(_spec(statement))
    assert decision.verdict is (Verdict.DENY if name == "ci" or (name, statement[:6]) == ("read-only", "delete")
                                or (name, statement[:4]) == ("read-only", "drop") else Verdict.ASK)  # fmt: skip


def test_a_rule_allows_what_it_names_and_nothing_more():
    policy = _policy(READ_ORDERS)

    def verdict(statement: str, connection: str = "shop") -> Verdict:
        return policy.judge_action(_spec(statement, connection)).verdict

    assert verdict("select * from orders join public.items_2024 using (id)") is Verdict.ALLOW
    assert verdict("select now()") is Verdict.ALLOW
    assert verdict("select * from orders", "other") is Verdict.ASK
    assert verdict("select * from orders, customers") is Verdict.ASK
    assert verdict("select * from other.orders") is Verdict.ASK
    assert verdict('select * from "ORDERS"') is Verdict.ASK
    assert verdict("with x as (delete from orders returning *) select * from x") is Verdict.ASK
    assert verdict("select mine(id) from orders") is Verdict.ASK


def test_a_rule_that_does_not_name_both_verbs_and_tables_allows_nothing():
    for rule in ("", 'kinds = ["sql"]', 'verbs = ["select"]', 'tables = ["public.*"]', 'connections = ["shop"]'):
        policy = _policy(f'[[rule]]\nname = "wide"\nverdict = "allow"\n{rule}\n')
        assert policy.judge_action(_spec("select * from orders")).verdict is Verdict.ASK, rule


def test_the_strictest_rule_decides_whatever_the_order():
    deny = '[[rule]]\nname = "no-pay"\nverdict = "deny"\ntables = ["pay"]\n'
    allow = '[[rule]]\nname = "all"\nverdict = "allow"\nverbs = ["select"]\ntables = ["*.*"]\n'
    for text in (deny + allow, allow + deny):
        policy = _policy(text)
        assert policy.judge_action(_spec("select * from orders")).verdict is Verdict.ALLOW
        for statement in (
            "select * from pay",
            "select 1 from hr.pay",
            'select 1 from "Pay"',
            "insert into pay values (1)",
        ):
            assert policy.judge_action(_spec(statement)).rule == "no-pay"


def test_what_cannot_be_known_counts_as_all_that_is_denied():
    policy = _policy('[[rule]]\nname = "no-delete"\nverdict = "deny"\nverbs = ["delete"]\ntables = ["orders"]\n')
    assert policy.judge_action(_spec("select f()")).rule == "no-delete"
    assert policy.judge_action(_spec("truncate orders")).rule == "no-delete"
    assert policy.judge_action(_spec("delete from other")).verdict is Verdict.ASK


def test_a_wide_rule_leaves_the_catalogs_of_the_server_to_the_person():
    policy = _policy('[[rule]]\nname = "all"\nverdict = "allow"\nverbs = ["select"]\ntables = ["*.*"]\n')
    for statement in (
        "select * from pg_catalog.pg_authid",
        "select * from pg_authid",
        "select * from PG_Catalog.pg_user",
    ):
        assert policy.judge_action(_spec(statement)).verdict is Verdict.ASK


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('verdict = "deny"\nverbs = ["DELETE"]', "DELETE"),
        ('verdict = "deny"\ntables = ["a.b.c"]', "no pattern of tables"),
        ('verdict = "deny"\ntables = [""]', "no pattern of tables"),
        ('verdict = "allow"\nverbs = ["select"]\ntables = ["orders"]', "no schema"),
        ('verdict = "deny"\ntables = ["t"]\npaths = ["a"]', "one of them"),
        ('verdict = "deny"\nverbs = ["select"]\nhosts = ["example.org"]', "one of them"),
        ('verdict = "deny"\nconnections = ["x"]\ncommands = ["psql"]', "one of them"),
    ],
)
def test_a_rule_that_says_nothing_is_an_error(rule: str, told: str):
    with pytest.raises(ConfigError, match=told):
        _policy(f'[[rule]]\nname = "r"\n{rule}\n')


def test_examples_hold_a_policy_against_statements():
    text = (
        READ_ORDERS
        + """
[[example]]
sql = "select * from orders"
connection = "shop"
expect = "allow"
rule = "read-shop"

[[example]]
sql = "select * from orders"
connection = "shop"
schema = "archive"
expect = "allow"

[[example]]
sql = "copy orders to program 'sh'"
expect = "deny"
rule = "sql.statement"
"""
    )
    results = run_examples(text, _policy(text))
    assert [(r.holds, r.decision.verdict.value) for r in results] == [(True, "allow"), (False, "ask"), (True, "deny")]
    with pytest.raises(ConfigError, match="'sql' is one statement"):
        run_examples('[[example]]\nsql = "select 1"\nurl = "https://example.org"\nexpect = "ask"\n', _policy(""))


def test_lint_finds_rules_about_statements_that_never_decide():
    text = '[[rule]]\nname = "half"\nverdict = "allow"\nverbs = ["select"]\n'
    text += '[[rule]]\nname = "never"\nverdict = "allow"\nverbs = ["select"]\ntables = ["a.b"]\n'
    text += '[[rule]]\nname = "strict"\nverdict = "deny"\ntables = ["a.b"]\n'
    found = {(f.rule, f.text.split(":")[0]) for f in lint(_policy(text))}
    assert ("half", "It allows nothing") in found
    assert ("never", "It never decides") in found
