"""Which destinations an action names, and who named them before. Pure.

A value is the person's only when they named just that, as a whole and in whatever spelling of it; part of a longer name
is another name. It is put down to what a model was told more readily: also when it is there in pieces, in another case,
percent-encoded, reversed, or split over words. What cannot be followed is put down to the model.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import unquote

from agentsh.core.action import ActionKind
from agentsh.core.errors import UsageError
from agentsh.core.provenance import Source, Traced
from agentsh.core.record import record
from agentsh.core.request import HELD_METHODS
from agentsh.policy.destination import named_hosts, normal_host, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentsh.core.action import ActionSpec
    from agentsh.policy.destination import HostPattern

_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{1,20}://(?:[^\s/?#@'\"<>]{1,200}@)?([^\s/?#@'\"<>:\\]{1,260}|\[[0-9a-fA-F:.]+\])"
)
# From the start of a word alone: a long word without '@' would be looked through from each of its letters.
_ADDRESS = re.compile(r"(?<![A-Za-z0-9._%+-])([A-Za-z0-9._%+-]{1,64})@([^\s@/?#'\"<>(){},;:|\\]{1,253})")
_MOST = 200
_SHORTEST = 6  # of what is looked for in pieces: shorter ones are found in any text


@record(frozen=True, slots=True)
class Heard:
    """A text that a model was told, and by whom."""

    source: Source
    text: str


def destinations(spec: ActionSpec) -> tuple[str, ...]:
    """The hosts and addresses that an action names, each in one spelling, in no order that means anything.

    Of a request its host, and of one that changes something everybody whom it names; of any other action the hosts of
    URLs and the addresses in what it writes or runs. A bare name in a text is none: most of those are files.
    """
    given = spec.arguments
    match spec.kind:
        case ActionKind.HTTP:
            found = set(_host_of(str(given.get("url", ""))))
            if given.get("method", "GET") in HELD_METHODS:
                told = [str(given.get("url", "")), str(given.get("body", "")), str(given.get("headers", ""))]
                found |= _named("\n".join(told))
        case ActionKind.SHELL:
            line = str(given.get("line", ""))
            found = _named(line) | _named(re.sub(r"['\"\\]", "", line))
        case ActionKind.WRITE:
            found = _named(str(given.get("content", "")))
        case ActionKind.EDIT:
            found = _named(str(given.get("new", ""))) - _named(str(given.get("old", "")))
        case _:
            found = set()
    return tuple(sorted(found)[:_MOST])


def _host_of(url: str) -> Iterable[str]:
    try:
        yield parse_url(url).host
    except UsageError:
        return  # it is refused before it is sent


def _named(text: str) -> set[str]:
    return {v for t in {text, unquote(text)} for v in (*_url_hosts(t), *_addresses(t))}


def _url_hosts(text: str) -> Iterable[str]:
    for match in _URL.finditer(text):
        yield from _normal(match[1])


def _addresses(text: str) -> Iterable[str]:
    for match in _ADDRESS.finditer(text):
        for host in _normal(match[2].rstrip(".")):
            yield f"{match[1].lower()}@{host}"


def _normal(host: str) -> Iterable[str]:
    try:
        yield normal_host(host)
    except UsageError:
        return  # no name that anything could be sent to


def trace(spec: ActionSpec, heard: Sequence[Heard], trusted: Sequence[HostPattern] = ()) -> tuple[Traced, ...]:
    """Where each destination of an action came from.

    Args:
        spec: the action.
        heard: what the model was told before it asked for it.
        trusted: hosts that the person's configuration names.
    """
    values = destinations(spec)
    if not values:
        return ()
    person = [h.text for h in heard if h.source is Source.PERSON]
    words = _whole(person)
    told = {s: _Told([h.text for h in heard if h.source is s]) for s in (Source.WORKSPACE, Source.TOOL, Source.PAGE)}
    out = []
    for value in values:
        sources = {s for s, t in told.items() if t.has(value)}
        if value in words or ("@" not in value and any(p.covers_host(value) for p in trusted)):
            sources.add(Source.PERSON)
        out.append(Traced(value, frozenset(sources or {Source.MODEL})))
    return tuple(out)


def _whole(texts: Sequence[str]) -> set[str]:
    """Every host and address that texts name as a whole."""
    both = [t for text in texts for t in {text, unquote(text)}]
    return {*named_hosts(both), *(v for t in both for v in (*_url_hosts(t), *_addresses(t)))}


class _Told:
    """Texts of one source, to look for values in."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._whole = _whole(texts)
        self._squeezed = _squeeze("".join(texts))

    def has(self, value: str) -> bool:
        if value in self._whole:
            return True
        sought = _squeeze(value)
        return len(sought) >= _SHORTEST and (sought in self._squeezed or sought[::-1] in self._squeezed)


def _squeeze(text: str) -> str:
    """Letters and digits alone, in one case."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", unquote(text)).casefold())
