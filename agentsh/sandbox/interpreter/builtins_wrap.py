"""Commands that run other commands: only the interpreter can start one, so these cannot be modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter import commands
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.names import is_name
from agentsh.sandbox.interpreter.registry import strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell


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


def _env(shell: Shell, arguments: Words) -> int:
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
        return run_program(sub, words)
    sub.write(1, "".join(f"{k}={v}{end}" for k, v in sorted(state.environment().items())))
    return 0


def _prefix(shell: Shell, arguments: Words) -> int:
    """``nohup`` and ``nice``: here, the command alone."""
    words = strings(arguments)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "-n" and words:
            words.pop(0)
    if not words:
        raise CommandError("a command is missing", 125)
    return run_program(shell, words)


TABLE: dict[str, Builtin] = {"env": _env, "nohup": _prefix, "nice": _prefix}
