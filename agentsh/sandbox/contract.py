"""What the parts of the sandbox promise each other."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from agentsh.core.limits import Limits
from agentsh.core.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentsh.sandbox.stop import Stop

GUEST_ROOT = b"/workspace"
"""The absolute path by which every action knows the staging view: the same on every machine."""


@record(frozen=True, slots=True)
class Job:
    """One action to run: a shell ``script``, or a single command's ``argv``.

    Attributes:
        script: shell source; empty when ``argv`` is given.
        argv: a command and its arguments, run without a shell.
        stdin: what the action reads from its standard input.
        limits: what it may use.
        clock: whether it may read the time; without, every clock stands still.
    """

    script: str = ""
    argv: tuple[str, ...] = ()
    stdin: bytes = b""
    limits: Limits = field(default_factory=Limits)
    clock: bool = True


@record(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Attributes:
        exit_code: the command's own; 128 + n for signal n; 6 when a limit stopped it; 130 when it was interrupted.
        interrupted: True when the person stopped it. (A command may end with 130 by itself.)
        stopped: the limit that stopped it, a field of ``Limits``; empty otherwise.
        note: a sentence about a limit or a failure of the sandbox; empty otherwise.
        duration: wall seconds.
    """

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    interrupted: bool = False
    stopped: str = ""
    note: str = ""
    duration: float = 0.0


class Process(Protocol):
    """A command that was started."""

    def wait(self) -> int:
        """Wait for its end and return its exit status (128 + n for signal n)."""


class LineRunner(Protocol):
    """Runs a shell line for a command that started it, while that command waits."""

    def __call__(self, line: bytes, given: bytes | None, *, keep: bool, fds: tuple[int, int, int]) -> tuple[int, bytes]:
        """Run a line to its end.

        Args:
            line: shell source.
            given: what it reads; None for ``fds[0]``.
            keep: give back what it prints in place of writing that to ``fds[1]``.
            fds: the command's own stdin, stdout and stderr.

        Returns:
            Its exit status, and what it printed.

        Raises:
            InterruptedError: the action is being stopped, and so shall the command be.
        """


class Launcher(Protocol):
    """Starts commands, each as its own WASM module instance. Implemented in the worker, used by the interpreter."""

    def names(self) -> Sequence[str]:
        """Every command there is, sorted."""

    def scratch(self) -> tuple[str, str]:
        """An empty directory for ``files`` of :meth:`start`; what is put there goes when the action ends.

        Raises:
            OSError: there is no place for one.
        """

    def start(
        self,
        argv: Sequence[bytes],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        env: Mapping[str, str],
        cwd: bytes,
        beside: bool = True,
        stop: Stop | None = None,
        files: tuple[str, str] | None = None,
        run_line: LineRunner | None = None,
    ) -> Process:
        """Start ``argv[0]`` and return at once; the command runs beside the caller.

        Args:
            argv: the command's name, then its arguments.
            stdin: descriptor; the callee duplicates the three it needs and closes its own when the command ends.
            stdout: descriptor.
            stderr: descriptor.
            env: the variables that the command sees; nothing of the host's environment.
            cwd: its directory, relative to the staging view's root (``b""`` is the root).
            beside: False from a caller that does nothing else before it waits: the command then runs in the wait, and
                no thread is woken for it.
            stop: when asked, ends the command, with status 137.
            files: a directory beside the staging view that the command reads and writes: its path here, and the path
                by which the command knows it.
            run_line: runs the shell lines that the command starts itself; None where it may start none.

        Raises:
            KeyError: there is no such command.
            LimitExceeded: the action has started as many commands as it may.
        """
