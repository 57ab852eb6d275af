"""The full-screen interface, driven without a terminal, telling when a frame is rendered."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events
from textual._compositor import CompositorUpdate

import agentsh.tui
from agentsh.tui.app import AgentshApp

if TYPE_CHECKING:
    from collections.abc import Callable


class Painted(AgentshApp):
    """The interface, telling when a frame is rendered."""

    CSS_PATH = Path(agentsh.tui.__file__).with_name("agentsh.tcss")

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.holds: Callable[[str], bool] = lambda _frame: False
        self.at = asyncio.Event()
        self.when = 0.0

    def _display(self, screen: Any, renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate):
            frame = renderable.render_segments(self.console)
            if not self.at.is_set() and self.holds(frame):
                self.when = time.perf_counter()
                self.at.set()
        super()._display(screen, renderable)

    async def painted(self, key: str, holds: Callable[[str], bool]) -> float:
        """Seconds from a key until a frame holds what it asks for."""
        self.holds, self.at = holds, asyncio.Event()
        start = time.perf_counter()
        event = events.Key(key, key if len(key) == 1 else " " if key == "space" else None)
        event.set_sender(self)
        self.post_message(event)
        await asyncio.wait_for(self.at.wait(), 30)
        return self.when - start
