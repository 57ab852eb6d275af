"""``xargs``: reads words and runs a command with them."""

from __future__ import annotations

import os
import re
from itertools import chain
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter.builtins_wrap import run_program
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.registry import strings
from agentsh.sandbox.interpreter.state import decode
from agentsh.shell.escapes import ansi_c

if TYPE_CHECKING:
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell

_ARGUMENT_ROOM = 128 << 10
"""Bytes of arguments that one command gets at most."""

_ITEM = re.compile(r"""[^\S\n]*(?:\n|((?:[^\s'"\\]|\\(?:.|\n)|'[^'\n]*'|"[^"\n]*")+))""")
_ITEM_PIECE = re.compile(r"""\\(.|\n)|'([^'\n]*)'|"([^"\n]*)"|([^'"\\]+)""", re.DOTALL)


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
            out.append("".join("".join(g or "" for g in p) for p in _ITEM_PIECE.findall(m.group(1))))
    return out


class _Xargs:
    """The options of one xargs."""

    def __init__(self, words: list[str]) -> None:
        self.null = self.skip_empty = self.trace = False
        self.delimiter: str | None = None
        self.most = 0
        self.lines = 0
        self.replace: str | None = None
        while words and words[0].startswith("-") and len(words[0]) > 1:
            word = words.pop(0)
            if word == "--":
                break
            self._option(word, words)
        self.command = words or ["echo"]

    def _option(self, word: str, words: list[str]) -> None:
        if word in ("-0", "--null"):
            self.null = True
        elif word in ("-r", "--no-run-if-empty"):
            self.skip_empty = True
        elif word in ("-t", "--verbose"):
            self.trace = True
        elif word in ("-x", "--exit"):
            return
        elif word[:2] in ("-n", "-L", "-P", "-I", "-d", "-s"):
            self._valued(word[1], word[2:] or (words.pop(0) if words else ""))
        elif word.startswith(("--max-args=", "--max-procs=", "--max-lines=", "--delimiter=")):
            name, _, value = word.partition("=")
            self._valued({"--max-args": "n", "--max-procs": "P", "--max-lines": "L", "--delimiter": "d"}[name], value)
        elif word[1:2] in ("0", "r", "t") and not word.startswith("--"):
            self._option(word[:2], words)
            self._option("-" + word[2:], words)
        else:
            raise CommandError(f"xargs: {visible_line(word)}: option not supported", 1)

    def _valued(self, letter: str, value: str) -> None:
        if letter == "I":
            self.replace = value
        elif letter == "d":
            self.delimiter = "\0" if value == "\\0" else ansi_c(value)
        elif not value.isdigit() or len(value) > 9:
            raise CommandError(f"xargs: -{letter}: '{visible_line(value)}' is no number", 1)
        elif letter == "n":
            self.most = int(value)
        elif letter == "L":
            self.lines = int(value)

    def read(self, text: str) -> list[list[str]]:
        """The arguments of each run."""
        if self.null or self.delimiter is not None:
            delimiter = "\0" if self.null else self.delimiter or "\n"
            items = text.split(delimiter)
            if items[-1] == "":
                items.pop()
        elif self.replace is not None:
            items = [i.lstrip() for i in text.split("\n") if i.strip()]
            items = ["".join(_items(i.replace(" ", "\\ ").replace("\t", "\\\t"))) for i in items]
        elif self.lines:
            groups = [g for line in text.split("\n") if (g := _items(line))]
            return [list(chain.from_iterable(groups[i : i + self.lines])) for i in range(0, len(groups), self.lines)]
        else:
            items = _items(text)
        if self.replace is not None:
            return [[i] for i in items]
        return self._batches(items)

    def _batches(self, items: list[str]) -> list[list[str]]:
        out: list[list[str]] = []
        room = 0
        for item in items:
            size = len(item) + 1
            if not out or room < size or (self.most and len(out[-1]) >= self.most):
                out.append([])
                room = _ARGUMENT_ROOM
            out[-1].append(item)
            room -= size
        return out or ([] if self.skip_empty else [[]])

    def argv(self, batch: list[str]) -> list[str]:
        """One run's words."""
        if self.replace:
            return [w.replace(self.replace, batch[0]) for w in self.command]
        return [*self.command, *batch]


def _xargs(shell: Shell, arguments: Words) -> int:
    options = _Xargs(strings(arguments))
    real = shell.state.fds.get(0)
    data = shell.run.read_all(real) if real is not None else b""

    sub = shell.fork()
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    # The commands must not read what xargs was given.
    sub.state.fds[0] = null
    status = 0
    try:
        for batch in options.read(decode(data)):
            shell.run.tick()
            argv = options.argv(batch)
            if options.trace:
                shell.write(2, " ".join(argv) + "\n")
            code = run_program(sub, argv)
            if code in (126, 127):
                return code
            if code == 255:
                shell.complain(f"xargs: {visible_line(argv[0])}: exited with status 255; aborting")
                return 124
            if code:
                status = 125 if code > 128 else 123
    finally:
        os.close(null)
    return status


TABLE: dict[str, Builtin] = {"xargs": _xargs}
