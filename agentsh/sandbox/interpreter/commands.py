"""Simple commands: expanded, redirected, and handed to a function, a builtin or the launcher."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from agentsh.core.errors import ShellSyntaxError
from agentsh.core.sanitise import visible_line
from agentsh.core.tree import OutsideTreeError
from agentsh.sandbox.interpreter import concurrency, registry
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.hints import unknown_command
from agentsh.sandbox.interpreter.parameters import quote
from agentsh.sandbox.interpreter.redirection import Redirections
from agentsh.sandbox.interpreter.state import encode
from agentsh.shell.options import FIND_STARTS
from agentsh.shell.tree import Assignment, BraceList, ProcessSubstitution, SimpleCommand, Word
from agentsh.shell.wrappers import STARTS_LINES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.sandbox.contract import LineRunner, Process
    from agentsh.sandbox.interpreter.registry import Words
    from agentsh.sandbox.interpreter.shell import Shell
    from agentsh.sandbox.interpreter.state import Value
    from agentsh.shell.tree import Part

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_BIN = ("/bin/", "/usr/bin/", "/usr/local/bin/")
# Other shells do these themselves: SIGPIPE then ends the shell, 'while :; do echo x; done' in a pipeline with it.
_WRITERS = frozenset(["echo", "printf", "pwd"])
_SHELLS = frozenset(["sh", "bash", "dash"])


def command_name(name: str) -> str:
    """The command that a name in one of the usual directories means."""
    for prefix in _BIN:
        if name.startswith(prefix) and "/" not in name[len(prefix) :]:
            return name[len(prefix) :]
    return name


def is_external(shell: Shell, c: SimpleCommand) -> bool:
    """Whether a command is known, before anything is expanded, to be the launcher's alone."""
    if not c.words or isinstance(c.words[0], Assignment):
        return False
    name = c.words[0].static
    if name is None or name in shell.state.functions or any(_holds_files(w) for w in c.words):
        return False
    name = command_name(name)
    if name not in shell.run.names:
        return False
    if name == "find":
        return all(not isinstance(w, Assignment) and w.static not in {None, *FIND_STARTS} for w in c.words[1:])
    return name not in registry.BUILTINS


def _holds_files(word: Word | Assignment) -> bool:
    """Whether a word makes a file that must be let go of when the command has ended."""
    return isinstance(word, Word) and word.static is None and _has_substitution(word.parts)


def _has_substitution(parts: Sequence[Part]) -> bool:
    return any(
        isinstance(p, ProcessSubstitution)
        or (isinstance(p, BraceList) and any(_has_substitution(a) for a in p.alternatives))
        for p in parts
    )


def run_simple(shell: Shell, c: SimpleCommand) -> int:
    """Run a simple command to its end; its status."""
    result = start_simple(shell, c, beside=False)
    if isinstance(result, int):
        return result
    status = result.wait()
    if status == concurrency.BROKEN_PIPE and c.words and _name(c) in _WRITERS:
        raise BrokenPipeError
    return status


def _name(c: SimpleCommand) -> str | None:
    word = c.words[0]
    return None if isinstance(word, Assignment) else word.static


def start_simple(shell: Shell, c: SimpleCommand, *, beside: bool = True) -> int | Process:
    """Run a simple command; an external one is only started, ``beside`` the caller or to run when it waits.

    Raises:
        ExitSignal: the command, or an error in it, ends the shell.
    """
    shell.run.tick()
    if not shell.state.line_stays:
        shell.state.line = c.line
    try:
        shell.state.substitution_status = 0
        words = _words(shell, c)
        if not words:
            _trace(shell, c, words)
            with Redirections(shell, c.redirects):
                for assignment in c.assignments:
                    shell.expander.assign(assignment)
            return shell.state.substitution_status
        if words[0] == "exec" and len(words) == 1 and "exec" not in shell.state.functions:
            with Redirections(shell, c.redirects) as redirections:
                redirections.keep()
            return 0
        _trace(shell, c, words)
        with Redirections(shell, c.redirects) as redirections, _environment(shell, c.assignments):
            try:
                # What stands in > >(...) is waited for, and ends only when the command has.
                return dispatch(shell, words, beside=beside or bool(redirections.readers))
            except CommandError as e:
                # Said where the command's own stderr goes: 'nosuch 2>/dev/null' is silent.
                return shell.report(e)
    except CommandError as e:
        return shell.report(e)


def _words(shell: Shell, c: SimpleCommand) -> list[str | Assignment]:
    expander = shell.expander
    out: list[str | Assignment] = []
    for word in c.words:
        if isinstance(word, Assignment):
            out.append(word)
        elif word.static is not None:
            out.append(word.static)
        else:
            out.extend(expander.fields((word,)))
    return out


def _trace(shell: Shell, c: SimpleCommand, words: Words) -> None:
    if "x" not in shell.state.options:
        return
    parts = [
        f"{a.name}=..." if isinstance(a, Assignment) else a if _is_plain(a) else quote(a)
        for a in (*c.assignments, *words)
    ]
    prefix = shell.state.get("PS4")
    with contextlib.suppress(CommandError):
        shell.write(2, ("+ " if prefix is None else prefix) + " ".join(parts) + "\n")


def _is_plain(text: str) -> bool:
    return bool(text) and all(c.isalnum() or c in "_-+=./:,@%^" for c in text)


@contextlib.contextmanager
def _assigned(shell: Shell, assignments: Sequence[Assignment]) -> Iterator[None]:
    """Variables that hold, exported, for one command."""
    state = shell.state
    before: list[tuple[str, Value | None, bool]] = []
    try:
        for a in assignments:
            before.append((a.name, state.variables.get(a.name), a.name in state.exported))
            shell.expander.assign(a)
            state.exported.add(a.name)
        yield
    finally:
        for name, value, exported in reversed(before):
            if value is None:
                state.variables.pop(name, None)
            else:
                state.variables[name] = value
            if not exported:
                state.exported.discard(name)


_NOTHING = contextlib.nullcontext()


def _environment(shell: Shell, assignments: Sequence[Assignment]) -> contextlib.AbstractContextManager[None]:
    return _assigned(shell, assignments) if assignments else _NOTHING


def dispatch(shell: Shell, words: Words, *, functions: bool = True, beside: bool = True) -> int | Process:
    """Hand expanded words to the function, builtin or command that they name."""
    name = words[0]
    if isinstance(name, Assignment):
        raise TypeError(name)
    if functions and name in shell.state.functions:
        arguments = [w for w in words[1:] if isinstance(w, str)]
        return shell.call(name, shell.state.functions[name], arguments)
    name = command_name(name)
    builtin = registry.BUILTINS.get(name)
    if builtin is not None:
        return builtin(shell, words[1:])
    arguments = [w for w in words[1:] if isinstance(w, str)]
    if name == "printf":
        from agentsh.sandbox.interpreter import printing  # noqa: PLC0415 - it starts commands itself

        if printing.is_the_shells(arguments):
            return printing.printf(shell, arguments)
    if name in shell.run.names:
        return launch(shell, [name, *arguments], beside=beside)
    return _not_a_command(shell, name, arguments)


def launch(shell: Shell, argv: Sequence[str], *, beside: bool = True) -> Process:
    """Start a command that the launcher has.

    Raises:
        CommandError: it has not.
        LimitExceeded: the action has started as many as it may.
    """
    fds = shell.state.fds
    state = shell.state
    spare: list[int] = []
    try:
        streams = [_stream(fds.get(n), n, spare) for n in range(3)]
        try:
            return shell.run.launcher.start(
                [encode(a) for a in argv],
                stdin=streams[0],
                stdout=streams[1],
                stderr=streams[2],
                env=state.environment(),
                cwd=state.cwd,
                beside=beside,
                stop=shell.run.stop,
                files=shell.run.files,
                run_line=_line_runner(shell) if argv[0] in STARTS_LINES else None,
            )
        except KeyError:
            raise CommandError(unknown_command(argv[0], shell.run.names), NOT_FOUND) from None
    finally:
        for fd in spare:
            os.close(fd)


def _line_runner(shell: Shell) -> LineRunner:
    from agentsh.sandbox.interpreter.nested import Nested  # noqa: PLC0415 - few commands start others

    return Nested(shell)


def _stream(fd: int | None, n: int, spare: list[int]) -> int:
    """The descriptor for stream ``n``; one on which every read or write fails when the script closed it."""
    if fd is not None:
        return fd
    spare.append(os.open(os.devnull, (os.O_WRONLY if n == 0 else os.O_RDONLY) | os.O_CLOEXEC))
    return spare[-1]


def _not_a_command(shell: Shell, name: str, arguments: list[str]) -> int | Process:
    if "/" not in name:
        raise CommandError(unknown_command(visible_line(name), {*shell.run.names, *registry.BUILTINS}), NOT_FOUND)
    shown = visible_line(name)
    try:
        path = shell.run.tree.resolve(encode(name), cwd=shell.state.cwd)
        st = shell.run.tree.lstat(path)
    except OutsideTreeError:
        raise CommandError(
            f"{shown}: not in this sandbox; programs outside the workspace cannot be reached",
            NOT_FOUND,
        ) from None
    except OSError as e:
        raise CommandError(f"{shown}: {os.strerror(e.errno or 0)}", NOT_EXECUTABLE) from None
    if st is None:
        raise CommandError(f"{shown}: No such file or directory", NOT_FOUND)
    if stat.S_ISDIR(st.st_mode):
        raise CommandError(f"{shown}: Is a directory", NOT_EXECUTABLE)
    if not st.st_mode & 0o111 or not stat.S_ISREG(st.st_mode):
        raise CommandError(f"{shown}: Permission denied", NOT_EXECUTABLE)
    return _run_file(shell, name, path, arguments)


def _run_file(shell: Shell, name: str, path: bytes, arguments: list[str]) -> int | Process:
    """Run an executable file of the workspace by its first line."""
    fd = shell.run.tree.open(path)
    try:
        head = os.read(fd, 256)
    finally:
        os.close(fd)
    if not head.startswith(b"#!"):
        if b"\0" in head:
            raise CommandError(
                f"{visible_line(name)}: cannot execute: host programs do not run in the sandbox", NOT_EXECUTABLE
            )
        return registry.BUILTINS["sh"](shell, [name, *arguments])
    words = head[2:].split(b"\n", 1)[0].decode("utf-8", "surrogateescape").split()
    interpreter = command_name(words[0]) if words else ""
    if interpreter == "env":
        words = [w for w in words[1:] if not w.startswith("-") and "=" not in w]
        interpreter = words[0] if words else ""
    if interpreter in _SHELLS:
        return registry.BUILTINS["sh"](shell, [*words[1:], name, *arguments])
    if interpreter not in shell.run.names:
        raise CommandError(
            f"{visible_line(name)}: {unknown_command(visible_line(interpreter), shell.run.names)}", NOT_FOUND
        )
    return launch(shell, [interpreter, *words[1:], name, *arguments])


def run_source(shell: Shell, text: str, name: str, *, first_line: int = 1) -> int:
    """Parse and run text in this very shell (``eval``, ``source``, ``trap``).

    Raises:
        CommandError: it cannot be parsed; nothing of it ran.
    """
    from agentsh.shell.parser import parse  # noqa: PLC0415 - what most scripts never need

    try:
        script = parse(text, first_line=first_line)
    except ShellSyntaxError as e:
        raise CommandError(f"{name}: {e.what} {e.next_step}", 2) from None
    shell.enter(name)
    try:
        return shell.body(script.body)
    finally:
        shell.leave()
