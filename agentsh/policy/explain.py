"""Replay a policy's decisions with everything that had a say in them, and find rules that are hardly meant."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from agentsh.core.decision import Verdict
from agentsh.core.explanation import Explained, Lint
from agentsh.core.request import HELD_METHODS
from agentsh.policy.presets import POLICIES
from agentsh.policy.rules import decided

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.core.action import ActionRecord, ActionSpec
    from agentsh.core.decision import Decision
    from agentsh.policy.rules import Policy, Rule
    from agentsh.shell import Summary


def explain(policy: Policy, action: ActionRecord, summary: Summary | None) -> list[Explained]:
    """Why ``policy`` decides as it does about an action: first about running it, then about each of its effects."""
    spec = action.spec
    out = [
        Explained(None, policy.judge_action(spec, summary), _said(policy.rules_on_action(spec, summary), spec)),
    ]
    out += [
        Explained(e.path, policy.judge_effect(spec, e), _said(policy.rules_on_effect(spec, e), spec))
        for e in action.changes
    ]
    return out


def _said(rules: Sequence[Rule], spec: ActionSpec) -> tuple[Decision, ...]:
    return tuple(decided(r, spec) for r in rules)


def lint(policy: Policy, *, commands: frozenset[str] = frozenset()) -> list[Lint]:
    """What about a policy's own rules is hardly meant.

    Args:
        policy: from a file; the rules of the presets are not looked at.
        commands: what the sandbox has; empty when that is not known.
    """
    presets = {rule for preset in POLICIES.values() for rule in preset.rules}
    rules = [r for r in policy.rules if r not in presets and r.name != "protected"]
    found = [Lint("", "It has no rules of its own: it is the preset that it builds on.")] if not rules else []
    found += [
        Lint(name, "Several rules have this name, so a decision cannot tell which one it was.")
        for name, n in Counter(r.name for r in rules).items()
        if n > 1
    ]
    for i, rule in enumerate(rules):
        found += [Lint(rule.name, text) for text in _about(rule, rules[:i], policy, commands)]
    return found


def _about(rule: Rule, earlier: Sequence[Rule], policy: Policy, commands: frozenset[str]) -> Iterator[str]:
    if not (
        rule.about_effects
        or rule.about_requests
        or rule.about_sql
        or rule.kinds
        or rule.origins
        or rule.commands
        or rule.arguments
        or rule.came_from
    ):
        yield f"It matches every action: '{rule.verdict}' then holds for all that no stricter rule speaks about."
    yield from _about_paths(rule)
    for other in earlier:
        if other.verdict is rule.verdict and _covers(other, rule):
            yield f"It says what '{other.name}' says already."
    if rule.verdict is Verdict.ALLOW:
        yield from _about_allowing(rule, policy, commands)


def _about_paths(rule: Rule) -> Iterator[str]:
    for pattern in rule.paths:
        if pattern.startswith("/"):
            yield f"'{pattern}' begins with '/', and paths are relative to the workspace: the '/' is not looked at."
        if ".." in pattern.split("/"):
            yield f"'{pattern}' has '..' in it, which no path of an effect has: it never matches."


def _about_allowing(rule: Rule, policy: Policy, commands: frozenset[str]) -> Iterator[str]:
    for command in sorted(rule.commands - commands) if commands else ():
        yield f"It allows '{command}', which the sandbox does not have."
    for stricter in policy.rules:
        if stricter.verdict is not Verdict.ALLOW and _covers(stricter, rule):
            yield f"It never decides: '{stricter.name}' is stricter and matches all that it does."
            break
    if rule.about_requests and not (rule.hosts and rule.methods.intersection(HELD_METHODS)):
        yield (
            "It allows nothing: [http] in the person's configuration says what may be read. To send what changes "
            "something unasked, a rule names hosts and methods."
        )
    elif rule.about_sql and not (rule.verbs and rule.tables):
        yield "It allows nothing: a rule that allows a statement names its verbs and its tables."
    elif (
        not rule.about_requests
        and not rule.about_sql
        and not rule.about_effects
        and policy.run.verdict is Verdict.ALLOW
    ):
        yield "Actions run in the sandbox anyway; to let effects land, name paths or effects."


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Whether ``wide`` matches all that ``narrow`` matches, as far as that can be told without trying."""
    return (
        wide.about_effects is narrow.about_effects
        and all(
            not w or (bool(n) and set(n) <= set(w))
            for w, n in (
                (wide.kinds, narrow.kinds),
                (wide.origins, narrow.origins),
                (wide.commands, narrow.commands),
                (wide.arguments, narrow.arguments),
                (wide.paths, narrow.paths),
                (wide.effects, narrow.effects),
                (wide.flags, narrow.flags),
                (wide.hosts, narrow.hosts),
                (wide.methods, narrow.methods),
                (wide.exact, narrow.exact),
                (wide.came_from, narrow.came_from),
                (wide.connections, narrow.connections),
                (wide.verbs, narrow.verbs),
                (wide.tables, narrow.tables),
            )
        )
        and wide.unflagged <= narrow.unflagged
        and (wide.larger_than < 0 or narrow.larger_than >= wide.larger_than)
    )
