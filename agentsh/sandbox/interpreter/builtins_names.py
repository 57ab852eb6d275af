"""Builtins about commands themselves: ``command``, ``type``, ``which``, ``builtin``, ``hash``; and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter import commands, registry
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.parameters import quote
from agentsh.sandbox.interpreter.registry import strings

if TYPE_CHECKING:
    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell

_KEYWORDS = frozenset(
    "if then elif else fi for while until do done case esac in function time [[ ]] { } !".split()  # noqa: SIM905
)
# They stand in the table because only the interpreter can run them; to a script they are commands like others.
_AS_COMMANDS = frozenset(["sh", "bash", "env", "xargs", "timeout", "nohup", "nice", "which", "find"])


def kind(shell: Shell, name: str) -> str:
    """``keyword``, ``function``, ``builtin``, ``file``, or empty where there is nothing of that name."""
    if name in _KEYWORDS:
        return "keyword"
    if name in shell.state.functions:
        return "function"
    base = commands.command_name(name)
    if base in registry.BUILTINS and base not in _AS_COMMANDS and base == name:
        return "builtin"
    if base in shell.run.names or base in _AS_COMMANDS:
        return "file"
    return ""


def _command(shell: Shell, arguments: Words) -> int | Process:
    words = list(arguments)
    verbose = ""
    while words and isinstance(words[0], str) and words[0] in ("-v", "-V", "-p", "--"):
        option = str(words.pop(0))
        if option == "--":
            break
        if option != "-p":
            verbose = option
    if not verbose:
        return commands.dispatch(shell, words, functions=False) if words else 0
    status = 1
    for name in (str(w) for w in words):
        what = kind(shell, name)
        if not what:
            if verbose == "-V":
                shell.complain(f"command: {visible_line(name)}: not found")
            continue
        status = 0
        path = f"/bin/{commands.command_name(name)}" if what == "file" else name
        shell.write(1, (path if verbose == "-v" else _described(name, what)) + "\n")
    return status


def _described(name: str, what: str) -> str:
    if what == "file":
        return f"{name} is /bin/{commands.command_name(name)}"
    article = {"keyword": "a shell keyword", "function": "a function", "builtin": "a shell builtin"}
    return f"{name} is {article[what]}"


def _type(shell: Shell, arguments: Words) -> int:
    words = strings(arguments)
    mode = ""
    while words and words[0] in ("-t", "-a", "-p", "-P", "-f", "--"):
        mode = words.pop(0)
    status = 0
    for name in words:
        what = kind(shell, name)
        if not what:
            if mode != "-t":
                shell.complain(f"type: {visible_line(name)}: not found")
            status = 1
        elif mode == "-t":
            shell.write(1, what + "\n")
        elif mode in ("-p", "-P"):
            if what == "file":
                shell.write(1, f"/bin/{commands.command_name(name)}\n")
        else:
            shell.write(1, _described(name, what) + "\n")
    return status


def _which(shell: Shell, arguments: Words) -> int:
    status = 0
    for name in strings(arguments):
        if name in ("-a", "-s"):
            continue
        base = commands.command_name(name)
        if base in shell.run.names or base in registry.BUILTINS:
            shell.write(1, f"/bin/{base}\n")
        else:
            status = 1
    return status


def _builtin(shell: Shell, arguments: Words) -> int | Process:
    words = list(arguments)
    if not words:
        return 0
    name = str(words[0])
    found = registry.BUILTINS.get(name)
    if found is None or name in _AS_COMMANDS:
        raise CommandError(f"builtin: {visible_line(name)}: not a shell builtin")
    return found(shell, words[1:])


def _hash(shell: Shell, arguments: Words) -> int:
    status = 0
    for name in strings(arguments):
        if not name.startswith("-") and not kind(shell, name):
            shell.complain(f"hash: {visible_line(name)}: not found")
            status = 1
    return status


def _refused(name: str, instead: str) -> Builtin:
    def builtin(shell: Shell, arguments: Words) -> int:
        del shell, arguments
        raise CommandError(f"{name}: not supported; {instead}", 2)

    return builtin


def _alias(shell: Shell, arguments: Words) -> int:
    """As in every shell that reads a script: aliases are kept and shown, and no command is ever replaced by one."""
    words = strings(arguments)
    aliases = shell.state.aliases
    status = 0
    for word in words or sorted(aliases):
        name, equals, text = word.partition("=")
        if words and equals:
            aliases[name] = text
        elif name in aliases:
            shell.write(1, f"alias {name}={quote(aliases[name])}\n")
        elif name != "-p":
            shell.complain(f"alias: {visible_line(name)}: not found")
            status = 1
    return status


def _unalias(shell: Shell, arguments: Words) -> int:
    status = 0
    for name in strings(arguments):
        if name == "-a":
            shell.state.aliases.clear()
        elif shell.state.aliases.pop(name, None) is None:
            shell.complain(f"unalias: {visible_line(name)}: not found")
            status = 1
    return status


TABLE: dict[str, Builtin] = {
    "alias": _alias,
    "unalias": _unalias,
    "command": _command,
    "type": _type,
    "which": _which,
    "builtin": _builtin,
    "hash": _hash,
    "enable": _refused("enable", "builtins are fixed"),
}
