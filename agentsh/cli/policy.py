"""``policy``: what holds, why it decided, and whether a policy file does what its examples say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentsh.cli import encode
from agentsh.cli.options import Command, json_option, opened, policy_option, workspace_option
from agentsh.cli.output import data, data_json, say
from agentsh.cli.paint import Page, Span, show
from agentsh.core.sanitise import visible_line, visible_path

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.core.decision import Decision

_STYLES = {"allow": "green", "ask": "yellow", "deny": "red"}


@click.group()
def policy() -> None:
    """Show, explain and test policies."""


@policy.command(
    "show",
    cls=Command,
    examples="""
    agentsh policy show
    agentsh policy show --policy trusted
    """,
)
@policy_option
@workspace_option
@json_option
def show_(*, policy: str | None, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Show the rules that hold in a workspace. The strictest that matches decides: deny, then ask, then allow."""
    with opened(directory, data_dir, policy=policy) as workspace:
        held = workspace.policy
    otherwise = (
        ("run", "actions", held.run),
        ("land", "effects", held.land),
        ("send", "requests", held.send),
        ("query", "statements", held.query),
    )
    if as_json:
        data_json(
            {
                "name": held.name,
                "rules": [encode.plain(r) for r in held.rules],
                "otherwise": {name: encode.plain(default) for name, _, default in otherwise},
            }
        )
        return
    page = Page()
    page.add(Span(visible_line(held.name), "bold"))
    rows = [
        (
            Span(rule.verdict.value, _STYLES[rule.verdict.value]),
            Span(visible_line(rule.name)),
            Span("effects" if rule.about_effects else "statements" if rule.about_sql else "actions", "dim"),
            Span(visible_line(rule.reason), "dim"),
        )
        for rule in held.rules
    ]
    for _, what, default in otherwise:
        rows.append(
            (
                Span(default.verdict.value, _STYLES[default.verdict.value]),
                Span("otherwise"),
                Span(what, "dim"),
                Span(default.reason, "dim"),
            )
        )
    page.table(rows, indent="  ")
    show(page)


@policy.command("explain", cls=Command, examples="agentsh policy explain a3")
@click.argument("action", metavar="ACTION")
@policy_option
@workspace_option
@json_option
def explain(*, action: str, policy: str | None, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Explain what the policy decides about ACTION, and each rule that had a say."""
    with opened(directory, data_dir, policy=policy) as workspace:
        explained = workspace.explain(action)
        name = workspace.policy_name
    if as_json:
        found = [
            {
                **(encode.text_fields("path", e.about) if e.about is not None else {"path": None}),
                "decision": encode.plain(e.decision),
                "rules": [encode.plain(d) for d in e.said],
            }
            for e in explained
        ]
        data_json({"action": action, "policy": name, "decisions": found})
        return
    page = Page()
    for entry in explained:
        about = "running it" if entry.about is None else visible_path(entry.about)
        page.add(Span(entry.decision.verdict.value, _STYLES[entry.decision.verdict.value]), " ", Span(about, "bold"))
        page.table([_row(d) for d in entry.said or (entry.decision,)], indent="  ")
    show(page)


def _row(decision: Decision) -> tuple[Span, ...]:
    return (
        Span(decision.verdict.value, _STYLES[decision.verdict.value]),
        Span(visible_line(decision.rule)),
        Span(visible_line(decision.reason), "dim"),
    )


@policy.command(
    "test",
    cls=Command,
    examples="""
    agentsh policy test ./policy.toml
    """,
)
@click.argument("file", metavar="FILE")
@json_option
def test(*, file: str, as_json: bool) -> int:
    """Run the [[example]] tables of a policy FILE. Exit code 1 when one does not hold."""
    from agentsh.runtime.policies import try_examples  # noqa: PLC0415 - see agentsh.cli

    results = try_examples(_path(file))
    failed = [r for r in results if not r.holds]
    if as_json:
        data_json({"ok": not failed, "examples": [encode.plain(r) for r in results]})
        return 1 if failed else 0
    page = Page()
    rows = []
    for r in results:
        outcome = Span("holds", "green") if r.holds else Span("fails", "red")
        got = f"{r.decision.verdict}: {visible_line(r.decision.rule)}"
        told = Span(got, "dim") if r.holds else Span(f"expected {visible_line(r.expected)}, got {got}")
        rows.append((outcome, Span(f"{r.number}"), Span(visible_line(r.title)), told))
    page.table(rows)
    show(page)
    say(f"{len(results) - len(failed)} of {len(results)} examples hold" if results else "The file has no examples.")
    return 1 if failed else 0


@policy.command("lint", cls=Command, examples="agentsh policy lint ./policy.toml")
@click.argument("file", metavar="FILE")
@json_option
def lint(*, file: str, as_json: bool) -> int:
    """Find rules of a policy FILE that are hardly meant. Exit code 1 when there are some."""
    from agentsh.runtime.policies import lint_policy  # noqa: PLC0415 - see agentsh.cli

    found = lint_policy(_path(file))
    if as_json:
        data_json({"ok": not found, "findings": [encode.plain(f) for f in found]})
        return 1 if found else 0
    page = Page()
    for finding in found:
        page.add(Span(visible_line(finding.rule or "the file"), "bold"), ": ", visible_line(finding.text))
    show(page)
    if not found:
        say("Nothing stands out.")
    return 1 if found else 0


@policy.command("grants", cls=Command, examples="agentsh policy grants")
@workspace_option
@json_option
def grants(*, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """List what you approved for the rest of a session. What you approved for always is in 'policy show'."""
    with opened(directory, data_dir) as workspace:
        held = workspace.grants()
    if as_json:
        data_json({"grants": [encode.plain(g) for g in held]})
        return
    page = Page()
    for grant in held:
        page.add(Span(grant.id, "bold"), f"  session {grant.session}, with {grant.action}")
        for line in grant.rules.splitlines():
            page.add("    ", Span(visible_line(line), "dim"))
    show(page)
    if not held:
        say("Nothing is approved for a session.")


@policy.command("withdraw", cls=Command, examples="agentsh policy withdraw g1")
@click.argument("grant", metavar="GRANT")
@workspace_option
@json_option
def withdraw(*, grant: str, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Let an approval for a session hold no longer; what it approved before stays approved."""
    with opened(directory, data_dir) as workspace:
        workspace.withdraw_grant(grant)
    if as_json:
        data_json({"withdrawn": grant})
        return
    data(f"withdrawn {grant}")


def _path(file: str) -> str:
    """A file's name as the policy loader takes it: with a slash, so that it is not taken for a preset's."""
    return file if "/" in file else f"./{file}"
