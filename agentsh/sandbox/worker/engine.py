"""The one WebAssembly engine of a worker."""

from __future__ import annotations

import threading
from typing import Any

import wasmtime as wt
from wasmtime import _ffi, _func, _slab

STACK = 8 << 20
"""Bytes of stack that a module may use: CPython's own recursion limit needs that much."""


_SLAB_LOCK = threading.RLock()  # re-entrant: a finaliser may run within an allocation


class _LockedSlab(_slab.Slab[Any]):
    """The binding's table of host functions, which commands in several threads fill and empty at once.

    Its own has no lock: two functions could get one number.
    """

    def allocate(self, val: Any) -> int:
        with _SLAB_LOCK:
            return super().allocate(val)

    def deallocate(self, idx: int) -> None:
        with _SLAB_LOCK:
            super().deallocate(idx)


def make_engine() -> wt.Engine:
    """An engine whose guests stop at the next loop or call when :meth:`wasmtime.Engine.increment_epoch` is called."""
    _func.FUNCTIONS.__class__ = _LockedSlab  # in place: other modules of the binding hold it by now
    config = wt.Config()
    config.epoch_interruption = True
    # The engine refuses a stack larger than the one of calls that may suspend, of which we make none; the binding has
    # no name for that setting yet.
    _ffi.dll.wasmtime_config_async_stack_size_set(config.ptr(), STACK)
    config.max_wasm_stack = STACK
    return wt.Engine(config)
