"""The worker process: enters the staging view, runs one job at a time, and can be killed at any moment."""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentsh.core.errors import AgentshError, Interrupted, LimitExceeded
from agentsh.core.limits import Limits
from agentsh.core.tree import Tree
from agentsh.sandbox.worker import wire
from agentsh.sandbox.worker.confine import confine, set_job_limits
from agentsh.sandbox.worker.pool import large_stacks

if TYPE_CHECKING:
    from agentsh.sandbox.worker.launch import Instances
    from agentsh.shell import Script

_TICK_S = 0.005
_LEFTOVERS_S = 0.05
_ALONE_S = 5.0  # past its time limit a job has no parent any more that could stop it
_OWN_THREADS = 3  # the main one, the one that serves, the one that watches
_NOT_FOUND = 127
_FAILED = 1
_LIMIT = 6
_INTERRUPTED = 130


class _Root(Tree):
    """The staging view's root, whichever mount of it is the present one."""

    def move(self, root: str) -> None:
        """Let go of the old root and open ``root``."""
        self.close()
        self.fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


class Worker:
    """One process's worth of sandbox.

    Args:
        jobs: socket to the parent for jobs and their ends.
        control: socket on which the parent asks to stop a job; its end of file is the parent's end.
        setup: which staging view to enter, and where compiled modules are.
        devices: the directory that modules know as /dev; empty for none.
    """

    def __init__(self, jobs: socket.socket, control: socket.socket, setup: dict[str, Any], devices: str) -> None:
        self._jobs = jobs
        self._control = control
        self._plan: dict[str, str] = setup["plan"]
        self._job = 0
        self._lock = threading.Lock()
        self._tree = _Root("/")
        self._inside = False
        self._limits: Limits | None = None
        self._work = ""
        self._ahead: tuple[str, Script] | None = None
        tools_dir = setup.get("tools_dir")
        self._instances = _make_instances(Path(setup["cache_dir"]), Path(tools_dir) if tools_dir else None, devices)

    def serve(self, isolation: str) -> None:
        """Run jobs until the parent is gone."""
        threading.Thread(target=self._watch, daemon=True).start()
        self._enter()
        wire.send(self._jobs, {"ready": True, "isolation": isolation})
        while True:
            try:
                message, fds = wire.receive(self._jobs)
            except wire.WireError:
                return
            if "ahead" in message:
                self._read_ahead(message["ahead"])
                continue
            with self._lock:
                self._instances.reset()
                self._job = message["number"]
            self._control.send(wire.JOB.pack(self._job))
            try:
                self._enter()
                reply = self._run(message, fds)
            except Exception as e:  # noqa: BLE001 - whatever it was, the parent must hear of it
                reply = {"error": f"{type(e).__name__}: {e}"}
            with self._lock:
                self._job = 0
            wire.send(self._jobs, reply)
            for fd in fds:  # after the reply, which would wake the parent once more for each of them
                os.close(fd)
            # After the reply, so that nobody waits for it: the kernel remembers nothing of the workspace as it was,
            # and what the person edits until the next job is seen in it.
            self._refresh()

    def _read_ahead(self, script: str) -> None:
        """Parse what will be run next, if the parent's policy lets it, and be awake when it comes."""
        try:
            self._ahead = (script, self._parse(script))
        except AgentshError:
            self._ahead = None  # the parent finds the same, and sends no job
        wire.stay_awake(self._jobs)

    def _parse(self, script: str) -> Script:
        from agentsh.shell import parse  # noqa: PLC0415 - only for scripts

        if self._ahead is not None and self._ahead[0] == script:
            return self._ahead[1]
        return parse(script)

    def _enter(self) -> None:
        """Go into the staging view."""
        if self._inside:
            return
        root = self._plan.get("root", "")
        if self._plan["kind"] == "overlay":
            from agentsh.sandbox.worker import linux, workdir  # noqa: PLC0415 - Linux alone

            if not self._work:
                self._work = workdir.take_work_directory(self._plan["work"])
            linux.mount_overlay({**self._plan, "work": self._work})
            root = self._plan["merged"]
        os.chdir(root)
        self._tree.move(".")
        self._inside = True

    def _refresh(self) -> None:
        """Forget what the view showed; where the kernel refuses, the next job gets a new mount."""
        if not self._inside or self._plan["kind"] != "overlay":
            return
        from agentsh.sandbox.worker import linux  # noqa: PLC0415 - Linux alone

        try:
            linux.refresh_overlay(self._plan["merged"])
            self._tree.move(".")  # an open directory keeps the list of names that was once read from it
        except OSError:
            self._leave()

    def _leave(self) -> None:
        if not self._inside or self._plan["kind"] != "overlay":
            return
        from agentsh.sandbox.worker import linux  # noqa: PLC0415 - Linux alone

        self._inside = False
        os.chdir("/")
        self._tree.move("/")
        linux.unmount(self._plan["merged"])

    def _run(self, message: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        limits = Limits(**message["limits"])
        if limits != self._limits:
            set_job_limits(limits)
            self._limits = limits
        status = _FAILED
        try:
            self._instances.begin(
                limits, self._tree, clock=message.get("clock", True), scripted=bool(message.get("script"))
            )
            # What holds the interpreter cannot be stopped from within, and a parent that died stops nothing any more:
            # the kernel ends the process then (SIGALRM's default). A living parent's wish comes long before that.
            signal.setitimer(signal.ITIMER_REAL, limits.wall_s + _ALONE_S)
            if message.get("script"):
                status = self._run_script(message["script"], limits, fds)
            else:
                status = self._run_command(message["argv"], fds)
        except LimitExceeded as e:
            self._instances.stop(e.limit, e.what)
        except Interrupted:
            status = _INTERRUPTED
        except AgentshError as e:
            return {"error": e.what, "next": e.next_step}
        except OSError as e:
            if e.errno in (errno.EMFILE, errno.ENFILE):
                self._instances.stop("open_files", "The action has too many files and pipes open at once.")
            _say(fds[2], f"agentsh: {e.strerror or e}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._instances.end()
        stopped = self._instances.stopped
        return {
            "status": _LIMIT if stopped else status,
            "stopped": stopped,
            "note": self._instances.note,
            "spent": self._has_leftovers(),
        }

    def _has_leftovers(self) -> bool:
        """Whether threads of a script that was stopped still run, which could act in the next job's name.

        The parent then takes a new process. They are given a moment: most are just about to end.
        """
        deadline = time.monotonic() + _LEFTOVERS_S
        while threading.active_count() > _OWN_THREADS + self._instances.threads():
            if time.monotonic() > deadline:
                return True
            time.sleep(_TICK_S)
        return False

    def _run_script(self, script: str, limits: Limits, fds: list[int]) -> int:
        from agentsh.sandbox.interpreter import run_script  # noqa: PLC0415 - only for scripts

        return run_script(
            self._parse(script),
            launcher=self._instances,
            tree=self._tree,
            stdin=fds[0],
            stdout=fds[1],
            stderr=fds[2],
            env={},
            limits=limits,
            cancelled=self._instances.cancelled,
        )

    def _run_command(self, argv: list[str], fds: list[int]) -> int:
        environment = {"HOME": "/workspace", "LANG": "C.UTF-8"}
        try:
            return self._instances.call(
                [os.fsencode(a) for a in argv],
                stdin=fds[0],
                stdout=fds[1],
                stderr=fds[2],
                env=environment,
                cwd=b"",
            )
        except KeyError:
            _say(fds[2], f"{argv[0]}: command not found")
            return _NOT_FOUND

    def _watch(self) -> None:
        """Stop jobs when asked to, and end with the parent, whatever the other threads are doing."""
        while True:
            try:
                request = self._control.recv(wire.JOB.size, socket.MSG_WAITALL)
            except OSError:
                request = b""
            if len(request) < wire.JOB.size:
                os._exit(0)
            (number,) = wire.JOB.unpack(request)
            with self._lock:
                current = number == self._job
                if current:
                    self._instances.cancel()
            if current:
                while self._job == number:  # the interpreter may be about to start one more
                    self._instances.tick()
                    # A parent that died meanwhile cannot kill this process any more, and what runs may never end.
                    if select.select([self._control], [], [], _TICK_S)[0]:
                        break


def _load() -> None:
    """Load what every job needs, while the parent is still busy with its own start."""
    import agentsh.sandbox.interpreter  # noqa: PLC0415
    import agentsh.sandbox.worker.catalogue  # noqa: PLC0415
    import agentsh.sandbox.worker.engine  # noqa: PLC0415
    import agentsh.shell  # noqa: F401, PLC0415

    gc.freeze()  # none of it goes away again
    gc.enable()


def _say(fd: int, text: str) -> None:
    try:
        os.write(fd, text.encode("utf-8", "backslashreplace") + b"\n")
    except OSError:
        return  # nobody reads it any more


def _make_instances(cache_dir: Path, tools_dir: Path | None, devices: str) -> Instances:
    from agentsh.sandbox.worker.catalogue import Commands  # noqa: PLC0415 - loads wasmtime
    from agentsh.sandbox.worker.engine import make_engine  # noqa: PLC0415
    from agentsh.sandbox.worker.launch import Instances, module_loader  # noqa: PLC0415

    engine = make_engine()
    return Instances(engine, Commands(engine, cache_dir, tools_dir), module_loader(engine, cache_dir), devices=devices)


def main(jobs_fd: int, control_fd: int) -> None:
    """Run as the process's only work; returns when the parent is gone."""
    sys.setswitchinterval(0.001)
    gc.disable()  # while there is nothing but imports to collect
    isolation, devices = confine()
    jobs, control = socket.socket(fileno=jobs_fd), socket.socket(fileno=control_fd)
    # On a thread for its stack: a command run by the serving thread may use all that a module may use.
    large_stacks()
    serving = threading.Thread(target=_serve, args=(jobs, control, isolation, devices))
    serving.start()
    serving.join()


def _serve(jobs: socket.socket, control: socket.socket, isolation: str, devices: str) -> None:
    status = 1
    try:
        _load()
        try:
            setup, _ = wire.receive(jobs)
        except wire.WireError:
            status = 0  # the parent ended before it knew what for
        else:
            Worker(jobs, control, setup, devices).serve(isolation)
            status = 0
    except BaseException:  # noqa: BLE001 - it ends the process, and says why in the log
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)
