"""Threads kept for the next command: starting one costs more than running ``echo``."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_STACK = 16 << 20  # address space, not memory: a module's own stack, twice over


def large_stacks() -> None:
    """Give threads that start from here on a stack on which a module can run."""
    threading.stack_size(_STACK)


class Pool:
    """As many threads as run at once; idle ones are taken again."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Callable[[], None]]] = []
        self.size = 0
        """Threads that were started; they stay."""
        large_stacks()

    def run(self, work: Callable[[], None]) -> None:
        """Run ``work``, which must not raise, on a thread of the pool.

        Raises:
            RuntimeError: the system has no thread left.
        """
        try:
            self._idle.pop().put(work)
        except IndexError:
            box: SimpleQueue[Callable[[], None]] = SimpleQueue()
            box.put(work)
            self.size += 1
            threading.Thread(target=self._serve, args=(box,), daemon=True).start()

    def _serve(self, box: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            box.get()()
            self._idle.append(box)
