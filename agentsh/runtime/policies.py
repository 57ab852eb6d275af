"""The policy that holds: found by its name, explained, and held against the examples in its file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.core.decision import Decision, Verdict
from agentsh.core.errors import ConfigError, UsageError
from agentsh.policy import preset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.action import ActionRecord
    from agentsh.core.explanation import ExampleResult, Explained, Lint
    from agentsh.core.session import SessionRecord
    from agentsh.policy import Policy
    from agentsh.runtime.web import Web


def load_policy(name: str, *, protected: Sequence[str] = ()) -> Policy:
    """A preset by name, or a policy from a file.

    Raises:
        ConfigError: neither exists, or the file is wrong.
    """
    found = preset(name, protected=protected)
    if found is not None:
        return found
    return _parsed(read_policy(name), name, protected)


def _parsed(text: str, name: str, protected: Sequence[str] = ()) -> Policy:
    from agentsh.policy import parse_policy  # noqa: PLC0415 - a preset needs none

    return parse_policy(text, name=name, protected=protected)


def read_policy(name: str) -> str:
    """The text of a policy file.

    Raises:
        ConfigError: there is none of that name.
    """
    try:
        if os.sep not in name and not name.endswith(".toml"):  # a slip in a preset's name opens no file of a stranger
            raise FileNotFoundError(name)
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(
            f"There is no policy {name!r}: no preset of that name, and the file cannot be read.",
            next_step="The presets are read-only, review, ci and trusted.",
        ) from e


def explain_action(
    policy: Policy, action: ActionRecord, *, web: Web | None = None, session: SessionRecord | None = None
) -> list[Explained]:
    """Why ``policy`` decides as it does about an action that the journal has.

    Args:
        policy: what holds now.
        action: the action.
        web: for a request: what decides beside the rules.
        session: in which a model asked for it.
    """
    from agentsh.policy.explain import explain  # noqa: PLC0415 - only when asked
    from agentsh.policy.rules import summary_of  # noqa: PLC0415

    running, *effects = explain(policy, action, summary_of(action.spec))
    if web is not None:
        try:
            decision = web.judge(action.spec, session)
        except UsageError as e:  # the journal has a name where the URL had a secret's value
            decision = Decision(Verdict.DENY, "http.url", e.what)
        running = replace(running, decision=decision, said=tuple(dict.fromkeys((*running.said, decision))))
    return [running, *effects]


def try_examples(name: str) -> list[ExampleResult]:
    """What comes of the examples in a policy file.

    Raises:
        ConfigError: the file cannot be read or understood, or it is a preset.
    """
    from agentsh.policy.examples import run_examples  # noqa: PLC0415 - only when asked

    text = _file(name)
    return run_examples(text, _parsed(text, name))


def lint_policy(name: str, *, commands: frozenset[str] = frozenset()) -> list[Lint]:
    """What about a policy file is hardly meant.

    Raises:
        ConfigError: the file cannot be read or understood, or it is a preset.
    """
    from agentsh.policy.explain import lint  # noqa: PLC0415 - only when asked

    return lint(_parsed(_file(name), name), commands=commands)


def _file(name: str) -> str:
    if preset(name) is not None:
        raise ConfigError(
            f"'{name}' is a preset, and presets have no file.",
            next_step="Name a policy file; 'agentsh policy show' shows what a preset holds.",
        )
    return read_policy(name)
