"""The policies that come with agentsh, and reading one from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionKind, Origin
from agentsh.core.decision import Decision, Verdict
from agentsh.core.effect import Flag
from agentsh.core.errors import ConfigError
from agentsh.core.sanitise import visible_line
from agentsh.policy.rules import Policy, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

# A revert puts back what was there before an action: it is the person's own wish and has been reviewed once.
_FORWARD = frozenset(ActionKind) - {ActionKind.REVERT, ActionKind.RESTORE}

_ALWAYS = (
    Rule(
        "git-internals",
        Verdict.DENY,
        "The insides of a .git directory are read-only to actions.",
        kinds=_FORWARD,
        flags=frozenset({Flag.GIT_INTERNALS}),
    ),
    Rule(
        "special-files",
        Verdict.DENY,
        "Sockets, devices and FIFOs cannot be snapshotted, so they cannot be committed.",
        flags=frozenset({Flag.SPECIAL}),
    ),
    Rule(
        "own-configuration",
        Verdict.DENY,
        "An agent cannot change agentsh's own configuration.",
        origins=frozenset({Origin.AGENT}),
        paths=(".agentsh.toml",),
    ),
)
"""Held by every policy: a preset or a file can add rules, never remove these."""

_SECOND_LOOK = Rule(
    "second-look",
    Verdict.ASK,
    "It touches something that runs later, holds credentials, becomes executable, or leads out of the workspace.",
    flags=frozenset({Flag.RUNS_CODE, Flag.SECRET_LIKE, Flag.EXECUTABLE, Flag.ESCAPING_SYMLINK}),
)

REVIEW = Policy("review", _ALWAYS)
READ_ONLY = Policy(
    "read-only",
    _ALWAYS,
    land=Decision(Verdict.DENY, "read-only", "The read-only policy lets no effect reach the workspace."),
)
TRUSTED = Policy(
    "trusted",
    (*_ALWAYS, _SECOND_LOOK),
    land=Decision(Verdict.ALLOW, "trusted", "The trusted policy approves ordinary effects."),
)

_PRESETS = {p.name: p for p in (READ_ONLY, REVIEW, TRUSTED)}


def preset(name: str, *, protected: Iterable[str] = ()) -> Policy | None:
    """The preset of that name, with further paths that an agent may not change; None when there is none."""
    base = _PRESETS.get(name)
    return None if base is None else _protect(base, protected)


def _protect(base: Policy, protected: Iterable[str]) -> Policy:
    patterns = tuple(protected)
    if not patterns:
        return base
    rule = Rule(
        "protected",
        Verdict.DENY,
        "The configuration protects this path.",
        kinds=_FORWARD,
        origins=frozenset({Origin.AGENT}),
        paths=patterns,
    )
    return Policy(base.name, (*base.rules, rule), base.run, base.land)


def parse_policy(text: str, *, name: str, protected: Iterable[str] = ()) -> Policy:
    """A policy from TOML: ``preset`` (what it builds on, 'review' by default) and ``[[rule]]`` tables.

    Args:
        text: the file's content.
        name: how decisions and messages call it.
        protected: further path patterns that an agent may not change.

    Raises:
        ConfigError: it is no TOML, or a key or value is unknown.
    """
    import tomllib  # noqa: PLC0415 - presets do without

    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise ConfigError(f"The policy {visible_line(name)} is not valid TOML: {visible_line(str(e))}.") from e
    _only(table, {"preset", "rule"}, name)
    base = _PRESETS.get(str(table.get("preset", "review")))
    if base is None:
        raise ConfigError(
            f"The policy {visible_line(name)} builds on an unknown preset; known are {', '.join(_PRESETS)}."
        )
    given = table.get("rule", [])
    if not isinstance(given, list) or not all(isinstance(r, dict) for r in given):
        raise ConfigError(f"In the policy {visible_line(name)}, write each rule as a [[rule]] table.")
    rules = tuple(_rule(r, i, name) for i, r in enumerate(given, 1))
    return _protect(Policy(name, (*base.rules, *rules), base.run, base.land), protected)


def _only(table: dict[str, Any], allowed: set[str], name: str) -> None:
    for key in table:
        if key not in allowed:
            raise ConfigError(
                f"The policy {visible_line(name)} has the unknown key '{visible_line(key)}'; "
                f"known are {', '.join(sorted(allowed))}."
            )


def _rule(table: dict[str, Any], number: int, name: str) -> Rule:
    _only(table, {"name", "verdict", "reason", "kinds", "origins", "commands", "paths", "flags"}, name)

    def strings(key: str) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ConfigError(
                f"In rule {number} of the policy {visible_line(name)}, '{key}' must be a list of strings."
            )
        return value

    try:
        return Rule(
            name=str(table.get("name", f"rule {number}")),
            verdict=Verdict(str(table.get("verdict"))),
            reason=str(table.get("reason", f"Rule {number} of the policy says so.")),
            kinds=frozenset(ActionKind(k) for k in strings("kinds")),
            origins=frozenset(Origin(o) for o in strings("origins")),
            commands=frozenset(strings("commands")),
            paths=tuple(strings("paths")),
            flags=frozenset(Flag(f) for f in strings("flags")),
        )
    except ValueError as e:
        raise ConfigError(f"In rule {number} of the policy {visible_line(name)}: {visible_line(str(e))}.") from e
