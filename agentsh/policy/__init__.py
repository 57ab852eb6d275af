"""The policy: (action, effects, context) -> decision with a rule and a reason. Pure: no input or output."""

from agentsh.policy.flags import flag_effect
from agentsh.policy.presets import parse_policy, preset
from agentsh.policy.rules import Policy, Rule

__all__ = ["Policy", "Rule", "flag_effect", "parse_policy", "preset"]
