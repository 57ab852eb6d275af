"""Redirections: files opened through the tree, nothing but regular files, directories and a few named devices."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from typing import TYPE_CHECKING, Self

from agentsh.core.sanitise import visible_line
from agentsh.core.tree import OutsideTreeError
from agentsh.sandbox.interpreter import process_files
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.run import write_all
from agentsh.sandbox.interpreter.state import encode
from agentsh.shell.tree import ProcessSubstitution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.sandbox.interpreter.concurrency import Task
    from agentsh.sandbox.interpreter.shell import Shell
    from agentsh.shell.tree import Redirect

_PIPE_ROOM = 16 << 10
"""Bytes that a fresh pipe takes on every system without a reader."""

_FIRST_NAMED = 10
"""The least number that ``{name}>`` gives."""

_DEVICES = {
    "/dev/null": (os.devnull, os.O_RDWR),
    "/dev/zero": ("/dev/zero", os.O_RDONLY),
    "/dev/urandom": ("/dev/urandom", os.O_RDONLY),
    "/dev/random": ("/dev/urandom", os.O_RDONLY),
    "/dev/full": ("/dev/full", os.O_RDWR),
}
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_FLAGS = {
    "<": os.O_RDONLY,
    ">": os.O_WRONLY | os.O_CREAT,
    ">|": os.O_WRONLY | os.O_CREAT,
    ">>": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "<>": os.O_RDWR | os.O_CREAT,
    "&>": os.O_WRONLY | os.O_CREAT,
    "&>>": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}


class Redirections:
    """Descriptors changed for a while.

    Use as a context manager: the shell's table is put back and what was opened is closed. :meth:`keep` makes the
    change last (``exec``).
    """

    def __init__(self, shell: Shell, redirects: Sequence[Redirect]) -> None:
        self.shell = shell
        self.redirects = redirects
        self.opened: list[int] = []
        self.readers: list[Task] = []
        self.before: dict[int, int] = {}
        self.kept = False

    def __enter__(self) -> Self:
        self.before = self.shell.state.fds
        if self.redirects:
            self.shell.state.fds = dict(self.before)
            try:
                for redirect in self.redirects:
                    self._apply(redirect)
            except CommandError as e:
                self._undo()
                # An expansion that fails here fails the command it belongs to, not the shell.
                e.fatal = False
                raise
            except BaseException:
                self._undo()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        if not self.kept:
            self._undo()

    def keep(self) -> None:
        """Make the redirections those of the shell from now on; it closes what was opened when it ends."""
        self.kept = True
        self.shell.owned.extend(self.opened)

    def _undo(self) -> None:
        self.shell.state.fds = self.before
        for fd in self.opened:
            os.close(fd)
        self.opened = []
        # Unlike bash, which leaves >(...) running: what it prints comes before what the next command prints.
        while self.readers:
            self.readers.pop().wait()

    def _apply(self, r: Redirect) -> None:
        fds = self.shell.state.fds
        if r.operator in ("<&", ">&"):
            self._duplicate(r)
            return
        if r.operator == "<<":
            fd = self._stored(encode(self.shell.expander.text(r.target)))
        elif r.operator == "<<<":
            fd = self._stored(encode(self.shell.expander.text(r.target)) + b"\n")
        else:
            fd = self._open(r)
        if r.operator in ("&>", "&>>"):
            fds[1] = fds[2] = fd
        elif r.name:
            self._name(r.name, fd)
        else:
            fds[r.fd] = fd

    def _name(self, name: str, fd: int) -> None:
        """``{name}>``: under a free number, for as long as the shell lasts, as bash has it."""
        fds = self.shell.state.fds
        number = next(n for n in range(_FIRST_NAMED, len(fds) + _FIRST_NAMED + 1) if n not in fds)
        self.shell.state.set(name, str(number))
        fds[number] = fd
        self.before = {**self.before, number: fd}
        if fd in self.opened:
            self.opened.remove(fd)
            self.shell.owned.append(fd)

    def _duplicate(self, r: Redirect) -> None:
        fds = self.shell.state.fds
        text = self.shell.expander.text(r.target)
        move = text.endswith("-") and text != "-"
        source = text.removesuffix("-")
        if text == "-":
            fds.pop(self._named(r.name) if r.name else r.fd, None)
            return
        if not source.isdigit() or int(source) not in fds:
            hint = "" if source.isdigit() else "; to write both streams to a file of that name, use &>"
            raise CommandError(f"{visible_line(text)}: bad file descriptor{hint}")
        if r.name:
            self._name(r.name, fds[int(source)])
        else:
            fds[r.fd] = fds[int(source)]
        if move and int(source) != r.fd:
            del fds[int(source)]

    def _named(self, name: str) -> int:
        """The descriptor whose number is in a variable; it is closed for good."""
        value = self.shell.state.get(name) or ""
        if not value.isdigit():
            raise CommandError(f"{name}: holds no file descriptor")
        self.before = {n: fd for n, fd in self.before.items() if n != int(value)}
        return int(value)

    def _stored(self, data: bytes) -> int:
        """A descriptor from which ``data`` can be read."""
        if len(data) <= _PIPE_ROOM:
            read, write = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
            self.opened.append(read)
            try:
                write_all(write, data)
            finally:
                os.close(write)
            return read
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            fd = os.dup(file.fileno())
        self.opened.append(fd)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def _open(self, r: Redirect) -> int:
        part = r.target.parts[0] if r.target.parts else None
        if isinstance(part, ProcessSubstitution):
            from agentsh.sandbox.interpreter.concurrency import start_beside  # noqa: PLC0415 - it needs this module

            fd, task = start_beside(self.shell, part.body, reads=r.operator == "<")
            self.opened.append(fd)
            if r.operator != "<":
                self.readers.append(task)
            return fd
        words = self.shell.expander.fields((r.target,))
        if len(words) != 1:
            raise CommandError(
                "ambiguous redirect: the name expands to " + (f"{len(words)} words" if words else "nothing")
            )
        fd = open_path(self.shell, words[0], r.operator)
        if fd < 0:  # one of our own streams
            fd = self.shell.state.fds.get(-fd - 1, -1)
            if fd < 0:
                raise CommandError(f"{words[0]}: bad file descriptor")
            return fd
        self.opened.append(fd)
        return fd


def open_path(shell: Shell, name: str, operator: str) -> int:
    """Open what a redirection names.

    Returns:
        A new descriptor; or ``-n - 1`` for the shell's own descriptor n (``/dev/stdin`` and its kin).

    Raises:
        CommandError: it cannot be opened, leads out of the workspace, or is no regular file.
    """
    flags = _FLAGS[operator]
    ours = process_files.host_path(shell, name)
    if ours is not None:
        return os.open(ours, (flags & ~os.O_CREAT) | os.O_NOFOLLOW | os.O_CLOEXEC)
    if name.startswith("/dev/"):
        return _open_device(name, flags)
    shown = visible_line(name)
    try:
        path = shell.run.tree.resolve(encode(name), cwd=shell.state.cwd)
        if not name:
            raise CommandError(f"{shown}: No such file or directory")
        return _open_in_tree(shell, path, flags, shown, operator)
    except OutsideTreeError:
        raise CommandError(f"{shown}: leads outside the workspace, which is all that an action can reach") from None
    except OSError as e:
        raise CommandError(f"{shown}: {os.strerror(e.errno) if e.errno else e}") from None


def _open_device(name: str, flags: int) -> int:
    if name in _STREAMS:
        return -_STREAMS[name] - 1
    if name.startswith("/dev/fd/") and name[8:].isdigit() and len(name) < 12:
        return -int(name[8:]) - 1
    device = _DEVICES.get(name)
    if device is None:
        raise CommandError(f"{visible_line(name)}: no such device in the sandbox (there are null, zero, urandom, full)")
    host, allowed = device
    if allowed == os.O_RDONLY and flags & os.O_ACCMODE != os.O_RDONLY:
        raise CommandError(f"{name}: Permission denied")
    return os.open(host, (flags & os.O_ACCMODE) | os.O_CLOEXEC)


def _open_in_tree(shell: Shell, path: bytes, flags: int, shown: str, operator: str) -> int:
    tree = shell.run.tree
    st = tree.lstat(path)
    if st is not None:
        _check_type(st.st_mode, shown, writes=flags & os.O_ACCMODE != os.O_RDONLY)
        if operator == ">" and "C" in shell.state.options and stat.S_ISREG(st.st_mode):
            raise CommandError(f"{shown}: cannot overwrite existing file")
    if st is not None and stat.S_ISDIR(st.st_mode):
        with tree.directory(path) as directory:
            return os.dup(directory)
    fd = tree.open(path, flags)
    try:
        # What was looked at may have been replaced: what was opened is what counts.
        _check_type(os.fstat(fd).st_mode, shown, writes=flags & os.O_ACCMODE != os.O_RDONLY)
        os.set_blocking(fd, True)
        if operator in (">", ">|", "&>"):
            os.ftruncate(fd, 0)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _check_type(mode: int, shown: str, *, writes: bool) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        if writes:
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        return
    kind = "a FIFO" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    raise CommandError(f"{shown}: is {kind}; only regular files can be opened")
