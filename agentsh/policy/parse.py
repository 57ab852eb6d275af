"""Read a policy from a file."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionKind, Origin
from agentsh.core.decision import Verdict
from agentsh.core.effect import EffectKind, Flag
from agentsh.core.errors import ConfigError, UsageError
from agentsh.core.provenance import Source
from agentsh.core.sanitise import visible_line
from agentsh.core.sql import SqlVerb
from agentsh.policy.presets import POLICIES, protect
from agentsh.policy.rules import Policy, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEYS = {
    *("name", "verdict", "reason", "kinds", "origins"),
    *("commands", "arguments"),
    *("hosts", "methods"),
    *("paths", "flags", "effects", "larger_than"),
    *("exact", "unflagged", "came_from"),
    *("connections", "verbs", "tables"),
}


def tables(table: dict[str, Any], key: str, name: str) -> list[dict[str, Any]]:
    """The ``[[key]]`` tables of a policy file.

    Raises:
        ConfigError: it is written in another way.
    """
    given = table.get(key, [])
    if not isinstance(given, list) or not all(isinstance(r, dict) for r in given):
        raise ConfigError(f"In the policy {visible_line(name)}, write each {key} as a [[{key}]] table.")
    return given


def parse_policy(text: str, *, name: str, protected: Iterable[str] = ()) -> Policy:
    """A policy from TOML: ``preset`` (what it builds on, 'review' by default), ``[[rule]]`` and ``[[example]]`` tables.

    Args:
        text: the file's content.
        name: how decisions and messages call it.
        protected: further path patterns that an agent may not change.

    Raises:
        ConfigError: it is no TOML, or a key or value is unknown.
    """
    table = _toml(text, name)
    _only(table, {"preset", "rule", "example"}, name)
    base = POLICIES.get(str(table.get("preset", "review")))
    if base is None:
        raise ConfigError(
            f"The policy {visible_line(name)} builds on an unknown preset; known are {', '.join(POLICIES)}."
        )
    rules = tuple(_rule(r, i, name) for i, r in enumerate(tables(table, "rule", name), 1))
    return protect(replace(base, name=name, rules=(*base.rules, *rules)), protected)


def parse_rules(text: str, *, name: str) -> list[tuple[str, Rule]]:
    """Rules that stand alone, each with the workspace that it names (empty: none).

    Raises:
        ConfigError: as :func:`parse_policy`.
    """
    table = _toml(text, name)
    _only(table, {"rule"}, name)
    out = []
    for number, given in enumerate(tables(table, "rule", name), 1):
        of = given.pop("workspace", "")
        if not isinstance(of, str):
            raise ConfigError(f"In rule {number} of {visible_line(name)}, 'workspace' must be a path.")
        out.append((of, _rule(given, number, name)))
    return out


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise ConfigError(f"The policy {visible_line(name)} is not valid TOML: {visible_line(str(e))}.") from e


def _only(table: dict[str, Any], allowed: set[str], name: str) -> None:
    for key in table:
        if key not in allowed:
            raise ConfigError(
                f"The policy {visible_line(name)} has the unknown key '{visible_line(key)}'; "
                f"known are {', '.join(sorted(allowed))}."
            )


def _rule(table: dict[str, Any], number: int, name: str) -> Rule:
    _only(table, _KEYS, name)

    def strings(key: str) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ConfigError(
                f"In rule {number} of the policy {visible_line(name)}, '{key}' must be a list of strings."
            )
        return value

    least = table.get("larger_than", -1)
    if not isinstance(least, int) or isinstance(least, bool):
        raise ConfigError(
            f"In rule {number} of the policy {visible_line(name)}, 'larger_than' must be a number of bytes."
        )
    unflagged = table.get("unflagged", False)
    if not isinstance(unflagged, bool):
        raise ConfigError(f"In rule {number} of the policy {visible_line(name)}, 'unflagged' must be true or false.")
    try:
        rule = Rule(
            name=str(table.get("name", f"rule {number}")),
            verdict=Verdict(str(table.get("verdict"))),
            reason=str(table.get("reason", f"Rule {number} of the policy says so.")),
            kinds=frozenset(ActionKind(k) for k in strings("kinds")),
            origins=frozenset(Origin(o) for o in strings("origins")),
            commands=frozenset(strings("commands")),
            paths=tuple(strings("paths")),
            flags=frozenset(Flag(f) for f in strings("flags")),
            arguments=tuple(strings("arguments")),
            effects=frozenset(EffectKind(k) for k in strings("effects")),
            larger_than=least,
            hosts=_hosts(strings("hosts")),
            methods=frozenset(strings("methods")),
            exact=tuple(strings("exact")),
            unflagged=unflagged,
            came_from=frozenset(Source(s) for s in strings("came_from")),
            connections=frozenset(strings("connections")),
            verbs=frozenset(SqlVerb(v) for v in strings("verbs")),
            tables=tuple(strings("tables")),
        )
    except UsageError as e:
        raise ConfigError(f"In rule {number} of the policy {visible_line(name)}: {e.what}") from e
    except ValueError as e:
        raise ConfigError(f"In rule {number} of the policy {visible_line(name)}: {visible_line(str(e))}.") from e
    if wrong := [m for m in rule.methods if not m.isalpha() or not m.isupper()]:
        raise ConfigError(
            f"In rule {number} of the policy {visible_line(name)}, '{visible_line(wrong[0])}' is no method: write GET."
        )
    if rule.about_requests and (rule.about_effects or rule.commands or rule.arguments):
        raise ConfigError(
            f"Rule {number} of the policy {visible_line(name)} names requests and something else, and a rule is about "
            "one of them.",
            next_step="Make two rules of it.",
        )
    _check_sql(rule, number, name)
    if rule.about_effects and rule.arguments:
        raise ConfigError(
            f"Rule {number} of the policy {visible_line(name)} names both arguments and effects, and a rule is about "
            "one of them.",
            next_step="Make two rules of it: one for the command's words, one for what it changes.",
        )
    return rule


def _check_sql(rule: Rule, number: int, name: str) -> None:
    where = f"ule {number} of the policy {visible_line(name)}"
    if rule.about_sql and (rule.about_effects or rule.about_requests or rule.commands or rule.arguments):
        raise ConfigError(
            f"R{where} names SQL statements and something else, and a rule is about one of them.",
            next_step="Make two rules of it.",
        )
    if wrong := [t for t in rule.tables if not all(t.split(".")) or t.count(".") > 1]:
        raise ConfigError(f"In r{where}, '{visible_line(wrong[0])}' is no pattern of tables: write schema.table.")
    if rule.verdict is Verdict.ALLOW and (bare := [t for t in rule.tables if "." not in t]):
        raise ConfigError(
            f"In r{where}, '{visible_line(bare[0])}' has no schema, so it would allow that table in every one.",
            next_step=f"Write public.{visible_line(bare[0])}, or the schema that is meant.",
        )


def _hosts(patterns: list[str]) -> tuple[str, ...]:
    if patterns:
        from agentsh.policy.destination import host_pattern  # noqa: PLC0415 - few policies have such rules

        for pattern in patterns:
            host_pattern(pattern)
    return tuple(patterns)
