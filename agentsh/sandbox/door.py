"""A door in Python's module to a function of its host: the status of many paths in one call.

WASI has no permission bits and takes 10 us for each path. ``git`` in the sandbox asks about every file that a
repository knows, so it hands them over at once. What it gets is what the userland's ``get_stat`` gives as well; nothing
is followed, nothing outside of the staging view is seen.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import wasmtime as wt

    from agentsh.core.tree import Tree

NO_HOST: Final = -1
_FAULT: Final = -2
_LSTAT: Final = b"lstat\0"
_STAT: Final = struct.Struct("<IQq")
_NOTHING: Final = _STAT.pack(0, 0, 0)
_MOST_REQUEST: Final = 64 << 20


def answer(tree: Tree, request: bytes) -> bytes | None:
    """The answer to a request; None to one that is not known.

    Args:
        tree: the staging view.
        request: ``lstat``, then paths below the view's root, each after a NUL.

    Returns:
        For each path its mode, size, and time of change in nanoseconds; zeros where there is nothing.
    """
    if not request.startswith(_LSTAT):
        return None
    out = bytearray()
    last, fd = None, -1
    try:
        for path in request[len(_LSTAT) :].split(b"\0"):
            directory, _, name = path.rpartition(b"/")
            if directory != last:
                if fd >= 0:
                    os.close(fd)
                fd, last = _open(tree, directory), directory
            out += _look(fd, name)
    finally:
        if fd >= 0:
            os.close(fd)
    return bytes(out)


def _open(tree: Tree, directory: bytes) -> int:
    """A descriptor of a directory; -1 where there is none."""
    try:
        with tree.directory(directory) as fd:
            return os.dup(fd)
    except OSError:
        return -1


def _look(fd: int, name: bytes) -> bytes:
    if fd < 0 or name in (b"", b".", b".."):
        return _NOTHING
    try:
        st = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except (OSError, ValueError):
        return _NOTHING
    return _STAT.pack(st.st_mode, st.st_size, st.st_mtime_ns)


def define_door(linker: wt.Linker, tree: Tree | None) -> None:
    """Offer the door to the instances that ``linker`` makes.

    Args:
        linker: where to define it.
        tree: the staging view; None for a door with nothing behind it.
    """
    import wasmtime as wt  # noqa: PLC0415 - loaded in the worker alone

    i32 = wt.ValType.i32()
    kind = wt.FuncType([i32] * 4, [i32])
    if tree is None:
        linker.define_func("host", "call", kind, lambda *_: NO_HOST)
        return

    def call(caller: wt.Caller, at: int, length: int, answer_at: int, answer_length: int) -> int:
        memory, allocate = caller.get("memory"), caller.get("host_alloc")
        if not isinstance(memory, wt.Memory) or not isinstance(allocate, wt.Func):
            return _FAULT
        at, length, answer_at, answer_length = (n & 0xFFFFFFFF for n in (at, length, answer_at, answer_length))
        size = memory.data_len(caller)
        if length > _MOST_REQUEST or at + length > size or max(answer_at, answer_length) + 4 > size:
            return _FAULT
        found = answer(tree, bytes(memory.read(caller, at, at + length)))
        if found is None:
            return NO_HOST
        place = int(allocate(caller, len(found))) & 0xFFFFFFFF
        if not place or place + len(found) > memory.data_len(caller):
            return _FAULT
        memory.write(caller, found, place)
        memory.write(caller, place.to_bytes(4, "little"), answer_at)
        memory.write(caller, len(found).to_bytes(4, "little"), answer_length)
        return 0

    linker.define_func("host", "call", kind, call, access_caller=True)
