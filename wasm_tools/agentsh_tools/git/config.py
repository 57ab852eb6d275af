"""The repository's configuration: ``.git/config``, what it includes, and ``-c``."""

from __future__ import annotations

import os
import re

from .failure import GitError, text
from .files import read_file

_MOST_INCLUDES = 10
_MOST_BYTES = 1 << 20
_SECTION = re.compile(rb'\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]')
_KEY = re.compile(rb"([A-Za-z][A-Za-z0-9-]*)[ \t]*(=)?[ \t]*")
_ESCAPES = {ord("n"): b"\n", ord("t"): b"\t", ord("b"): b"\b"}


class Config:
    """Values by name, the last one of a name first.

    Files outside of the workspace cannot be opened, so an include of one is as if it did not exist, which is also
    what git makes of a missing file. Neither the system's nor the person's own configuration is read.
    """

    def __init__(self) -> None:
        self.entries: list[tuple[str, bytes]] = []

    def load(self, path: bytes, depth: int = 0) -> None:
        """Read a file, and what it includes, where it stands.

        Raises:
            GitError: a line cannot be read.
        """
        try:
            data = read_file(path, _MOST_BYTES)
        except OSError:
            return
        for key, value in _parse(data, path):
            self.entries.append((key, value))
            if key == "include.path" and depth < _MOST_INCLUDES and value and not value.startswith(b"~"):
                self.load(os.path.join(os.path.dirname(path), value), depth + 1)

    def set(self, assignment: str) -> None:
        """One ``-c name=value``."""
        key, equals, value = assignment.partition("=")
        self.entries.append((_folded(key), value.encode("utf-8", "surrogateescape") if equals else b"true"))

    def get(self, key: str) -> bytes | None:
        """The last value of a name; None where it has none."""
        found = self.get_all(key)
        return found[-1] if found else None

    def get_all(self, key: str) -> list[bytes]:
        """Every value of a name, in order."""
        key = _folded(key)
        return [v for k, v in self.entries if k == key]

    def flag(self, key: str, *, default: bool) -> bool:
        """A value as yes or no."""
        value = self.get(key)
        if value is None:
            return default
        return value.strip().lower() not in (b"", b"false", b"no", b"off", b"0")


def _folded(key: str) -> str:
    """Section and name in lower case; what stands between keeps its case."""
    section, _, rest = key.partition(".")
    middle, dot, name = rest.rpartition(".")
    return f"{section.lower()}.{middle}{dot}{name.lower()}"


def _parse(data: bytes, path: bytes) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    section, at, end = "", 3 if data.startswith(b"\xef\xbb\xbf") else 0, len(data)
    while at < end:
        c = data[at : at + 1]
        if c.isspace():
            at += 1
            continue
        if c in b"#;":
            at = _line_end(data, at)
            continue
        header = _SECTION.match(data, at)
        if header:
            name, _, old_style = header[1].decode("ascii").partition(".")
            sub = (
                old_style.lower()
                if header[2] is None
                else re.sub(rb"\\(.)", rb"\1", header[2]).decode("utf-8", "surrogateescape")
            )
            section = name.lower() + ("." + sub if sub or header[2] is not None else "")
            at = header.end()
            continue
        key = _KEY.match(data, at)
        if key is None or not section:
            line = data.count(b"\n", 0, at) + 1
            raise GitError(f"bad config line {line} in file {text(path)}")
        name = f"{section}.{key[1].decode('ascii').lower()}"
        value, at = _value(data, key.end()) if key[2] else (b"true", _line_end(data, key.end()))
        found.append((name, value))
    return found


def _line_end(data: bytes, at: int) -> int:
    end = data.find(b"\n", at)
    return len(data) if end < 0 else end + 1


def _value(data: bytes, at: int) -> tuple[bytes, int]:
    """A value: quotes, escapes, comments, and lines that go on."""
    out, spaces, inside = bytearray(), 0, False
    while at < len(data):
        c = data[at]
        at += 1
        if c == 10:
            break
        if c == 13 and data[at : at + 1] == b"\n":
            continue
        if not inside and c in b" \t":
            spaces += 1
            continue
        if not inside and c in b"#;":
            at = _line_end(data, at)
            break
        if spaces and out:
            out += b" " * spaces
        spaces = 0
        if c == 34:
            inside = not inside
        elif c == 92:
            if at >= len(data):
                break
            c = data[at]
            at += 1
            if c == 13 and data[at : at + 1] == b"\n":
                at += 1
            elif c != 10:
                out += _ESCAPES.get(c, bytes([c]))
        else:
            out.append(c)
    return bytes(out), at
