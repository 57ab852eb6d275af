"""Commands that run other commands: only the interpreter can start one, so these cannot be modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter import commands
from agentsh.sandbox.interpreter.builtins_state import change_directory
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.names import is_name
from agentsh.sandbox.interpreter.registry import strings
from agentsh.shell.options import NICE, NOHUP, OptionError, env_options, read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell
    from agentsh.shell.options import Grammar

ARGUMENT_ROOM = 128 << 10
"""Bytes of arguments that one command gets at most from a command that collects them."""
_ENV_FAILED = 125
"""The status of a command that fails before it starts the other one."""


def finish(result: int | Process) -> int:
    """Wait for what was started."""
    return result if isinstance(result, int) else result.wait()


def run_program(shell: Shell, words: Sequence[str]) -> int:
    """Run a command as another program would: never a function, nor a builtin that changes this shell."""
    sub = shell.fork()
    sub.state.functions.clear()
    try:
        return finish(commands.dispatch(sub, words, functions=False))
    except CommandError as e:
        sub.complain(e.message)
        return e.status


def options_of(command: str, words: Sequence[str], grammar: Grammar, status: int) -> tuple[dict[str, str], list[str]]:
    """A command's options by letter, the last one of each, and the words after them.

    Raises:
        CommandError: one is not supported; with ``status``.
    """
    try:
        found, end = read_options(words, grammar)
    except OptionError as e:
        raise CommandError(
            f"{command}: {visible_line(e.word)}: option not supported, or its value is missing", status
        ) from None
    return {letter: value or "" for letter, value in found}, list(words[end:])


def _env(shell: Shell, arguments: Words) -> int:
    given = strings(arguments)
    try:
        found, rest = env_options(given)
    except OptionError as e:
        raise CommandError(
            f"env: {visible_line(e.word)}: option not supported, or its value is missing", _ENV_FAILED
        ) from None
    options, words = {letter: value or "" for letter, value in found}, [w for w in rest if isinstance(w, str)]
    sub = shell.fork()
    state = sub.state
    if "i" in options:
        state.exported.clear()
    for letter, name in found:
        if letter == "u":
            state.exported.discard(name or "")
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        if not is_name(name):
            raise CommandError(f"env: {visible_line(name)}: not a valid identifier", _ENV_FAILED)
        state.readonly.discard(name)
        state.variables[name] = value
        state.exported.add(name)
    if "C" in options:
        try:
            change_directory(sub, options["C"])
        except CommandError as e:
            raise CommandError(f"env: {e.message}", _ENV_FAILED) from None
    if words:
        return run_program(sub, words)
    end = "\0" if "0" in options else "\n"
    sub.write(1, "".join(f"{k}={v}{end}" for k, v in sorted(state.environment().items())))
    return 0


def _prefix(command: str, grammar: Grammar) -> Builtin:
    """``nohup`` and ``nice``: here, the command alone."""

    def run(shell: Shell, arguments: Words) -> int:
        _, words = options_of(command, strings(arguments), grammar, _ENV_FAILED)
        if not words:
            raise CommandError(f"{command}: a command is missing", _ENV_FAILED)
        return run_program(shell, words)

    return run


TABLE: dict[str, Builtin] = {"env": _env, "nohup": _prefix("nohup", NOHUP), "nice": _prefix("nice", NICE)}
