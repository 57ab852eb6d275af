"""Names as git prints them."""

from __future__ import annotations

import posixpath

_NAMED = {7: b"\\a", 8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}


def needs_quotes(name: bytes, *, all_ascii: bool = True) -> bool:
    """Whether a name has bytes that are escaped."""
    return any(c < 32 or c in {34, 92, 127} or (all_ascii and c > 127) for c in name)


def quoted(name: bytes, *, prefix: bytes = b"", all_ascii: bool = True, spaces: bool = False) -> bytes:
    """A name, in double quotes with C's escapes where it needs them.

    Args:
        name: the name.
        prefix: put before it, inside the quotes.
        all_ascii: escape bytes above 127 too (``core.quotePath``).
        spaces: quote a name with a space as well.
    """
    if not needs_quotes(name, all_ascii=all_ascii) and not (spaces and b" " in name):
        return prefix + name
    out = bytearray(b'"' + prefix)
    for c in name:
        if c in _NAMED:
            out += _NAMED[c]
        elif c < 32 or c == 127 or (all_ascii and c > 127):
            out += b"\\%03o" % c
        else:
            out.append(c)
    return bytes(out + b'"')


def relative(path: bytes, directory: bytes) -> bytes:
    """A path of the repository, as seen from one of its directories (``b""`` is the root)."""
    if not directory:
        return path
    found = posixpath.relpath(b"/" + path, b"/" + directory)
    return found + b"/" if path.endswith(b"/") else found
