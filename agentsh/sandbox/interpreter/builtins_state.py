"""Builtins about the shell's state: directory, variables, parameters, options."""

from __future__ import annotations

import os
import posixpath
import stat
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.core.tree import OutsideTreeError
from agentsh.sandbox.interpreter.arithmetic import Evaluator
from agentsh.sandbox.interpreter.builtins_flow import strings
from agentsh.sandbox.interpreter.builtins_read import TABLE as READ_TABLE
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.names import is_name
from agentsh.sandbox.interpreter.parameters import quote
from agentsh.sandbox.interpreter.state import ROOT, AssociativeArray, IndexedArray, encode
from agentsh.shell.tree import Assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.sandbox.interpreter.builtins import Builtin
    from agentsh.sandbox.interpreter.shell import Shell

_OPTIONS = {
    "allexport": "a",
    "errexit": "e",
    "noglob": "f",
    "noclobber": "C",
    "nounset": "u",
    "xtrace": "x",
    "pipefail": "pipefail",
}
_ALWAYS = {
    "braceexpand": "B",
    "hashall": "h",
    "posix": "posix",
    "interactive-comments": "",
    "errtrace": "E",
    "functrace": "T",
}
_SHELL_OPTIONS = frozenset(["dotglob", "extglob", "failglob", "globstar", "nocaseglob", "nocasematch", "nullglob"])


# --- directory -----------------------------------------------------------------------------------------------------


def change_directory(shell: Shell, target: str) -> None:
    """Make ``target`` the working directory, by its logical path as ``cd -L`` does.

    Raises:
        CommandError: it is no directory, or leads out of the workspace.
    """
    state = shell.state
    logical = posixpath.normpath(posixpath.join(state.logical, target))
    if logical.startswith("//"):
        logical = logical[1:]
    shown = visible_line(target)
    try:
        path = shell.run.tree.resolve(encode(logical))
        st = shell.run.tree.lstat(path)
        if st is not None and stat.S_ISDIR(st.st_mode):
            with shell.run.tree.directory(path):
                pass
    except OutsideTreeError:
        raise CommandError(f"cd: {shown}: leads outside the workspace, which is all that an action can reach") from None
    except OSError as e:
        raise CommandError(f"cd: {shown}: {os.strerror(e.errno or 0)}") from None
    if st is None:
        raise CommandError(f"cd: {shown}: No such file or directory")
    if not stat.S_ISDIR(st.st_mode):
        raise CommandError(f"cd: {shown}: Not a directory")
    state.variables["OLDPWD"] = state.logical
    state.logical, state.cwd = logical, path
    state.variables["PWD"] = logical
    state.exported.update(("PWD", "OLDPWD"))


def _cd(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    words = strings(arguments)
    physical = False
    while words and words[0] in ("-L", "-P", "-e", "--"):
        option = words.pop(0)
        if option == "--":
            break
        physical = option == "-P"
    if len(words) > 1:
        raise CommandError("cd: too many arguments")
    target = words[0] if words else shell.state.get("HOME") or ROOT
    if target == "-":
        old = shell.state.get("OLDPWD")
        if old is None:
            raise CommandError("cd: OLDPWD not set")
        change_directory(shell, old)
        shell.write(1, shell.state.logical + "\n")
        return 0
    if target == "":
        return 0
    change_directory(shell, target)
    if physical:
        shell.state.logical = _physical(shell)
        shell.state.variables["PWD"] = shell.state.logical
    return 0


def _physical(shell: Shell) -> str:
    cwd = shell.state.cwd.decode("utf-8", "surrogateescape")
    return f"{ROOT}/{cwd}" if cwd else ROOT


def _pwd(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    shell.write(1, (_physical(shell) if "-P" in arguments else shell.state.logical) + "\n")
    return 0


def _dirs(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    del arguments
    stack = [shell.state.logical, *shell.state.directories]
    shell.write(1, " ".join("~" + d[len(ROOT) :] if (d + "/").startswith(ROOT + "/") else d for d in stack) + "\n")
    return 0


def _pushd(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    words = strings(arguments)
    state = shell.state
    old = state.logical
    if words:
        change_directory(shell, words[0])
        state.directories.insert(0, old)
    elif state.directories:
        change_directory(shell, state.directories[0])
        state.directories[0] = old
    else:
        raise CommandError("pushd: no other directory")
    return _dirs(shell, ())


def _popd(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    del arguments
    if not shell.state.directories:
        raise CommandError("popd: directory stack empty")
    change_directory(shell, shell.state.directories.pop(0))
    return _dirs(shell, ())


# --- variables -----------------------------------------------------------------------------------------------------


def _as_assignment(text: str) -> Assignment | None:
    """An argument such as ``x=1`` that only an expansion made; its value is taken as it stands."""
    from agentsh.shell.tree import Quoted, Word  # noqa: PLC0415

    name, equals, value = text.partition("=")
    append = name.endswith("+")
    name = name.removesuffix("+")
    if not equals or not is_name(name):
        return None
    return Assignment(name, Word((Quoted(value),), 0, value), None, append)


def _declare_variables(shell: Shell, arguments: Sequence[str | Assignment], command: str) -> int:
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
    value = None
    if local and assignment is not None and not assignment.append:
        # local x=$x reads the outer x: expand before hiding it.
        value = shell.expander.text(assignment.value) if not hasattr(assignment.value, "items") else None
    if local:
        state.make_local(name)
    if "A" in on and not isinstance(state.variables.get(name), AssociativeArray):
        state.variables[name] = AssociativeArray()
    elif "a" in on and not isinstance(state.variables.get(name), IndexedArray):
        old = state.variables.get(name)
        state.variables[name] = IndexedArray({0: old} if isinstance(old, str) else {})
    if "i" in on:
        state.integers.add(name)
    if assignment is not None:
        if value is not None and assignment.subscript is None:
            from agentsh.shell.tree import Word  # noqa: PLC0415

            assignment = Assignment(name, Word((), 0, value), None, append=False)
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


def _shown(value: object) -> str:
    if isinstance(value, str):
        return '"' + "".join("\\" + c if c in '"\\$`' else c for c in value) + '"'
    if isinstance(value, IndexedArray):
        return "(" + " ".join(f"[{k}]={_shown(value[k])}" for k in sorted(value)) + ")"
    if isinstance(value, AssociativeArray):
        return "(" + "".join(f"[{k}]={_shown(v)} " for k, v in value.items()) + ")"
    return ""


def _attributes(shell: Shell, name: str) -> str:
    state = shell.state
    value = state.variables.get(name)
    letters = "a" if isinstance(value, IndexedArray) else "A" if isinstance(value, AssociativeArray) else ""
    letters += "i" * (name in state.integers) + "r" * (name in state.readonly) + "x" * (name in state.exported)
    return letters or "-"


def _print_named(shell: Shell, names: Sequence[str]) -> int:
    status = 0
    for name in names:
        value = shell.state.variables.get(name)
        if value is None and name not in shell.state.exported:
            shell.complain(f"declare: {visible_line(name)}: not found")
            status = 1
            continue
        text = "" if value is None else "=" + _shown(value)
        shell.write(1, f"declare -{_attributes(shell, name)} {name}{text}\n")
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


def _unset(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
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


def _let(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    words = strings(arguments)
    if not words:
        raise CommandError("let: expression expected")
    value = 0
    for word in words:
        value = Evaluator(shell.state).text(word)
    return int(value == 0)


# --- parameters and options ----------------------------------------------------------------------------------------


def _shift(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    words = strings(arguments)
    if words and not words[0].isdigit():
        raise CommandError(f"shift: {visible_line(words[0])}: numeric argument required", 1, fatal=True)
    n = int(words[0][:9]) if words else 1
    if n > len(shell.state.parameters):
        return 1
    del shell.state.parameters[:n]
    return 0


def set_options(shell: Shell, words: list[str]) -> bool:
    """Take options off the front of ``words``; whether ``--`` ended them.

    Raises:
        CommandError: one that is not supported.
    """
    options = shell.state.options
    while words and words[0][:1] in ("-", "+") and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            return True
        for letter in word[1:]:
            if letter == "o":
                name = words.pop(0) if words else ""
                key = _OPTIONS.get(name)
                if key is None and name not in _ALWAYS:
                    raise CommandError(f"set: {visible_line(name)}: option not supported", 2)
                letter = key or ""  # noqa: PLW2901 - the long name's letter
            elif letter not in "aefuxC":
                if letter in "hBmET":
                    continue
                raise CommandError(f"set: {word[0]}{visible_line(letter)}: option not supported", 2)
            if letter:
                (options.add if word[0] == "-" else options.discard)(letter)
    return False


def _set(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    words = strings(arguments)
    state = shell.state
    if not words:
        for name in sorted(state.variables):
            value = state.variables[name]
            text = (value if _is_simple(value) else quote(value)) if isinstance(value, str) else _shown(value)
            shell.write(1, f"{name}={text}\n")
        return 0
    if words in (["-o"], ["+o"]):
        for name, key in sorted(_OPTIONS.items()):
            shell.write(1, f"{name:<15}\t{'on' if key in state.options else 'off'}\n")
        return 0
    ended = set_options(shell, words)
    if words or ended:
        state.parameters = words
    return 0


def _is_simple(text: str) -> bool:
    return all(c.isalnum() or c in "_-+./:,@%" for c in text)


def _shopt(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    words = strings(arguments)
    options = shell.state.shell_options
    mode = ""
    while words and words[0].startswith("-"):
        mode += words.pop(0)[1:]
    if "o" in mode:
        raise CommandError("shopt: -o is not supported; use set -o", 2)
    for name in words:
        if name not in _SHELL_OPTIONS:
            raise CommandError(f"shopt: {visible_line(name)}: option not supported", 1)
        if name == "extglob" and "u" in mode:
            raise CommandError("shopt: extglob is always on", 1)
    if "s" in mode or "u" in mode:
        (options.update if "s" in mode else options.difference_update)(words)
        return 0
    if "q" not in mode:
        for name in words or sorted(_SHELL_OPTIONS):
            shell.write(1, f"{name:<15}\t{'on' if name in options else 'off'}\n")
    return int(any(n not in options for n in words))


def _umask(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
    if strings(arguments):
        raise CommandError("umask: changing it is not supported; use chmod on the files", 2)
    shell.write(1, "0022\n")
    return 0


def _declaring(command: str) -> Builtin:
    def builtin(shell: Shell, arguments: Sequence[str | Assignment]) -> int:
        return _declare_variables(shell, arguments, command)

    return builtin


TABLE: dict[str, Builtin] = {
    "cd": _cd,
    "pwd": _pwd,
    "dirs": _dirs,
    "pushd": _pushd,
    "popd": _popd,
    "export": _declaring("export"),
    "readonly": _declaring("readonly"),
    "local": _declaring("local"),
    "declare": _declaring("declare"),
    "typeset": _declaring("declare"),
    "unset": _unset,
    "let": _let,
    "shift": _shift,
    "set": _set,
    "shopt": _shopt,
    "umask": _umask,
    **READ_TABLE,
}
