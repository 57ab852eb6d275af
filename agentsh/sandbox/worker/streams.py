"""Standard streams of a module, shared with other commands as a shell expects.

WASI gets its streams as paths, so a descriptor is handed over as ``/proc/self/fd/N``, opened anew and, for input, read
ahead of the module. That is right for ``/dev/null`` and, for output, for pipes. It is wrong where the next command goes
on where this one stopped: ``{ read line; cat; } < file`` or ``{ a; b; } >> log``. Such streams are read and written
here, by the descriptor itself, and no byte is taken that the module did not ask for.

Five calls are wrapped for that. A wrapper in Python would slow down every file the module touches, so the choice is
made inside WebAssembly: a *switch* stands between the module and WASI and calls us for those streams alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import stat
import sys
from typing import TYPE_CHECKING

import wasmtime as wt

from agentsh.sandbox.wasi import wasi_errno

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WASI = "wasi_snapshot_preview1"
BY_DESCRIPTOR = "/proc/self/fd/%d" if sys.platform == "linux" else "/dev/fd/%d"
"""The path of an open descriptor of this process."""

_EFAULT, _EINVAL = 21, 28
_WHENCE = {0: os.SEEK_SET, 1: os.SEEK_CUR, 2: os.SEEK_END}
"""By WASI's numbers."""
_MAX_VECTORS = 1024
_MASK32 = 0xFFFFFFFF
_NULL = os.stat(os.devnull).st_rdev  # noqa: PTH116 - pathlib is not needed here
_WRAPPED = ("fd_read", "fd_write", "fd_renumber", "fd_close", "fd_seek")
_TYPES = """
  (type $four (func (param i32 i32 i32 i32) (result i32)))
  (type $two (func (param i32 i32) (result i32)))
  (type $one (func (param i32) (result i32)))
  (type $seek (func (param i32 i64 i32 i32) (result i32)))"""

# What the module imports: it exists before the module, so it finds the switch through a table that is filled after.
DOOR = f"""(module {_TYPES}
  (table (export "table") 5 funcref)
  (func (export "fd_read") (type $four)
    (call_indirect (type $four) (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 0)))
  (func (export "fd_write") (type $four)
    (call_indirect (type $four) (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 1)))
  (func (export "fd_renumber") (type $two)
    (call_indirect (type $two) (local.get 0) (local.get 1) (i32.const 2)))
  (func (export "fd_close") (type $one)
    (call_indirect (type $one) (local.get 0) (i32.const 3)))
  (func (export "fd_seek") (type $seek)
    (call_indirect (type $seek) (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 4))))"""

# Has the module's memory as its own, which is where WASI looks for a caller's. $ours: one bit for each of 0, 1 and 2.
SWITCH = f"""(module {_TYPES}
  (import "wasi" "fd_read" (func $fd_read (type $four)))
  (import "wasi" "fd_write" (func $fd_write (type $four)))
  (import "wasi" "fd_renumber" (func $fd_renumber (type $two)))
  (import "wasi" "fd_close" (func $fd_close (type $one)))
  (import "wasi" "fd_seek" (func $fd_seek (type $seek)))
  (import "host" "read" (func $read (type $four)))
  (import "host" "write" (func $write (type $four)))
  (import "host" "seek" (func $seek (type $seek)))
  (import "host" "ours" (global $first i32))
  (import "module" "memory" (memory 0))
  (import "door" "table" (table 5 funcref))
  (export "memory" (memory 0))
  (global $ours (mut i32) (global.get $first))
  (func $is_ours (param $fd i32) (result i32)
    (i32.and (i32.lt_u (local.get $fd) (i32.const 3))
      (i32.and (i32.shr_u (global.get $ours) (local.get $fd)) (i32.const 1))))
  (func $let_go (param $fd i32)
    (if (i32.lt_u (local.get $fd) (i32.const 3)) (then
      (global.set $ours (i32.and (global.get $ours)
        (i32.xor (i32.const 7) (i32.shl (i32.const 1) (local.get $fd))))))))
  (func $do_read (type $four)
    (if (result i32) (call $is_ours (local.get 0))
      (then (call $read (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
      (else (call $fd_read (local.get 0) (local.get 1) (local.get 2) (local.get 3)))))
  (func $do_write (type $four)
    (if (result i32) (call $is_ours (local.get 0))
      (then (call $write (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
      (else (call $fd_write (local.get 0) (local.get 1) (local.get 2) (local.get 3)))))
  (func $do_renumber (type $two)
    (call $let_go (local.get 1))
    (call $fd_renumber (local.get 0) (local.get 1)))
  (func $do_close (type $one)
    (call $let_go (local.get 0))
    (call $fd_close (local.get 0)))
  (func $do_seek (type $seek)
    (if (result i32) (call $is_ours (local.get 0))
      (then (call $seek (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
      (else (call $fd_seek (local.get 0) (local.get 1) (local.get 2) (local.get 3)))))
  (elem (i32.const 0) $do_read $do_write $do_renumber $do_close $do_seek))"""


class Streams:
    """A command's own duplicates of its three descriptors.

    Args:
        fds: stdin, stdout and stderr; they stay the caller's.
        stop_fds: one of them becomes readable when the command is to stop, which ends a wait.
        own_pipes: write to pipes here, not in WASI: for a module that does not end by itself when nobody reads.

    Attributes:
        ours: a bit for each stream that WASI must not open itself.
        too_large: called when a file meets the limit on its size.
        began_ns: when the command's own clock stood at zero, by :func:`time.monotonic_ns`.

    Raises:
        OSError: no descriptors are left.
    """

    def __init__(self, fds: tuple[int, int, int], stop_fds: Sequence[int], *, own_pipes: bool = False) -> None:
        self.stop_fds = stop_fds
        self._fds: list[int] = []
        self.ours = 0
        self.too_large: Callable[[], None] = lambda: None
        self.began_ns = 0
        self._no_input = False
        try:
            for number, fd in enumerate(fds):
                self._fds.append(os.dup(fd))
                st = os.fstat(fd)
                native = stat.S_ISCHR(st.st_mode) or (number > 0 and stat.S_ISFIFO(st.st_mode) and not own_pipes)
                if number == 0:
                    self._no_input = native and st.st_rdev == _NULL
                if not native:
                    self.ours |= 1 << number
        except BaseException:
            self.close()
            raise

    @property
    def fds(self) -> tuple[int, int, int]:
        """Standard input, output and error."""
        stdin, stdout, stderr = self._fds
        return stdin, stdout, stderr

    def close(self) -> None:
        """Close the duplicates."""
        while self._fds:
            os.close(self._fds.pop())

    def configure(self, wasi: wt.WasiConfig) -> None:
        """Name the streams that WASI opens itself."""
        paths = ["/dev/null" if self.ours & 1 << n else BY_DESCRIPTOR % fd for n, fd in enumerate(self._fds)]
        if not self._no_input and not self.ours & 1:  # without a file it is at its end, and no thread reads ahead
            wasi.stdin_file = paths[0]
        wasi.stdout_file, wasi.stderr_file = paths[1:]

    def say(self, text: str) -> None:
        """Write a line of the sandbox's own to the command's stderr."""
        try:
            os.write(self._fds[2], text.encode("utf-8", "backslashreplace") + b"\n")
        except OSError:
            return  # nobody reads it any more

    def connect(self, door: wt.Module, linker: wt.Linker, store: wt.Store) -> Callable[[wt.Module, wt.Instance], None]:
        """Put the switch before the WASI calls of ``linker``.

        Returns:
            What to call with the compiled switch and the module's instance, before the module runs.
        """
        wasi = {name: linker.get(store, WASI, name) for name in _WRAPPED}
        entrance = wt.Instance(store, door, []).exports(store)
        linker.allow_shadowing = True
        for name in _WRAPPED:
            linker.define(store, WASI, name, entrance[name])
        i32 = wt.ValType.i32()
        four, seek = wt.FuncType([i32] * 4, [i32]), wt.FuncType([i32, wt.ValType.i64(), i32, i32], [i32])

        def finish(switch: wt.Module, instance: wt.Instance) -> None:
            imports = [
                *(wasi[name] for name in _WRAPPED),
                wt.Func(store, four, self._guarded(self._read), access_caller=True),
                wt.Func(store, four, self._guarded(self._write), access_caller=True),
                wt.Func(store, seek, self._seek, access_caller=True),
                wt.Global(store, wt.GlobalType(wt.ValType.i32(), mutable=False), wt.Val.i32(self.ours)),
                instance.exports(store)["memory"],
                entrance["table"],
            ]
            wt.Instance(store, switch, imports)

        return finish

    @staticmethod
    def _guarded(call: Callable[[int, _Vectors], int]) -> Callable[..., int]:
        def run(caller: wt.Caller, fd: int, vectors: int, count: int, result: int) -> int:
            memory = caller["memory"]
            if not isinstance(memory, wt.Memory) or not 0 <= count <= _MAX_VECTORS:
                return _EFAULT
            try:
                found = _Vectors(memory, caller, vectors & _MASK32, count, result & _MASK32)
                found.answer(call(fd, found))
            except (InterruptedError, BrokenPipeError):
                # Through the module to whoever called it, which ends the command: as SIGPIPE does; and one that is to
                # stop must not take what it has read so far for everything.
                raise
            except OSError as e:
                return wasi_errno(e)
            return 0

        return run

    def _seek(self, caller: wt.Caller, fd: int, offset: int, whence: int, result: int) -> int:
        memory = caller["memory"]
        at = result & _MASK32
        if not isinstance(memory, wt.Memory) or at + 8 > memory.data_len(caller):
            return _EFAULT
        if whence not in _WHENCE:
            return _EINVAL
        try:
            now = os.lseek(self._fds[fd], offset, _WHENCE[whence])
        except OSError as e:
            return wasi_errno(e)
        memory.write(caller, now.to_bytes(8, "little"), at)
        return 0

    def _read(self, fd: int, vectors: _Vectors) -> int:
        source = self._fds[fd]
        self._await(source, select.POLLIN)
        return os.readv(source, vectors.views) if vectors.views else 0

    def _await(self, fd: int, event: int) -> None:
        """Wait until a descriptor is ready.

        Raises:
            InterruptedError: the command is to stop.
        """
        ready = select.poll()
        ready.register(fd, event)
        for stop in self.stop_fds:
            ready.register(stop, select.POLLIN)
        if any(which in self.stop_fds for which, _ in ready.poll()):
            raise InterruptedError(errno.EINTR, "the command stops")

    @property
    def input(self) -> int:
        """The descriptor of standard input."""
        return self._fds[0]

    def stopped(self) -> bool:
        """Whether the command is to stop."""
        ready = select.poll()
        for stop in self.stop_fds:
            ready.register(stop, select.POLLIN)
        return bool(ready.poll(0))

    def _write(self, fd: int, vectors: _Vectors) -> int:
        if len(self.stop_fds) > 1:
            self._await(self._fds[fd], select.POLLOUT)
        try:
            return os.writev(self._fds[fd], vectors.views) if vectors.views else 0
        except OSError as e:
            if e.errno == errno.EFBIG:
                self.too_large()
            raise


class _Vectors:
    """The buffers that a module passes to a read or write, checked against its memory."""

    def __init__(self, memory: wt.Memory, caller: wt.Caller, at: int, count: int, result: int) -> None:
        size = memory.data_len(caller)
        base = ctypes.addressof(memory.data_ptr(caller).contents)
        if at + 8 * count > size or result + 4 > size:
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
        pairs = (ctypes.c_uint32 * (2 * count)).from_address(base + at)
        self.views: list[memoryview] = []
        for i in range(count):
            start, length = pairs[2 * i], pairs[2 * i + 1]
            if start + length > size:
                raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
            if length:
                self.views.append(memoryview((ctypes.c_ubyte * length).from_address(base + start)).cast("B"))
        self._result = base + result

    def answer(self, count: int) -> None:
        """Tell the module how many bytes were moved."""
        ctypes.c_uint32.from_address(self._result).value = count
