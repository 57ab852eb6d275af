"""A terminal that belongs to a test: a real pseudo-terminal with a program in it, and all that the program sent."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])")
"""An escape sequence, as a terminal reads one."""


class Pty:
    """A program on a pseudo-terminal.

    Attributes:
        sent: everything that it sent, decoded.
        process: the program.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str | Path] | None = None,
        columns: int = 120,
        rows: int = 40,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        base = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "COLUMNS", "LINES")}
        given = {k: str(v) for k, v in (environment or {}).items()}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agentsh", *arguments],
            cwd=cwd,
            env={**base, "TERM": "xterm-256color", "COLORTERM": "truecolor", **given},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the one way to a terminal of one's own
        )
        os.close(slave)
        self._decode = codecs.getincrementaldecoder("utf-8")("strict").decode
        self.sent = ""
        self._open = True

    def read(self, within_s: float = 0.05) -> bool:
        """Take what has come; whether anything had."""
        if not self._open or not select.select([self._master], [], [], within_s)[0]:
            return False
        try:
            piece = os.read(self._master, 1 << 16)
        except OSError:  # the other end is closed
            piece = b""
        if not piece:
            self._open = False
            return False
        self.sent += self._decode(piece)
        return True

    def _tail(self) -> str:
        return re.sub(r"\s+", " ", self.text())[-2500:]

    def text(self, since: int = 0) -> str:
        """What was sent, without its escape sequences."""
        return SEQUENCE.sub("", self.sent[since:])

    def until(self, holds: Callable[[], object], *, within_s: float = 60) -> None:
        """Read until something is so."""
        end = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > end or (not self.read() and not self._open and not holds()):
                raise TimeoutError(f"the last that came: {self._tail()!r}")

    def sees(self, *texts: str, since: int = 0, within_s: float = 60) -> None:
        """Read until texts were sent, each in one piece."""
        self.until(lambda: all(t in self.text(since) for t in texts), within_s=within_s)

    def press(self, keys: str) -> int:
        """Type; returns where in :attr:`sent` the answer begins."""
        while self.read(0):
            pass
        at = len(self.sent)
        os.write(self._master, keys.encode())
        return at

    def paste(self, text: str) -> int:
        """Paste, as a terminal does it in brackets."""
        return self.press(f"\x1b[200~{text}\x1b[201~")

    def hang_up(self) -> None:
        """The line drops."""
        os.close(self._master)
        self._open = False
        self._master = -1

    def ended(self, within_s: float = 60) -> int:
        """Wait for the end; the exit code."""
        end = time.monotonic() + within_s
        while self.process.poll() is None and time.monotonic() < end:
            self.read()
        while self.read(0):
            pass
        return self.process.wait(0.1)

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
