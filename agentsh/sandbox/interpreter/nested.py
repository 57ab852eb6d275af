"""Shell lines that a command starts while it runs: awk's ``system()`` and pipes."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from agentsh.core.errors import AgentshError
from agentsh.sandbox.interpreter.builtins_wrap import run_program
from agentsh.sandbox.interpreter.concurrency import Task, make_pipe
from agentsh.sandbox.interpreter.control import StopSignal
from agentsh.sandbox.interpreter.run import write_all
from agentsh.sandbox.interpreter.state import decode

if TYPE_CHECKING:
    from agentsh.sandbox.interpreter.shell import Shell


class Nested:
    """The contract's ``LineRunner``: each line is a shell of its own, with the variables of when the command began.

    Args:
        shell: the one that starts the command.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell.fork()

    def __call__(self, line: bytes, given: bytes | None, *, keep: bool, fds: tuple[int, int, int]) -> tuple[int, bytes]:
        """Run a line to its end, in a thread: this one's stack is the waiting command's."""
        try:
            with ExitStack() as stack:
                return self._run(stack, decode(line), given, keep=keep, fds=fds)
        except (AgentshError, StopSignal) as e:
            self._shell.run.fail(e)
            raise InterruptedError(str(e)) from e

    def _run(
        self, stack: ExitStack, line: str, given: bytes | None, *, keep: bool, fds: tuple[int, int, int]
    ) -> tuple[int, bytes]:
        sub = self._shell.fork()
        sub.state.fds = dict(enumerate(fds))
        run = sub.run
        feeder: Task | None = None
        theirs: list[int] = []
        output = -1
        if keep:
            output, write = make_pipe()
            stack.callback(os.close, output)
            sub.state.fds[1] = write
            theirs.append(write)
        if given is not None:
            read, write = make_pipe()
            sub.state.fds[0] = read
            theirs.append(read)
            feeder = Task(run, lambda: _feed(write, given), (write,))
        task = Task(run, lambda: run_program(sub, ["sh", "-c", line]), theirs)
        printed = run.read_all(output) if keep else b""
        status = task.wait()
        if feeder is not None:
            feeder.wait()
        return status, printed


def _feed(fd: int, data: bytes) -> int:
    with suppress(BrokenPipeError):  # a line need not read what it is given
        write_all(fd, data)
    return 0
