"""Put an answer together from the pieces of a stream.

Endpoints differ: a call's id may come late, twice or never, indices may be missing or all zero, arguments come in
fragments of any size or already decoded. Whatever comes, the result is an :class:`Answer` or a clear error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from agentsh.core.errors import ModelError
from agentsh.core.sanitise import visible_line
from agentsh.llm.model import Answer, OnText, ToolCall, Usage
from agentsh.llm.text import TextStream, whole, whole_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentsh.redact import Redactor

MAX_TEXT = 4 << 20
MAX_ARGUMENTS = 16 << 20
MAX_CALLS = 64
_MAX_NAME = 128


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)


class Assembler:
    """Takes the chunks of one answer.

    Args:
        redactor: takes the endpoint's key out of what it says.
        on_text: gets the text as it arrives.
    """

    def __init__(self, redactor: Redactor, on_text: OnText | None = None) -> None:
        self._redactor = redactor
        self._on_text = on_text
        self._stream = TextStream(redactor)
        self._text: list[str] = []
        self._size = 0
        self._argument_size = 0
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self.finish = ""
        self._usage = Usage()

    def feed(self, chunk: object) -> None:
        """Take one decoded chunk, streamed (``delta``) or whole (``message``); what has no known form is skipped.

        Raises:
            ModelError: the chunk reports an error, or the answer grows past the bounds.
        """
        if not isinstance(chunk, dict):
            return
        if chunk.get("error"):
            raise ModelError(f"The endpoint reports an error: {error_text(chunk, self._redactor)}")
        self._take_usage(chunk.get("usage"))
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            return
        for choice in choices:
            if not isinstance(choice, dict) or choice.get("index", 0) not in (0, None):
                continue
            part = choice.get("delta") or choice.get("message")
            if isinstance(part, dict):
                self._take_part(part)
            if isinstance(reason := choice.get("finish_reason"), str) and reason:
                self.finish = visible_line(self._redactor.text(whole(reason[:64])))

    @property
    def begun(self) -> bool:
        """Whether anything of it has come."""
        return bool(self._size or self._calls or self.finish)

    def answer(self) -> Answer:
        """The whole answer."""
        self._say(self._stream.end())
        calls: list[ToolCall] = []
        used: set[str] = set()
        for n, call in enumerate(self._calls, 1):
            name = visible_line(self._redactor.text(whole(call.name)))[:_MAX_NAME]
            arguments, problem = self._decode("".join(call.pieces))
            call_id = visible_line(self._redactor.text(whole(call.id)))[:_MAX_NAME]
            while not call_id or call_id in used:
                call_id = f"call_{n}_{len(used)}" if not call_id else f"{call_id}_{n}"
            used.add(call_id)
            calls.append(ToolCall(call_id, name, arguments, problem))
        return Answer("".join(self._text), tuple(calls), self.finish or "stop", self._usage)

    def _take_part(self, part: Mapping[str, Any]) -> None:
        for key in ("content", "refusal"):
            content = part.get(key)
            if isinstance(content, list):
                content = "".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))
            if isinstance(content, str) and content:
                self._size += len(content)
                if self._size > MAX_TEXT:
                    raise ModelError(f"The model's answer is longer than {MAX_TEXT >> 20} Mi characters.")
                self._say(self._stream.feed(content))
        calls = part.get("tool_calls")
        for piece in calls if isinstance(calls, list) else ():
            if isinstance(piece, dict):
                self._take_call(piece)

    def _take_call(self, piece: Mapping[str, Any]) -> None:
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        raw_id, raw_name, arguments = piece.get("id"), function.get("name"), function.get("arguments")
        call_id = raw_id if isinstance(raw_id, str) else ""
        name = raw_name if isinstance(raw_name, str) else ""
        call = self._which(piece.get("index"), call_id, name)
        call.id = call.id or call_id
        # Some endpoints repeat the name in every piece, some split it; it is complete once arguments begin.
        if name and not call.pieces and name != call.name and len(call.name) < _MAX_NAME:
            call.name += name
        if isinstance(arguments, (dict, list)):
            arguments = json.dumps(arguments)
        if isinstance(arguments, str) and arguments:
            self._argument_size += len(arguments)
            if self._argument_size > MAX_ARGUMENTS:
                raise ModelError(f"The model's tool arguments are longer than {MAX_ARGUMENTS >> 20} Mi characters.")
            call.pieces.append(arguments)

    def _which(self, index: object, call_id: str, name: str) -> _Call:
        """The call that a piece belongs to."""
        number = index if isinstance(index, int) and not isinstance(index, bool) else None
        call = self._by_index.get(number) if number is not None else None
        if call is None and number is None and self._calls:
            known = next((c for c in self._calls if call_id and c.id == call_id), None)
            call = known or (None if call_id or name else self._calls[-1])
        if call is not None and call_id and call.id and call.id != call_id and name:
            call = None  # a new call under an index that was used: an endpoint that numbers them all 0
        if call is None:
            if len(self._calls) >= MAX_CALLS:
                raise ModelError(f"The model called more than {MAX_CALLS} tools in one answer.")
            call = _Call()
            self._calls.append(call)
            if number is not None:
                self._by_index[number] = call
        return call

    def _take_usage(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return

        def count(key: str) -> int:
            n = usage.get(key)
            return n if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 1 << 53 else 0

        self._usage = Usage(count("prompt_tokens"), count("completion_tokens"))

    def _say(self, text: str) -> None:
        if text:
            self._text.append(text)
            if self._on_text is not None:
                self._on_text(text)

    def _decode(self, raw: str) -> tuple[dict[str, Any] | None, str]:
        """Arguments as a JSON object, or why they are none. A call without arguments has an empty object."""
        if not raw.strip():
            return {}, ""
        try:
            value = self._redactor.value(whole_value(json.loads(raw, parse_constant=_no_constant)))
        except RecursionError:
            return None, "they are nested too deeply"
        except ValueError as e:
            return None, f"they are not valid JSON ({visible_line(str(e))[:200]})"
        if not isinstance(value, dict):
            return None, "they are not a JSON object"
        return value, ""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def error_text(body: object, redactor: Redactor) -> str:
    """The message in an endpoint's error object, on one line, bounded, without the key."""
    found: object = body
    for _ in range(3):
        if not isinstance(found, dict):
            break
        found = next((found[k] for k in ("error", "message", "detail") if found.get(k)), None)
    if not isinstance(found, str):
        found = json.dumps(found, default=str) if found is not None else "no reason given"
    text = " ".join(visible_line(redactor.text(whole(found))).split())
    return text if len(text) <= 500 else text[:500] + "..."
