"""A body as it arrives: decompressed within a bound, and of a type that was asked for. Pure."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from agentsh.core.errors import ActionFailed, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_BYTES = "http.max_bytes"
_GZIP = {"gzip", "x-gzip"}


def media_type(content_type: str) -> str:
    """The bare type of a Content-Type header, in lower case; what has none is a stream of bytes (RFC 9110, 8.3)."""
    return content_type.partition(";")[0].strip().lower() or "application/octet-stream"


def type_allowed(bare: str, patterns: Sequence[str]) -> bool:
    """Whether a media type is one of ``patterns``: exact, ``text/*``, or ``application/*+json``."""
    kind, _, name = bare.partition("/")
    for pattern in patterns:
        wanted_kind, _, wanted = pattern.partition("/")
        fits = wanted in ("*", name) or (wanted.startswith("*+") and name.endswith(wanted[1:]))
        if kind == wanted_kind and name and fits:
            return True
    return False


def read_body(chunks: Iterable[bytes], *, encoding: str, most: int) -> bytes:
    """All of a body.

    Args:
        chunks: as they come.
        encoding: the Content-Encoding header; gzip or nothing.
        most: bytes, before and after decompression.

    Raises:
        LimitExceeded: it is larger.
        ActionFailed: its encoding is another one, or broken.
    """
    coding = encoding.strip().lower()
    if coding in _GZIP:
        return _gunzip(chunks, most)
    if coding not in ("", "identity"):
        raise ActionFailed("The body is encoded in a way that was not asked for.")
    out = bytearray()
    for chunk in chunks:
        out += chunk
        _bounded(len(out), most)
    return bytes(out)


def _gunzip(chunks: Iterable[bytes], most: int) -> bytes:
    out, taken, whole = bytearray(), 0, True
    member = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            taken += len(chunk)
            _bounded(taken, most)
            data = chunk
            while data:
                out += member.decompress(data, most - len(out) + 1)
                _bounded(len(out), most)
                whole = member.eof
                if whole:  # a file can be of several members
                    data = member.unused_data
                    member = zlib.decompressobj(wbits=31)
                else:
                    data = member.unconsumed_tail
    except zlib.error as e:
        raise ActionFailed("The body is not the gzip stream that it says it is.") from e
    if not whole:
        raise ActionFailed("The body ends before its gzip stream does.")
    return bytes(out)


def _bounded(size: int, most: int) -> None:
    if size > most:
        raise LimitExceeded(f"The body is larger than {most} bytes.", limit=MAX_BYTES)
