"""The one WebAssembly engine of a worker."""

from __future__ import annotations

import wasmtime as wt
from wasmtime import _ffi

STACK = 8 << 20
"""Bytes of stack that a module may use: CPython's own recursion limit needs that much."""


def make_engine() -> wt.Engine:
    """An engine whose guests stop at the next loop or call when :meth:`wasmtime.Engine.increment_epoch` is called."""
    config = wt.Config()
    config.epoch_interruption = True
    # The engine refuses a stack larger than the one of calls that may suspend, of which we make none; the binding has
    # no name for that setting yet.
    _ffi.dll.wasmtime_config_async_stack_size_set(config.ptr(), STACK)
    config.max_wasm_stack = STACK
    return wt.Engine(config)
