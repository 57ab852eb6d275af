"""Server-sent events, decoded within bounds: the server decides what arrives, not how much of it we keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_EVENT_BYTES = 8 << 20
MAX_STREAM_BYTES = 64 << 20


def data_events(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The ``data`` of each event of a stream (WHATWG HTML, 'Server-sent events').

    Comments, other fields and events without data are skipped. An event that the stream's end cuts short is dropped.

    Args:
        chunks: the body as it arrives, split anywhere.

    Raises:
        ModelError: an event is larger than ``MAX_EVENT_BYTES``, or the stream than ``MAX_STREAM_BYTES``.
    """
    data: list[bytes] = []
    size = 0
    for line in _lines(chunks):
        if not line:
            if data:
                yield b"\n".join(data)
            data, size = [], 0
            continue
        field, _, value = line.partition(b":")
        if field == b"data":
            value = value.removeprefix(b" ")
            size += len(value) + 1
            if size > MAX_EVENT_BYTES:
                raise ModelError(f"The endpoint sent an event of more than {MAX_EVENT_BYTES >> 20} MiB.")
            data.append(value)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends; the unfinished last one is dropped."""
    rest = bytearray()
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > MAX_STREAM_BYTES:
            raise ModelError(f"The endpoint's answer is larger than {MAX_STREAM_BYTES >> 20} MiB.")
        seen = len(rest)
        rest += chunk
        start = 0
        while (end := rest.find(b"\n", max(start, seen))) >= 0:
            yield bytes(rest[start:end]).removesuffix(b"\r")
            start = end + 1
        if start:
            del rest[:start]
        if len(rest) > MAX_EVENT_BYTES:
            raise ModelError(f"The endpoint sent a line of more than {MAX_EVENT_BYTES >> 20} MiB.")
