"""Whoever is not the person who opened the link: other pages, other users of the machine, names that were rebound."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.served import Served

pytest.importorskip("textual_serve", reason="needs the extra web")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.close()


def ask(served: Served, raw: bytes) -> Answer:
    """Send bytes; what comes back."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(raw)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()


def request(served: Served, path: str, *headers: str, method: str = "GET", host: str | None = None) -> Answer:
    """A request as a browser sends one."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {served.name if host is None else host}",
        *headers,
        "Connection: close",
    ]
    return ask(served, "\r\n".join([*lines, "", ""]).encode())


def let_in(served: Served) -> str:
    """Open the link; the header with the cookie."""
    status, headers, _ = request(served, f"/enter?token={served.token}")
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Domain" not in cookie
    return f"Cookie: {cookie.partition(';')[0]}"


_UPGRADE = (
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + base64.b64encode(b"0123456789abcdef").decode(),
)


class Page:
    """A WebSocket, by hand."""

    def __init__(self, served: Served, *headers: str, query: str = "?width=80&height=24") -> None:
        self._socket = socket.create_connection(("127.0.0.1", served.port), timeout=20)
        lines = [f"GET /ws{query} HTTP/1.1", f"Host: {served.name}", "Connection: Upgrade", *_UPGRADE, *headers, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self._in = self._socket.makefile("rb")
        self.status = int(self._in.readline().split()[1])
        while self._in.readline() not in (b"\r\n", b""):
            pass

    def send(self, text: str | bytes, *, kind: int = 1) -> None:
        data = text.encode() if isinstance(text, str) else text
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xff" + struct.pack("!Q", len(data))
        self._socket.sendall(bytes([0x80 | kind]) + size + b"\0\0\0\0" + data)

    def receive(self) -> bytes:
        """The next message; empty at the end."""
        head = self._in.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            return b""
        size = head[1] & 127
        if size > 125:
            size = int.from_bytes(self._in.read(2 if size == 126 else 8), "big")
        return self._in.read(size)

    def sees(self, text: bytes) -> None:
        seen = b""
        while text not in seen:
            piece = self.receive()
            assert piece, seen[-500:]
            seen += piece

    def close(self) -> None:
        self._in.close()
        self._socket.close()


def refused(answer: Answer, status: int = 403) -> None:
    """It is a page that says so, and no more, under the same rules as every page."""
    found, headers, body = answer
    assert found == status
    assert b"<h1>" in body
    assert b"terminal" not in body
    assert b"Traceback" not in body
    assert "set-cookie" not in headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/ws", "/static/textual.js", "/nothing", "/enter"])
def test_without_a_link(served: Served, path: str) -> None:
    refused(request(served, path, f"Origin: {served.origin}"))
    assert served.interfaces() == []


def test_a_link_is_good_once_and_only_as_it_is(served: Served) -> None:
    for token in (
        "",
        served.token[:-1],
        served.token + "=",
        served.token.swapcase(),
        "%00",
        "\udc80".encode("utf-8", "surrogatepass").hex(),
    ):
        refused(request(served, f"/enter?token={token}"))
    refused(request(served, f"/?token={served.token}"))
    cookie = let_in(served)
    refused(request(served, f"/enter?token={served.token}"))  # again, by whoever saw it on the way
    assert request(served, "/", cookie)[0] == 200
    refused(request(served, "/", cookie[:-1]))
    refused(request(served, "/", cookie.replace("agentsh=", "agentsh2=")))
    refused(request(served, "/", f"Cookie: agentsh={served.token}"))


def test_a_name_that_was_rebound(served: Served) -> None:
    cookie = let_in(served)
    port = served.port
    others = (f"evil.example:{port}", f"127.0.0.1:{port}", f"localhost:{port}", served.name.partition(":")[0], "")
    for host in (*others, f"{served.name}.evil.example", f"{served.name}@evil.example", f"x{served.name}"):
        refused(request(served, "/", cookie, host=host))
    refused(ask(served, f"GET / HTTP/1.0\r\n{cookie}\r\n\r\n".encode()))
    twice = f"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: {served.name}\r\n{cookie}\r\nConnection: close\r\n\r\n"
    assert ask(served, twice.encode())[0] in (400, 403)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "https://{name}", "http://{name}.evil.example"]
)
def test_another_origin(served: Served, origin: str) -> None:
    cookie = let_in(served)
    header = f"Origin: {origin.format(name=served.name)}"
    refused(request(served, "/", cookie, header))
    page = Page(served, cookie, header)
    assert page.status == 403
    page.close()
    assert served.interfaces() == []


def test_a_websocket_of_no_origin_or_of_two_or_without_a_session(served: Served) -> None:
    cookie = let_in(served)
    own = f"Origin: {served.origin}"
    for headers in ((cookie,), (own,), (cookie, own, "Origin: http://evil.example"), (own, "Cookie: agentsh=x")):
        page = Page(served, *headers)
        assert page.status == 403, headers
        page.close()
    assert served.interfaces() == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_leads_here(served: Served, site: str) -> None:
    cookie = let_in(served)
    refused(request(served, "/", cookie, f"Sec-Fetch-Site: {site}"))
    page = Page(served, cookie, f"Origin: {served.origin}", f"Sec-Fetch-Site: {site}")
    assert page.status == 403
    page.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"])
def test_other_methods(served: Served, method: str) -> None:
    assert request(served, "/", let_in(served), method=method)[0] in (400, 405)


def test_files_that_are_none_of_the_pages(served: Served) -> None:
    cookie = let_in(served)
    ups = ("..", "%2e%2e", "..%2f..", "%2e%2e%2f%2e%2e", "..%5c", "..;", "%252e%252e%252f")
    names = [
        f"/static/{up}/{rest}" for up in ups for rest in ("server.py", "guard.py", "etc/passwd", "static/js/textual.js")
    ]
    names += [
        "/static/",
        "/static",
        "/static//etc/passwd",
        "//etc/passwd",
        "/static/textual.js%00.css",
        "/static/guard.py",
    ]
    names += [
        "/static/page.css/../../guard.py",
        "/download/x",
        "/static/js/textual.js",
        "/%2fetc%2fpasswd",
        "/static/.",
    ]
    for name in names:
        status, headers, body = request(served, name, cookie)
        assert status in (400, 404), name
        assert b"root:" not in body
        assert b"import" not in body
        if status == 404:
            assert "content-security-policy" in headers
    assert request(served, "/static/textual.js", cookie)[0] == 200


def test_headers_without_end(served: Served) -> None:
    cookie = let_in(served)
    for header in (f"X-A: {'a' * 100_000}", f"Cookie: {'a' * 20_000}", f"Origin: {'b' * 9_000}"):
        assert request(served, "/", header)[0] in (400, 403, 431)
    assert request(served, f"/?{'q' * 50_000}", cookie)[0] in (400, 414)
    many = [f"X-{n}: {n}" for n in range(20_000)]
    assert request(served, "/", *many)[0] in (400, 403, 431)
    assert request(served, "/", cookie)[0] == 200  # it still answers


def test_what_a_page_cannot_mean_is_passed_over(served: Served) -> None:
    cookie, own = let_in(served), f"Origin: {served.origin}"
    page = Page(served, cookie, own, query="?width=99999999&height=-1")
    assert page.status == 101
    page.sees(b"Say what to do")
    deep: object = "x"
    for _ in range(500):
        deep = [deep]
    for message in ("", "{}", "[", "[]", "null", '["stdin"]', '["stdin", 1]', '["resize", {"width": "a"}]', '["quit"]'):
        page.send(message)
    page.send(json.dumps(deep))
    page.send(json.dumps(["resize", {"width": 10**12, "height": 10**12}]))
    page.send(json.dumps(["resize", {"width": 120, "height": 40}]))
    page.send(json.dumps(["deliver_chunk_request", {"key": "x", "size": 1}]))
    page.send(b"\x00\xff", kind=2)
    page.send(json.dumps(["stdin", "!echo st''ill here\r"]))
    page.sees(b"still here")
    page.close()


def test_no_more_than_a_few_interfaces(served: Served) -> None:
    cookie, own = let_in(served), f"Origin: {served.origin}"
    pages = [Page(served, cookie, own) for _ in range(6)]
    assert [p.status for p in pages] == [101] * 4 + [503] * 2
    assert len(served.interfaces()) <= 4
    for page in pages:
        page.close()
    end = time.monotonic() + 30
    while served.interfaces() and time.monotonic() < end:
        time.sleep(0.05)
    assert served.interfaces() == []
    again = Page(served, cookie, own)
    assert again.status == 101
    again.close()


def test_a_server_that_is_killed_leaves_no_interface(served: Served) -> None:
    page = Page(served, let_in(served), f"Origin: {served.origin}")
    page.sees(b"Say what to do")
    (interface,) = served.interfaces()
    os.kill(served.pid, signal.SIGKILL)
    end = time.monotonic() + 30
    while Path(f"/proc/{interface}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{interface}").exists()
    page.close()


def test_where_others_can_listen_there_is_no_server(tmp_path: Path) -> None:
    for address in ("0.0.0.0", "::", "192.0.2.1"):  # noqa: S104 - what is refused
        with pytest.raises(AssertionError, match="nothing would be encrypted"):
            Served(tmp_path / address.replace(":", "c"), "--bind", address)


def test_the_workspace_runs_no_code_of_its_own_in_the_interface(served: Served) -> None:
    for name in ("agentsh", "textual", "json"):
        (served.root / f"{name}.py").write_text("open('owned', 'w').close()\n")
    page = Page(served, let_in(served), f"Origin: {served.origin}")
    page.sees(b"Say what to do")
    assert not (served.root / "owned").exists()
    page.close()
