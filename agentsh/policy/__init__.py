"""The policy: (action, effects, context) -> decision with a rule and a reason. Pure: no input or output."""

from agentsh.policy.flags import flag_effect
from agentsh.policy.kept import excluded
from agentsh.policy.parse import parse_policy
from agentsh.policy.presets import POLICIES, preset
from agentsh.policy.rules import Policy, Rule

__all__ = ["POLICIES", "Policy", "Rule", "excluded", "flag_effect", "parse_policy", "preset"]
