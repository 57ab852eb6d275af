"""The parent's end of a worker process: started, spoken to, killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agentsh.core.errors import SandboxError
from agentsh.sandbox.worker import wire
from agentsh.sandbox.worker.start import python_command

if TYPE_CHECKING:
    from pathlib import Path

_READY_S = 30.0
_REAP_S = 5.0
_LOG_BYTES = 2000


class WorkerHandle:
    """A worker process that was started; it comes up by itself while the parent goes on.

    It needs to know nothing of a workspace until :meth:`enter`, so it can be started before one is known.

    Raises:
        SandboxError: no process can be started.
    """

    def __init__(self) -> None:
        jobs, theirs_jobs = socket.socketpair()
        control, theirs_control = socket.socketpair()
        code = "from agentsh.sandbox.worker.main import main; main(%d, %d)"
        self._log = _anonymous_file()
        with theirs_jobs, theirs_control:
            ends = theirs_jobs.fileno(), theirs_control.fileno()
            try:
                self._process = subprocess.Popen(
                    python_command(code % ends),
                    env={},  # nothing of ours, least of all keys
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._log,
                    pass_fds=ends,
                    start_new_session=True,  # a terminal's Ctrl-C is the parent's to handle
                )
            except OSError as e:
                raise SandboxError(f"The sandbox's process cannot be started: {e.strerror}") from e
        self.jobs = jobs
        self._control = control
        self._ready = False
        self._said = b""
        self._begun = 0
        self.isolation = ""
        """Why the worker has no namespaces of its own; empty when it has."""

    def enter(self, plan: dict[str, str], cache_dir: Path, tools_dir: Path | None = None) -> None:
        """Tell it which staging view to enter, and where compiled modules and the person's tools are.

        Once, before anything else. A process that has died meanwhile is found by :meth:`wait_ready`.
        """
        tools = {"tools_dir": str(tools_dir)} if tools_dir else {}
        with suppress(OSError):
            wire.send(self.jobs, {"plan": plan, "cache_dir": str(cache_dir), **tools})

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def wait_ready(self) -> None:
        """Wait until it can take jobs.

        Raises:
            SandboxError: it ended, or did not get ready in time.
        """
        if self._ready:
            return
        self.jobs.settimeout(_READY_S)
        try:
            message, _ = wire.receive(self.jobs)
            self.jobs.settimeout(None)
        except OSError as e:
            raise self.failed("did not start") from e
        self.isolation = str(message.get("isolation", ""))
        self._ready = True

    def announce(self, script: str) -> None:
        """Tell it the script of the next job; one that is gone is found when the job is sent."""
        with suppress(OSError):
            wire.send(self.jobs, {"ahead": script})

    def send_job(self, message: dict[str, Any], fds: tuple[int, ...]) -> None:
        """Send a job with its three descriptors.

        Raises:
            OSError: the process is gone.
        """
        wire.send(self.jobs, message, fds)

    def receive_reply(self) -> dict[str, Any]:
        """Read a reply that has begun to arrive.

        Raises:
            OSError: the process is gone.
        """
        return wire.receive(self.jobs)[0]

    def has_begun(self, number: int) -> bool:
        """Whether it has taken the job; still known when it has died since."""
        with suppress(OSError):
            while len(told := self._control.recv(wire.JOB.size, socket.MSG_DONTWAIT)) == wire.JOB.size:
                (self._begun,) = wire.JOB.unpack(told)
        return self._begun >= number

    def ask_to_stop(self, number: int) -> None:
        """Ask it to stop a job; a process that is gone has stopped already."""
        try:
            self._control.sendall(wire.JOB.pack(number))
        except OSError:
            return

    def kill(self) -> int:
        """End it and everything in its group at once, and wait for that; its return code."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.jobs.close()
        self._control.close()
        try:
            code = self._process.wait(_REAP_S)
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL  # the kernel holds it in a call; it is dead as soon as that returns
        if self._log >= 0:
            self._said = os.pread(self._log, _LOG_BYTES, max(0, os.fstat(self._log).st_size - _LOG_BYTES))
            os.close(self._log)
            self._log = -1
        return code

    def failed(self, what: str) -> SandboxError:
        """Kill it, and say with what it ended."""
        time_out = time.monotonic() + 0.1
        while self.alive() and time.monotonic() < time_out:
            time.sleep(0.002)  # it closed its socket and is about to end: its own status says more than our kill
        code = self.kill()
        how = f"signal {-code}" if code < 0 else f"status {code}"
        last = self._said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return SandboxError(f"The sandbox's process {what} ({how}{': ' + last if last else ''}).")

    def cpu_seconds(self) -> float:
        """Processor time of all its threads since it started; 0 where the system does not tell."""
        if sys.platform != "linux":
            return 0.0
        try:
            # The kernel's name for the clock of a whole process (clock_getcpuclockid), which Python has no call for.
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0  # it has just ended

    def anonymous_bytes(self) -> int:
        """Memory that is the process's own, in bytes; 0 where the system does not tell."""
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as f:  # noqa: PTH123 - read often
                fields = f.read().split()
        except OSError:
            return 0
        return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGESIZE")


def _anonymous_file() -> int:
    """A file without a name: what the process says when it fails."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("agentsh-worker-log", os.MFD_CLOEXEC)
    import tempfile  # noqa: PLC0415 - only where there is no better way

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


_ahead: list[WorkerHandle] = []


def start_ahead() -> None:
    """Start a worker before it is known what for; the first sandbox that is started takes it.

    It ends with this process when none does. Where it cannot be started nothing happens: the sandbox will say why.
    """
    with suppress(SandboxError):
        _ahead.append(WorkerHandle())


def take_worker() -> WorkerHandle:
    """The worker that was started ahead, or a new one.

    Raises:
        SandboxError: no process can be started.
    """
    while _ahead:
        worker = _ahead.pop()
        if worker.alive():
            return worker
        worker.kill()
    return WorkerHandle()
