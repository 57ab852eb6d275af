r"""``$'...'``: C-like escapes in text."""

from __future__ import annotations

import re

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "?": "?",
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|c(.)|(.))",
    re.DOTALL,
)


def _bytes_of(m: re.Match[str]) -> bytes:
    byte, short, long, octal, control, other = m.groups()
    if byte is not None:
        return bytes([int(byte, 16)])
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if control is not None:
        return bytes([ord(control) & 0x1F]) if control != "?" else b"\x7f"
    if other is not None:
        return _SIMPLE.get(other, "\\" + other).encode("utf-8", "surrogateescape")
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return m.group().encode()
    return chr(code).encode()


def ansi_c(text: str) -> str:
    r"""``text`` with its escapes decoded; an escaped NUL ends it, as a C string would.

    Bytes are joined before they are decoded, so ``\xc3\xa9`` is one character.
    """
    out = bytearray()
    last = 0
    for m in _ESCAPE.finditer(text):
        out += text[last : m.start()].encode("utf-8", "surrogateescape")
        out += _bytes_of(m)
        last = m.end()
    out += text[last:].encode("utf-8", "surrogateescape")
    return bytes(out).split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
