"""The client against real servers, and what it may connect to."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsh.config import Web
from agentsh.core.decision import Decision, Verdict
from agentsh.core.errors import ActionFailed, Interrupted, LimitExceeded, PolicyDenied, UsageError
from agentsh.egress import Answer, Client, why_not
from agentsh.egress.body import read_body, type_allowed
from tests.unit.egress.servers import TEXT, certificates, raw_server, site

YES = Decision(Verdict.ALLOW, "test", "yes")


def get(
    url: str, web: Web | None = None, *, resolve: Callable[[str, int], list[str]] | None = None, **more: Any
) -> Answer:
    made = {k: more.pop(k) for k in ("tls",) if k in more}
    client = Client(web or Web(timeout_s=10), resolver=resolve or (lambda *_: ["127.0.0.1"]), **made)
    return client.get(url, judge=lambda _: YES, granted=lambda _: True, **more)


def test_a_page_and_what_was_sent_for_it() -> None:
    with site() as s:
        s.pages["/a?b=1"] = (200, {"Content-Type": "text/plain; charset=utf-8"}, b"hello")
        answer = get(f"http://docs.example.org:{s.port}/a?b=1", headers={"Accept": "text/plain", "X-Version": "2"})
        assert (answer.status, answer.reason, answer.body) == (200, "OK", b"hello")
        assert answer.hops == (f"http://docs.example.org:{s.port}/a?b=1",)
        [(method, _, headers)] = s.asked
    assert method == "GET"
    assert headers == {
        "host": f"docs.example.org:{s.port}",
        "accept": "text/plain",
        "accept-encoding": "gzip",
        "user-agent": "agentsh",
        "connection": "close",
        "x-version": "2",
    }


def test_tls_checks_the_name_that_was_asked_for(tmp_path: Path) -> None:
    server, client = certificates(tmp_path, "docs.example.org")
    with site(server) as s:
        s.pages["/"] = (200, TEXT, b"over tls")
        assert get(f"https://docs.example.org:{s.port}/", tls=client).body == b"over tls"
        with pytest.raises(ActionFailed, match=r"TLS.*ame"):
            get(f"https://other.example.org:{s.port}/", tls=client)
        with pytest.raises(ActionFailed, match="self-signed"):
            get(f"https://docs.example.org:{s.port}/")
    with site() as s, pytest.raises(ActionFailed, match="TLS"):
        get(f"https://docs.example.org:{s.port}/", tls=client)


def test_redirects_are_followed_and_each_is_judged() -> None:
    with site() as s:
        s.pages |= {
            "/1": (302, {"Location": "two?x"}, b""),
            "/two?x": (301, {"Location": f"//{s.host}/3"}, b""),
        }
        s.pages["/3"] = (200, TEXT, b"there")
        judged = []
        client = Client(Web(), resolver=lambda *_: ["127.0.0.1"])
        answer = client.get(f"{s.url}/1", judge=lambda d: judged.append(d.url) or YES, granted=lambda _: True)
        assert answer.body == b"there"
        assert judged == list(answer.hops) == [f"{s.url}/1", f"{s.url}/two?x", f"{s.url}/3"]
        s.pages["/3"] = (302, {"Location": "/3"}, b"")
        with pytest.raises(ActionFailed, match="more than 5 times"):
            get(f"{s.url}/3")
        assert s.paths().count("/3") == 7


def test_a_redirect_without_a_goal_is_an_answer() -> None:
    with site() as s:
        s.pages["/"] = (302, TEXT, b"somewhere")
        assert get(s.url).body == b"somewhere"


def test_errors_are_answers() -> None:
    with site() as s:
        answer = get(f"{s.url}/nothing")
    assert (answer.status, answer.body) == (404, b"no such page")


def test_gzip_of_several_members_in_small_chunks() -> None:
    packed = gzip.compress(b"one " * 100) + gzip.compress(b"two")
    chunks = [packed[i : i + 3] for i in range(0, len(packed), 3)]
    assert read_body(chunks, encoding="GZIP", most=1000) == b"one " * 100 + b"two"
    assert read_body([], encoding="gzip", most=10) == b""
    for broken in (packed[:-4], b"no gzip"):
        with pytest.raises(ActionFailed, match="gzip"):
            read_body([broken], encoding="gzip", most=1000)


@given(st.binary(max_size=3000), st.integers(1, 3000), st.sampled_from(["", "gzip"]), st.integers(1, 200))
def test_a_body_is_whole_or_over_the_bound(data: bytes, most: int, encoding: str, step: int) -> None:
    sent = gzip.compress(data) if encoding else data
    chunks = [sent[i : i + step] for i in range(0, len(sent), step)]
    if len(data) <= most and len(sent) <= most:
        assert read_body(chunks, encoding=encoding, most=most) == data
    else:
        with pytest.raises(LimitExceeded):
            read_body(chunks, encoding=encoding, most=most)


@pytest.mark.parametrize(
    ("bare", "allowed"),
    [
        *[(t, True) for t in ("text/html", "text/x-rst", "application/json", "application/ld+json")],
        *[(t, False) for t in ("application/zip", "text", "", "text/", "application/jsonx", "xapplication/json")],
    ],
)
def test_media_types(bare: str, allowed: bool) -> None:
    assert type_allowed(bare, Web().mime) is allowed


def test_the_next_address_is_tried_when_the_first_is_silent() -> None:
    with site() as s:
        s.pages["/"] = (200, TEXT, b"second")
        assert get(f"http://x.org:{s.port}/", resolve=lambda *_: ["::1", "127.0.0.1"]).body == b"second"
    with pytest.raises(ActionFailed, match="cannot be connected"):
        get(f"http://x.org:{s.port}/")


def test_a_name_without_an_address() -> None:
    def fails(*_: object) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    for resolve in (fails, lambda *_: []):
        with pytest.raises(ActionFailed, match=r"x\.org"):
            get("http://x.org/", resolve=resolve)


def test_a_look_up_that_never_ends() -> None:
    over = threading.Event()
    try:
        with pytest.raises(LimitExceeded, match="longer than"):
            get("http://x.org/", Web(timeout_s=0.3), resolve=lambda *_: [str(over.wait(10))])
    finally:
        over.set()


def test_the_person_stops_it() -> None:
    stop = threading.Event()

    def silent(_: socket.socket, over: threading.Event) -> None:
        stop.set()
        over.wait(10)

    with raw_server(silent) as port, pytest.raises(Interrupted):
        get(f"http://127.0.0.1:{port}/", stop=stop)


def test_headers_that_may_be_sent_and_not() -> None:
    with pytest.raises(UsageError, match="printable"):
        get("http://x.org/", headers={"X-A": "a\r\nX-B: b"})
    with pytest.raises(UsageError, match="twice"):
        get("http://x.org/", headers={"X-A": "a", "x-a": "b"})
    with pytest.raises(PolicyDenied, match="Cookie"):
        get("http://x.org/", headers={"Cookie": "a=b"})


@given(st.ip_addresses())
def test_no_address_that_is_not_public_is_reached(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert why_not(str(address))
    if address.is_reserved or address.is_unspecified:
        assert why_not(str(address))


@given(st.integers(0, 2**32 - 1))
def test_no_ipv4_address_is_reached_within_ipv6(number: int) -> None:
    inner = ipaddress.IPv4Address(number)
    for outer in (f"::ffff:{inner}", f"::{inner}", f"64:ff9b::{inner}", f"::ffff:0:{inner}"):
        assert why_not(outer)
    assert why_not(str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "172.32.0.1"])
def test_public_addresses(address: str) -> None:
    assert why_not(address) == ""
