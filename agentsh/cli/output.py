"""Two streams: data on stdout, talk on stderr; and what a terminal may be sent.

Everything that is text for people goes through :mod:`agentsh.core.sanitise` before it comes here; raw bytes are passed
on only to what is no terminal.
"""

from __future__ import annotations

import codecs
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Literal, TextIO

from agentsh.core.sanitise import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
"""Version of every JSON object that the command line prints."""


class ReaderGone(Exception):
    """Whoever read our output closed the pipe: there is nobody to tell, so the command ends quietly."""


def is_terminal(stream: TextIO) -> bool:
    """True when ``stream`` is shown to a person."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def on_terminal() -> bool:
    """True when data is shown to a person."""
    return is_terminal(sys.stdout)


def can_ask() -> bool:
    """True when a person is there to answer: both ends of the conversation are terminals."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def write_bytes(content: bytes, stream: TextIO | None = None) -> None:
    """Write raw bytes and flush.

    Raises:
        ReaderGone: the other end was closed.
    """
    out = stream or sys.stdout
    try:
        out.flush()
        out.buffer.write(content)
        out.buffer.flush()
    except BrokenPipeError:
        raise ReaderGone from None


def say(text: str = "") -> None:
    """One line of talk on stderr; the caller has sanitised it."""
    write_bytes((text + "\n").encode("utf-8", "backslashreplace"), sys.stderr)


def data(text: str) -> None:
    """One line of data on stdout; the caller has sanitised it."""
    write_bytes((text + "\n").encode("utf-8", "backslashreplace"))


def data_json(fields: Mapping[str, Any]) -> None:
    r"""One JSON object on one line of stdout.

    ASCII alone: whatever a name or a command's output holds, a terminal sees ``\u`` escapes.
    """
    data(json.dumps({"schema": SCHEMA, **fields}, ensure_ascii=True))


class Passage:
    """Passes a command's output on while it runs: raw to a pipe or file, made visible on a terminal.

    A reader that goes away does not stop the action; its output is kept in the store all the same.
    """

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._streams: dict[str, TextIO] = {"stdout": sys.stdout, "stderr": sys.stderr}
        self._decoders = {
            name: decoder("surrogateescape") for name, stream in self._streams.items() if is_terminal(stream)
        }
        self._gone: set[str] = set()
        self._last = b"\n"

    def __call__(self, stream: Literal["stdout", "stderr"], content: bytes) -> None:
        """Pass ``content`` on; the runtime's ``OutputSink``."""
        decoder = self._decoders.get(stream)
        if decoder is not None:
            content = visible(decoder.decode(content)).encode()
            self._last = content[-1:] or self._last
        self._write(stream, content)

    def close(self) -> None:
        """Write what a decoder still holds, and end a terminal's open line."""
        for name, decoder in self._decoders.items():
            rest = visible(decoder.decode(b"", final=True)).encode()
            self._last = rest[-1:] or self._last
            self._write(name, rest)
        if self._decoders and self._last != b"\n":
            self._write(next(iter(self._decoders)), b"\n")

    def _write(self, name: str, content: bytes) -> None:
        if name in self._gone or not content:
            return
        try:
            write_bytes(content, self._streams[name])
        except ReaderGone:
            self._gone.add(name)
            silence(self._streams[name])


def silence(stream: TextIO) -> None:
    """Point a stream whose reader went away at the null device, so that Python's flush at exit says nothing."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, stream.fileno())
    finally:
        os.close(null)
