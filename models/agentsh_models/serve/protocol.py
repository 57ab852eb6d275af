"""Requests and answers in the form of OpenAI's chat completions."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentsh_models.chat import CALL_CLOSE, CALL_OPEN, functions
from agentsh_models.constrain import schema_grammar, tool_grammar
from agentsh_models.errors import BadRequest
from agentsh_models.sampling import Sampling

if TYPE_CHECKING:
    from agentsh_models.request import Token
    from agentsh_models.tokenizer import Tokenizer

_MOST_ANSWERS = 16
_DEFAULT_TOKENS = 1024
_CALL = re.compile(f"{re.escape(CALL_OPEN)}(.*?){re.escape(CALL_CLOSE)}", re.DOTALL)


@dataclass(frozen=True)
class Ask:
    """A chat completion that is asked for.

    Attributes:
        messages: the conversation.
        tools: that may be called.
        grammars: to keep to, the first that compiles: later ones ask for less. Empty for none.
        sampling: how to choose.
        n: answers.
        stream: piece by piece.
        usage: tell the cost at the stream's end.
        logprobs: tell them.
    """

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]]
    grammars: tuple[str, ...]
    sampling: Sampling
    n: int
    stream: bool
    usage: bool
    logprobs: bool
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))


def parse(body: object) -> Ask:
    """What a request's body asks for. Fields that are not known are passed over, as others do.

    Raises:
        BadRequest: it is malformed, or asks for what this model has not.
    """
    if not isinstance(body, dict):
        raise BadRequest("The request is no JSON object.")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message.")
    choice = body.get("tool_choice")
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        raise BadRequest("tools must be a list.")
    functions(tools)
    if choice == "none":
        tools = []
    stops = body.get("stop") or []
    stops = [stops] if isinstance(stops, str) else stops
    if not isinstance(stops, list) or not all(isinstance(s, str) for s in stops):
        raise BadRequest("stop must be a text or a list of texts.")
    logprobs = bool(body.get("logprobs"))
    longest = _number(body, "max_completion_tokens", _number(body, "max_tokens", _DEFAULT_TOKENS))
    options = body.get("stream_options")
    n = int(_number(body, "n", 1))
    if not 1 <= n <= _MOST_ANSWERS:
        raise BadRequest(f"n must be from 1 to {_MOST_ANSWERS}.")
    return Ask(
        messages=messages,
        tools=tools,
        grammars=_grammars(tools, choice, body.get("response_format")),
        sampling=Sampling(
            temperature=_number(body, "temperature", 0.0),
            top_p=_number(body, "top_p", 1.0),
            top_k=int(_number(body, "top_k", 0)),
            min_p=_number(body, "min_p", 0.0),
            repetition_penalty=_number(body, "repetition_penalty", 1.0),
            max_tokens=int(longest),
            stop=tuple(stops),
            seed=int(_number(body, "seed", 0)),
            logprobs=int(_number(body, "top_logprobs", 0)) if logprobs else 0,
        ),
        n=n,
        stream=body.get("stream") is True,
        usage=isinstance(options, dict) and options.get("include_usage") is True,
        logprobs=logprobs,
    )


def _number(body: Mapping[str, Any], key: str, otherwise: float) -> float:
    value = body.get(key)
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int | float) or not -(2**53) < value < 2**53:
        raise BadRequest(f"{key} must be a number.")
    return value


def _grammars(tools: list[Any], choice: object, form: object) -> tuple[str, ...]:
    if tools:
        must, only = choice == "required", ""
        if isinstance(choice, Mapping):
            function = choice.get("function")
            only = str(function.get("name")) if isinstance(function, Mapping) else ""
            if not only:
                raise BadRequest("tool_choice names no function.")
        # Schemas of others may hold what grammars cannot: then the arguments need only be an object.
        loose = [{"type": "function", "function": {"name": t["function"]["name"]}} for t in tools]
        return tool_grammar(tools, must=must, only=only), tool_grammar(loose, must=must, only=only)
    kind = form.get("type") if isinstance(form, Mapping) else None
    if not isinstance(form, Mapping) or kind == "text":
        return ()
    if kind == "json_object":
        return (schema_grammar(None),)
    given = form.get("json_schema")
    schema = given.get("schema") if isinstance(given, Mapping) else None
    if kind != "json_schema" or not isinstance(schema, Mapping):
        raise BadRequest("response_format must be text, json_object, or json_schema with a schema.")
    return (schema_grammar(schema),)


class Splitter:
    """Parts what an answer says in words from the tool calls in it, while it comes."""

    def __init__(self) -> None:
        self._held = ""
        self._calling = False

    def feed(self, text: str) -> str:
        """Take a piece; the words that are certain by now."""
        self._held += text
        if self._calling:
            return ""
        at = self._held.find(CALL_OPEN)
        if at >= 0:
            self._calling = True
        else:
            most = min(len(CALL_OPEN) - 1, len(self._held))
            keep = next((n for n in range(most, 0, -1) if CALL_OPEN.startswith(self._held[-n:])), 0)
            at = len(self._held) - keep
        words, self._held = self._held[:at], self._held[at:]
        return words

    def end(self) -> tuple[str, list[dict[str, Any]]]:
        """The words that were held back, and the calls."""
        calls = []
        for found in _CALL.finditer(self._held):
            try:
                call = json.loads(found[1])
            except (ValueError, RecursionError):
                return self._held, []
            if not isinstance(call, dict) or not isinstance(call.get("name"), str):
                return self._held, []
            arguments = call.get("arguments", {})
            calls.append(
                {
                    "id": f"call_{secrets.token_hex(8)}",
                    "type": "function",
                    "function": {"name": call["name"], "arguments": json.dumps(arguments, ensure_ascii=False)},
                }
            )
        return (_CALL.sub("", self._held).strip() if calls else self._held), calls


def logprobs_json(tokens: Sequence[Token], tokenizer: Tokenizer) -> dict[str, Any]:
    """Tokens with their logprobs."""

    def one(token: int, logprob: float) -> dict[str, Any]:
        raw = tokenizer.token_bytes(token)
        return {"token": raw.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(raw)}

    return {
        "content": [
            {**one(t.id, t.logprob), "top_logprobs": [one(i, p) for i, p in t.top]} for t in tokens if t.id >= 0
        ]
    }
