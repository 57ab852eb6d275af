"""Conversations with tools, in turns that any instruction-tuned model knows: system, user, assistant.

Tools are listed in the system turn. A call is one JSON object between ``<tool_call>`` and ``</tool_call>``; a result is
a user turn between ``<tool_response>`` and ``</tool_response>``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from agentsh_models.errors import BadRequest

CALL_OPEN, CALL_CLOSE = "<tool_call>", "</tool_call>"
_RESULT_OPEN, _RESULT_CLOSE = "<tool_response>", "</tool_response>"
_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_HOW = f"""To use a tool, answer with one line and nothing else:
{CALL_OPEN}{{"name": "NAME", "arguments": {{...}}}}{CALL_CLOSE}
Results come back between {_RESULT_OPEN} and {_RESULT_CLOSE}. When the task is done, say so in words.
Tools:"""


class Turn(NamedTuple):
    """A message that the template takes.

    Attributes:
        role: system, user or assistant.
        content: its text.
        learn: training has a loss on it, if the assistant says it; False for a message whose ``weight`` is 0, as files
            for fine-tuning have it: a mistake that is told to show how it is mended.
    """

    role: str
    content: str
    learn: bool = True


class Template:
    """A chat template, run in Jinja's sandbox: it comes with weights, from whoever made them.

    Args:
        source: Jinja; empty for ChatML.

    Raises:
        BadRequest: it is no Jinja.
    """

    def __init__(self, source: str) -> None:
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
        try:
            self._template = environment.from_string(source or _CHATML)
        except TemplateError as e:
            raise BadRequest(f"The model's chat template cannot be used: {e}.") from e

    def render(self, messages: list[dict[str, str]], *, generation_prompt: bool, bos: str, eos: str) -> str:
        """The text of a conversation.

        Raises:
            BadRequest: the template fails, or refuses the messages.
        """
        try:
            return self._template.render(
                messages=messages, add_generation_prompt=generation_prompt, bos_token=bos, eos_token=eos
            )
        except BadRequest:
            raise
        except Exception as e:  # whatever the template does
            raise BadRequest(f"The model's chat template failed: {type(e).__name__}: {e}.") from e


def _refuse(why: object) -> None:
    raise BadRequest(f"The model's chat template refuses the conversation: {why}.")


def flatten(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> list[Turn]:
    """A conversation as turns of system, user and assistant.

    Raises:
        BadRequest: a message or a tool is malformed.
    """
    turns: list[Turn] = []
    system: list[str] = []
    for m in messages:
        if not isinstance(m, Mapping):
            raise BadRequest("A message is not an object.")
        match m.get("role"):
            case "system" | "developer":
                system.append(_text(m))
            case "user":
                turns.append(Turn("user", _text(m)))
            case "assistant":
                calls = m.get("tool_calls") or []
                if not isinstance(calls, Sequence):
                    raise BadRequest("The tool_calls of a message are no list.")
                said = "\n".join([*filter(None, [_text(m)]), *map(_call, calls)])
                turns.append(Turn("assistant", said, m.get("weight", 1) != 0))
            case "tool":
                result = f"{_RESULT_OPEN}\n{_text(m)}\n{_RESULT_CLOSE}"
                if turns and turns[-1].role == "user" and turns[-1].content.endswith(_RESULT_CLOSE):
                    turns[-1] = Turn("user", f"{turns[-1].content}\n{result}")
                else:
                    turns.append(Turn("user", result))
            case role:
                raise BadRequest(f"A message has the unknown role {role!r}.")
    if tools:
        system.append("\n".join([_HOW, *map(_tool, tools)]))
    return [Turn("system", "\n\n".join(system)), *turns] if system else turns


def call_text(name: str, arguments: Mapping[str, Any]) -> str:
    """A tool call as the model writes it."""
    body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"{CALL_OPEN}{body}{CALL_CLOSE}"


def functions(tools: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The parameters' schema of each tool by name.

    Raises:
        BadRequest: a tool is malformed.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for tool in tools:
        function = tool.get("function") if isinstance(tool, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        schema = (function.get("parameters") or {"type": "object"}) if isinstance(function, Mapping) else None
        if not isinstance(name, str) or not name or not isinstance(schema, Mapping):
            raise BadRequest("A tool is no function with a name and parameters.")
        found[name] = schema
    return found


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        parts = []
        for part in content:
            if not isinstance(part, Mapping) or part.get("type") != "text" or not isinstance(part.get("text"), str):
                raise BadRequest("A message has content that is not text: this model reads text alone.")
            parts.append(part["text"])
        return "".join(parts)
    raise BadRequest("A message's content is no text.")


def _call(call: object) -> str:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise BadRequest("A tool call has no function with a name.")
    arguments = function.get("arguments") or "{}"
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            arguments = {}
    return call_text(function["name"], arguments if isinstance(arguments, Mapping) else {})


def _tool(tool: Mapping[str, Any]) -> str:
    """One tool as one line: its name, its parameters with their types (``?``: may be left out), what it does."""
    ((name, schema),) = functions([tool]).items()
    properties = schema.get("properties") or {}
    required = schema.get("required") or ()
    if not isinstance(properties, Mapping) or not isinstance(required, Sequence):
        raise BadRequest(f"The parameters of the tool {name!r} are no schema of an object.")
    parameters = ", ".join(
        f"{key}{'' if key in required else '?'}: {about.get('type', 'any') if isinstance(about, Mapping) else 'any'}"
        for key, about in properties.items()
    )
    does = str(tool["function"].get("description") or "").strip().split("\n", 1)[0]
    return f"- {name}({parameters}): {does}"
