"""The policies that come with agentsh."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind, Origin
from agentsh.core.decision import Decision, Verdict
from agentsh.core.effect import Flag
from agentsh.core.provenance import Source
from agentsh.core.sql import CHANGING
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
    Rule(
        "sql-catalogs",
        Verdict.ASK,
        "The catalogs of a database server hold accounts, hashes of passwords and what others are running.",
        tables=("pg_*.*",),
    ),
)
"""Held by every policy: a preset or a file can add rules, never remove these."""

_SECOND_LOOK = Rule(
    "second-look",
    Verdict.ASK,
    "It touches something that runs later, holds credentials, becomes executable, or leads out of the workspace.",
    flags=frozenset({Flag.RUNS_CODE, Flag.SECRET_LIKE, Flag.EXECUTABLE, Flag.ESCAPING_SYMLINK}),
)

_UNNAMED = Rule(
    "destination-not-named",
    Verdict.ASK,
    "It goes to a host or address that the person has not named.",
    kinds=frozenset({ActionKind.HTTP}),
    origins=frozenset({Origin.AGENT}),
    came_from=frozenset(Source) - {Source.PERSON},
)
_UNTRUSTED = Rule(
    "destination-from-content",
    Verdict.ASK,
    "It brings in a host or address that only what the model read has named.",
    kinds=frozenset({ActionKind.SHELL, ActionKind.WRITE, ActionKind.EDIT}),
    origins=frozenset({Origin.AGENT}),
    came_from=frozenset({Source.WORKSPACE, Source.TOOL, Source.PAGE}),
)
_REFUSED = replace(_UNNAMED, verdict=Verdict.DENY)  # where nothing that changes something is sent anyway
_ASKED = (*_ALWAYS, _UNNAMED, _UNTRUSTED)

REVIEW = Policy("review", _ASKED)
READ_ONLY = Policy(
    "read-only",
    (
        *_ALWAYS,
        _REFUSED,
        Rule("read-only", Verdict.DENY, "The read-only policy changes nothing in a database.", verbs=CHANGING),
    ),
    land=Decision(Verdict.DENY, "read-only", "The read-only policy lets no effect reach the workspace."),
    send=Decision(Verdict.DENY, "read-only", "The read-only policy sends no request that changes something."),
)
CI = Policy(
    "ci",
    (
        *_ALWAYS,
        _REFUSED,
        _UNTRUSTED,
        replace(
            _SECOND_LOOK,
            name="nobody-to-ask",
            verdict=Verdict.DENY,
            reason="It touches something that runs later, holds credentials, becomes executable, or leads out of the "
            "workspace, and in CI nobody can look at it.",
        ),
    ),
    land=Decision(Verdict.ALLOW, "ci", "The ci policy approves ordinary effects."),
    send=Decision(
        Verdict.DENY,
        "nobody-to-ask",
        "A request that changes something needs a person, and in CI there is none; a rule of a policy file that names "
        "its host and method can allow it.",
    ),
    query=Decision(
        Verdict.DENY,
        "nobody-to-ask",
        "A statement for a database needs a person, and in CI there is none; a rule of a policy file that names its "
        "verbs and tables can allow it.",
    ),
)
TRUSTED = Policy(
    "trusted",
    (*_ASKED, _SECOND_LOOK),
    land=Decision(Verdict.ALLOW, "trusted", "The trusted policy approves ordinary effects."),
)

POLICIES = {p.name: p for p in (READ_ONLY, REVIEW, CI, TRUSTED)}
"""Every preset by its name."""


def preset(name: str, *, protected: Iterable[str] = ()) -> Policy | None:
    """The preset of that name, with further paths that an agent may not change; None when there is none."""
    base = POLICIES.get(name)
    return None if base is None else protect(base, protected)


def protect(base: Policy, protected: Iterable[str]) -> Policy:
    """``base`` with further path patterns that an agent may not change."""
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
    return replace(base, rules=(*base.rules, rule))
