"""What an instance of a command is made with: its imports and its directories, as its capabilities allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import wasmtime as wt

from agentsh.core.errors import SandboxError
from agentsh.sandbox.contract import GUEST_ROOT
from agentsh.sandbox.hostcalls import MODULE as HOSTCALLS
from agentsh.sandbox.hostcalls import Hostcalls, define_hostcalls
from agentsh.sandbox.worker.rename import ROOT_FD, define_rename
from agentsh.sandbox.worker.sleeping import define_poll
from agentsh.sandbox.worker.streams import BY_DESCRIPTOR, WASI

if TYPE_CHECKING:
    from agentsh.core.tree import Tree
    from agentsh.sandbox.contract import LineRunner
    from agentsh.sandbox.worker.program import Command
    from agentsh.sandbox.worker.streams import Streams

_ENOTCAPABLE = 76
_FIXED_CLOCK_NS = 1_000_000_000_000_000_000  # 2001-09-09, for actions and commands that are not granted a clock


class Exited(Exception):
    """A program ended itself. Raised through it, for one whose compiler puts nothing after the call that ends it.

    Args:
        code: its exit status.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code & 0xFF


class Frame:
    """What a command's instances are made from; kept and used again, by one run at a time.

    Args:
        engine: runs the module.
        command: the command.
        tree: the staging view.
        clock: whether it may read the time.

    Attributes:
        streams: those of the present run.
        exit_code: what the module ended itself with, all 32 bits of it; None as long as it has not.
        roots: where in the view the directories are that an instance begins with, by their descriptors.
    """

    def __init__(self, engine: wt.Engine, command: Command, tree: Tree, *, clock: bool) -> None:
        self.linker = wt.Linker(engine)
        self.linker.define_wasi()
        self.linker.allow_shadowing = True
        self.roots: dict[int, bytes] = {}
        self.streams: Streams | None = None
        if command.capabilities.write:  # by the view itself, past what WASI knows of read-only directories
            define_rename(self.linker, WASI, tree, lambda: self.roots)
        if not command.capabilities.random:
            _no_random(self.linker)
        self.exit_code: int | None = None
        self.linker.define_func(WASI, "proc_exit", wt.FuncType([wt.ValType.i32()], []), self._exit)
        self.hostcalls: Hostcalls | None = None
        define_poll(self.linker, WASI, self._streams, fixed_ns=None if clock else _FIXED_CLOCK_NS)
        if not clock:
            _stop_clock(self.linker)
        if any(i.module == HOSTCALLS for i in command.module.imports):
            self.hostcalls = define_hostcalls(
                self.linker, wt.Store(engine), tree=tree, capabilities=command.capabilities
            )
        command.define(self.linker, tree)
        self.ready = self.linker.instantiate_pre(command.module)

    def begin(self, roots: dict[int, bytes], streams: Streams, run_line: LineRunner | None) -> None:
        """Be the frame of one run."""
        self.roots, self.streams = roots, streams
        if run_line is not None and self.hostcalls is not None:

            def runner(line: bytes, given: bytes | None, keep: bool) -> tuple[int, bytes]:  # noqa: FBT001
                return run_line(line, given, keep=keep, fds=streams.fds)

            self.hostcalls.runner = runner

    def _streams(self) -> Streams:
        if self.streams is None:
            raise SandboxError("A module ran without streams.")
        return self.streams

    def _exit(self, code: int) -> None:
        """The module's exit. WASI's own refuses codes from 126 on, and a shell needs all 256.

        A program ends here because its compiler puts a trap after the call; one made to go on may do so.
        """
        self.exit_code = code & 0xFFFFFFFF


def open_directories(wasi: wt.WasiConfig, command: Command, tree: Tree, cwd: bytes) -> dict[int, bytes]:
    """Hand a command the directories that it may use; which of the view's they are, by descriptor."""
    capabilities = command.capabilities
    roots: dict[int, bytes] = {}
    if capabilities.read:
        if command.takes_here and not cwd:
            wasi.preopen_dir(".", ".", capabilities.write)
            roots[ROOT_FD] = b""
        elif command.takes_here:
            # By descriptor: the name could lead somewhere else by now.
            with tree.directory(cwd) as fd:
                wasi.preopen_dir(BY_DESCRIPTOR % fd, ".", capabilities.write)
            roots[ROOT_FD] = cwd
        wasi.preopen_dir(".", GUEST_ROOT.decode(), capabilities.write)
        roots[ROOT_FD + len(roots)] = b""
    for host, guest in command.preopens:
        wasi.preopen_dir(host, guest, False)
    return roots


def _no_random(linker: wt.Linker) -> None:
    """Say that there are no random numbers, rather than give some that are not: for commands that are granted none."""
    i32 = wt.ValType.i32()
    linker.define_func(WASI, "random_get", wt.FuncType([i32, i32], [i32]), lambda _buffer, _length: _ENOTCAPABLE)


def _stop_clock(linker: wt.Linker) -> None:
    """Have every clock stand still: for actions and commands that are not granted one."""
    i32, i64 = wt.ValType.i32(), wt.ValType.i64()

    def time(caller: wt.Caller, _clock: int, _precision: int, result: int) -> int:
        memory = caller["memory"]
        at = result & 0xFFFFFFFF
        if not isinstance(memory, wt.Memory) or at + 8 > memory.data_len(caller):
            return 21  # EFAULT
        memory.write(caller, _FIXED_CLOCK_NS.to_bytes(8, "little"), at)
        return 0

    linker.define_func(WASI, "clock_time_get", wt.FuncType([i32, i64, i32], [i32]), time, access_caller=True)
