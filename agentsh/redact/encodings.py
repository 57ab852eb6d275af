"""The spellings of a value: what one must look for to find it again after somebody has encoded it.

An encoding that works on groups (base64, base32, base85) gives another text for each position within a group at which
the value stands, so each position has a spelling of its own: the part of the text that the value alone decides.
"""

from __future__ import annotations

import base64
import codecs
import html
import json
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORTEST = 6
"""A spelling of fewer bytes would blank out ordinary words, so none is looked for."""

_LINE = 16  # a line of a value of many lines (a private key) counts as a secret of its own from this length on


def spellings(value: bytes) -> dict[bytes, bool]:
    """Every spelling of ``value`` that is looked for.

    Returns:
        Each spelling, and whether the characters beside it may hold bits of the value (a group that it shares with
        its neighbours).
    """
    found: dict[bytes, bool] = {}
    for part in _parts(value):
        for spelling in (*_whole(part), part[::-1], part[::-1].hex().encode()):
            found.setdefault(spelling, False)
        for spelling in (*_grouped(part), *_base64(part[::-1])):
            found.setdefault(spelling, True)
        for once in list(_base64(part)):
            for spelling in _base64(once):
                found.setdefault(spelling, True)
    return {s: shared for s, shared in found.items() if len(s) >= SHORTEST}


def _parts(value: bytes) -> list[bytes]:
    lines = [line.strip() for line in value.splitlines()]
    return list(
        dict.fromkeys([value, value.strip(), *(n for n in lines if len(n) >= _LINE and not n.startswith(b"-----"))])
    )


def _whole(form: bytes) -> Iterator[bytes]:
    """Spellings that do not depend on what stands beside the value."""
    yield form
    yield form.hex().encode()
    yield form.hex().upper().encode()
    try:
        text = form.decode()
    except UnicodeDecodeError:
        return
    yield quote(text, safe="").encode()
    yield quote(text).encode()
    yield quote_plus(text).encode()
    escaped = json.dumps(text)[1:-1]
    yield escaped.encode()
    yield escaped.replace("/", "\\/").encode()
    yield json.dumps(text, ensure_ascii=False)[1:-1].encode()
    yield repr(text)[1:-1].encode()
    yield shlex.quote(text).strip("'").encode()
    yield html.escape(text).encode()
    yield text.encode("utf-16-le")
    yield codecs.encode(text, "rot13").encode()


def _grouped(form: bytes) -> Iterator[bytes]:
    yield from _base64(form)
    yield from _cores(form, base64.b32encode, group=5, bits=5)
    for k in range(4):  # base85 writes four bytes as five characters, no bits are shared between groups
        inner = form[-k % 4 :] if k else form
        inner = inner[: len(inner) // 4 * 4]
        yield base64.b85encode(inner)
        yield base64.a85encode(inner)


def _base64(form: bytes) -> Iterator[bytes]:
    for core in _cores(form, base64.b64encode, group=3, bits=6):
        yield core
        if b"+" in core or b"/" in core:
            yield core.translate(_URL_SAFE)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _cores(form: bytes, encode: Callable[[bytes], bytes], *, group: int, bits: int) -> Iterator[bytes]:
    """What ``encode`` makes of ``form`` behind 0 to ``group - 1`` unknown bytes: the characters that are certain."""
    for k in range(group):
        first = -(-k * 8 // bits)
        last = (k + len(form)) * 8 // bits
        yield encode(b"\0" * k + form)[first:last]
