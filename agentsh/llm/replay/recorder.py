"""Make a recording: pass a conversation on to a real model, and keep its side of it."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentsh.llm.replay.recording import Recording, Turn, to_json
from agentsh.llm.replay.server import Mismatch, turns_so_far

if TYPE_CHECKING:
    from agentsh.llm.model import Answer, Model


class Recorder:
    """Plays what a model says, and writes it to a file after each turn.

    A turn that is asked for again replaces the one that was recorded, with all after it. Expectations are the author's
    to add: which parts of a result matter is not in the conversation.

    Args:
        model: who answers.
        path: the recording's file; replaced when it exists.
        name: the recording's name.
    """

    def __init__(self, model: Model, path: Path, *, name: str) -> None:
        self.name = name
        self._model = model
        self._path = path
        self._recording = Recording(name)
        self._lock = threading.Lock()

    def play(self, messages: list[Any], tools: list[Any]) -> tuple[int, Turn]:
        """See :meth:`agentsh.llm.replay.server.Player.play`."""
        with self._lock:
            n = turns_so_far(messages)
            kept = self._recording.turns[:n]
            if len(kept) < n:
                raise Mismatch(f"the conversation has {n} turns, and {len(kept)} of them are recorded: begin it anew")
            turn = to_turn(self._model.complete(messages, tools))
            task = self._recording.task if n else _task(messages)
            self._recording = replace(self._recording, turns=(*kept, turn), task=task)
            self._write()
            return n, turn

    def _write(self) -> None:
        data = to_json(self._recording)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self._path.parent, delete=False) as f:
            f.write(data)
        Path(f.name).replace(self._path)  # a reader sees a whole recording, the one before or this one


def to_turn(answer: Answer) -> Turn:
    """An answer as a recorded turn."""
    calls = tuple((c.name, dict(c.arguments) if c.arguments is not None else "{") for c in answer.tool_calls)
    return Turn(answer.text, calls)


def _task(messages: list[Any]) -> str:
    for message in messages:
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) else ""
    return ""
