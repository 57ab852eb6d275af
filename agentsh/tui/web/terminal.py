"""The interface in a process of its own, and the page's words to it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Awaitable, Callable, Sequence

_COLUMNS = range(20, 501)
_ROWS = range(5, 301)
_MOST_TYPED = 1 << 20
_END_SECONDS = 10.0


class Terminal(AppService):  # type: ignore[misc,unused-ignore]  # untyped where the extra is absent
    """One interface, on one WebSocket.

    Of what textual-serve can do for an application, this one may do nothing but draw: it opens no page and hands out no
    file. It is started without a shell.

    Args:
        program: the interface's command line.
        write_bytes: sends to the page.
        write_str: sends to the page.
        close: closes the WebSocket.
    """

    def __init__(
        self,
        program: Sequence[str],
        *,
        write_bytes: Callable[[bytes], Awaitable[None]],
        write_str: Callable[[str], Awaitable[None]],
        close: Callable[[], Awaitable[Any]],
    ) -> None:
        super().__init__(
            "",
            write_bytes=write_bytes,
            write_str=write_str,
            close=close,
            download_manager=DownloadManager(),
        )
        self._program = list(program)

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._program,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=self._build_environment(width=width, height=height),
            # Ctrl-C where the server runs is for the server, which ends this one in order.
            start_new_session=True,
        )
        self._stdin = self._process.stdin
        return self._process

    async def on_meta(self, data: bytes) -> None:
        """The interface has ended; whatever else it asks for is not done."""
        if json.loads(data).get("type") == "exit":
            await self.remote_close()

    async def on_packed(self, payload: bytes) -> None:
        """Nothing is delivered."""

    async def take(self, message: str) -> str | None:
        """Do what the page says, and return what it is told; what it cannot mean is passed over."""
        try:
            envelope = json.loads(message)
        except ValueError:
            return None
        match envelope:
            case ["stdin", str(typed)] if len(typed) <= _MOST_TYPED:
                await self.send_bytes(typed.encode("utf-8", "replace"))
            case ["resize", {"width": int(width), "height": int(height)}]:
                await self.set_terminal_size(within(width, _COLUMNS), within(height, _ROWS))
            case ["focus", *_]:
                await self.focus()
            case ["blur", *_]:
                await self.blur()
            case ["ping", str() | int() | float() as value]:
                return json.dumps(["pong", value])
        return None

    async def begin(self, columns: str, rows: str) -> None:
        """Start it in a terminal of that size, as the page says it."""
        width, height = (int(n) if n.isascii() and n.isdigit() and len(n) < 6 else 0 for n in (columns, rows))
        await self.start(within(width or 80, _COLUMNS), within(height or 24, _ROWS))

    async def end(self) -> None:
        """Ask it to end; what is staged stays staged. One that does not is ended."""
        if self._process is None:
            return
        try:
            await asyncio.wait_for(self.stop(), _END_SECONDS)
        finally:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()


def within(value: int, bounds: range) -> int:
    """``value``, or the nearest that is in ``bounds``."""
    return max(bounds.start, min(value, bounds.stop - 1))
