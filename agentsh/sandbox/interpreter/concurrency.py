"""What runs beside the shell: pipeline stages, command substitutions, background jobs.

There is no fork: an external command is started by the launcher, anything else runs in a thread with a copy of the
shell's state. Each owner of a pipe's end closes it as soon as nobody of its own needs it, so that end of file and
broken pipes reach the others.
"""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

from agentsh.core.errors import AgentshError, LimitExceeded
from agentsh.sandbox.interpreter import commands
from agentsh.sandbox.interpreter.control import CommandError, ExitSignal, LoopSignal, ReturnSignal, StopSignal
from agentsh.sandbox.interpreter.redirection import open_path
from agentsh.sandbox.interpreter.run import STOPPED_FILES, Run
from agentsh.sandbox.interpreter.state import State, decode
from agentsh.sandbox.stop import Stop
from agentsh.shell.tree import Body, Command, Pipeline, SimpleCommand, Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.shell import Shell

BROKEN_PIPE = 141
"""128 + SIGPIPE: the status of a shell whose reader went away."""

KILLED = 137
"""128 + SIGKILL: the status of a command that was stopped."""
STOPPED = 143
"""128 + SIGTERM: the status of a shell that ``timeout`` ended."""
_JOIN_S = 0.05
_GRACE_S = 0.2


def make_pipe() -> tuple[int, int]:
    """A pipe that no other process inherits.

    Raises:
        LimitExceeded: there are no descriptors left.
    """
    try:
        return os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    except OSError as e:
        if e.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        raise LimitExceeded(
            "The action has too many files and pipes open at once.",
            limit="open_files",
            files=STOPPED_FILES,
            next_step="Use fewer pipeline stages or nested substitutions at once.",
        ) from None


class Task:
    """Something of the shell that runs in a thread.

    Args:
        run: stopped, with the same error, when the task fails.
        work: gives the exit status.
        close: descriptors that the task owns.
    """

    def __init__(self, run: Run, work: Callable[[], int], close: Sequence[int] = ()) -> None:
        self.run = run
        self.work = work
        self.close = tuple(close)
        self.status = 0
        run.begin_thread()
        self.thread = threading.Thread(target=self._main, name="agentsh-shell", daemon=True)
        self.thread.start()

    def _main(self) -> None:
        try:
            self.status = self.work()
        except StopSignal:
            self.status = STOPPED
        except BaseException as e:  # noqa: BLE001 - handed to whoever waits
            self.run.fail(e)
        finally:
            for fd in self.close:
                os.close(fd)
            self.run.end_thread()

    def wait(self) -> int:
        """The task's status.

        Raises:
            AgentshError: the run must stop. A thread that is blocked in a command is left to the launcher, which ends
                its commands when the run ends.
        """
        while self.thread.is_alive():
            self.thread.join(_JOIN_S)
            if self.thread.is_alive():
                try:
                    self.run.tick()
                except (AgentshError, StopSignal) as e:
                    self.run.fail(e)
                    self.thread.join(_GRACE_S)
                    raise
        if self.run.failure is not None:
            raise self.run.failure
        return self.status


def run_subshell(shell: Shell, body: Body) -> int:
    """Run statements as a whole shell: its ``exit`` ends here, and its EXIT trap runs."""
    return _as_shell(shell, lambda: shell.body(body))


def _as_shell(shell: Shell, work: Callable[[], int]) -> int:
    try:
        status = _until_exit(shell, work)
        trap = shell.state.traps.pop("EXIT", None)
        if trap is not None:
            shell.state.status = status
            shell.state.condition_depth += 1
            shell.state.line, shell.state.line_stays = 1, True
            status_before = status
            try:
                shell.body(trap)
            except ExitSignal as signal:
                status_before = signal.status
            except (LoopSignal, ReturnSignal):
                pass
            status = status_before
    except BrokenPipeError:
        return BROKEN_PIPE
    finally:
        for fd in shell.owned:
            os.close(fd)
        shell.owned = []
    return status


def _until_exit(shell: Shell, work: Callable[[], int]) -> int:
    try:
        return work()
    except (ExitSignal, ReturnSignal) as signal:
        return signal.status
    except LoopSignal:
        return 0
    except CommandError as e:
        shell.complain(e.message)
        return e.status


def new_shell(shell: Shell, state: State) -> Shell:
    """A shell of the same run with a state of its own, as deep in calls as ``shell``."""
    return type(shell)(shell.run, state, shell.depth)


def run_whole(shell: Shell, work: Callable[[], int]) -> int:
    """As :func:`run_subshell`, for work that is no list of statements."""
    return _as_shell(shell, work)


# --- pipelines -----------------------------------------------------------------------------------------------------


def run_stages(shell: Shell, stages: Sequence[Command]) -> tuple[int, ...]:
    """Run a pipeline, all stages at once; the status of each."""
    running: list[Task | Process | int] = []
    upstream: int | None = None
    try:
        for n, stage in enumerate(stages):
            sub = shell.fork()
            owned: list[int] = []
            if upstream is not None:
                sub.state.fds[0] = upstream
                owned.append(upstream)
                upstream = None
            try:
                if n < len(stages) - 1:
                    upstream, write = make_pipe()
                    sub.state.fds[1] = write
                    owned.append(write)
            except BaseException:
                _close(owned)
                raise
            running.append(_start(sub, stage, owned))
    except BaseException as e:
        if upstream is not None:
            os.close(upstream)
        shell.run.fail(e)
        for stage_running in running:
            if isinstance(stage_running, Task):
                stage_running.thread.join(_GRACE_S)
        raise
    return tuple(r if isinstance(r, int) else r.wait() for r in running)


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def _start(sub: Shell, stage: Command, owned: list[int]) -> Task | Process | int:
    """Start one stage, which takes over the descriptors it owns."""
    if isinstance(stage, SimpleCommand) and commands.is_external(sub, stage):
        try:
            return commands.start_simple(sub, stage)
        except ExitSignal as signal:
            return signal.status
        finally:
            # The launcher has its own duplicates.
            _close(owned)
    try:
        return Task(sub.run, lambda: run_whole(sub, lambda: sub.pipeline(Pipeline((stage,)))), owned)
    except BaseException:
        _close(owned)
        raise


# --- command substitution ------------------------------------------------------------------------------------------


def substitute(shell: Shell, body: Body) -> str:
    """What the statements print, without the newlines at its end; their status goes to ``substitution_status``.

    Raises:
        LimitExceeded: they print more than output may have.
    """
    sub = shell.fork()
    # As bash: a substitution does not inherit set -e.
    if "inherit_errexit" not in sub.state.shell_options:
        sub.state.options.discard("e")
    only = _only_command(body)
    if only is not None and not only.words and not only.assignments and len(only.redirects) == 1:
        redirect = only.redirects[0]
        if redirect.operator == "<" and redirect.fd == 0:
            return _read_file(sub, shell, redirect.target)
    read, write = make_pipe()
    sub.state.fds[1] = write
    try:
        if only is not None and commands.is_external(sub, only):
            running = _start(sub, only, [write])
        else:
            try:
                running = Task(sub.run, lambda: run_subshell(sub, body), [write])
            except BaseException:
                os.close(write)
                raise
        data = _drain(shell.run, read)
    finally:
        os.close(read)
    status = running if isinstance(running, int) else running.wait()
    shell.state.substitution_status = shell.state.status = status
    return decode(data.replace(b"\0", b"")).rstrip("\n")


def capture(shell: Shell, start: Callable[[Shell], Process]) -> tuple[str, int]:
    """All that a command prints, and its status."""
    sub = shell.fork()
    read, write = make_pipe()
    sub.state.fds[1] = write
    try:
        try:
            running = start(sub)
        finally:
            os.close(write)
        data = _drain(shell.run, read)
    finally:
        os.close(read)
    return decode(data.replace(b"\0", b"")), running.wait()


def _drain(run: Run, read: int) -> bytes:
    try:
        return run.read_all(read)
    except AgentshError as e:
        run.fail(e)
        raise


def _read_file(sub: Shell, shell: Shell, target: object) -> str:
    from agentsh.shell.tree import Word  # noqa: PLC0415

    if not isinstance(target, Word):
        raise TypeError(target)
    try:
        fd = open_path(sub, sub.expander.text(target), "<")
    except CommandError as e:
        shell.state.substitution_status = shell.report(e)
        return ""
    try:
        data = shell.run.read_all(fd if fd >= 0 else sub.state.fds[-fd - 1])
    finally:
        if fd >= 0:
            os.close(fd)
    shell.state.substitution_status = 0
    return decode(data.replace(b"\0", b"")).rstrip("\n")


def _only_command(body: Body) -> SimpleCommand | None:
    if len(body) != 1 or body[0].rest or body[0].background:
        return None
    pipeline = body[0].first
    if len(pipeline.commands) != 1 or pipeline.negated or pipeline.timed:
        return None
    command = pipeline.commands[0]
    return command if isinstance(command, SimpleCommand) else None


def start_beside(shell: Shell, body: Body, *, reads: bool) -> tuple[int, Task]:
    """Start the statements of ``<(...)`` (``reads``) or ``>(...)``: the descriptor to read or write, and the task."""
    sub = shell.fork()
    read, write = make_pipe()
    mine, theirs = (read, write) if reads else (write, read)
    owned = [theirs]
    try:
        for fd, real in sub.state.fds.items():
            sub.state.fds[fd] = os.dup(real)
            owned.append(sub.state.fds[fd])
        sub.state.fds[1 if reads else 0] = theirs
        task = Task(shell.run, lambda: run_subshell(sub, body), owned)
    except BaseException:
        _close([mine, *owned])
        raise
    shell.run.next_job(task)
    return mine, task


# --- jobs ----------------------------------------------------------------------------------------------------------


class Job:
    """A statement in the background.

    Attributes:
        number: by which the script knows it.
        place: by which ``%n`` knows it: one more than that of the last one that still runs.
        signal: what it was killed with; 0 when it was not.
        text: as it was written.
    """

    def __init__(self, number: str, place: int, task: Task, stop: Stop, text: str = "") -> None:
        self.number = number
        self.place = place
        self.task = task
        self.signal = 0
        self.text = text
        self._stop = stop

    def kill(self, number: int) -> None:
        """Stop it, and all that it has started."""
        self.signal = self.signal or number
        self._stop.request()

    def wait(self) -> int:
        """Wait for its end; its status."""
        status = self.task.wait()
        return 128 + self.signal if self.signal and status in (KILLED, STOPPED) else status


def start_job(shell: Shell, statement: Statement) -> int:
    """Run a statement beside what follows; its input is empty unless redirected."""
    sub = shell.fork()
    owned: list[int] = []
    try:
        for fd, real in sub.state.fds.items():
            # Own duplicates: what the shell closes meanwhile may be in use here.
            mine = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) if fd == 0 else os.dup(real)
            owned.append(mine)
            sub.state.fds[fd] = mine
        foreground = Statement(statement.first, statement.rest)
        stop = Stop(shell.run.stop)
        inner = type(shell)(shell.run.within(stop), sub.state, sub.depth)

        def work() -> int:
            with stop:
                return run_subshell(inner, (foreground,))

        task = Task(inner.run, work, owned)
    except BaseException:
        _close(owned)
        raise
    number = shell.run.next_job(task)
    place = max((job.place for job in shell.jobs.values() if job.task.thread.is_alive()), default=0) + 1
    shell.jobs[number] = shell.run.jobs[number] = Job(number, place, task, stop, statement.text)
    shell.state.last_job = number
    shell.state.status = 0
    return 0
