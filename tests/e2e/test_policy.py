"""Policies through the real program."""

from __future__ import annotations

from tests.e2e.conftest import Program

POLICY = """
preset = "trusted"
[[rule]]
name = "no-docs"
verdict = "deny"
reason = "The manual is written by hand."
paths = ["docs/**"]
[[example]]
path = "docs/a"
expect = "deny"
"""

STATEMENTS = """
[[rule]]
name = "read"
verdict = "allow"
verbs = ["select"]
tables = ["public.orders"]
[[example]]
sql = "select * from orders, pay"
expect = "ask"
rule = "sql"
"""


def test_a_policy_file_from_lint_to_explanation(agentsh: Program) -> None:
    file = agentsh.root.parent / "mine.toml"
    file.write_text(POLICY)
    assert b"1 of 1 examples hold" in agentsh("policy", "test", str(file)).stderr
    assert agentsh.json("policy", "lint", str(file))["ok"] is True
    assert b"no-docs" in agentsh("policy", "show", "--policy", str(file)).stdout

    denied = agentsh("exec", "mkdir docs; echo x > docs/a", "--policy", str(file), code=3)
    assert b"written by hand" in denied.stderr
    shown = agentsh("policy", "explain", "a1", "--policy", str(file)).stdout
    assert b"deny docs/a\n  deny  no-docs  The manual is written by hand.\n" in shown
    decisions = agentsh.json("policy", "explain", "a1", "--policy", str(file))["decisions"]
    assert decisions[0]["path"] is None
    assert {d["path"]: d["decision"]["rule"] for d in decisions[1:]} == {"docs": "trusted", "docs/a": "no-docs"}

    file.write_text(POLICY.replace('expect = "deny"', 'expect = "ask"'))
    failed = agentsh("policy", "test", str(file), code=1)
    assert b"expected ask, got deny: no-docs" in failed.stdout
    assert agentsh("policy", "test", "trusted", code=2).stderr


def test_ci_refuses_what_needs_a_look(agentsh: Program) -> None:
    agentsh("exec", "mkdir -p .github/workflows; echo x > .github/workflows/a.yml", "--policy", "ci", code=3)
    agentsh("exec", "echo x > a.txt", "--policy", "ci", "--commit")
    assert (agentsh.root / "a.txt").read_text() == "x\n"


def test_rules_about_statements_are_shown_and_tried(agentsh: Program) -> None:
    file = agentsh.root.parent / "sql.toml"
    file.write_text(STATEMENTS)
    agentsh("policy", "test", str(file))
    shown = agentsh.json("policy", "show", "--policy", str(file))
    assert (shown["rules"][-1]["verbs"], shown["rules"][-1]["tables"]) == (["select"], ["public.orders"])
    assert shown["otherwise"]["query"]["verdict"] == "ask"
    words = [line.split()[:3] for line in agentsh("policy", "show", "--policy", str(file)).stdout.splitlines()]
    assert [b"allow", b"read", b"statements"] in words
    assert [b"ask", b"otherwise", b"statements"] in words
