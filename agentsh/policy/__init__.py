"""The policy: (action, effects, context) -> decision with a rule and a reason. Pure: no input or output."""
