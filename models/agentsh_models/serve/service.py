"""One thread that computes for everybody who asks."""

from __future__ import annotations

import logging
import queue
import threading
from typing import TYPE_CHECKING

from agentsh_models.errors import ModelFault, Stopped
from agentsh_models.generation import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh_models.generation import Engine
    from agentsh_models.request import Request

_log = logging.getLogger(__name__)
MOST_WAITING = 64
"""Requests at most that are under way or wait."""


class Service:
    """Answers requests of any thread, all of them together (continuous batching).

    Args:
        engine: computes; used by the service's thread alone once it runs.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._inbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._open: set[int] = set()
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="agentsh-model", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> bool:
        """Take a request up; its callbacks are called from the service's thread. False when too many wait."""
        with self._lock:
            if self._closing or len(self._open) >= MOST_WAITING:
                return False
            self._open.add(id(request))
        self._watch(request)
        self._inbox.put(request)
        return True

    def close(self) -> None:
        """End what is under way, and the thread."""
        with self._lock:
            self._closing = True
        self._inbox.put(None)
        self._thread.join()

    def _watch(self, request: Request) -> None:
        """Notice when a request is over."""
        left = request.n
        tell_end, tell_fault = request.on_end, request.on_fault

        def on_end(number: int, *answer: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                self._forget(request)
            tell_end(number, *answer)  # type: ignore[arg-type]

        def on_fault(fault: ModelFault) -> None:
            self._forget(request)
            tell_fault(fault)

        request.on_end, request.on_fault = on_end, on_fault

    def _forget(self, request: Request) -> None:
        with self._lock:
            self._open.discard(id(request))

    def _work(self) -> None:
        batch = Batch(self.engine)
        while True:
            while not batch.busy or not self._inbox.empty():
                request = self._inbox.get()
                if request is None:
                    batch.fail(Stopped("The model is being closed."))
                    return
                self._guarded(batch, lambda r=request: batch.add(r))  # type: ignore[misc]
            self._guarded(batch, batch.step)

    @staticmethod
    def _guarded(batch: Batch, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as e:  # noqa: BLE001 - it is logged and told: a defect must not leave everybody waiting
            _log.exception("the model failed")
            batch.fail(ModelFault(f"The model failed: {type(e).__name__}: {e}."))
