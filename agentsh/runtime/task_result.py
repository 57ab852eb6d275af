"""How a run of the agent loop ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from agentsh.llm.model import Usage

if TYPE_CHECKING:
    from agentsh.core.errors import AgentshError

EndStatus = Literal["done", "failed", "interrupted", "step-limit"]


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a run ended.

    Attributes:
        session: its id; ``--resume`` takes it.
        status: done, failed, interrupted or step-limit.
        text: the model's last words; empty when it did not finish.
        steps: answers of the model in this run.
        actions: ids of the actions of this run, in order.
        denied: how many actions were denied or refused.
        usage: tokens, as the endpoint counts them.
        error: why it failed; None when it did not.
    """

    session: str
    status: EndStatus
    text: str = ""
    steps: int = 0
    actions: tuple[str, ...] = ()
    denied: int = 0
    usage: Usage = field(default_factory=Usage)
    error: AgentshError | None = None

    @property
    def exit_code(self) -> int:
        """The process's, by the contract of the exit codes."""
        if self.error is not None:
            return self.error.exit_code
        return {"done": 0, "failed": 1, "interrupted": 130, "step-limit": 6}[self.status]
