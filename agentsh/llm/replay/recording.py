"""Recordings: what a replayed model says, and what it expects to have been told.

A recording is one JSON object (docs/models.md)::

    {"agentsh_recording": 1, "name": "demo", "task": "...",
     "turns": [{"text": "I look around.",
                "tool_calls": [{"name": "shell", "arguments": {"line": "ls"}}]},
               {"text": "Done.", "expect": {"result_contains": ["README"]}}]}

or the same as JSON lines: a first line without ``turns``, then one turn a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from agentsh.core.errors import ModelError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
_MAX_BYTES = 64 << 20
_EXPECT = ("task_contains", "result_contains", "result_lacks")


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the recorded model.

    Attributes:
        text: what it says.
        tool_calls: name and arguments of each call. Arguments that are a string are sent as they stand, so that a
            recording can hold what is no JSON.
        task_contains: pieces that the person's messages must contain for the turn to fit.
        result_contains: pieces that the tools' results since the turn before must contain.
        result_lacks: pieces that they must not contain.
    """

    text: str = ""
    tool_calls: tuple[tuple[str, Mapping[str, Any] | str], ...] = ()
    task_contains: tuple[str, ...] = ()
    result_contains: tuple[str, ...] = ()
    result_lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded conversation, the model's side of it.

    Attributes:
        name: what ``/v1/models`` calls it.
        task: the task that it was recorded for; empty when it fits any.
        turns: the answers, in order.
    """

    name: str
    turns: tuple[Turn, ...] = field(default_factory=tuple)
    task: str = ""


def to_json(recording: Recording) -> str:
    """A recording in the form that :func:`parse_recording` reads."""
    head = {"agentsh_recording": FORMAT, "name": recording.name, "task": recording.task}
    return json.dumps({**head, "turns": [_turn_json(t) for t in recording.turns]}, ensure_ascii=False, indent=1) + "\n"


def _turn_json(turn: Turn) -> dict[str, Any]:
    raw: dict[str, Any] = {"text": turn.text}
    if turn.tool_calls:
        raw["tool_calls"] = [{"name": name, "arguments": arguments} for name, arguments in turn.tool_calls]
    if expect := {k: list(getattr(turn, k)) for k in _EXPECT if getattr(turn, k)}:
        raw["expect"] = expect
    return raw


def load_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        ModelError: the file cannot be read or is no recording.
    """
    shown = visible_line(str(path))
    try:
        with path.open("rb") as f:
            raw = f.read(_MAX_BYTES + 1)
    except OSError as e:
        raise ModelError(f"The recording {shown} cannot be read: {e.strerror}.", next_step="Check its path.") from e
    if len(raw) > _MAX_BYTES:
        raise ModelError(
            f"The recording {shown} is larger than {_MAX_BYTES >> 20} MiB.", next_step="Use a smaller one."
        )
    return parse_recording(raw, source=shown)


def demo_recording() -> Recording:
    """The demonstration that comes with the package."""
    raw = resources.files("agentsh.llm").joinpath("recordings/demo.json").read_bytes()
    return parse_recording(raw, source="demo")


def parse_recording(raw: bytes, *, source: str) -> Recording:
    """A recording from its bytes.

    Args:
        raw: JSON or JSON lines.
        source: names it in errors.

    Raises:
        ModelError: it is no recording.
    """

    def bad(why: str) -> ModelError:
        return ModelError(f"{source} is no recording: {why}.", next_step="docs/models.md describes the format.")

    try:
        text = raw.decode()
        try:
            head = json.loads(text)
        except json.JSONDecodeError:
            head, *turns = [json.loads(line) for line in text.splitlines() if line.strip()] or [None]
            head = {**head, "turns": turns} if isinstance(head, dict) else None
    except (ValueError, RecursionError) as e:
        raise bad(visible_line(str(e))[:200]) from None
    if not isinstance(head, dict) or head.get("agentsh_recording") != FORMAT:
        raise bad(f"it does not begin with 'agentsh_recording': {FORMAT}")
    turns = head.get("turns", [])
    if not isinstance(turns, list) or not turns:
        raise bad("it has no turns")
    name, task = head.get("name", "replay"), head.get("task", "")
    if not isinstance(name, str) or not isinstance(task, str):
        raise bad("'name' and 'task' must be strings")
    try:
        return Recording(name, tuple(_turn(t) for t in turns), task)
    except ValueError as e:
        raise bad(str(e)) from None


def _turn(raw: object) -> Turn:
    if not isinstance(raw, dict) or set(raw) - {"text", "tool_calls", "expect"}:
        raise ValueError("a turn is an object with 'text', 'tool_calls' and 'expect'")
    text = raw.get("text", "")
    calls = raw.get("tool_calls", [])
    expect = raw.get("expect", {})
    if not isinstance(text, str) or not isinstance(calls, list) or not isinstance(expect, dict):
        raise ValueError("'text' is a string, 'tool_calls' a list, 'expect' an object")  # noqa: TRY004 - bad data
    if unknown := set(expect) - set(_EXPECT):
        raise ValueError(f"'expect' has the unknown {', '.join(sorted(unknown))}")
    return Turn(
        text,
        tuple(_call(c) for c in calls),
        *(_pieces(expect, key) for key in _EXPECT),
    )


def _call(raw: object) -> tuple[str, Mapping[str, Any] | str]:
    if isinstance(raw, dict) and isinstance(raw.get("name"), str):
        arguments = raw.get("arguments", {})
        if isinstance(arguments, (Mapping, str)):
            return raw["name"], arguments
    raise ValueError("a tool call has a 'name' and 'arguments' (an object, or a string to send as it stands)")


def _pieces(expect: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = expect.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise ValueError(f"'{key}' is a list of strings that are not empty")
    return tuple(value)
