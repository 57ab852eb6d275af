"""Commands that run other commands: only the interpreter can start one, so these cannot be modules."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter import commands
from agentsh.sandbox.interpreter.builtins_flow import strings
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.names import is_name
from agentsh.sandbox.interpreter.state import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.builtins import Builtin
    from agentsh.sandbox.interpreter.shell import Shell
    from agentsh.shell.tree import Assignment

_ARGUMENT_ROOM = 128 << 10
"""Bytes of arguments that one command gets from xargs at most."""


def finish(result: int | Process) -> int:
    """Wait for what was started."""
    return result if isinstance(result, int) else result.wait()


def _external(shell: Shell, words: Sequence[str]) -> int:
    """Run a command as another program would: never a function, nor a builtin that changes this shell."""
    sub = shell.fork()
    sub.state.functions.clear()
    try:
        return finish(commands.dispatch(sub, words, functions=False))
    except CommandError as e:
        sub.complain(e.message)
        return e.status


def _env(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    words = strings(arguments)
    sub = shell.fork()
    state = sub.state
    end = "\n"
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "--":
            break
        if option in ("-i", "-", "--ignore-environment"):
            state.exported.clear()
        elif option in ("-u", "--unset") and words:
            state.exported.discard(words.pop(0))
        elif option.startswith("--unset="):
            state.exported.discard(option[8:])
        elif option in ("-0", "--null"):
            end = "\0"
        else:
            raise CommandError(f"env: {visible_line(option)}: option not supported", 125)
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        if not is_name(name):
            raise CommandError(f"env: {visible_line(name)}: not a valid identifier", 125)
        state.readonly.discard(name)
        state.variables[name] = value
        state.exported.add(name)
    if words:
        return _external(sub, words)
    sub.write(1, "".join(f"{k}={v}{end}" for k, v in sorted(state.environment().items())))
    return 0


def _prefix(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    """``nohup`` and ``nice``: here, the command alone."""
    words = strings(arguments)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "-n" and words:
            words.pop(0)
    if not words:
        raise CommandError("a command is missing", 125)
    return _external(shell, words)


_ITEM = re.compile(r"""[^\S\n]*(?:\n|((?:[^\s'"\\]|\\(?:.|\n)|'[^'\n]*'|"[^"\n]*")+))""")
_ITEM_PIECE = re.compile(r"""\\(.|\n)|'([^'\n]*)'|"([^"\n]*)"|([^'"\\]+)""", re.DOTALL)


def _items(text: str) -> list[str]:
    """xargs' own quoting: blanks and newlines separate, quotes and backslashes protect."""
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
            from agentsh.shell.escapes import ansi_c  # noqa: PLC0415 - rare

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
            return [sum(groups[i : i + self.lines], []) for i in range(0, len(groups), self.lines)]
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


def _xargs(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
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
            code = _external(sub, argv)
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


TABLE: dict[str, Builtin] = {"env": _env, "nohup": _prefix, "nice": _prefix, "xargs": _xargs}
