"""What a person approves for longer than once: rules that allow exactly that, as text and back. Pure.

Such a rule is as narrow as what the person was shown: these paths byte for byte, this kind of change, asked for by the
same one, and of a shell line these commands and no others. What could not be written that narrowly is not offered. It
is an ordinary rule otherwise: one that asks or denies is stricter, and holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind
from agentsh.core.decision import Verdict
from agentsh.core.errors import ConfigError, UsageError
from agentsh.core.flags import FLAG_REASONS
from agentsh.core.sanitise import visible_line, visible_path
from agentsh.policy.parse import parse_rules
from agentsh.policy.rules import Policy, Rule, summary_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.action import ActionSpec
    from agentsh.core.effect import EffectKind, FileEffect

_KINDS = (ActionKind.SHELL, ActionKind.WRITE, ActionKind.EDIT)
_MOST = 100
_ONCE = "Approve it once instead, without --for."


def lasting_rules(policy: Policy, action: str, spec: ActionSpec, effects: Sequence[FileEffect]) -> tuple[Rule, ...]:
    """The rules that allow what an action did, and nothing wider.

    Args:
        policy: what holds now.
        action: the action's id.
        spec: what was asked for.
        effects: what of it is meant.

    Raises:
        UsageError: no rule could be that narrow, or it would not hold against a stricter one.
    """
    if policy.land.verdict is not Verdict.ASK:
        raise _refused(f"the policy '{visible_line(policy.name)}' does not ask about ordinary effects")
    if spec.kind not in _KINDS:
        raise _refused(f"what a {spec.kind.value} brings is another thing each time")
    if not effects:
        raise _refused("it has no staged effect, so there is nothing that a rule could name")
    if len(effects) > _MOST:
        raise _refused(f"it changes {len(effects)} paths, and nobody reads that many in a rule")
    commands = _commands(spec)
    _refuse_stricter(policy, spec, effects)
    paths: dict[EffectKind, list[str]] = {}
    for effect in effects:
        if effect.flags:
            why = ", ".join(FLAG_REASONS[f] for f in effect.flags)
            raise _refused(f"{visible_path(effect.path)} deserves a look each time: {why}")
        try:
            paths.setdefault(effect.kind, []).append(effect.path.decode())
        except UnicodeDecodeError as e:
            raise _refused(f"the name {visible_path(effect.path)} is no Unicode, and a policy file is") from e
    return tuple(
        Rule(
            f"approved-{action}-{kind.value}",
            Verdict.ALLOW,
            f"The person approved it for longer with {action}.",
            kinds=frozenset({spec.kind}),
            origins=frozenset({spec.origin}),
            commands=commands,
            effects=frozenset({kind}),
            exact=tuple(sorted(named)),
            unflagged=True,
        )
        for kind, named in sorted(paths.items())
    )


def _commands(spec: ActionSpec) -> frozenset[str]:
    """The commands of a shell line, each by its name; none of what is no shell line."""
    summary = summary_of(spec)
    if summary is None:
        return frozenset()
    if summary.opaque:
        raise _refused("its line runs commands that cannot be known beforehand, so no rule could name them")
    if not summary.commands:
        raise _refused("its line runs no command that a rule could name")
    return frozenset(c.name for c in summary.commands)


def _refuse_stricter(policy: Policy, spec: ActionSpec, effects: Sequence[FileEffect]) -> None:
    """Raise where a rule says 'ask' or 'deny': it is stricter than any that allows."""
    ruled = policy.rules_on_action(spec, summary_of(spec))
    for effect in effects:
        ruled += policy.rules_on_effect(spec, effect)
    for rule in ruled:
        if rule.verdict is not Verdict.ALLOW:
            what = "denies it" if rule.verdict is Verdict.DENY else "asks each time, and is stricter than what allows"
            raise _refused(f"the rule '{visible_line(rule.name)}' {what}")


def _refused(why: str) -> UsageError:
    return UsageError(f"It cannot be approved for longer than once: {why}.", next_step=_ONCE)


def rules_toml(rules: Sequence[Rule], *, workspace: str = "") -> str:
    """Rules of :func:`lasting_rules` as tables of a policy file: ASCII, without control characters.

    Args:
        rules: the rules.
        workspace: in which alone they hold; empty when that goes without saying.
    """
    return "\n".join(_table(rule, workspace) for rule in rules)


def _table(rule: Rule, workspace: str) -> str:
    lines = ["[[rule]]"]
    if workspace:
        lines.append(f"workspace = {_quoted(workspace)}")
    lines += [f"{key} = {_quoted(value)}" for key, value in _texts(rule)]
    lines += [f"{key} = [{', '.join(map(_quoted, values))}]" for key, values in _lists(rule) if values]
    return "\n".join([*lines, "unflagged = true", ""])


def _texts(rule: Rule) -> tuple[tuple[str, str], ...]:
    return (("name", rule.name), ("verdict", rule.verdict.value), ("reason", rule.reason))


def _lists(rule: Rule) -> tuple[tuple[str, Sequence[str]], ...]:
    return (
        ("kinds", sorted(rule.kinds)),
        ("origins", sorted(rule.origins)),
        ("commands", sorted(rule.commands)),
        ("effects", sorted(rule.effects)),
        ("exact", rule.exact),
    )


def _quoted(text: str) -> str:
    """A basic string of TOML. All but printable ASCII is escaped: it is shown to a person, and must not deceive."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(ch: str) -> str:
    if ch in '\\"':
        return f"\\{ch}"
    if " " <= ch <= "~":
        return ch
    return f"\\u{ord(ch):04x}" if ord(ch) < 1 << 16 else f"\\U{ord(ch):08x}"


def with_approved(policy: Policy, text: str, *, name: str, workspace: str = "") -> Policy:
    """``policy`` with rules that a person approved for longer.

    They answer a question, so they are left out where the policy asks none: what is read-only stays it.

    Args:
        policy: what holds without them.
        text: the rules, as :func:`rules_toml` writes them.
        name: how messages call the text.
        workspace: the workspace's path; rules for another one are left out. Empty: they name none.

    Raises:
        ConfigError: it is no TOML, a key or value is unknown, or a rule is none that was approved.
    """
    rules = []
    for of, rule in parse_rules(text, name=name):
        if rule.verdict is not Verdict.ALLOW or not rule.exact or bool(of) != bool(workspace):
            raise ConfigError(
                f"The rule '{visible_line(rule.name)}' in {visible_line(name)} is none that was approved there: such a "
                "rule allows, has 'exact' paths, and names its workspace.",
                next_step="Rules of your own go into a policy file.",
            )
        if of == workspace:
            rules.append(rule)
    if policy.land.verdict is not Verdict.ASK or not rules:
        return policy
    return replace(policy, rules=(*policy.rules, *rules))
