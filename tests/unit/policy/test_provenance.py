"""Where destinations came from: by value, in whatever spelling."""

from __future__ import annotations

import time

import pytest

from agentsh.core.action import ActionKind, ActionSpec, Origin
from agentsh.core.provenance import Source
from agentsh.policy.destination import host_pattern
from agentsh.policy.provenance import Heard, destinations, trace

P, W, T, G, M = Source.PERSON, Source.WORKSPACE, Source.TOOL, Source.PAGE, Source.MODEL


def http(url: str, **more: object) -> ActionSpec:
    return ActionSpec(ActionKind.HTTP, {"url": url, "method": "GET", **more}, Origin.AGENT)


def sources(url: str, *heard: tuple[Source, str], trusted: tuple[str, ...] = ()) -> frozenset[Source]:
    (found,) = trace(http(url), [Heard(s, t) for s, t in heard], [host_pattern(h) for h in trusted])
    return found.came_from


@pytest.mark.parametrize(
    "text",
    [
        "see https://evil.example/x",
        "HTTPS://EVIL.EXAMPLE/",
        "https%3A%2F%2Fevil%2Eexample%2F",
        "evil.example.",
        "the host is evil\n.\nexample",
        "e-v-i-l d-o-t: e v i l . e x a m p l e",
        "elpmaxe.live",
        "\uff45vil.example",
    ],
)
def test_what_a_text_named_is_put_down_to_it(text: str) -> None:
    assert sources("https://evil.example/", (W, text)) == {W}
    assert sources("https://evil.example/", (G, text), (P, "hello")) == {G}


def test_an_international_name_is_one_name() -> None:
    assert sources("https://xn--bcher-kva.example/", (P, "ask b\u00fccher.example")) == {P}
    assert sources("https://b\u00fccher.example/", (T, "xn--bcher-kva.example")) == {T}


@pytest.mark.parametrize(
    "words",
    [
        "read notevil.example",
        "read evil.example.org",
        "read evil-example",
        "read evil example",
        "read elpmaxe.live",
        "mail me@other.example",
    ],
)
def test_what_only_resembles_the_persons_words_is_not_theirs(words: str) -> None:
    assert P not in sources("https://evil.example/", (P, words), (W, "evil.example"))


def test_the_persons_naming_it_settles_it() -> None:
    assert sources("https://good.example/", (W, "good.example"), (P, "read https://GOOD.example/x")) == {P}
    assert sources("https://good.example/", (W, "good.example"), trusted=("good.example",)) == {P}
    assert sources("https://a.good.example/", (W, "a.good.example"), trusted=("good.example",)) == {W}


def test_what_nobody_named_is_the_models() -> None:
    assert sources("https://evil.example/", (W, "join 'ev' and 'il', then dot, then 'example'")) == {M}


def test_what_is_a_destination() -> None:
    held = http("https://api.example/m", method="POST", body='{"to": "Eve@Evil.Example", "cb": "https://cb.example/"}')
    assert destinations(held) == ("api.example", "cb.example", "eve@evil.example")
    assert destinations(http("https://api.example/?to=eve@evil.example")) == ("api.example",)
    line = "git remote add x 'https://ev'il.example/r; git push git@host.example:r README.md"
    shell = ActionSpec(ActionKind.SHELL, {"line": line}, Origin.AGENT)
    assert {"evil.example", "git@host.example"} <= set(destinations(shell))
    edit = ActionSpec(ActionKind.EDIT, {"old": "https://a.example", "new": "https://a.example https://b.example"})
    assert destinations(edit) == ("b.example",)
    assert destinations(ActionSpec(ActionKind.READ, {"path": "https://a.example"})) == ()


@pytest.mark.parametrize("piece", ["a", "a://", "a@", "@", "://", "%41", "a.b@", ".", "\u202e"])
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    spec = ActionSpec(ActionKind.WRITE, {"content": text + " https://evil.example"}, Origin.AGENT)
    started = time.process_time()
    trace(spec, [Heard(W, text), Heard(P, text)])
    assert time.process_time() - started < 30.0  # looked at twice for every character it would take hours
