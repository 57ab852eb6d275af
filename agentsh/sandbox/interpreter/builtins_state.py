"""Builtins about the shell's state: directory, variables, parameters, options."""

from __future__ import annotations

import os
import posixpath
import stat
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.core.tree import OutsideTreeError
from agentsh.sandbox.interpreter.arithmetic import Evaluator
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.parameters import quote, shown
from agentsh.sandbox.interpreter.registry import strings
from agentsh.sandbox.interpreter.state import ROOT, encode

if TYPE_CHECKING:
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell

_OPTIONS = {
    "allexport": "a",
    "errexit": "e",
    "errtrace": "E",
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
    "functrace": "T",
}
_SHELL_OPTIONS = frozenset(
    ["dotglob", "extglob", "failglob", "globstar", "inherit_errexit", "nocaseglob", "nocasematch", "nullglob"]
)
_NO_MATTER = frozenset(["checkwinsize", "cmdhist", "histappend", "sourcepath", "progcomp", "promptvars", "checkhash"])
"""Options that change nothing for a script, whatever they are set to."""


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


def _cd(shell: Shell, arguments: Words) -> int:
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


def _pwd(shell: Shell, arguments: Words) -> int:
    shell.write(1, (_physical(shell) if "-P" in arguments else shell.state.logical) + "\n")
    return 0


def _dirs(shell: Shell, arguments: Words) -> int:
    del arguments
    stack = [shell.state.logical, *shell.state.directories]
    shell.write(1, " ".join("~" + d[len(ROOT) :] if (d + "/").startswith(ROOT + "/") else d for d in stack) + "\n")
    return 0


def _pushd(shell: Shell, arguments: Words) -> int:
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


def _popd(shell: Shell, arguments: Words) -> int:
    del arguments
    if not shell.state.directories:
        raise CommandError("popd: directory stack empty")
    change_directory(shell, shell.state.directories.pop(0))
    return _dirs(shell, ())


def _let(shell: Shell, arguments: Words) -> int:
    words = strings(arguments)
    if not words:
        raise CommandError("let: expression expected")
    value = 0
    for word in words:
        value = Evaluator(shell.state).text(word)
    return int(value == 0)


# --- parameters and options ----------------------------------------------------------------------------------------


def _shift(shell: Shell, arguments: Words) -> int:
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
            elif letter not in "aefuxCE":
                if letter in "hBmT":
                    continue
                raise CommandError(f"set: {word[0]}{visible_line(letter)}: option not supported", 2)
            if letter:
                (options.add if word[0] == "-" else options.discard)(letter)
    return False


def _set(shell: Shell, arguments: Words) -> int:
    words = strings(arguments)
    state = shell.state
    if not words:
        for name in sorted(state.variables):
            value = state.variables[name]
            text = (value if _is_simple(value) else quote(value)) if isinstance(value, str) else shown(value)
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


def _shopt(shell: Shell, arguments: Words) -> int:
    words = strings(arguments)
    options = shell.state.shell_options
    mode = ""
    while words and words[0].startswith("-"):
        mode += words.pop(0)[1:]
    if "o" in mode:
        return _set_by_name(shell, words, mode)
    for name in words:
        if name in _NO_MATTER:
            continue
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


def _set_by_name(shell: Shell, names: list[str], mode: str) -> int:
    """``shopt -o``: the options of ``set -o``."""
    options = shell.state.options
    unknown = next((n for n in names if n not in _OPTIONS), None)
    if unknown is not None:
        raise CommandError(f"shopt: {visible_line(unknown)}: invalid option name")
    keys = {_OPTIONS[n] for n in names}
    if "s" in mode or "u" in mode:
        (options.update if "s" in mode else options.difference_update)(keys)
        return 0
    if "q" not in mode:
        for name in names or sorted(_OPTIONS):
            shell.write(1, f"{name:<15}\t{'on' if _OPTIONS[name] in options else 'off'}\n")
    return int(not keys <= options)


def _ulimit(shell: Shell, arguments: Words) -> int:
    """Says the action's limits; they are set for it from outside, and nothing here changes them."""
    limits = shell.run.limits
    values = {
        "n": ("open files", limits.open_files),
        "u": ("max user processes", limits.processes),
        "t": ("cpu time", int(limits.cpu_s)),
        "f": ("file size", limits.staged_bytes >> 10),
        "v": ("virtual memory", limits.memory_bytes >> 10),
        "m": ("max memory size", limits.memory_bytes >> 10),
        "c": ("core file size", 0),
        "s": ("stack size", 8192),
    }
    words = strings(arguments)
    letters = "".join(w[1:] for w in words if w.startswith("-")).replace("S", "").replace("H", "") or "f"
    given = [w for w in words if not w.startswith("-")]
    if letters == "a":
        shell.write(1, "".join(f"{text:<25} (-{letter}) {value}\n" for letter, (text, value) in values.items()))
        return 0
    if len(letters) != 1 or letters not in values or len(given) > 1:
        raise CommandError(f"ulimit: -{visible_line(letters)}: option not supported", 2)
    value = values[letters][1]
    if not given:
        shell.write(1, f"{value}\n")
    elif given[0] != str(value):
        raise CommandError("ulimit: changing a limit is not supported; the person sets them for the whole action", 2)
    return 0


def _umask(shell: Shell, arguments: Words) -> int:
    words = strings(arguments)
    symbolic = words[:1] == ["-S"]
    if words[:1] in (["-S"], ["-p"]):
        words = words[1:]
    if words:
        if words[0].lstrip("0") == "22" or words[0] == "u=rwx,g=rx,o=rx":
            return 0  # what it is
        raise CommandError("umask: another one than 0022 is not supported; use chmod on the files", 2)
    shell.write(1, "u=rwx,g=rx,o=rx\n" if symbolic else "0022\n")
    return 0


TABLE: dict[str, Builtin] = {
    "cd": _cd,
    "pwd": _pwd,
    "dirs": _dirs,
    "pushd": _pushd,
    "popd": _popd,
    "let": _let,
    "shift": _shift,
    "set": _set,
    "shopt": _shopt,
    "umask": _umask,
    "ulimit": _ulimit,
}
