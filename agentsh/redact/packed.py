"""Values inside compressed data: as it is, or written as base64 or hex, also over several lines."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 4 << 20
"""Bytes of unpacked data that are looked at; a value behind that is not found."""

TRIGGERS = (
    b"H4sI",
    *(b"e" + second for second in (b"AF", b"F4", b"Jw", b"Jx", b"Jy", b"Jz", b"No", b"Np", b"Nq", b"Nr")),
    *(head for h in ("1f8b08", "7801", "785e", "789c", "78da") for head in (h.encode(), h.upper().encode())),
    b"\x1f\x8b\x08",
    *(b"\x78" + second for second in (b"\x01", b"\x5e", b"\x9c", b"\xda")),
)
"""What gzip (1f 8b 08) and zlib (78 01, 78 5e, 78 9c, 78 da) streams begin with: in base64, in hex, as they are."""

_LINES = rb"(?:[ \t]*\r?\n[ \t]*"
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}" + _LINES + rb"[A-Za-z0-9+/_-]+)*={0,2}")
_HEX = re.compile(rb"[0-9a-f]{24,}" + _LINES + rb"[0-9a-f]+)*", re.IGNORECASE)
_SPACE = b" \t\r\n"
_STEP = 64  # bytes of a stream at a time
_MOST_STREAMS = 256  # of one text: more are not opened, the beginning of a zlib stream is two ordinary bytes


def unpacked(data: bytes, places: list[int]) -> Iterator[tuple[int, int, bytes]]:
    """Compressed stretches of ``data`` that begin at one of ``places``: start, end, and what is in them."""
    done = 0
    for start in places[:_MOST_STREAMS]:
        if start < done:
            continue
        if data[start] in b"\x1f\x78" and (found := _inflate(data[start : start + MOST])) is not None:
            yield start, (done := start + found[1]), found[0]
            continue
        for form, decode in ((_HEX, _from_hex), (_BASE64, _from_base64)):
            m = form.match(data, start)
            packed = None if m is None else decode(m[0].translate(None, _SPACE))
            if m is not None and packed and (found := _inflate(packed)) is not None:
                yield start, (done := m.end()), found[0]
                break


def _from_base64(text: bytes) -> bytes | None:
    text = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    text = text[: len(text) - (len(text) % 4 == 1)]
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None


def _from_hex(text: bytes) -> bytes | None:
    return bytes.fromhex(text[: len(text) // 2 * 2].decode())


def _inflate(packed: bytes) -> tuple[bytes, int] | None:
    """What a stream holds, as far as it can be read, and how many bytes it takes; None when it is no stream."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by its header
    out = bytearray()
    try:
        # In small steps: what a damaged stream gave before its damage counts.
        for at in range(0, len(packed), _STEP):
            out += stream.decompress(packed[at : at + _STEP], MOST - len(out))
            if stream.eof or len(out) >= MOST:
                break
    except zlib.error:
        if not out:
            return None
    if not out:
        return None
    return bytes(out), len(packed) - (len(stream.unused_data) if stream.eof else 0)
