"""Builtins that read input into variables: ``read``, ``mapfile``, ``getopts``."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import struct
import termios
import time
from math import inf
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.names import is_name
from agentsh.sandbox.interpreter.registry import strings
from agentsh.sandbox.interpreter.state import IndexedArray, decode, encode

if TYPE_CHECKING:
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.run import Run
    from agentsh.sandbox.interpreter.shell import Shell

_CHUNK = 4096
_LATE = 142  # 128 + SIGALRM
_MAX_LINE = 16 << 20


class LineReader:
    """Reads up to a delimiter and not a byte further, so that the next command reads on from there."""

    def __init__(self, run: Run, fd: int, until: float = inf) -> None:
        self.run = run
        self.until_time = until
        self.late = False
        self.fd = fd
        try:
            self.seekable = stat.S_ISREG(os.fstat(fd).st_mode)
        except OSError:
            self.seekable = False
        self.ready = 0

    def until(self, delimiter: bytes, most: int = -1) -> tuple[bytes, bool]:
        """The bytes before the delimiter, and whether it was found before the end (or ``most`` bytes were)."""
        if most == 0:
            return b"", True
        if self.seekable:
            return self._seeking(delimiter, most)
        out = bytearray()
        while len(out) < _MAX_LINE:
            c = self._byte()
            if not c:
                return bytes(out), False
            if c == delimiter:
                return bytes(out), True
            out += c
            if len(out) == most:
                return bytes(out), True
        raise CommandError(f"read: a line longer than {_MAX_LINE} bytes", 1)

    def _byte(self) -> bytes:
        if self.ready == 0:
            if not self.run.wait_readable(self.fd, self.until_time):
                self.late = True
                return b""
            try:
                self.ready = struct.unpack("i", fcntl.ioctl(self.fd, termios.FIONREAD, b"\0" * 4))[0]
            except OSError:
                self.ready = 1
            self.ready = max(self.ready, 1)
        self.ready -= 1
        return os.read(self.fd, 1)

    def _seeking(self, delimiter: bytes, most: int) -> tuple[bytes, bool]:
        out = bytearray()
        while len(out) < _MAX_LINE:
            chunk = os.read(self.fd, _CHUNK if most < 0 else min(_CHUNK, most - len(out)))
            if not chunk:
                return bytes(out), False
            at = chunk.find(delimiter)
            if at >= 0:
                os.lseek(self.fd, at + 1 - len(chunk), os.SEEK_CUR)
                return bytes(out + chunk[:at]), True
            out += chunk
            if len(out) == most:
                return bytes(out), True
        raise CommandError(f"read: a line longer than {_MAX_LINE} bytes", 1)


class _Options:
    """Options of one letter, with values for some."""

    def __init__(self, name: str, words: list[str], flags: str, valued: str) -> None:
        self.flags: set[str] = set()
        self.values: dict[str, str] = {}
        while words and words[0].startswith("-") and len(words[0]) > 1:
            word = words.pop(0)
            if word == "--":
                break
            for i, letter in enumerate(word[1:], 1):
                if letter in valued:
                    value = word[i + 1 :] or (words.pop(0) if words else None)
                    if value is None:
                        raise CommandError(f"{name}: -{letter}: option requires an argument", 2)
                    self.values[letter] = value
                    break
                if letter not in flags:
                    raise CommandError(f"{name}: -{visible_line(letter)}: option not supported", 2)
                self.flags.add(letter)
        self.words = words

    def number(self, letter: str, default: int) -> int:
        text = self.values.get(letter)
        if text is None:
            return default
        if not text.isdigit() or len(text) > 9:
            raise CommandError(f"-{letter}: {visible_line(text)}: invalid number", 2)
        return int(text)


def _descriptor(shell: Shell, fd: int, name: str) -> int:
    real = shell.state.fds.get(fd)
    if real is None:
        raise CommandError(f"{name}: {fd}: bad file descriptor")
    return real


def _read(shell: Shell, arguments: Words) -> int:
    options = _Options("read", strings(arguments), "rse", "dnNpatu")
    real = _descriptor(shell, options.number("u", 0), "read")
    raw = "r" in options.flags
    names = options.words
    for name in names:
        if not is_name(name):
            raise CommandError(f"read: '{visible_line(name)}': not a valid identifier")
    delimiter = encode(options.values.get("d", "\n"))[:1] or b"\0"
    exact = "N" in options.values
    most = options.number("N", -1) if exact else options.number("n", -1)
    timeout = _timeout(options.values["t"]) if "t" in options.values else inf
    if timeout == 0:
        return int(not select.select([real], [], [], 0)[0])
    reader = LineReader(shell.run, real, time.monotonic() + timeout)
    try:
        data, found = reader.until(b"" if exact else delimiter, most) if not exact else _exactly(reader, most)
        text = decode(data).replace("\0", "")
        while not raw and not exact and found and _continues(text):
            more, found = reader.until(delimiter, -1)
            text = text[:-1] + decode(more).replace("\0", "")
    except OSError as e:
        raise CommandError(f"read: {os.strerror(e.errno or 0)}") from None
    marked = [(c, False) for c in text] if raw or exact else _unescape(text)
    if "a" in options.values:
        values = split_fields(marked, shell.expander.ifs(), 0)
        shell.state.variables[options.values["a"]] = IndexedArray(enumerate(values))
    elif not names:
        shell.state.set("REPLY", "".join(c for c, _ in marked))
    elif exact:
        shell.state.set(names[0], text)
    else:
        values = split_fields(marked, shell.expander.ifs(), len(names))
        for i, name in enumerate(names):
            shell.state.set(name, values[i] if i < len(values) else "")
    return _LATE if reader.late else int(not found)


def _timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < inf:
        raise CommandError(f"read: {visible_line(text)}: invalid timeout specification")
    return seconds


def _exactly(reader: LineReader, most: int) -> tuple[bytes, bool]:
    out = b""
    while len(out) < most:
        c = os.read(reader.fd, 1) if reader.seekable else reader._byte()  # noqa: SLF001 - one reader in two functions
        if not c:
            return out, False
        out += c
    return out, True


def _continues(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _unescape(text: str) -> list[tuple[str, bool]]:
    """Characters, and whether a backslash protects each from splitting."""
    out: list[tuple[str, bool]] = []
    chars = iter(text)
    for c in chars:
        if c == "\\":
            protected = next(chars, None)
            if protected is not None:
                out.append((protected, True))
        else:
            out.append((c, False))
    return out


class _Splitter:
    """Characters, each protected by a backslash or not, cut at the characters of IFS."""

    def __init__(self, chars: list[tuple[str, bool]], ifs: str) -> None:
        self.chars = chars
        self.white = {c for c in ifs if c in " \t\n"}
        self.other = set(ifs) - self.white

    def is_in(self, i: int, group: set[str]) -> bool:
        """Whether the character is a separator of that kind."""
        return not self.chars[i][1] and self.chars[i][0] in group

    def skip(self, i: int, end: int) -> int:
        """Past white space, at most one other separator, and white space after that."""
        while i < end and self.is_in(i, self.white):
            i += 1
        if i < end and self.is_in(i, self.other):
            i += 1
            while i < end and self.is_in(i, self.white):
                i += 1
        return i

    def last(self, i: int, end: int) -> str:
        """All that is left, as one field: a lone separator at its end belongs to no field."""
        rest = self.chars[i:end]
        inner = any(not p and c in self.other | self.white for c, p in rest[:-1])
        if rest and not inner and not rest[-1][1] and rest[-1][0] in self.other:
            rest = rest[:-1]
        return "".join(c for c, _ in rest)


def split_fields(chars: list[tuple[str, bool]], ifs: str, most: int) -> list[str]:
    """Fields by IFS, at most ``most`` (0: any number), the last keeping the rest."""
    splitter = _Splitter(chars, ifs)
    i, end = 0, len(chars)
    while i < end and splitter.is_in(i, splitter.white):
        i += 1
    while end > i and splitter.is_in(end - 1, splitter.white):
        end -= 1
    out: list[str] = []
    separators = splitter.white | splitter.other
    while i < end:
        if most and len(out) == most - 1:
            out.append(splitter.last(i, end))
            return out
        start = i
        while i < end and not splitter.is_in(i, separators):
            i += 1
        out.append("".join(c for c, _ in chars[start:i]))
        i = splitter.skip(i, end)
    return out


def _mapfile(shell: Shell, arguments: Words) -> int:
    options = _Options("mapfile", strings(arguments), "t", "dnsuO")
    real = _descriptor(shell, options.number("u", 0), "mapfile")
    name = options.words[0] if options.words else "MAPFILE"
    if not is_name(name):
        raise CommandError(f"mapfile: '{visible_line(name)}': not a valid identifier")
    delimiter = encode(options.values.get("d", "\n"))[:1] or b"\0"
    data = shell.run.read_all(real)
    pieces = data.split(delimiter)
    ends = [delimiter] * (len(pieces) - 1) + [b""]
    lines = [p if "t" in options.flags else p + e for p, e in zip(pieces, ends, strict=True)]
    if pieces[-1] == b"":
        lines.pop()
    lines = lines[options.number("s", 0) :]
    count = options.number("n", 0)
    origin = options.number("O", 0)
    shell.state.check_writable(name)
    values = (decode(line.replace(b"\0", b"")) for line in (lines[:count] if count else lines))
    shell.state.variables[name] = IndexedArray(enumerate(values, origin))
    return 0


def _getopts(shell: Shell, arguments: Words) -> int:
    words = strings(arguments)
    if len(words) < 2 or not is_name(words[1]):
        raise CommandError("getopts: usage: getopts optstring name [arg ...]", 2)
    state = shell.state
    spec, name = words[0], words[1]
    given = words[2:] or state.parameters
    silent = spec.startswith(":")
    text = state.get("OPTIND") or "1"
    index = int(text) if text.isdigit() else 1
    position = state.option_position if index == state.option_index else 1
    state.variables.pop("OPTARG", None)
    current = given[index - 1] if 0 < index <= len(given) else ""
    if position == 1 and (not current.startswith("-") or current in ("-", "")):
        state.set(name, "?")
        state.set("OPTIND", str(index))
        return 1
    if current == "--" and position == 1:
        state.set("OPTIND", str(index + 1))
        state.set(name, "?")
        return 1
    letter = current[position]
    position += 1
    options = spec.lstrip(":")
    found = options.find(letter) if letter != ":" else -1
    value = letter if found >= 0 else "?"
    problem = "" if found >= 0 else "illegal option"
    if found >= 0 and options[found + 1 : found + 2] == ":":
        argument: str | None = current[position:]
        if not argument:
            index += 1
            argument = given[index - 1] if index <= len(given) else None
        position = len(current)
        if argument is None:
            value, problem = ":" if silent else "?", "option requires an argument"
        else:
            state.set("OPTARG", argument)
    if problem and silent:
        state.set("OPTARG", letter)
    elif problem:
        shell.complain(f"{state.name}: {problem} -- {visible_line(letter)}")
    if position >= len(current):
        index, position = index + 1, 1
    state.set("OPTIND", str(index))
    state.option_index, state.option_position = index, position
    state.set(name, value)
    return 0


TABLE: dict[str, Builtin] = {"read": _read, "mapfile": _mapfile, "readarray": _mapfile, "getopts": _getopts}
