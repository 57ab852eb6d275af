"""Commands as WASM module instances: each has its own store, memory, descriptors and thread."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import wasmtime as wt

from agentsh.core.errors import LimitExceeded
from agentsh.sandbox.contract import GUEST_ROOT
from agentsh.sandbox.worker.ending import last_line, memory_is_short, not_utf8, reason
from agentsh.sandbox.worker.epochs import Epochs
from agentsh.sandbox.worker.frame import Exited, Frame, open_directories
from agentsh.sandbox.worker.pool import Pool
from agentsh.sandbox.worker.program import Catalogue, Command, Running, Tool, Unavailable
from agentsh.sandbox.worker.streams import DOOR, SWITCH, Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from agentsh.core.limits import Limits
    from agentsh.core.tree import Tree
    from agentsh.sandbox.contract import LineRunner
    from agentsh.sandbox.stop import Stop

_ABORTED = 134  # 128 + SIGABRT, as a shell reports a crashed program
_KILLED = 137  # 128 + SIGKILL
_BROKEN_PIPE = 141  # 128 + SIGPIPE
_CANNOT_RUN = 126
_FILE_TOO_LARGE = 0x46420000 + 128 + 25
"""How a module of ours ends that met EFBIG (`common/streams.c`): no exit status, so that none is taken for it."""
_FILES = "/dev/fd"
_MAX_AT_ONCE = 256
# Far more than any program has, and little enough to lose.
_TABLE_ELEMENTS, _INSTANCES, _TABLES = 1_000_000, 16, 64


class Instances:
    """The contract's ``Launcher``, for one job at a time.

    Args:
        engine: runs the modules.
        catalogue: where commands come from.
        load: compiles a module's text, or takes it from the cache.
        devices: the directory that modules know as /dev; empty where the system does not allow one.
    """

    def __init__(
        self, engine: wt.Engine, catalogue: Catalogue, load: Callable[[str], wt.Module], *, devices: str = ""
    ) -> None:
        self._devices = devices
        self._scratch = ""
        self._engine = engine
        self._catalogue = catalogue
        self._load = load
        self._pool = Pool()
        self._running: set[Running] = set()
        self._frames: dict[tuple[Command, bool], list[Frame]] = {}
        self._lock = threading.Lock()
        self._stop_read, self._stop_write = os.pipe()
        self._switches: tuple[wt.Module, wt.Module] | None = None
        self.cancelled = threading.Event()
        self._epochs = Epochs(self.cancelled)
        self.stopped = ""
        self.note = ""

    def begin(self, limits: Limits, tree: Tree, *, clock: bool, scripted: bool = True) -> None:
        """Start a job: ``tree`` is the staging view, and the current directory its root."""
        self._limits, self._tree, self._clock = limits, tree, clock
        self._catalogue.begin(scripted=scripted)

    def reset(self) -> None:
        """Forget the last job; from here on :meth:`cancel` means the next one."""
        self._started = 0
        self.stopped = self.note = ""
        if self.cancelled.is_set():
            os.read(self._stop_read, 1)
            self.cancelled.clear()

    def end(self) -> None:
        """Stop what still runs, and return when nothing does."""
        with self._lock:
            left = list(self._running)
        if left:
            self.cancel()
            for process in left:
                process.wait()
        if self._scratch:
            _clear(self._scratch)
            if not self._devices:
                os.rmdir(self._scratch)  # noqa: PTH106 - pathlib is slow to load here
            self._scratch = ""

    def scratch(self) -> tuple[str, str]:
        """See :class:`agentsh.sandbox.contract.Launcher`."""
        with self._lock:
            if not self._scratch:
                import tempfile  # noqa: PLC0415 - few actions need it

                self._scratch = f"{self._devices}-files" if self._devices else tempfile.mkdtemp(prefix="agentsh-")
        return self._scratch, _FILES

    def threads(self) -> int:
        """Threads that belong to this launcher."""
        return self._pool.size

    def cancel(self) -> None:
        """Stop the job: every module at its next loop or call, every read that waits. Safe from any thread."""
        with self._lock:
            if not self.cancelled.is_set():
                os.write(self._stop_write, b"x")
                self.cancelled.set()
        self._engine.increment_epoch()

    def tick(self) -> bool:
        """Stop what was started since :meth:`cancel`; False when nothing runs any more."""
        self._engine.increment_epoch()
        return bool(self._running)

    def stop(self, limit: str, note: str) -> None:
        """Stop the job because a limit was met."""
        with self._lock:
            if not self.stopped:
                self.stopped, self.note = limit, note
        self.cancel()

    def names(self) -> Sequence[str]:
        """Every command there is, sorted."""
        return sorted(self._catalogue.names())

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
    ) -> Running:
        """Start a command; see :class:`agentsh.sandbox.contract.Launcher`."""
        process = self._begin(argv, (stdin, stdout, stderr), env, cwd, stop=stop, files=files, run_line=run_line)
        if beside:
            self._pool.run(process.run)
        return process

    def call(
        self,
        argv: Sequence[bytes],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        env: Mapping[str, str],
        cwd: bytes,
    ) -> int:
        """As :meth:`start` and a wait, but no other thread ever hears of it."""
        return self._begin(argv, (stdin, stdout, stderr), env, cwd).wait()

    def _begin(
        self,
        argv: Sequence[bytes],
        fds: tuple[int, int, int],
        env: Mapping[str, str],
        cwd: bytes,
        *,
        stop: Stop | None = None,
        files: tuple[str, str] | None = None,
        run_line: LineRunner | None = None,
    ) -> Running:
        """The command, ready to be run by some thread."""
        name = os.fsdecode(argv[0])
        command = self._catalogue.get(name)
        if command is None:
            raise KeyError(name)
        self._count()
        # What a group's wish to stop must reach waits here, not in WASI.
        own_pipes = stop is not None or (not isinstance(command, Unavailable) and not command.ends_without_reader)
        stop_fds = (self._stop_read,) if stop is None else (self._stop_read, stop.fd)
        streams = Streams(fds, stop_fds, own_pipes=own_pipes)
        streams.too_large = self._too_large
        if isinstance(command, Unavailable):
            streams.say(f"{name}: {command.message}")
            streams.close()
            process = Running(None)
            process.status = command.status
            return process
        program = command
        starts = run_line if isinstance(command, Tool) else None  # a tool that a person added gets by without
        arguments = [os.fsdecode(a) for a in argv]
        variables = {**env, "PWD": os.fsdecode(GUEST_ROOT + b"/" + cwd if cwd else GUEST_ROOT)}

        def work(process: Running) -> None:
            try:
                process.status = self._run(
                    program, arguments, variables, cwd, streams, stop=stop, files=files, run_line=starts
                )
            except Exception as e:  # noqa: BLE001 - a thread's last line of defence; it is told, not hidden
                streams.say(f"{name}: the sandbox failed: {type(e).__name__}: {e}")
                process.status = _CANNOT_RUN
            finally:
                streams.close()
                if stop is not None:
                    stop.remove(self._engine.increment_epoch)
                with self._lock:
                    self._running.discard(process)

        process = Running(work)
        with self._lock:
            self._running.add(process)
        if stop is not None:
            stop.add(self._engine.increment_epoch)
        return process

    def _count(self) -> None:
        """Count a command.

        Raises:
            LimitExceeded: there are too many.
        """
        with self._lock:
            self._started += 1
            if self._started > self._limits.processes:
                raise LimitExceeded(
                    f"The action started more than {self._limits.processes} commands.", limit="processes"
                )
            if len(self._running) >= _MAX_AT_ONCE:
                raise LimitExceeded(f"The action ran more than {_MAX_AT_ONCE} commands at once.", limit="processes")

    def _run(
        self,
        command: Command,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: bytes,
        streams: Streams,
        *,
        stop: Stop | None,
        files: tuple[str, str] | None,
        run_line: LineRunner | None,
    ) -> int:
        store = wt.Store(self._engine)
        frame: Frame | None = None
        number = self._epochs.join(store, stop)
        clock = self._clock and command.capabilities.clock
        try:
            store.set_limits(self._limits.memory_bytes, _TABLE_ELEMENTS, _INSTANCES, _TABLES, memories=1)
            # After the store was told to ask: an epoch that ticks from here on is seen.
            if streams.stopped():
                return _KILLED
            wasi = wt.WasiConfig()
            try:
                wasi.argv = command.argv(argv, cwd)
                wasi.env = command.env(env).items()
            except (UnicodeEncodeError, wt.WasmtimeError):
                streams.say(f"{argv[0]}: {not_utf8([*argv, *env.values()])}")
                return _CANNOT_RUN
            streams.configure(wasi)
            try:
                roots = open_directories(wasi, command, self._tree, cwd)
            except OSError as e:
                streams.say(f"{argv[0]}: its directory cannot be entered: {e.strerror}")
                return _CANNOT_RUN
            if command.capabilities.read:
                if self._devices:
                    wasi.preopen_dir(self._devices, "/dev", True)  # its mount is read-only, but for what devices take
                if files is not None:
                    wasi.preopen_dir(*files, command.capabilities.write)
            store.set_wasi(wasi)
            streams.began_ns = time.monotonic_ns()
            if not streams.ours:
                spare = self._frames.setdefault((command, clock), [])
                frame = spare.pop() if spare else Frame(self._engine, command, self._tree, clock=clock)
                frame.begin(roots, streams, run_line)
                make = partial(frame.ready.instantiate, store)
                status = self._call(command, store, frame, make, name=argv[0], streams=streams)
                frame.streams = None
                spare.append(frame)
            else:
                frame = Frame(self._engine, command, self._tree, clock=clock)
                frame.begin(roots, streams, run_line)
                make = partial(self._connected, command, store, frame, streams)
                status = self._call(command, store, frame, make, name=argv[0], streams=streams)
            if frame.exit_code == _FILE_TOO_LARGE:
                self._too_large()
            return status
        finally:
            store.close()
            self._epochs.leave(number)
            if frame is not None and frame.hostcalls is not None:
                frame.hostcalls.close()

    def _connected(self, command: Command, store: wt.Store, frame: Frame, streams: Streams) -> wt.Instance:
        """An instance with the switch before its streams."""
        door, switch = self._switch()
        finish = streams.connect(door, frame.linker, store)
        instance = frame.linker.instantiate(store, command.module)
        finish(switch, instance)
        return instance

    def _call(
        self,
        command: Command,
        store: wt.Store,
        frame: Frame,
        make: Callable[[], wt.Instance],
        *,
        name: str,
        streams: Streams,
    ) -> int:
        frame.exit_code = None
        instance: wt.Instance | None = None
        short = True
        try:
            instance = make()  # which runs a start function, where the module has one
            status = command.run(store, instance) & 0xFF
        except (BrokenPipeError, InterruptedError) as e:
            return _BROKEN_PIPE if isinstance(e, BrokenPipeError) else _KILLED
        except Exited as e:
            status = e.code
        except wt.Trap as e:
            if frame.exit_code is not None:
                status = frame.exit_code & 0xFF
            elif streams.stopped():
                return _KILLED
            else:
                streams.say(f"{name}: crashed: {reason(e)}")
                status = _ABORTED
                short = e.trap_code is not wt.TrapCode.STACK_OVERFLOW  # which has nothing to do with memory
        except wt.WasmtimeError as e:
            if streams.stopped():
                return _KILLED
            if instance is None:
                self._cannot_start(command, name, e, streams)
                return _CANNOT_RUN
            streams.say(f"{name}: crashed: {last_line(e)}")  # a call of WASI's that makes no sense to it
            status = _ABORTED
        if status and short and instance is not None and memory_is_short(store, instance, self._limits.memory_bytes):
            self.stop("memory_bytes", f"{name} failed with its memory used up.")
        return status

    def _too_large(self) -> None:
        self.stop("staged_bytes", "A file grew past the limit on staged bytes.")

    def _cannot_start(self, command: Command, name: str, error: wt.WasmtimeError, streams: Streams) -> None:
        """Say why there is no instance of a command; for want of memory, the job ends by that limit."""
        from agentsh.sandbox.admission import least_memory  # noqa: PLC0415 - it hardly ever happens

        if least_memory(command.module) > self._limits.memory_bytes:
            self.stop("memory_bytes", f"{name} wants more memory at its start than an action may have.")
        streams.say(f"{name}: cannot be started: {last_line(error)}")

    def _switch(self) -> tuple[wt.Module, wt.Module]:
        if self._switches is None:
            self._switches = self._load(DOOR), self._load(SWITCH)
        return self._switches


def _clear(directory: str) -> None:
    """Remove what is in a directory that holds files alone, and what commands have put there."""
    import shutil  # noqa: PLC0415 - where there is something to remove

    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)  # noqa: PTH108


def module_loader(engine: wt.Engine, cache_dir: Path) -> Callable[[str], wt.Module]:
    """Compiles the text of our own small modules, by way of the cache of compiled modules."""
    import hashlib  # noqa: PLC0415 - only when a module is needed

    from agentsh.sandbox.modules import ModuleCache  # noqa: PLC0415
    from agentsh.sandbox.worker.engine_settings import SETTINGS  # noqa: PLC0415

    cache = ModuleCache(engine, cache_dir, settings=SETTINGS)

    def load(text: str) -> wt.Module:
        # The text's hash stands for the module's: translating it costs more than loading the result.
        return cache.load(text.encode(), hashlib.sha256(text.encode()).hexdigest())

    return load
