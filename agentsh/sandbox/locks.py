"""Locks on ranges of files among the commands of an action: WASI has none, and two databases' writers must not meet.

They work as POSIX's: a command's own locks never stand in its way, a new one replaces what it covers of an old one, and
all end with the command.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

END: Final = 1 << 62
"""Where a range ends that has no end."""

MAX_HELD: Final = 4096
"""Locks that one command may hold; one more fails."""


@dataclass(frozen=True, slots=True)
class _Held:
    owner: object
    start: int
    end: int
    exclusive: bool


class Locks:
    """The locks of all files, by name."""

    def __init__(self) -> None:
        self._files: dict[object, list[_Held]] = {}
        self._lock = threading.Lock()

    def is_free(self, file: object, owner: object, span: tuple[int, int], *, exclusive: bool) -> bool:
        """Whether ``owner`` could lock the bytes from ``span[0]`` to before ``span[1]``."""
        with self._lock:
            return self._is_free(file, owner, span, exclusive=exclusive)

    def take(self, file: object, owner: object, span: tuple[int, int], *, exclusive: bool) -> bool:
        """Lock bytes; False when another owner's lock forbids it.

        Raises:
            OverflowError: the owner holds :data:`MAX_HELD` locks.
        """
        with self._lock:
            if not self._is_free(file, owner, span, exclusive=exclusive):
                return False
            if sum(h.owner is owner for held in self._files.values() for h in held) >= MAX_HELD:
                raise OverflowError(MAX_HELD)
            self._cut(file, owner, span)
            self._files.setdefault(file, []).append(_Held(owner, *span, exclusive))
            return True

    def release(self, file: object, owner: object, span: tuple[int, int]) -> None:
        """Unlock bytes; what of them was not locked stays so."""
        with self._lock:
            self._cut(file, owner, span)

    def end(self, owner: object) -> None:
        """Unlock everything that an owner holds."""
        with self._lock:
            for file, held in list(self._files.items()):
                left = [h for h in held if h.owner is not owner]
                if left:
                    self._files[file] = left
                else:
                    del self._files[file]

    def _is_free(self, file: object, owner: object, span: tuple[int, int], *, exclusive: bool) -> bool:
        start, end = span
        return not any(
            h.owner is not owner and h.start < end and start < h.end and (exclusive or h.exclusive)
            for h in self._files.get(file, ())
        )

    def _cut(self, file: object, owner: object, span: tuple[int, int]) -> None:
        start, end = span
        left: list[_Held] = []
        for h in self._files.pop(file, ()):
            if h.owner is not owner or h.end <= start or end <= h.start:
                left.append(h)
                continue
            if h.start < start:
                left.append(_Held(owner, h.start, start, h.exclusive))
            if end < h.end:
                left.append(_Held(owner, end, h.end, h.exclusive))
        if left:
            self._files[file] = left


LOCKS: Final = Locks()
"""Those of this process: it runs one action at a time."""
