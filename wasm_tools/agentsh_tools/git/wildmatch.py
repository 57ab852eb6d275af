"""Git's patterns for paths, as regular expressions."""

from __future__ import annotations

import re
from functools import cache

_CLASSES = {
    b"alpha": rb"A-Za-z", b"digit": rb"0-9", b"alnum": rb"A-Za-z0-9", b"upper": rb"A-Z", b"lower": rb"a-z",
    b"space": rb"\s", b"blank": rb" \t", b"punct": rb"!-/:-@\[-`{-~", b"xdigit": rb"0-9A-Fa-f", b"print": rb" -~",
    b"graph": rb"!-~", b"cntrl": rb"\x00-\x1f\x7f",
}  # fmt: skip


@cache
def compiled(pattern: bytes, *, across: bool = False, fold: bool = False) -> re.Pattern[bytes]:
    """The expression that matches the whole of what ``pattern`` does.

    Args:
        pattern: with ``*``, ``?``, ``[...]``, and ``**`` between slashes.
        across: let ``*`` and ``?`` match slashes too, as pathspecs do.
        fold: ignore case.
    """
    out, at, end = bytearray(), 0, len(pattern)
    any_byte, any_run = (b".", b".*") if across else (b"[^/]", b"[^/]*")
    while at < end:
        c = pattern[at : at + 1]
        if c == b"*":
            stars = at
            while at < end and pattern[at] == 42:
                at += 1
            starts, ends = stars == 0 or pattern[stars - 1] == 47, at == end or pattern[at] == 47
            if at - stars >= 2 and starts and ends and not across:
                if at == end:
                    out += b".*" if stars == 0 else b".+"
                else:
                    out += b"(?:.*/)?"
                    at += 1
            else:
                out += any_run
            continue
        if c == b"?":
            out += any_byte
        elif c == b"[":
            inside = _bracket(pattern, at, across=across)
            if inside is None:
                return re.compile(b"(?!)")  # matches nothing, as in git
            text, at = inside
            out += text
            continue
        elif c == b"\\" and at + 1 < end:
            at += 1
            out += re.escape(pattern[at : at + 1])
        else:
            out += re.escape(c)
        at += 1
    return re.compile(bytes(out) + rb"\Z", re.DOTALL | (re.IGNORECASE if fold else re.NOFLAG))


def _bracket(pattern: bytes, at: int, *, across: bool) -> tuple[bytes, int] | None:
    """A bracket expression, and where it ends; None when it does not."""
    at += 1
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    out, first = bytearray(), True
    while True:
        c = pattern[at : at + 1]
        if not c:
            return None
        if c == b"]" and not first:
            break
        first = False
        if pattern.startswith(b"[:", at):
            stop = pattern.find(b":]", at)
            name = _CLASSES.get(pattern[at + 2 : stop]) if stop > 0 else None
            if name is None:
                return None
            out += name
            at = stop + 2
            continue
        if c == b"\\":
            at += 1
            c = pattern[at : at + 1]
            if not c:
                return None
        at += 1
        if pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] not in (b"]", b""):
            last = pattern[at + 1 : at + 2]
            at += 2
            if last == b"\\":
                last = pattern[at : at + 1]
                at += 1
            if c <= last:
                out += re.escape(c) + b"-" + re.escape(last)
        else:
            out += re.escape(c)
    guard = b"" if across else b"(?!/)"
    body = b"[" + (b"^" if negated else b"") + bytes(out) + b"]" if out else (b"." if negated else b"(?!)")
    return guard + body, at + 1
