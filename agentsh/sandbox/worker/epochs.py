"""Which guests end when the engine's epoch moves: all of a job, or those of one group.

A store without more ends at the first epoch after its deadline, and so would every other. The C API lets a store ask
instead: it calls back, and goes on for another epoch unless we say no. The binding has no name for that yet.
"""

from __future__ import annotations

import ctypes
import itertools
from typing import TYPE_CHECKING, Any

from wasmtime import _bindings, _ffi

if TYPE_CHECKING:
    import wasmtime as wt

    from agentsh.sandbox.stop import Stop

_Callback, _Data, _Finalizer = _ffi.dll.wasmtime_store_epoch_deadline_callback.argtypes[1:]
_NO_FINALIZER: Any = ctypes.cast(ctypes.c_void_p(None), _Finalizer)  # type: ignore[type-var]
_CONTINUE = 0
_JOB = 0  # the number of every store that belongs to no group


class Epochs:
    """The answers to stores that ask whether to go on.

    Args:
        cancelled: whether the whole job is to stop.
    """

    def __init__(self, cancelled: Any) -> None:
        self._cancelled = cancelled
        self._stops: dict[int, Stop] = {}
        self._numbers = itertools.count(1)
        self._call = _Callback(self._asked)

    def join(self, store: wt.Store, stop: Stop | None) -> int:
        """Have a store ask; the number to :meth:`leave` with."""
        number = _JOB
        if stop is not None:
            number = next(self._numbers)
            self._stops[number] = stop
        _bindings.wasmtime_store_epoch_deadline_callback(store.ptr(), self._call, number, _NO_FINALIZER)
        store.set_epoch_deadline(1)
        return number

    def leave(self, number: int) -> None:
        """The store has ended."""
        self._stops.pop(number, None)

    def _asked(self, _context: Any, number: int | None, delta: Any, kind: Any) -> int | None:
        stop = self._stops.get(number or _JOB)
        if self._cancelled.is_set() or (stop is not None and stop.requested):
            # The engine takes the error over, and ends the guest with it.
            return ctypes.cast(_bindings.wasmtime_error_new(b"stopped"), ctypes.c_void_p).value
        delta[0], kind[0] = 1, _CONTINUE
        return 0
