"""The conversation with a model: journalled whole, sent within bounds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

META = "agentsh"
"""Key of what the journal keeps beside a message (who it came from, which action); never sent to an endpoint."""

DEFAULT_BOUND = 400_000
"""Characters of a conversation: about 100,000 tokens."""

CUT = "[{} characters of an earlier result cut to make room; run it again if you need it]"
INTERRUPTED = (
    "interrupted: the session was stopped before this call had a result. It may or may not have run; look at the "
    "files before you do it again."
)
_KEPT_LATEST = 4  # the newest messages are never shortened
_SHORT = 400
_SHRINK_TO = 0.7  # well below the bound, so that the unchanged beginning is reused by endpoints that cache it


class Conversation:
    """Messages in order.

    Args:
        journal: called with each new message before it counts; what it raises is raised.
        bound: characters that may be sent at most.
        messages: an earlier part, from the journal.
        clean: takes secrets out of a message before it is kept or sent.
    """

    def __init__(
        self,
        journal: Callable[[Mapping[str, Any]], None],
        *,
        bound: int = DEFAULT_BOUND,
        messages: Iterable[Mapping[str, Any]] = (),
        clean: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self._journal = journal
        self._clean = clean
        self._bound = bound
        self._messages = [dict(m) for m in messages]
        self._noted: dict[str, int] = {}
        for message in self._messages:
            self._note(message)

    def add(self, message: Mapping[str, Any], **meta: Any) -> None:
        """Journal a message, then append it.

        Args:
            message: as the API has it.
            meta: what the journal keeps beside it.
        """
        kept = {**self._clean(dict(message)), META: meta}
        self._journal(kept)
        self._messages.append(kept)
        self._note(kept)

    def noted(self, name: str) -> int:
        """The last number that the journal keeps beside a message by ``name``; 0 without any."""
        return self._noted.get(name, 0)

    def _note(self, message: Mapping[str, Any]) -> None:
        # Remembered apart from the messages, which are left out of what is sent when it grows too long.
        self._noted.update({k: v for k, v in message.get(META, {}).items() if isinstance(v, int)})

    def open_calls(self) -> list[str]:
        """Ids of the newest turn's tool calls that have no result yet."""
        # Ids need be unique within a turn only: some endpoints start counting again with each.
        answered: set[object] = set()
        for message in reversed(self._messages):
            if message.get("role") == "assistant":
                return [c["id"] for c in message.get("tool_calls", ()) if c["id"] not in answered]
            answered.add(message.get("tool_call_id"))
        return []

    def last_role(self) -> str:
        """Whose message is the newest; empty without messages."""
        return str(self._messages[-1].get("role", "")) if self._messages else ""

    def last_words(self) -> str | None:
        """What the model ended with; None when the next word is the model's."""
        last = self._messages[-1] if self._messages else {}
        if last.get("role") != "assistant" or last.get("tool_calls") or self.cut_off():
            return None
        return str(last.get("content") or "")

    def cut_off(self) -> bool:
        """Whether the newest message is an answer that its token limit cut, without a call."""
        last = self._messages[-1] if self._messages else {}
        return not last.get("tool_calls") and last.get(META, {}).get("finish") == "length"

    def to_send(self) -> list[dict[str, Any]]:
        """The messages for a request, without what only the journal keeps."""
        return [{k: v for k, v in m.items() if k != META} for m in self._messages]

    def fit(self) -> int:
        """Shorten what is sent when it is over the bound; the journal keeps everything.

        The oldest results of tools go first, then long arguments of old calls, then whole old rounds.

        Returns:
            How many messages were shortened or left out.
        """
        size = sum(map(_size, self._messages))
        if size <= self._bound:
            return 0
        wanted = int(self._bound * _SHRINK_TO)
        changed = 0
        for shorten in (_short_result, _short_arguments):
            for i in range(len(self._messages) - _KEPT_LATEST):
                if size <= wanted:
                    return changed
                shorter = shorten(self._messages[i])
                if shorter is not None:
                    size += _size(shorter) - _size(self._messages[i])
                    self._messages[i] = shorter
                    changed += 1
        return changed + self._drop_rounds(size, wanted)

    def _drop_rounds(self, size: int, wanted: int) -> int:
        """Leave out the oldest turns of the model with their results, behind the person's first message."""
        first = next((i for i, m in enumerate(self._messages) if m.get("role") == "assistant"), len(self._messages))
        end = first
        while size > wanted and end < len(self._messages) - _KEPT_LATEST:
            size -= _size(self._messages[end])
            end += 1
        while end < len(self._messages) and self._messages[end].get("role") == "tool":
            end += 1  # a result without its call would be refused
        dropped = end - first
        if dropped:
            note = {"role": "user", "content": f"[{dropped} earlier messages were left out to make room]"}
            self._messages[first:end] = [note]
        return dropped


def _size(message: Mapping[str, Any]) -> int:
    return len(message.get("content") or "") + sum(
        len(c["function"]["arguments"]) + 80 for c in message.get("tool_calls", ())
    )


def _short_result(message: dict[str, Any]) -> dict[str, Any] | None:
    content = message.get("content") or ""
    if message.get("role") != "tool" or len(content) <= _SHORT:
        return None
    first = content.split("\n", 1)[0][:120]
    return {**message, "content": f"{first}\n{CUT.format(len(content))}"}


def _short_arguments(message: dict[str, Any]) -> dict[str, Any] | None:
    calls = message.get("tool_calls", ())
    if not any(len(c["function"]["arguments"]) > _SHORT for c in calls):
        return None
    return {**message, "tool_calls": [_short_call(c) for c in calls]}


def _short_call(call: dict[str, Any]) -> dict[str, Any]:
    raw = call["function"]["arguments"]
    if len(raw) <= _SHORT:
        return call
    given: dict[str, Any] = json.loads(raw)
    kept = {k: v if not isinstance(v, str) or len(v) <= _SHORT else CUT.format(len(v)) for k, v in given.items()}
    return {**call, "function": {**call["function"], "arguments": json.dumps(kept, ensure_ascii=False)}}
