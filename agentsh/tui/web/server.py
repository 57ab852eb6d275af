"""The server: each request past the guard, then one of four answers."""

from __future__ import annotations

import asyncio
import errno
import signal
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from agentsh.core.errors import UsageError
from agentsh.tui.web.guard import NO_SESSION, TOO_MANY, Guard, Refusal
from agentsh.tui.web.pages import asset, headers, main_page, refusal_page
from agentsh.tui.web.terminal import Terminal

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST_TERMINALS = 4
"""Interfaces at once: each is a process with a workspace open."""

_MOST_LINE = 8 * 1024  # of a request's first line, and of each header
_MOST_MESSAGE = 2 << 20


class WebServer:
    """Serves the interface to browsers that the guard lets in.

    Args:
        guard: decides.
        program: the command line of the interface.
        title: what the page is called.
        on_enter: told when a link was used.
    """

    def __init__(
        self,
        guard: Guard,
        program: Sequence[str],
        *,
        title: str = "agentsh",
        on_enter: Callable[[], None] | None = None,
    ) -> None:
        self._guard = guard
        self._program = program
        self._title = title
        self._on_enter = on_enter
        self._headers = headers(guard.authority, secure=guard.secure)
        self._open: set[web.WebSocketResponse] = set()
        self._terminals = 0

    def application(self) -> web.Application:
        """What answers."""
        app = web.Application(middlewares=[self._checked], client_max_size=1024)
        app.router.add_get("/", self._page)
        app.router.add_get("/enter", self._enter)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/ws", self._socket)
        app.on_response_prepare.append(self._say_about)
        app.on_shutdown.append(self._shut)
        return app

    # -- the guard -----------------------------------------------------------------------------------------------

    @web.middleware
    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = self._refusal(request)
        if refused is not None:
            return _refused(refused)
        try:
            return await handler(request)
        except web.HTTPException as e:
            return _refused(Refusal(e.status, "There is nothing here.", "The interface is at /."))

    def _refusal(self, request: web.Request) -> Refusal | None:
        sent = _values(request.headers)
        refused = self._guard.refusal(request.method, sent, websocket=request.path == "/ws")
        if refused is None and request.path != "/enter" and not self._guard.known(self._cookie(request)):
            return NO_SESSION
        return refused

    def _cookie(self, request: web.Request) -> str | None:
        return request.cookies.get(self._guard.cookie)

    async def _say_about(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self._headers)

    # -- answers -------------------------------------------------------------------------------------------------

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        value = self._guard.enter(request.query.get("token", ""))
        if isinstance(value, Refusal):
            return _refused(value)
        # Away from the address with the token, which is void by now.
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(
            self._guard.cookie, value, httponly=True, samesite="Strict", secure=self._guard.secure, path="/"
        )
        if self._on_enter is not None:
            self._on_enter()
        return response

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        scheme = "wss" if self._guard.secure else "ws"
        page = main_page(self._title, f"{scheme}://{self._guard.authority}/ws")
        return web.Response(text=page, content_type="text/html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        found = asset(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        content, kind = found
        return web.Response(body=content, headers={"Content-Type": kind})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self._terminals >= MOST_TERMINALS:
            return _refused(TOO_MANY)
        self._terminals += 1
        try:
            return await self._talk(request)
        finally:
            self._terminals -= 1

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        page = web.WebSocketResponse(heartbeat=15, max_msg_size=_MOST_MESSAGE)
        await page.prepare(request)
        self._open.add(page)
        terminal = Terminal(self._program, write_bytes=page.send_bytes, write_str=page.send_str, close=page.close)
        try:
            await terminal.begin(request.query.get("width", ""), request.query.get("height", ""))
            async for message in page:
                if message.type is WSMsgType.TEXT and (answer := await terminal.take(message.data)):
                    await page.send_str(answer)
        finally:
            self._open.discard(page)
            await terminal.end()
        return page

    async def _shut(self, _app: web.Application) -> None:
        await asyncio.gather(*(page.close() for page in set(self._open)), return_exceptions=True)


def _values(given: Mapping[str, str]) -> dict[str, list[str]]:
    """All values of each header, by its name in lower case."""
    out: dict[str, list[str]] = {}
    for name, value in given.items():  # a header that is given twice is there twice
        out.setdefault(name.lower(), []).append(value)
    return out


def _refused(refusal: Refusal) -> web.Response:
    return web.Response(status=refusal.status, text=refusal_page(refusal), content_type="text/html")


async def run(
    server: WebServer,
    listening: socket.socket,
    *,
    tls: ssl.SSLContext | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Serve until a signal ends it.

    Args:
        server: what answers.
        listening: where.
        tls: with it over TLS alone.
        ready: told when requests are answered.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    runner = web.AppRunner(
        server.application(), access_log=None, max_line_size=_MOST_LINE, max_field_size=_MOST_LINE, shutdown_timeout=15
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listening, ssl_context=tls).start()
        if ready is not None:
            ready()
        await ended.wait()
    finally:
        await runner.cleanup()


def listen(address: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UsageError: the address is none of this machine's, or the port is taken.
    """
    import socket  # noqa: PLC0415 - beside the annotation

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(64)
    except (OSError, OverflowError) as e:
        made.close()
        taken = isinstance(e, OSError) and e.errno == errno.EADDRINUSE
        raise UsageError(
            f"The port {port} is taken." if taken else f"{address} port {port} cannot be used.",
            files="Nothing was run.",
            next_step="Choose another with --port, or leave it out: then a free one is taken.",
        ) from e
    return made
