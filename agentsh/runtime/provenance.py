"""Where the values of an action came from, by the conversation in which a model asked for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentsh.core.action import Origin
from agentsh.core.provenance import Source
from agentsh.policy.destination import host_pattern
from agentsh.policy.provenance import Heard, destinations, trace
from agentsh.runtime.conversation import META

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from agentsh.config import Config
    from agentsh.core.action import ActionSpec

_BY_TOOL = {"http": Source.PAGE, "shell": Source.TOOL}


def traced(
    spec: ActionSpec, messages: Callable[[], Iterable[Mapping[str, Any]]], config: Config, *, action: str = ""
) -> ActionSpec:
    """An action that says where its destinations came from.

    Args:
        spec: the action; what a person asked for outright is the person's.
        messages: the conversation, looked at only where the action names a destination.
        config: the hosts that it names are the person's word.
        action: an action of the conversation, before whose result it is to end.
    """
    if spec.origin is not Origin.AGENT or not destinations(spec):
        return spec
    web = config.http
    hosts = (*web.allow, *web.grant_private, *(h for b in config.bindings.values() for h in b.hosts))
    patterns = [p for p in map(host_pattern, hosts) if not (p.wildcard and web.person_only)]
    return replace(spec, trace=trace(spec, list(_heard(messages(), action)), patterns))


def _heard(messages: Iterable[Mapping[str, Any]], action: str) -> Iterable[Heard]:
    tools: dict[str, str] = {}  # of the newest turn: ids need be unique within one only
    for message in messages:
        about = message.get(META, {})
        if action and about.get("action") == action:
            return
        if message.get("role") == "assistant":
            tools = {c["id"]: c["function"]["name"] for c in message.get("tool_calls", ())}
        elif message.get("role") == "tool":
            source = _BY_TOOL.get(tools.get(str(message.get("tool_call_id")), ""), Source.WORKSPACE)
            yield Heard(source, str(message.get("content") or ""))
        elif message.get("role") == "user" and about.get("origin") == "person":
            yield Heard(Source.PERSON, str(message.get("content") or ""))
