"""A policy's answer."""

from __future__ import annotations

from enum import StrEnum

from agentsh.core.record import record


class Verdict(StrEnum):
    """deny > ask > allow."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@record(frozen=True, slots=True)
class Decision:
    """A verdict with the rule that gave it and a reason for people."""

    verdict: Verdict
    rule: str
    reason: str
