"""What all shells of one run share: the launcher, the tree, the limits, and the wish to stop."""

from __future__ import annotations

import copy
import os
import select
import threading
import time
from itertools import count
from math import inf
from typing import TYPE_CHECKING

from agentsh.core.errors import Interrupted, LimitExceeded
from agentsh.sandbox.interpreter.control import StopSignal

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.core.limits import Limits
    from agentsh.core.tree import Tree
    from agentsh.sandbox.contract import Launcher
    from agentsh.sandbox.interpreter.concurrency import Job, Task
    from agentsh.sandbox.stop import Stop

_POLL_MS = 50
STOPPED_FILES = "The action was stopped; what it had staged is dropped."


class _Common:
    """What all the views of a run have in common and change."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.threads = 0
        self.files: tuple[str, str] | None = None
        self.numbers = count()


class Run:
    """One call of ``run_script``.

    Args:
        cancelled: asked often, from any thread of the run; True ends it.
    """

    def __init__(self, launcher: Launcher, tree: Tree, limits: Limits, cancelled: Callable[[], bool]) -> None:
        self.launcher = launcher
        self.tree = tree
        self.limits = limits
        self.cancelled = cancelled
        self.deadline = time.monotonic() + limits.wall_s
        self.names = frozenset(launcher.names())
        self.stop: Stop | None = None
        self.lock = threading.Lock()
        self.background: list[Task] = []
        self.jobs: dict[str, Job] = {}
        self._turns = count(1)
        self._common = _Common()

    def within(self, stop: Stop) -> Run:
        """The same run for shells that ``stop`` can end by themselves."""
        inner = copy.copy(self)
        inner.stop = stop
        return inner

    @property
    def files(self) -> tuple[str, str] | None:
        """The directory of process substitutions, here and as commands know it; None while there was none."""
        return self._common.files

    def take_file(self, first: int) -> tuple[str, str, int]:
        """A number for a file in that directory that no other has, counted down from ``first``.

        Raises:
            OSError: there is no such directory.
        """
        with self.lock:
            if self._common.files is None:
                self._common.files = self.launcher.scratch()
            number = next(self._common.numbers)
        # As bash's, as long as they do not run out.
        return *self._common.files, first - number if number < first - 9 else first + number

    @property
    def failure(self) -> BaseException | None:
        """What every thread of the run is to end with."""
        return self._common.failure

    def tick(self) -> None:
        """Stop here when the run must stop. Called once a command and once a loop's turn, so it costs little.

        Raises:
            LimitExceeded: the time is up, or another thread of the run met a limit.
            Interrupted: the caller cancelled it.
        """
        if self._common.failure is not None:
            raise self._common.failure
        if self.stop is not None and self.stop.requested:
            raise StopSignal
        if self.cancelled():
            raise Interrupted("The action was cancelled.", files=STOPPED_FILES)
        if time.monotonic() > self.deadline:
            raise LimitExceeded(
                f"The action ran longer than {self.limits.wall_s:g} s.",
                limit="wall_s",
                files=STOPPED_FILES,
                next_step="Do less at once, or raise the limit with --timeout.",
            )

    def turn(self) -> None:
        """As :meth:`tick`, and count a turn of a loop.

        Raises:
            LimitExceeded: the loops of the run have turned as often as they may.
        """
        if next(self._turns) > self.limits.loop_iterations:
            raise LimitExceeded(
                f"Its loops went round more than {self.limits.loop_iterations} times.",
                limit="loop_iterations",
                files=STOPPED_FILES,
                next_step="Give the work to one command (sed, awk, sort), or raise the limit.",
            )
        self.tick()

    def fail(self, error: BaseException) -> None:
        """Make every thread of the run stop with ``error`` at its next tick; the first one counts."""
        with self.lock:
            if self._common.failure is None and not isinstance(error, StopSignal):
                self._common.failure = error

    def begin_thread(self) -> None:
        """Count a thread of the interpreter.

        Raises:
            LimitExceeded: there are as many at once as one action may have descriptors.
        """
        with self.lock:
            self._common.threads += 1
            many = self._common.threads > self.limits.open_files
        if many:
            self.end_thread()
            raise LimitExceeded(
                f"The action has more than {self.limits.open_files} pipeline stages and jobs at once.",
                limit="open_files",
                files=STOPPED_FILES,
                next_step="Run them one after the other, or wait for jobs before starting more.",
            )

    def end_thread(self) -> None:
        """Count it off."""
        with self.lock:
            self._common.threads -= 1

    def next_job(self, task: Task) -> str:
        """Keep a background task until the run ends; the number by which the script knows it."""
        with self.lock:
            self.background.append(task)
            return str(len(self.background) + 1)

    def wait_readable(self, fd: int, until: float = inf) -> bool:
        """Wait until ``fd`` can be read without blocking, stopping when the run must stop.

        Args:
            fd: the descriptor.
            until: when to give up, by :func:`time.monotonic`.

        Returns:
            False when it gave up.
        """
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while not poll.poll(max(0.0, min(_POLL_MS, (until - time.monotonic()) * 1000))):
            self.tick()
            if time.monotonic() >= until:
                return False
        return True

    def read_all(self, fd: int) -> bytes:
        """Everything up to end of file.

        Raises:
            LimitExceeded: more than one stream of output may have.
        """
        chunks: list[bytes] = []
        size = 0
        while True:
            self.wait_readable(fd)
            chunk = os.read(fd, 1 << 16)
            if not chunk:
                return b"".join(chunks)
            size += len(chunk)
            if size > self.limits.output_bytes:
                raise LimitExceeded(
                    f"A command substitution gave more than {self.limits.output_bytes} bytes.",
                    limit="output_bytes",
                    files=STOPPED_FILES,
                    next_step="Write the output to a file, or cut it with head before taking it into a variable.",
                )
            chunks.append(chunk)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
