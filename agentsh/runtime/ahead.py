"""Start what an action needs before it is known which action it is."""

from __future__ import annotations

from agentsh.sandbox.worker.handle import start_ahead

__all__ = ["start_ahead"]
