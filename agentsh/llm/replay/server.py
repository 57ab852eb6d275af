"""The HTTP server of recordings: ``/v1/models`` and ``/v1/chat/completions``, streamed or whole.

It keeps no state between requests. The turn to play is the number of assistant messages in the request, so a request
that is sent again, or a session that is resumed, gets the answer that belongs there.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol, Self

from agentsh.core.errors import ModelError
from agentsh.llm.replay.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentsh.llm.replay.recording import Turn

_MAX_REQUEST = 64 << 20
_TEXT_PIECE = 24
_ARGUMENT_PIECE = 40


class Player(Protocol):
    """Gives the answers that the server sends."""

    @property
    def name(self) -> str:
        """The model's name."""

    def play(self, messages: list[Any], tools: list[Any]) -> tuple[int, Turn]:
        """The turn after ``messages``, with its number from 0.

        Raises:
            Mismatch: there is none that fits.
            ModelError: it could not be had.
        """


class ReplayServer:
    """A server on 127.0.0.1 that only who knows its token can use.

    Args:
        player: what to play: a recording, or something that makes one.
        port: 0 for one that is free.
        token: the bearer token; a random one by default.
    """

    def __init__(self, player: Recording | Player, *, port: int = 0, token: str | None = None) -> None:
        self.player: Player = _Recorded(player) if isinstance(player, Recording) else player
        self.token = token or secrets.token_urlsafe(32)
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.replay = self
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The API's root, for ``base_url``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def start(self) -> Self:
        """Serve from a thread of its own until :meth:`stop`."""
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="replay", daemon=True)
        self._thread.start()
        return self

    def serve(self) -> None:
        """Serve from this thread until it is interrupted."""
        self._http.serve_forever()

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Mismatch(Exception):
    """The conversation is not the one that was recorded."""


class _Recorded:
    """Plays a recording."""

    def __init__(self, recording: Recording) -> None:
        self.name = recording.name
        self._recording = recording

    def play(self, messages: list[Any], tools: list[Any]) -> tuple[int, Turn]:
        del tools  # a recording knows what it calls
        return pick_turn(self._recording, messages)


def turns_so_far(messages: list[Any]) -> int:
    """How many answers a conversation has."""
    return sum(isinstance(m, dict) and m.get("role") == "assistant" for m in messages)


def pick_turn(recording: Recording, messages: list[Any]) -> tuple[int, Turn]:
    """The turn to play after ``messages``, with its number from 0.

    Raises:
        Mismatch: all turns were played, or what the turn expects is not there.
    """
    known = [m for m in messages if isinstance(m, dict)]
    n = turns_so_far(messages)
    total = len(recording.turns)
    if n >= total:
        raise Mismatch(f"all {total} turns of the recording '{recording.name}' were played")
    turn = recording.turns[n]
    last = max((i for i, m in enumerate(known) if m.get("role") == "assistant"), default=-1)
    results = "\n".join(_content(m) for m in known[last + 1 :] if m.get("role") == "tool")
    task = "\n".join(_content(m) for m in known if m.get("role") == "user")
    for where, pieces, text, wanted in (
        ("the task", turn.task_contains, task, True),
        ("the tools' results", turn.result_contains, results, True),
        ("the tools' results", turn.result_lacks, results, False),
    ):
        for piece in pieces:
            if (piece in text) is not wanted:
                raise Mismatch(
                    f"turn {n + 1} of {total} of the recording '{recording.name}' expects {where} "
                    f"{'to contain' if wanted else 'not to contain'} {piece!r}; there was: {text[-600:]!r}"
                )
    return n, turn


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(p.get("text", "")) for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    replay: ReplayServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a defect, and http.server's report shows it."""
        import sys  # noqa: PLC0415 - only here

        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the terminal belongs to the person's work."""

    def do_GET(self) -> None:
        if not self._authorised():
            return
        if self.path != "/v1/models":
            self._fail(HTTPStatus.NOT_FOUND, f"no such path: {self.path[:200]}")
            return
        name = self.server.replay.player.name
        self._json(HTTPStatus.OK, {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "agentsh"}]})

    def do_POST(self) -> None:
        if not self._authorised():
            return
        if self.path != "/v1/chat/completions":
            self._fail(HTTPStatus.NOT_FOUND, f"no such path: {self.path[:200]}")
            return
        request = self._request()
        if request is None:
            return
        player, tools = self.server.replay.player, request.get("tools")
        try:
            n, turn = player.play(request["messages"], tools if isinstance(tools, list) else [])
        except Mismatch as e:
            self._fail(HTTPStatus.UNPROCESSABLE_ENTITY, str(e), kind="recording_mismatch")
            return
        except ModelError as e:
            self._fail(HTTPStatus.BAD_GATEWAY, e.what, kind="upstream_error")
            return
        usage = _usage(request["messages"], turn)
        if not request.get("stream"):
            self._json(HTTPStatus.OK, _completion(player.name, n, turn, usage))
            return
        options = request.get("stream_options")
        with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        self._stream(_chunks(player.name, n, turn, usage if with_usage else None))

    def _authorised(self) -> bool:
        sent = self.headers.get("Authorization", "")
        if hmac.compare_digest(sent.encode(), f"Bearer {self.server.replay.token}".encode()):
            return True
        self.close_connection = True  # the body is unread
        self._fail(HTTPStatus.UNAUTHORIZED, "the token is wrong or missing", kind="invalid_api_key")
        return False

    def _request(self) -> dict[str, Any] | None:
        """The decoded request; None after it was refused."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MAX_REQUEST:
            self.close_connection = True
            self._fail(HTTPStatus.BAD_REQUEST, f"a Content-Length of at most {_MAX_REQUEST} is needed")
            return None
        try:
            request = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            self._fail(HTTPStatus.BAD_REQUEST, "the request is not JSON")
            return None
        if not isinstance(request, dict) or not isinstance(request.get("messages"), list):
            self._fail(HTTPStatus.BAD_REQUEST, "the request has no messages")
            return None
        return request

    def _fail(self, status: HTTPStatus, message: str, *, kind: str = "invalid_request_error") -> None:
        self._json(status, {"error": {"message": message, "type": kind, "code": kind}})

    def _json(self, status: HTTPStatus, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, chunks: Iterator[dict[str, Any]]) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self._chunk(b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n")
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


def _calls(n: int, turn: Turn) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{n}_{i}",
            "type": "function",
            "function": {"name": name, "arguments": raw if isinstance(raw, str) else json.dumps(raw)},
        }
        for i, (name, raw) in enumerate(turn.tool_calls)
    ]


def _usage(messages: list[Any], turn: Turn) -> dict[str, int]:
    """Token counts by the rule of thumb of four characters a token: real numbers of this conversation."""
    prompt = len(json.dumps(messages)) // 4
    answer = (len(turn.text) + sum(len(json.dumps(a)) for _, a in turn.tool_calls)) // 4
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _completion(name: str, n: int, turn: Turn, usage: dict[str, int]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
    if turn.tool_calls:
        message["tool_calls"] = _calls(n, turn)
    finish = "tool_calls" if turn.tool_calls else "stop"
    return {
        "id": f"replay-{n}",
        "object": "chat.completion",
        "created": 0,
        "model": name,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }


def _chunks(name: str, n: int, turn: Turn, usage: dict[str, int] | None) -> Iterator[dict[str, Any]]:
    """A turn as the large servers stream it: role, text, then each call's head and its arguments in fragments."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {
            "id": f"replay-{n}",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": name,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }

    yield chunk({"role": "assistant", "content": ""})
    for at in range(0, len(turn.text), _TEXT_PIECE):
        yield chunk({"content": turn.text[at : at + _TEXT_PIECE]})
    for i, call in enumerate(_calls(n, turn)):
        arguments = call["function"]["arguments"]
        head = {**call, "index": i, "function": {"name": call["function"]["name"], "arguments": ""}}
        yield chunk({"tool_calls": [head]})
        for at in range(0, len(arguments), _ARGUMENT_PIECE):
            piece = {"index": i, "function": {"arguments": arguments[at : at + _ARGUMENT_PIECE]}}
            yield chunk({"tool_calls": [piece]})
    yield chunk({}, "tool_calls" if turn.tool_calls else "stop")
    if usage is not None:
        yield {**chunk({}), "choices": [], "usage": usage}
