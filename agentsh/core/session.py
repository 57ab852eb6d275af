"""An agent session as the journal has it."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from agentsh.core.record import record


@record(frozen=True, slots=True)
class SessionRecord:
    """One run of an agent on one task.

    Attributes:
        id: short and stable, ``r1``, ``r2``, ... per workspace.
        task: what the person asked for, raw text; sanitise before showing it.
        model: the model's name as configured.
        policy: the policy's name.
        status: 'running', 'done', 'failed', 'interrupted' or 'step-limit'.
        started_at: seconds since the epoch, UTC.
        messages: the conversation, oldest first, as JSON objects.
    """

    id: str
    task: str
    model: str
    policy: str
    status: str
    started_at: float
    messages: tuple[dict[str, Any], ...] = field(default=())
