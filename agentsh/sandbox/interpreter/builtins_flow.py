"""Builtins that steer: ``break``, ``return``, ``exit``, ``eval``, ``source``, ``trap``, ``wait`` and ``sh`` itself."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from agentsh.core.errors import ShellSyntaxError
from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter import commands, concurrency
from agentsh.sandbox.interpreter.control import CommandError, ExitSignal, LoopSignal, ReturnSignal
from agentsh.sandbox.interpreter.parameters import quote
from agentsh.sandbox.interpreter.redirection import open_path
from agentsh.sandbox.interpreter.registry import strings
from agentsh.sandbox.interpreter.state import State, decode

if TYPE_CHECKING:
    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell

_TRAPS = frozenset(["EXIT", "ERR", "INT", "TERM", "HUP", "QUIT"])
_REFUSED_TRAPS = frozenset(["DEBUG", "RETURN"])
_MAX_SCRIPT = 1 << 20


def _count(arguments: Words, name: str) -> int:
    words = strings(arguments)
    if not words:
        return 1
    if not words[0].isdigit() or int(words[0]) == 0:
        raise CommandError(f"{name}: {visible_line(words[0])}: a number from 1 is needed", 128, fatal=True)
    return int(words[0])


def _break(shell: Shell, arguments: Words) -> int:
    levels = _count(arguments, "break")
    if not shell.state.loops:
        shell.complain("break: only meaningful in a loop")
        return 0
    raise LoopSignal(levels, again=False)


def _continue(shell: Shell, arguments: Words) -> int:
    levels = _count(arguments, "continue")
    if not shell.state.loops:
        shell.complain("continue: only meaningful in a loop")
        return 0
    raise LoopSignal(levels, again=True)


def _status(shell: Shell, arguments: Words, name: str) -> int:
    words = strings(arguments)
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        return shell.state.status
    try:
        return int(words[0]) & 0xFF
    except ValueError:
        raise CommandError(f"{name}: {visible_line(words[0])}: numeric argument required", 2, fatal=True) from None


def _return(shell: Shell, arguments: Words) -> int:
    if not shell.depth:
        raise CommandError("return: can only return from a function or a sourced script", 2)
    raise ReturnSignal(_status(shell, arguments, "return"))


def _exit(shell: Shell, arguments: Words) -> int:
    raise ExitSignal(_status(shell, arguments, "exit"))


def _eval(shell: Shell, arguments: Words) -> int:
    words = strings(arguments)
    if words[:1] == ["--"]:
        words = words[1:]
    return commands.run_source(shell, " ".join(words), "eval", first_line=shell.state.line)


def read_script(shell: Shell, name: str, caller: str) -> str:
    """The text of a script in the workspace.

    Raises:
        CommandError: it cannot be read, or is no script.
    """
    try:
        fd = open_path(shell, name, "<")
    except CommandError as e:
        missing = e.message.endswith(os.strerror(2))
        e.status = 127 if missing and caller != "source" else 126 if caller != "source" else 1
        e.message = f"{caller}: {e.message}"
        raise
    real = fd if fd >= 0 else shell.state.fds.get(-fd - 1, -1)
    try:
        if real < 0 or stat.S_ISDIR(os.fstat(real).st_mode):
            raise CommandError(f"{caller}: {visible_line(name)}: Is a directory", 126)
        data = shell.run.read_all(real)
    finally:
        if fd >= 0:
            os.close(fd)
    if b"\0" in data[:_MAX_SCRIPT]:
        raise CommandError(f"{caller}: {visible_line(name)}: cannot execute binary file", 126)
    return decode(data)


def _source(shell: Shell, arguments: Words) -> int:
    words = strings(arguments)
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise CommandError("source: filename argument required", 2)
    text = read_script(shell, words[0], "source")
    before = shell.state.parameters
    if words[1:]:
        shell.state.parameters = words[1:]
    try:
        return commands.run_source(shell, text, visible_line(words[0]))
    except ReturnSignal as signal:
        return signal.status
    finally:
        shell.state.parameters = before


def _exec(shell: Shell, arguments: Words) -> int:
    result = commands.dispatch(shell, arguments, functions=False)
    raise ExitSignal(result if isinstance(result, int) else result.wait())


def _trap(shell: Shell, arguments: Words) -> int:
    from agentsh.shell.parser import parse  # noqa: PLC0415 - traps are rare

    words = strings(arguments)
    if words[:1] == ["--"]:
        words = words[1:]
    state = shell.state
    if not words or words[0] in ("-p", "-l"):
        for name, text in state.trap_sources.items():
            shell.write(1, f"trap -- {quote(text)} {name}\n")
        return 0
    reset = words[0] == "-" or len(words) == 1
    names = words[1:] if len(words) > 1 else words
    for given in names:
        name = {"0": "EXIT", "1": "HUP", "2": "INT", "3": "QUIT", "15": "TERM"}.get(
            given, given.upper().removeprefix("SIG")
        )
        if name in _REFUSED_TRAPS:
            raise CommandError(f"trap: {name} is not supported", 2)
        if name not in _TRAPS:
            raise CommandError(f"trap: {visible_line(given)}: invalid signal specification", 1)
        state.traps.pop(name, None)
        state.trap_sources.pop(name, None)
        if reset:
            continue
        try:
            state.traps[name] = parse(words[0]).body
        except ShellSyntaxError as e:
            raise CommandError(f"trap: {e.what} {e.next_step}", 2) from None
        state.trap_sources[name] = words[0]
    return 0


class _ShellOptions:
    """What stands before the script of ``sh``."""

    def __init__(self, words: list[str]) -> None:
        self.options: set[str] = set()
        self.command = self.from_stdin = False
        while words and words[0][:1] in ("-", "+") and len(words[0]) > 1:
            word = words.pop(0)
            if word == "--":
                break
            if word in ("--norc", "--noprofile", "--login", "--posix"):
                continue
            if word[1:] == "o" and words:
                name = words.pop(0)
                self.options.add(_LONG.get(name, name))
                continue
            for letter in word[1:]:
                self._letter(letter, word)
        self.rest = words

    def _letter(self, letter: str, word: str) -> None:
        if letter == "c":
            self.command = True
        elif letter == "s":
            self.from_stdin = True
        elif letter in "euxfCaE":
            self.options.add(letter)
        elif letter != "l":
            raise CommandError(f"sh: {visible_line(word)}: option not supported", 2)


def _sh(shell: Shell, arguments: Words) -> int | Process:
    """``sh`` and ``bash``: a fresh shell with the exported variables alone."""
    given = _ShellOptions(strings(arguments))
    words = given.rest
    if given.command and not words:
        raise CommandError("sh: -c: option requires an argument", 2)
    old = shell.state
    child = concurrency.new_shell(
        shell,
        State(
            variables=dict(old.environment()),
            exported=set(old.environment()),
            options=given.options,
            logical=old.logical,
            cwd=old.cwd,
            fds=dict(old.fds),
        ),
    )
    if given.command:
        text, rest = words[0], words[1:]
        child.state.name = rest[0] if rest else "sh"
        child.state.parameters = rest[1:]
    else:
        if given.from_stdin or not words:
            words = ["/dev/stdin", *words]
        text = read_script(shell, words[0], "sh")
        child.state.name, child.state.parameters = words[0], words[1:]
        child.state.fatal_status = 1

    def work() -> int:
        return commands.run_source(child, text, "sh")

    return concurrency.run_whole(child, work)


_LONG = {
    "errexit": "e",
    "errtrace": "E",
    "nounset": "u",
    "xtrace": "x",
    "noglob": "f",
    "noclobber": "C",
    "allexport": "a",
}

TABLE: dict[str, Builtin] = {
    ":": lambda _shell, _arguments: 0,
    "true": lambda _shell, _arguments: 0,
    "false": lambda _shell, _arguments: 1,
    "break": _break,
    "continue": _continue,
    "return": _return,
    "exit": _exit,
    "eval": _eval,
    "source": _source,
    ".": _source,
    "exec": _exec,
    "trap": _trap,
    "sh": _sh,
    "bash": _sh,
}
