"""Calls and their reverse calls, read off the description of an API: what POST makes in a collection, DELETE removes.

A description can come from anywhere. What is read of it is shown to the person before it is kept, and it can say
nothing but which path of the API's own server is called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentsh.config import Api
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line
from agentsh.policy.destination import parse_url
from agentsh.policy.undo import parse_undo

_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/{}-]{0,1000}")
_LAST = re.compile(r"(?P<collection>/.*)/\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}/?")
_PLACES = re.compile(r"\{([^{}]*)\}")
_MOST_PATHS = 2_000
_DEEPEST = 20
_ANSWERS = ("201", "200", "202", "default")


def pairs(document: Any, *, server: str = "") -> tuple[list[Api], list[str]]:
    """The calls of an OpenAPI (or Swagger 2) description that a DELETE takes back.

    Args:
        document: the description, decoded.
        server: the API's root, instead of the one that the description names.

    Returns:
        The pairs, and a sentence for each POST that has none.

    Raises:
        UsageError: it is no such description, or names no server.
    """
    paths = document.get("paths") if isinstance(document, Mapping) else None
    if not isinstance(paths, Mapping) or len(paths) > _MOST_PATHS:
        raise UsageError("It is no OpenAPI description: it has no paths.", files="Nothing was added.")
    root = (server or _server(document)).rstrip("/")
    parse_url(root)
    removers = {
        m["collection"].rstrip("/"): m["name"]
        for path, item in paths.items()
        if isinstance(path, str) and _operation(item, "delete") is not None and (m := _LAST.fullmatch(path))
    }
    found: list[Api] = []
    left: list[str] = []
    for path, item in paths.items():
        operation = _operation(item, "post")
        if operation is None or not isinstance(path, str):
            continue
        shown = f"POST {visible_line(path[:200])}"
        name = removers.get(path.rstrip("/"))
        if name is None:
            left.append(f"{shown}: no DELETE takes back what it makes.")
            continue
        said = _said(document, operation)
        place = next((p for p in (name, "id", name.removesuffix("Id").removesuffix("_id") or "id") if p in said), "")
        if not place and "id" in {s.lower() for s in said}:
            place = next(s for s in said if s.lower() == "id")
        if not place or place in _PLACES.findall(path):
            left.append(f"{shown}: its answer does not say what '{visible_line(name)}' of the DELETE is.")
            continue
        try:
            found.append(_pair(root, path, place))
        except UsageError as e:
            left.append(f"{shown}: {e.what}")
    return found, left


def _pair(root: str, path: str, place: str) -> Api:
    if not _PATH.fullmatch(path) or any(not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", p) for p in _PLACES.findall(path)):
        raise UsageError("Its path cannot be used.")
    url = f"{root}{path}"
    undo = f"DELETE {url.rstrip('/')}/{{{place}}}"
    parse_undo(undo, parse_url(_PLACES.sub("x", url)))
    return Api("POST", url, undo)


def _server(document: Mapping[str, Any]) -> str:
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {}
    url = first.get("url") if isinstance(first, Mapping) else None
    if url is None and isinstance(document.get("host"), str):
        schemes = document.get("schemes")
        scheme = schemes[0] if isinstance(schemes, list) and schemes else "https"
        url = f"{scheme}://{document['host']}{document.get('basePath') or ''}"
    if not isinstance(url, str) or not url.startswith(("http://", "https://")) or "{" in url:
        raise UsageError(
            "The description names no server, or not in full.",
            files="Nothing was added.",
            next_step="Say where the API is: --server https://api.example.org/v1",
        )
    return url


def _operation(item: Any, method: str) -> Mapping[str, Any] | None:
    found = item.get(method) if isinstance(item, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _said(document: Mapping[str, Any], operation: Mapping[str, Any]) -> list[str]:
    """The names of what the JSON of an operation's answer says, as far as the description tells."""
    answers = operation.get("responses")
    for status in _ANSWERS:
        answer = _resolve(document, answers.get(status) if isinstance(answers, Mapping) else None)
        if not isinstance(answer, Mapping):
            continue
        content = answer.get("content")
        kinds = content.items() if isinstance(content, Mapping) else ()
        bodies = [b.get("schema") for kind, b in kinds if "json" in str(kind) and isinstance(b, Mapping)]
        schemas = [*bodies, answer.get("schema")]
        names = [n for s in schemas for n in _properties(document, s, _DEEPEST)]
        if names:
            return names
    return []


def _properties(document: Mapping[str, Any], schema: Any, depth: int) -> list[str]:
    found = _resolve(document, schema)
    if not isinstance(found, Mapping) or depth == 0:
        return []
    own = found.get("properties")
    names = [str(n) for n in own if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(n))] if isinstance(own, Mapping) else []
    every = found.get("allOf")
    for part in every[:_DEEPEST] if isinstance(every, list) else ():
        names += _properties(document, part, depth - 1)
    return names


def _resolve(document: Mapping[str, Any], value: Any) -> Any:
    """What a reference within the document leads to; nothing outside of it is read."""
    for _ in range(_DEEPEST):
        reference = value.get("$ref") if isinstance(value, Mapping) else None
        if reference is None:
            return value
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        value = document
        for key in reference[2:].split("/"):
            value = value.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(value, Mapping) else None
    return None
