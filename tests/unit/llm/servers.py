"""An HTTP server on this machine whose every answer a test writes, however broken."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Respond = Callable[["Handler"], None]


@dataclass
class Seen:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class ScriptedServer:
    """Answers the n-th request with the n-th response; further ones with the last."""

    responses: Sequence[Respond]
    seen: list[Seen] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    """Set when the test is over: responses that hang wait for it."""

    def __enter__(self) -> Self:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients go away in these tests
        self._http.scripted = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def scripted(self) -> ScriptedServer:
        return self.server.scripted  # type: ignore[attr-defined,no-any-return]

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = self.scripted.seen
        seen.append(Seen(self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(raw or b"{}")))
        responses = self.scripted.responses
        responses[min(len(seen), len(responses)) - 1](self)

    do_GET = do_POST  # noqa: N815 - the base class's name

    def plain(self, status: int, body: bytes, content_type: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        """A stream that ends when the connection does, so that it can end anywhere."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True


def stream(*pieces: bytes | dict[str, Any], done: bool = True) -> Respond:
    """An event stream of raw bytes and of chunks."""

    def respond(h: Handler) -> None:
        h.begin_stream()
        for piece in pieces:
            h.wfile.write(piece if isinstance(piece, bytes) else event(piece))
            h.wfile.flush()
        if done:
            h.wfile.write(b"data: [DONE]\n\n")

    return respond


def event(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def says(text: str) -> Respond:
    return stream(delta(content=text), delta("stop"))


def status(code: int, body: object = None, **headers: str) -> Respond:
    return lambda h: h.plain(code, json.dumps(body or {"error": {"message": "as scripted"}}).encode(), **headers)
