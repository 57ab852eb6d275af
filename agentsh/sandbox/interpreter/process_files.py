"""Process substitution as an argument: ``diff <(a) <(b)``, ``tee >(c)``.

A command knows files by name, and a pipe that another thread fills has none. So what ``<(...)`` prints is kept whole
in a file beside the staging view before the command starts, and what the command writes to ``>(...)`` is read after it
has ended. The files go when the command does; no change set ever sees them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentsh.core.errors import LimitExceeded
from agentsh.core.record import record
from agentsh.sandbox.interpreter import concurrency
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.run import STOPPED_FILES, write_all

if TYPE_CHECKING:
    from agentsh.sandbox.interpreter.shell import Shell
    from agentsh.shell.tree import Body, ProcessSubstitution

_CHUNK = 1 << 16
_FIRST = 63  # bash's first; it counts down, and so do we while that works


@record(frozen=True, slots=True)
class Held:
    """A file that a command was given.

    Attributes:
        path: where it is.
        reader: what reads it once the command has ended; None when the command reads it.
    """

    path: str
    reader: Body | None


def hold(shell: Shell, part: ProcessSubstitution) -> str:
    """Make the file; the name by which the command knows it.

    Raises:
        CommandError: there is no place for it.
        LimitExceeded: what the statements print does not fit.
    """
    try:
        host, guest, number = shell.run.take_file(_FIRST)
        path = f"{host}/{number}"
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise CommandError(f"process substitution: {os.strerror(e.errno or 0)}") from None
    shell.held.append(Held(path, None if part.reads else part.body))
    try:
        if part.reads:
            _fill(shell, part.body, fd)
    finally:
        os.close(fd)
    return f"{guest}/{number}"


def _fill(shell: Shell, body: Body, fd: int) -> None:
    """Run the statements and keep all that they print."""
    read, task = concurrency.start_beside(shell, body, reads=True)
    size = 0
    try:
        while True:
            shell.run.wait_readable(read)
            chunk = os.read(read, _CHUNK)
            if not chunk:
                break
            size += len(chunk)
            if size > shell.run.limits.memory_bytes:
                raise _too_much(shell)
            try:
                write_all(fd, chunk)
            except OSError:
                raise _too_much(shell) from None
    finally:
        os.close(read)
    task.wait()


def _too_much(shell: Shell) -> LimitExceeded:
    """Never pass on what was cut."""
    most = shell.run.limits.memory_bytes
    error = LimitExceeded(
        f"A process substitution gave more than is kept ({most} bytes at most).",
        limit="memory_bytes",
        files=STOPPED_FILES,
        next_step="Write it to a file of the workspace, or use a pipe.",
    )
    shell.run.fail(error)
    return error


def release(shell: Shell, mark: int) -> None:
    """Let go of the files from ``mark`` on: run what reads them, and remove them."""
    held, shell.held[mark:] = shell.held[mark:], []
    try:
        for file in held:
            if file.reader is not None:
                fd = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    if os.fstat(fd).st_size > shell.run.limits.memory_bytes or not os.fstatvfs(fd).f_bavail:
                        raise _too_much(shell)
                    sub = shell.fork()
                    sub.state.fds[0] = fd
                    concurrency.run_subshell(sub, file.reader)
                finally:
                    os.close(fd)
    finally:
        for file in held:
            os.unlink(file.path)  # noqa: PTH108 - pathlib is slow to load here


def host_path(shell: Shell, name: str) -> str | None:
    """Where a file of ours is that a script names; None for any other name."""
    files = shell.run.files
    if files is None:
        return None
    directory, slash, base = name.rpartition("/")
    if not slash or directory != files[1] or not base.isdigit():
        return None
    path = f"{files[0]}/{base}"
    return path if os.path.lexists(path) else None
