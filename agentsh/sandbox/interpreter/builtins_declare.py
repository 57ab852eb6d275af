"""Builtins that declare variables: ``declare``, ``local``, ``export``, ``readonly``, ``unset``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter.arithmetic import Evaluator
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.names import is_name
from agentsh.sandbox.interpreter.parameters import shown
from agentsh.sandbox.interpreter.registry import strings
from agentsh.sandbox.interpreter.state import AssociativeArray, IndexedArray
from agentsh.shell.tree import Assignment, Quoted, Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell


def _as_assignment(text: str) -> Assignment | None:
    """An argument such as ``x=1`` that only an expansion made; its value is taken as it stands."""
    name, equals, value = text.partition("=")
    append = name.endswith("+")
    name = name.removesuffix("+")
    if not equals or not is_name(name):
        return None
    return Assignment(name, Word((Quoted(value),), 0, value), None, append)


def _declare_variables(shell: Shell, arguments: Words, command: str) -> int:
    """``declare``, ``local``, ``export``, ``readonly``: attributes, then assignments."""
    state = shell.state
    on: set[str] = set()
    off: set[str] = set()
    rest: list[str | Assignment] = []
    ended = False
    for a in arguments:
        if isinstance(a, str) and not ended and a[:1] in ("-", "+") and len(a) > 1:
            ended = a == "--"
            (on if a[0] == "-" else off).update(a[1:].replace("-", ""))
            continue
        rest.append(a)
    unknown = (on | off) - set("aAfFgilnprtux")
    if unknown or "n" in (on if command in ("declare", "local") else set()):
        raise CommandError(f"{command}: -{''.join(sorted(unknown or {'n'}))}: option not supported", 2)
    if "f" in on or "F" in on:
        return _declare_functions(shell, strings(rest), names_only="F" in on)
    if not rest:
        return _print_variables(shell, on, command)
    if "p" in on and command == "declare":
        return _print_named(shell, strings(rest))
    local = command == "local" or (command == "declare" and bool(state.frames) and "g" not in on)
    if command == "local" and not state.frames:
        raise CommandError("local: can only be used in a function")
    status = 0
    for a in rest:
        assignment = _as_assignment(a) if isinstance(a, str) else a
        name = assignment.name if assignment is not None else str(a)
        if not is_name(name):
            shell.complain(f"{command}: '{visible_line(name)}': not a valid identifier")
            status = 1
            continue
        _declare_one(shell, name, assignment, on, off, local=local, command=command)
    return status


def _declare_one(
    shell: Shell,
    name: str,
    assignment: Assignment | None,
    on: set[str],
    off: set[str],
    *,
    local: bool,
    command: str,
) -> None:
    state = shell.state
    if command == "export" and "n" in on:
        state.exported.discard(name)
        return
    if local:
        if assignment is not None and not assignment.append and isinstance(assignment.value, Word):
            # local x=$x reads the outer x: expand before hiding it.
            text = shell.expander.text(assignment.value)
            assignment = Assignment(name, Word((), 0, text), assignment.subscript)
        state.make_local(name)
    _give_type(shell, name, on)
    if assignment is not None:
        shell.expander.assign(assignment)
        for letter, change in (("u", str.upper), ("l", str.lower)):
            if letter in on:
                state.set(name, change(state.get(name) or ""))
    if "x" in on or command == "export":
        state.exported.add(name)
    if "x" in off:
        state.exported.discard(name)
    if "r" in on or command == "readonly":
        state.readonly.add(name)


def _give_type(shell: Shell, name: str, on: set[str]) -> None:
    state = shell.state
    old = state.variables.get(name)
    if "A" in on and not isinstance(old, AssociativeArray):
        state.variables[name] = AssociativeArray()
    elif "a" in on and not isinstance(old, IndexedArray):
        state.variables[name] = IndexedArray({0: old} if isinstance(old, str) else {})
    if "i" in on:
        state.integers.add(name)


def _declare_functions(shell: Shell, names: list[str], *, names_only: bool) -> int:
    functions = shell.state.functions
    if not names:
        shell.write(1, "".join(f"declare -f {n}\n" for n in sorted(functions)))
        return 0
    missing = [n for n in names if n not in functions]
    if names_only:
        shell.write(1, "".join(f"{n}\n" for n in names if n in functions))
    elif len(missing) < len(names):
        raise CommandError("declare: printing a function's text is not supported", 2)
    return int(bool(missing))


def _print_named(shell: Shell, names: Sequence[str]) -> int:
    status = 0
    for name in names:
        value = shell.state.variables.get(name)
        if value is None and name not in shell.state.exported:
            shell.complain(f"declare: {visible_line(name)}: not found")
            status = 1
            continue
        text = "" if value is None else "=" + shown(value)
        shell.write(1, f"declare -{shell.state.attributes(name) or '-'} {name}{text}\n")
    return status


def _print_variables(shell: Shell, on: set[str], command: str) -> int:
    state = shell.state
    wanted = sorted({*state.variables, *state.exported})
    if command == "export" or "x" in on:
        wanted = [n for n in wanted if n in state.exported]
    elif command == "readonly" or "r" in on:
        wanted = [n for n in wanted if n in state.readonly]
    elif command == "local":
        wanted = sorted(state.frames[-1]) if state.frames else []
    return _print_named(shell, wanted)


def _unset(shell: Shell, arguments: Words) -> int:
    state = shell.state
    functions_only = variables_only = False
    for word in strings(arguments):
        if word in ("-f", "-v", "--"):
            functions_only, variables_only = functions_only or word == "-f", variables_only or word == "-v"
            continue
        name, bracket, rest = word.partition("[")
        if bracket and rest.endswith("]"):
            _unset_element(shell, name, rest[:-1])
        elif functions_only or (not variables_only and word not in state.variables and word in state.functions):
            state.functions.pop(word, None)
        else:
            state.unset(word)
    return 0


def _unset_element(shell: Shell, name: str, subscript: str) -> None:
    array = shell.state.variables.get(name)
    shell.state.check_writable(name)
    if subscript in ("@", "*"):
        shell.state.unset(name)
    elif isinstance(array, AssociativeArray):
        array.pop(subscript.strip("\"'"), None)
    elif isinstance(array, IndexedArray):
        index = Evaluator(shell.state).text(subscript)
        array.pop(index + max(array, default=-1) + 1 if index < 0 else index, None)


def _declaring(command: str) -> Builtin:
    def builtin(shell: Shell, arguments: Words) -> int:
        return _declare_variables(shell, arguments, command)

    return builtin


TABLE: dict[str, Builtin] = {
    "export": _declaring("export"),
    "readonly": _declaring("readonly"),
    "local": _declaring("local"),
    "declare": _declaring("declare"),
    "typeset": _declaring("declare"),
    "unset": _unset,
}
