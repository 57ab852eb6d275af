"""The policy: (action, effects, context) -> decision with a rule and a reason. Pure: no input or output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.policy.flags import flag_effect
from agentsh.policy.kept import excluded, sealed
from agentsh.policy.presets import POLICIES, preset
from agentsh.policy.rules import Policy, Rule

if TYPE_CHECKING:
    from agentsh.policy.parse import parse_policy

__all__ = ["POLICIES", "Policy", "Rule", "excluded", "flag_effect", "parse_policy", "preset", "sealed"]


def __getattr__(name: str) -> object:
    """Load the reading of files when it is asked for: a preset needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agentsh.policy import parse  # noqa: PLC0415

    return getattr(parse, name)
