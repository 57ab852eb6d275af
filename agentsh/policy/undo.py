"""Reverse calls: declared beside a call, built from its response. Pure.

A response is written by a stranger. What it says fills one segment of a path, or one value of a query, escaped, and
nothing else: it cannot choose the host, climb out of the path, or add a parameter.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agentsh.core.errors import UsageError
from agentsh.core.request import HELD_METHODS, UndoCall
from agentsh.core.sanitise import visible_line
from agentsh.policy.destination import LONGEST_URL, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from agentsh.config import Api
    from agentsh.policy.destination import Destination

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)\}")
_LONGEST_VALUE = 256


def parse_undo(text: str, call: Destination) -> UndoCall:
    """A reverse call as it is written: a method and a URL of the call's own origin, with ``{id}`` for what comes back.

    Raises:
        UsageError: it is none, or leads elsewhere.
    """
    method, _, url = text.strip().partition(" ")
    url = url.strip()
    if method not in HELD_METHODS or not url.isascii() or not url.isprintable() or len(url) > LONGEST_URL:
        raise UsageError(
            f"'{visible_line(text[:120])}' is no reverse call.",
            files="Nothing was sent.",
            next_step=f"Write it as 'DELETE https://HOST/items/{{id}}'; methods are {', '.join(HELD_METHODS)}.",
        )
    # Two fillings that agree about the origin: so no place stands where it could change that.
    goals = [parse_url(_PLACE.sub(value, url)) for value in ("x", "y")]
    if any(g.origin != call.origin for g in goals) or "{" in _PLACE.sub("", url) or "}" in _PLACE.sub("", url):
        raise UsageError(
            f"The reverse call '{visible_line(text[:120])}' does not go to {call.authority}.",
            files="Nothing was sent.",
            next_step="It stays with the host, port and scheme of the call that it takes back.",
        )
    return UndoCall(method, url)


def find_undo(apis: Iterable[Api], method: str, call: Destination) -> tuple[bool, UndoCall | None]:
    """What the person's configuration says of a call: whether it says something, and the reverse call, if it has one.

    Raises:
        UsageError: an entry's reverse call leads elsewhere.
    """
    for api in apis:
        found = _match(api, method, call)
        if found is not None:
            return True, parse_undo(_known(api.undo, found), call) if api.undo else None
    return False, None


def _known(url: str, found: Mapping[str, str]) -> str:
    return _fill(url, lambda name: found.get(name, f"{{{name}}}"))


def build_undo(undo: UndoCall, answer: bytes) -> str:
    """The URL of a reverse call, with what the response says in its places.

    Raises:
        UsageError: the response does not say it, or not as a number or a short text.
    """
    places = _PLACE.findall(undo.url)
    try:
        said: Any = json.loads(answer) if places else None
    except (ValueError, RecursionError) as e:
        raise UsageError("The response is no JSON, and the reverse call needs what it says.") from e
    return parse_url(_fill(undo.url, lambda name: _value(said, name))).url


def _value(said: Any, name: str) -> str:
    found = said
    for key in name.split("."):
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            raise UsageError(f"The response does not say '{name}', which the reverse call needs.")
    text = str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) else ""
    if not 0 < len(text) <= _LONGEST_VALUE or text.strip(".") == "":
        raise UsageError(f"What the response says of '{name}' is no number or short text.")
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _fill(url: str, value: Callable[[str], str]) -> str:
    return _PLACE.sub(lambda m: value(m[1]), url)


def _match(api: Api, method: str, call: Destination) -> Mapping[str, str] | None:
    """What the places of an entry's URL stand for in a call; None where it is about another one."""
    if api.method != method:
        return None
    goal = parse_url(_PLACE.sub("x", api.url))
    if goal.origin != call.origin:
        return None
    path = "/" + api.url.partition("://")[2].partition("/")[2].partition("?")[0]
    wanted, given = path.split("/"), call.target.partition("?")[0].split("/")
    if len(wanted) != len(given):
        return None
    found: dict[str, str] = {}
    for want, have in zip(wanted, given, strict=True):
        if (place := _PLACE.fullmatch(want)) is not None and have:
            found[place[1]] = have
        elif want != have:
            return None
    return found
