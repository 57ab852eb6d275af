"""The parent's end of a worker process: started, spoken to, killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
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

    Args:
        plan: how it enters the staging view.
        cache_dir: its compiled modules.
        state_dir: gets ``worker.log``, what the process says when it fails.

    Raises:
        SandboxError: no process can be started.
    """

    def __init__(self, plan: dict[str, str], cache_dir: Path, state_dir: Path) -> None:
        self._log = state_dir / "worker.log"
        jobs, theirs_jobs = socket.socketpair()
        control, theirs_control = socket.socketpair()
        code = "from agentsh.sandbox.worker.main import main; main(%d, %d, %r, %r)"
        with theirs_jobs, theirs_control:
            ends = theirs_jobs.fileno(), theirs_control.fileno()
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                self._process = subprocess.Popen(
                    python_command(code % (*ends, plan, str(cache_dir))),
                    env={},  # nothing of ours, least of all keys
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    pass_fds=ends,
                    start_new_session=True,  # a terminal's Ctrl-C is the parent's to handle
                )
            except OSError as e:
                raise SandboxError(f"The sandbox's process cannot be started: {e.strerror}") from e
            finally:
                os.close(log)
        self.jobs = jobs
        self._control = control
        self._ready = False
        self.isolation = ""
        """Why the worker has no namespaces of its own; empty when it has."""

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

    def ask_to_stop(self, number: int) -> None:
        """Ask it to stop a job; a process that is gone has stopped already."""
        try:
            self._control.sendall(wire.STOP.pack(number))
        except OSError:
            return

    def kill(self) -> int:
        """End it and everything in its group at once, and wait for that; its return code."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.jobs.close()
        self._control.close()
        try:
            return self._process.wait(_REAP_S)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL  # the kernel holds it in a call; it is dead as soon as that returns

    def failed(self, what: str) -> SandboxError:
        """Kill it, and say with what it ended."""
        time_out = time.monotonic() + 0.1
        while self.alive() and time.monotonic() < time_out:
            time.sleep(0.002)  # it closed its socket and is about to end: its own status says more than our kill
        code = self.kill()
        how = f"signal {-code}" if code < 0 else f"status {code}"
        try:
            last = self._log.read_bytes()[-_LOG_BYTES:].decode("utf-8", "replace").strip().rpartition("\n")[2]
        except OSError:
            last = ""
        return SandboxError(f"The sandbox's process {what} ({how}{': ' + last if last else ''}).")

    def anonymous_bytes(self) -> int:
        """Memory that is the process's own, in bytes; 0 where the system does not tell."""
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as f:  # noqa: PTH123 - read often
                fields = f.read().split()
        except OSError:
            return 0
        return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGESIZE")
