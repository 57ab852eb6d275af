"""``poll_oneoff`` of our own: a module that sleeps or waits for input can be stopped.

WASI's own waits in the kernel, where nothing but the end of the process reaches it. Layouts are those of WASI preview
1: a subscription has 48 bytes, an event 32.
"""

from __future__ import annotations

import ctypes
import errno
import select
import struct
import time
from typing import TYPE_CHECKING

import wasmtime as wt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh.sandbox.worker.streams import Streams

_SUBSCRIPTION = struct.Struct("<QB7xI4xQQH6x")
"""What it is called, its kind, the clock (or descriptor), the time in nanoseconds, its precision, and whether the
time is absolute."""
_EVENT = struct.Struct("<QHB5xQH6x")
_CLOCK, _READ = 0, 1
_ABSOLUTE = 1
_EFAULT, _EINVAL = 21, 28
_MAX = 1024
_MASK32 = 0xFFFFFFFF
_MONOTONIC = 1
_FOREVER_S = 1e9


def define_poll(linker: wt.Linker, wasi: str, streams: Callable[[], Streams], *, fixed_ns: int | None = None) -> None:
    """Put our ``poll_oneoff`` in the place of WASI's.

    Args:
        linker: where.
        wasi: the import module.
        streams: those of the run that calls.
        fixed_ns: what every clock of the module shows, where they stand still.
    """

    def poll(caller: wt.Caller, source: int, target: int, number: int, result: int) -> int:
        memory = caller.get("memory")
        if not isinstance(memory, wt.Memory):
            return _EFAULT
        source, target, number, result = (v & _MASK32 for v in (source, target, number, result))
        size = memory.data_len(caller)
        if not 0 < number <= _MAX:
            return _EINVAL
        if source + number * 48 > size or target + number * 32 > size or result + 4 > size:
            return _EFAULT
        base = ctypes.addressof(memory.data_ptr(caller).contents)
        asked = [_SUBSCRIPTION.unpack_from(ctypes.string_at(base + source + 48 * n, 48)) for n in range(number)]
        events = _wait(asked, streams(), fixed_ns)
        packed = b"".join(events)
        ctypes.memmove(base + target, packed, len(packed))
        ctypes.c_uint32.from_address(base + result).value = len(events)
        return 0

    linker.allow_shadowing = True
    i32 = wt.ValType.i32()
    linker.define_func(wasi, "poll_oneoff", wt.FuncType([i32] * 4, [i32]), poll, access_caller=True)


def _wait(asked: Sequence[tuple[int, ...]], streams: Streams, fixed_ns: int | None) -> list[bytes]:
    """The events of the first subscriptions that are met.

    Raises:
        InterruptedError: the command is to stop.
    """
    now = time.monotonic_ns()
    ends: dict[int, int] = {}
    poll = select.poll()
    for fd in streams.stop_fds:
        poll.register(fd, select.POLLIN)
    inputs: dict[int, list[int]] = {}
    ready: list[int] = []
    for n, (_, kind, which, timeout, _precision, flags) in enumerate(asked):
        if kind == _CLOCK:
            # WASI's monotonic clock begins with the command.
            clock = fixed_ns or (now - streams.began_ns if which == _MONOTONIC else time.time_ns())
            ends[n] = now + (timeout - clock if flags & _ABSOLUTE else timeout)
        elif kind == _READ and which == 0:
            inputs.setdefault(streams.input, []).append(n)
        else:
            ready.append(n)  # a regular file, or output: whoever reads or writes waits there
    for fd in inputs:
        poll.register(fd, select.POLLIN)
    wait_s = 0.0 if ready else (min(ends.values()) - now) / 1e9 if ends else _FOREVER_S
    found = {fd for fd, _ in poll.poll(max(0.0, min(wait_s, _FOREVER_S / 1000)) * 1000)}
    if found & set(streams.stop_fds):
        raise InterruptedError(errno.EINTR, "the command stops")
    now = time.monotonic_ns()
    ready += [n for fd in found for n in inputs.get(fd, ())]
    ready += [n for n, end in ends.items() if end <= now] or ([min(ends, key=ends.__getitem__)] if not ready else [])
    return [_EVENT.pack(asked[n][0], 0, asked[n][1], 0, 0) for n in sorted(set(ready))]
