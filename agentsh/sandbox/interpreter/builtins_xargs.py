"""``xargs``: reads words and runs a command with them."""

from __future__ import annotations

import os
import re
import threading
from itertools import chain
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter.builtins_wrap import ARGUMENT_ROOM, options_of, run_program
from agentsh.sandbox.interpreter.concurrency import Task
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.redirection import open_path
from agentsh.sandbox.interpreter.registry import strings
from agentsh.sandbox.interpreter.state import decode, encode
from agentsh.shell.escapes import ansi_c
from agentsh.shell.options import XARGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell

_DIGITS = 9
_MOST_AT_ONCE = 32
_ITEM = re.compile(r"""[^\S\n]*(?:\n|((?:[^\s'"\\]|\\(?:.|\n)|'[^'\n]*'|"[^"\n]*")+))""")
_QUOTED = re.compile(r"""(?:\\.|'[^'\n]*'|"[^"\n]*"|[^'"\\])*""", re.DOTALL)
_ITEM_PIECE = re.compile(r"""\\(.|\n)|'([^'\n]*)'|"([^"\n]*)"|([^'"\\]+)""", re.DOTALL)


def _unquoted(text: str) -> str:
    """Text without its quoting."""
    if _QUOTED.fullmatch(text) is None:
        raise CommandError("xargs: unmatched quote; with -0 quotes mean nothing", 1)
    return "".join("".join(g or "" for g in p) for p in _ITEM_PIECE.findall(text))


def _items(text: str) -> list[str]:
    """The quoting of xargs: blanks and newlines separate, quotes and backslashes protect."""
    out: list[str] = []
    pos, end = 0, len(text.rstrip())
    while pos < end:
        m = _ITEM.match(text, pos)
        if m is None:
            raise CommandError("xargs: unmatched quote; with -0 quotes mean nothing", 1)
        pos = m.end()
        if m.group(1) is not None:
            out.append(_unquoted(m.group(1)))
    return out


def _delimiter(value: str) -> str:
    return "\0" if value == "\\0" else ansi_c(value)


def _number(options: Mapping[str, str], letter: str) -> int:
    """An option's number; 0 where it is not given."""
    value = options.get(letter, "0")
    if not value.isdigit() or len(value) > _DIGITS:
        raise CommandError(f"xargs: -{letter}: '{visible_line(value)}' is no number", 1)
    return int(value)


class _Xargs:
    """The options of one xargs."""

    def __init__(self, words: list[str]) -> None:
        options, command = options_of("xargs", words, XARGS, 1)
        self.command = command or ["echo"]
        self.null = "0" in options
        self.skip_empty = "r" in options
        self.trace = "t" in options
        self.file = options.get("a", "")
        self.end = options.get("E", "")
        self.replace = options.get("I")
        self.delimiter = _delimiter(options["d"]) if "d" in options else None
        self.most = _number(options, "n")
        self.lines = _number(options, "L")
        self.room = min(_number(options, "s") or ARGUMENT_ROOM, ARGUMENT_ROOM)
        self.at_once = min(_number(options, "P") or _MOST_AT_ONCE, _MOST_AT_ONCE) if "P" in options else 1

    def read(self, text: str) -> list[list[str]]:
        """The arguments of each run."""
        if self.null or self.delimiter is not None:
            delimiter = "\0" if self.null else self.delimiter or "\n"
            items = text.split(delimiter)
            if items[-1] == "":
                items.pop()
        elif self.replace is not None:
            items = [i.lstrip() for i in text.split("\n") if i.strip()]
            items = [_unquoted(i) for i in items]
        elif self.lines:
            groups = [g for line in text.split("\n") if (g := _items(line))]
            return [list(chain.from_iterable(groups[i : i + self.lines])) for i in range(0, len(groups), self.lines)]
        else:
            items = _items(text)
            if self.end and self.end in items:
                items = items[: items.index(self.end)]
        if self.replace is not None:
            return [[i] for i in items]
        return self._batches(items)

    def _batches(self, items: list[str]) -> list[list[str]]:
        out: list[list[str]] = []
        command = sum(len(encode(word)) + 1 for word in self.command)
        room = 0
        for item in items:
            size = len(encode(item)) + 1
            if size + command > self.room:
                raise CommandError("xargs: argument line too long", 1)
            if not out or room < size or (self.most and len(out[-1]) >= self.most):
                out.append([])
                room = self.room - command
            out[-1].append(item)
            room -= size
        return out or ([] if self.skip_empty else [[]])

    def argv(self, batch: list[str]) -> list[str]:
        """One run's words."""
        if self.replace:
            return [w.replace(self.replace, batch[0]) for w in self.command]
        return [*self.command, *batch]


def _input(shell: Shell, file: str) -> bytes:
    """What is to become arguments."""
    if not file or file == "-":
        real = shell.state.fds.get(0)
        return shell.run.read_all(real) if real is not None else b""
    fd = open_path(shell, file, "<")
    try:
        return shell.run.read_all(fd if fd >= 0 else shell.state.fds[-fd - 1])
    finally:
        if fd >= 0:
            os.close(fd)


class _Runs:
    """The commands of one xargs, of which several may run at once.

    Attributes:
        status: what xargs ends with, as far as is known.
    """

    def __init__(self, shell: Shell, options: _Xargs, batches: Sequence[list[str]]) -> None:
        self._shell = shell
        self._options = options
        self._left = iter(batches)
        self._lock = threading.Lock()
        self._over = False
        self.status = 0

    def work(self) -> int:
        """Run what is left, one after the other; several threads may do so."""
        shell = self._shell.fork()
        while (batch := self._next()) is not None:
            argv = self._options.argv(batch)
            if self._options.trace:
                shell.write(2, " ".join(argv) + "\n")
            self._ended(shell, argv, run_program(shell, argv))
        return 0

    def _next(self) -> list[str] | None:
        self._shell.run.tick()
        with self._lock:
            return None if self._over else next(self._left, None)

    def _ended(self, shell: Shell, argv: list[str], code: int) -> None:
        with self._lock:
            if code in (126, 127, 255):
                self._over = True
                self.status = 124 if code == 255 else code
            elif code and not self._over:
                self.status = 125 if code > 128 else 123
        if code == 255:
            shell.complain(f"xargs: {visible_line(argv[0])}: exited with status 255; aborting")


def _xargs(shell: Shell, arguments: Words) -> int:
    options = _Xargs(strings(arguments))
    data = _input(shell, options.file)

    sub = shell.fork()
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    if not options.file:
        # The commands must not read what xargs was given.
        sub.state.fds[0] = null
    batches = options.read(decode(data))
    runs = _Runs(sub, options, batches)
    try:
        if options.at_once == 1 or len(batches) < 2:
            runs.work()
        else:
            tasks = [Task(shell.run, runs.work) for _ in range(min(options.at_once, len(batches)))]
            for task in tasks:
                task.wait()
    finally:
        os.close(null)
    return runs.status


TABLE: dict[str, Builtin] = {"xargs": _xargs}
