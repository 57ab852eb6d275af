"""The sandbox as the rest of agentsh sees it: jobs in, outcomes out, nothing of it can hang or outlive us."""

from __future__ import annotations

import os
import select
import threading
import time
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Self

from agentsh.core.errors import SandboxError
from agentsh.sandbox.contract import Outcome
from agentsh.sandbox.disk_watch import DiskWatch
from agentsh.sandbox.worker.handle import take_worker
from agentsh.sandbox.worker.wire import AWAKE_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agentsh.core.limits import Limits
    from agentsh.sandbox.contract import Job
    from agentsh.sandbox.staging import StagingView
    from agentsh.sandbox.worker.handle import WorkerHandle

    OnOutput = Callable[[Literal["stdout", "stderr"], bytes], None]

_GRACE_S = 0.25  # from asking a worker to stop a job to killing it
_WATCH_S = 0.05  # between looks at memory and disk
_ANNOUNCED = 1 << 14  # characters of a script that is worth announcing
_CHUNK = 1 << 18
_PIPE_BYTES = 1 << 18
_OVERHEAD_BYTES = 512 << 20  # of the worker itself, compilation included
_F_SETPIPE_SZ = 1031
_LIMIT_EXIT, _INTERRUPTED_EXIT = 6, 130
_INTERRUPT = "interrupt"


class Sandbox:
    """Runs jobs on a staging view, one at a time, in a worker process that is kept warm and can be killed.

    Args:
        staging: the view; the caller prepares it before a job and reads its changes after.
        cache_dir: compiled modules; shared by every workspace of the person.
        tools_dir: the shelf of the person's own tools, which scripts can call; None for none.
    """

    def __init__(self, staging: StagingView, *, cache_dir: Path, tools_dir: Path | None = None) -> None:
        self._staging = staging
        self._cache_dir = cache_dir
        self._tools_dir = tools_dir
        self._worker: WorkerHandle | None = None
        self._number = 0
        self._lock = threading.Lock()
        self._running: _Run | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the worker and return at once, so that it comes up while the caller goes on.

        Raises:
            SandboxError: no process can be started, or the sandbox is closed.
        """
        if self._closed:
            raise SandboxError("The sandbox is closed.")
        if self._worker is None or not self._worker.alive():
            self._discard()
            self._cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._worker = take_worker()
            self._worker.enter(self._staging.worker_plan(), self._cache_dir, self._tools_dir)

    def announce(self, script: str) -> None:
        """Say what will be run next, if it is: the worker wakes and reads it while the caller decides and records.

        It runs nothing before :meth:`run`, and it does no harm if that never comes.

        Raises:
            SandboxError: no process can be started, or the sandbox is closed.
        """
        self.start()
        if self._worker is not None and self._running is None and 0 < len(script) <= _ANNOUNCED:
            self._worker.announce(script)

    def run(self, job: Job, *, on_output: OnOutput | None = None) -> Outcome:
        """Run one job to its end.

        Args:
            job: what to run, and within which limits.
            on_output: given each piece of output as it comes, in this thread; what it raises stops the job.

        Raises:
            SandboxError: the sandbox could not start, or its process died. What the job staged until then is still
                in the view.
        """
        with self._lock:
            try:
                return self._run_once(job, on_output)
            except _NeverBeganError:  # the worker had died since the last job
                return self._run_once(job, on_output)

    def _run_once(self, job: Job, on_output: OnOutput | None) -> Outcome:
        worker = self._ready_worker()
        self._number += 1
        run = _Run(worker, job, self._number, self._staging, on_output)
        try:
            self._running = run
            run.begin()
            return run.to_its_end()
        finally:
            self._running = None
            if not run.close():
                self._discard()

    def interrupt(self) -> None:
        """Stop the running job, if there is one; it ends with exit code 130. Safe in any thread and signal handler."""
        run = self._running
        if run is not None:
            run.interrupt()

    def close(self) -> None:
        """End the worker. The sandbox cannot be used afterwards."""
        self._closed = True
        self.interrupt()
        with self._lock:
            self._discard()

    @property
    def isolation(self) -> str:
        """Why the worker has no namespaces of its own, once it has started; empty when it has."""
        return self._worker.isolation if self._worker else ""

    def _ready_worker(self) -> WorkerHandle:
        self.start()
        worker = self._worker
        if worker is None:
            raise SandboxError("The sandbox is closed.")
        try:
            worker.wait_ready()
        except SandboxError:
            self._discard()
            raise
        return worker

    def _discard(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None


@lru_cache(maxsize=1)
def _as_json(limits: Limits) -> dict[str, Any]:
    """The limits as a message has them; most jobs have those of the job before."""
    return asdict(limits)


class _NeverBeganError(SandboxError):
    """The worker was gone before it took the job, so that the job can be given to another."""


class _Run:
    """One job in flight, from the parent's side."""

    def __init__(
        self, worker: WorkerHandle, job: Job, number: int, staging: StagingView, on_output: OnOutput | None
    ) -> None:
        self._worker = worker
        self._job = job
        self._limits: Limits = job.limits
        self._number = number
        self._on_output = on_output
        self._watch = DiskWatch(staging, job.limits)
        self._wake_read, self._wake_write = os.pipe()
        self._ours: list[int] = [self._wake_read, self._wake_write]
        self._input = memoryview(job.stdin)
        self._stdin = -1
        self._kept: dict[Literal["stdout", "stderr"], bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._cut: set[str] = set()
        self._streams: dict[int, Literal["stdout", "stderr"]] = {}
        self._cpu_before = worker.cpu_seconds()
        self._stopped = ""
        self._note = ""
        self._kill_at = 0.0
        self._reply: dict[str, Any] | None = None
        self._poll = select.poll()
        self._lock = threading.Lock()
        self._closed = False

    def interrupt(self) -> None:
        """Wake the loop; see :meth:`Sandbox.interrupt`. No lock: a signal handler may hold up its own thread."""
        if not self._closed:
            os.write(self._wake_write, b"x")

    def begin(self) -> None:
        """Hand the job over."""
        theirs: list[int] = []
        try:
            theirs.append(self._stdin_end())
            theirs.append(self._output_end("stdout"))
            theirs.append(self._output_end("stderr"))
            message: dict[str, Any] = {
                "number": self._number,
                "script": self._job.script,
                "argv": list(self._job.argv),
                "limits": _as_json(self._limits),
                "clock": self._job.clock,
            }
            self._started = time.monotonic()
            self._worker.send_job(message, tuple(theirs))
        except OSError as e:
            raise _NeverBeganError("The sandbox's process was gone.") from e
        finally:
            for fd in theirs:
                os.close(fd)
        self._poll.register(self._worker.jobs, select.POLLIN)
        self._poll.register(self._wake_read, select.POLLIN)
        self._awake_until = self._started + AWAKE_S

    def _stdin_end(self) -> int:
        if not self._input:
            return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        theirs, self._stdin = os.pipe()
        self._ours.append(self._stdin)
        os.set_blocking(self._stdin, False)
        self._poll.register(self._stdin, select.POLLOUT)
        return theirs

    def _output_end(self, name: Literal["stdout", "stderr"]) -> int:
        ours, theirs = os.pipe()
        self._ours.append(ours)
        os.set_blocking(ours, False)
        self._streams[ours] = name
        self._poll.register(ours, select.POLLIN)
        return theirs

    def to_its_end(self) -> Outcome:
        """Move its streams and watch its limits until it has ended or was killed."""
        deadline = self._started + self._limits.wall_s
        look_at = self._started + _WATCH_S
        while self._reply is None:
            now = time.monotonic()
            if self._kill_at:
                if now >= self._kill_at:
                    return self._killed()
                until = self._kill_at
            else:
                if now >= deadline:
                    self._stop("wall_s", f"It ran longer than {self._limits.wall_s:g} s.")
                    continue
                if now >= look_at:
                    self._look()
                    look_at = time.monotonic() + _WATCH_S
                until = min(deadline, look_at)
            try:
                self._serve(max(0.0, until - time.monotonic()))
            except OSError as e:
                if self._stopped:
                    return self._killed()
                if not self._worker.has_begun(self._number):
                    raise _NeverBeganError("The sandbox's process was gone.") from e
                raise self._worker.failed("ended unexpectedly") from e
        self._worker.has_begun(self._number)  # takes what the worker said of it off the socket
        self._drain()
        return self._outcome(self._reply)

    def close(self) -> bool:
        """Give back what it held; whether the worker can take another job."""
        self._closed = True
        for fd in self._ours:
            os.close(fd)
        return self._reply is not None and "error" not in self._reply and not self._reply.get("spent")

    def _serve(self, timeout: float) -> None:
        for fd, _ in self._ready(timeout):
            if fd in self._streams:
                self._read(fd)
            elif fd == self._stdin:
                self._feed()
            elif fd == self._wake_read:
                os.read(self._wake_read, 1)
                self._stop(_INTERRUPT, "The person stopped it.")
            else:
                self._reply = self._worker.receive_reply()

    def _ready(self, timeout: float) -> list[tuple[int, int]]:
        """What can be read or written. A short job has ended before this process would have slept and woken again."""
        while time.monotonic() < self._awake_until:
            if events := self._poll.poll(0):
                return events
        return self._poll.poll(timeout * 1000 + 1)

    def _read(self, fd: int) -> bool:
        """Take what a stream has; False when that was nothing."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._poll.unregister(fd)
            del self._streams[fd]
            return False
        name = self._streams[fd]
        kept = self._kept[name]
        room = self._limits.output_bytes - len(kept)
        if len(data) > room:
            data = data[:room]
            self._cut.add(name)
            self._stop("output_bytes", f"It printed more than {self._limits.output_bytes} bytes on {name}.")
        if data:
            kept += data
            if self._on_output is not None:
                self._on_output(name, data)
        return True

    def _feed(self) -> None:
        try:
            self._input = self._input[os.write(self._stdin, self._input[:_CHUNK]) :]
        except BrokenPipeError:
            self._input = memoryview(b"")
        if not self._input:
            self._poll.unregister(self._stdin)
            self._ours.remove(self._stdin)
            os.close(self._stdin)
            self._stdin = -1

    def _drain(self) -> None:
        for fd in list(self._streams):
            while self._read(fd):
                pass

    def _stop(self, reason: str, note: str) -> None:
        if not self._stopped:
            self._stopped, self._note = reason, note
            self._kill_at = time.monotonic() + _GRACE_S
            self._worker.ask_to_stop(self._number)

    def _look(self) -> None:
        """Compare processor time, memory and disk with the limits."""
        if self._worker.cpu_seconds() - self._cpu_before > self._limits.cpu_s:
            self._stop("cpu_s", f"It used more than {self._limits.cpu_s:g} s of processor time.")
            return
        most = 2 * self._limits.memory_bytes + _OVERHEAD_BYTES
        if self._worker.anonymous_bytes() > most:
            self._stop("memory_bytes", "Its commands together used up the sandbox's memory.")
            return
        limit = self._watch.exceeded()
        if limit:
            self._stop(limit, f"It staged more than its limit {limit} allows.")

    def _killed(self) -> Outcome:
        self._worker.kill()
        self._drain()
        return self._outcome({})

    def _outcome(self, reply: dict[str, Any]) -> Outcome:
        if "error" in reply:
            raise SandboxError(f"The sandbox failed: {reply['error']}", next_step=reply.get("next") or None)
        stopped, note = self._stopped, self._note
        if not stopped:
            stopped, note = reply.get("stopped", ""), reply.get("note", "")
        status = int(reply.get("status", _LIMIT_EXIT))
        if not stopped and time.monotonic() - self._started > _WATCH_S:
            stopped = self._watch.exceeded(exact=True)
            note = f"It staged more than its limit {stopped} allows." if stopped else ""
        interrupted = stopped == _INTERRUPT
        if interrupted:
            stopped, status = "", _INTERRUPTED_EXIT
        elif stopped:
            status = _LIMIT_EXIT
        return Outcome(
            exit_code=status,
            stdout=bytes(self._kept["stdout"]),
            stderr=bytes(self._kept["stderr"]),
            stdout_truncated="stdout" in self._cut,
            stderr_truncated="stderr" in self._cut,
            interrupted=interrupted,
            stopped=stopped,
            note=note,
            duration=time.monotonic() - self._started,
        )
