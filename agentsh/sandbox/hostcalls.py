"""What the host offers to guests beside WASI: search below a directory in few calls, and permission bits.

The import module is ``agentsh``. A guest passes pointers into its own memory and absolute paths as actions know them
(under :data:`agentsh.sandbox.contract.GUEST_ROOT`). Every path goes through :class:`agentsh.core.tree.Tree`: resolved
as the action sees it, then opened one name at a time without following anything. Nothing that a guest passes can raise
through it: a bad pointer is EFAULT, everything else the errno of what went wrong, numbered as WASI does.

- ``get_mode(path, length, follow)``: permission bits, or -errno.
- ``set_mode(path, length, bits)``: 0, or errno.
- ``read_link(path, length, buffer, capacity)``: bytes written, or -errno. WASI hides what absolute links say.
- ``read_dir(path, length, buffer, capacity)``: bytes that the directory's entries take, or -errno. They are there only
  if they fit, as WASI's ``fd_readdir`` has them, which fails on a directory with a name that is not UTF-8.
- ``get_stat(path, length, follow, buffer)``: 0, or errno; the status is eight 64-bit numbers, see :data:`_STATUS`.
- ``remove(path, length, directory)``: 0, or errno; an empty directory, or anything else.
- ``lock(path, length, kind, start, length)``: 0, or errno; a range of a file, see :mod:`agentsh.sandbox.locks`.
- ``walk_open(path, length, flags, filters, length)``: a handle, or -errno.
- ``walk_next(handle, buffer, capacity)``: bytes written, 0 at the end, or -errno.
- ``walk_close(handle)``: 0, or errno.
- ``run_line(line, length, input, length, how)``: the status of a shell line that has run to its end, or -errno. For
  those commands of the userland alone whose programs start commands; see :data:`RunLine`.
- ``take_output(buffer, capacity)``: bytes that the last such line printed. They are there only if they fit.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from agentsh.core.tool import EVERYTHING
from agentsh.core.tree import OutsideTreeError, Tree
from agentsh.sandbox.contract import GUEST_ROOT
from agentsh.sandbox.locks import END, LOCKS
from agentsh.sandbox.walk import Walk, parse_filters
from agentsh.sandbox.wasi import wasi_errno

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmtime import Caller, Linker, Store

    from agentsh.core.tool import Capabilities

MODULE: Final = "agentsh"
MAX_PATH: Final = 64 * 1024
MAX_FILTERS: Final = 1024 * 1024
_STATUS: Final = struct.Struct("<QQQQqqqQ")
"""Device, inode, size, links, times of change, access and status change in nanoseconds, and the guest's ``st_mode``."""
_ENTRY: Final = struct.Struct("<QQIB3x")
"""What stands before each name: where the next entry begins, inode, the name's length, WASI's file type."""
_DIRECTORY: Final = 3
_REGULAR: Final = 4
_SYMLINK: Final = 7
_CHANGING: Final = frozenset(["set_mode", "remove"])
_UNLOCK, _EXCLUSIVE, _KINDS, _ONLY_ASK = 0, 2, 3, 4
"""Kinds of locks; 1 is a shared one."""
RunLine: TypeAlias = "Callable[[bytes, bytes | None, bool], tuple[int, bytes]]"
"""Runs a shell line: the line; what it reads, None for the command's own standard input; whether its output is kept
rather than printed. Gives its status and its output.

Raises:
    InterruptedError: the action is being stopped.
"""
_WITH_INPUT, _KEEP_OUTPUT = 1, 2
_MAX_LINE: Final = 1024 * 1024
MAX_WALKS: Final = 32
"""Searches open at a time; one more closes the oldest, which a guest that was stopped may have left behind."""


class Hostcalls:
    """The host calls of one linker's instances, which may run side by side.

    Args:
        tree: the staging view.
        root_name: the absolute path by which guests know its root.
    """

    def __init__(self, tree: Tree, *, root_name: bytes = GUEST_ROOT) -> None:
        self._tree = tree
        self._root_name = root_name
        self._walks: dict[int, Walk] = {}
        self._next_walk = 1
        self._lock = threading.Lock()
        self.runner: RunLine | None = None
        """What runs a shell line for the present command; None where it may start none."""
        self._output = b""

    def close(self) -> None:
        """Close what guests left open, and unlock what they left locked."""
        LOCKS.end(self)
        self.runner, self._output = None, b""
        with self._lock:
            left = list(self._walks.values())
            self._walks.clear()
        for walk in left:
            walk.close()

    def get_mode(self, memory: _Memory, pointer: int, length: int, follow: int) -> int:
        """Permission bits of a path, through a last symlink when ``follow`` is not 0."""
        st = self._tree.lstat(self._locate(memory, pointer, length, follow=bool(follow)))
        if st is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return stat.S_IMODE(st.st_mode)

    def read_link(self, memory: _Memory, pointer: int, length: int, buffer: int, capacity: int) -> int:
        """The text of a symlink, cut to the buffer as ``readlink`` does. Reading it follows nothing."""
        path = self._locate(memory, pointer, length, follow=False)
        if not path:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        text = self._tree.readlink(path)[: max(capacity, 0)]
        memory.view(buffer, capacity)[: len(text)] = text
        return len(text)

    def read_dir(self, memory: _Memory, pointer: int, length: int, buffer: int, capacity: int) -> int:
        """The entries of a directory, ``.`` and ``..`` first: how many bytes they take; they are there if they fit."""
        with self._tree.directory(self._locate(memory, pointer, length, follow=True)) as fd:
            found = [(b".", os.fstat(fd).st_ino, _DIRECTORY), (b"..", 0, _DIRECTORY)]
            with os.scandir(fd) as entries:
                found += sorted((os.fsencode(e.name), e.inode(), _wasi_type(e)) for e in entries)
        packed = bytearray()
        for name, inode, kind in found:
            packed += _ENTRY.pack(len(packed) + _ENTRY.size + len(name), inode, len(name), kind) + name
        if len(packed) <= capacity:
            memory.view(buffer, capacity)[: len(packed)] = packed
        return len(packed)

    def get_stat(self, memory: _Memory, pointer: int, length: int, follow: int, buffer: int) -> int:
        """The status of a path, through a last symlink when ``follow`` is not 0."""
        st = self._tree.lstat(self._locate(memory, pointer, length, follow=bool(follow)))
        if st is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        times = st.st_mtime_ns, st.st_atime_ns, st.st_ctime_ns
        packed = _STATUS.pack(st.st_dev, st.st_ino, st.st_size, st.st_nlink, *times, st.st_mode & 0xFFFF)
        memory.view(buffer, _STATUS.size)[:] = packed
        return 0

    def remove(self, memory: _Memory, pointer: int, length: int, directory: int) -> int:
        """Remove an empty directory when ``directory`` is not 0, else anything but a directory."""
        with self._tree.parent(self._locate(memory, pointer, length, follow=False)) as (fd, name):
            if directory:
                os.rmdir(name, dir_fd=fd)
            else:
                os.unlink(name, dir_fd=fd)
        return 0

    def set_mode(self, memory: _Memory, pointer: int, length: int, mode: int) -> int:
        """Set permission bits of a file or directory; a symlink is followed inside the tree.

        Raises:
            OSError: EPERM for setuid, setgid, sticky, and for anything that is no file or directory.
        """
        if mode & ~0o777:
            raise PermissionError(errno.EPERM, "bits beyond rwxrwxrwx")
        path = self._locate(memory, pointer, length, follow=True)
        st = self._tree.lstat(path)
        if st is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if stat.S_ISDIR(st.st_mode):
            # A directory that its owner cannot enter could be neither reviewed nor discarded.
            with self._tree.directory(path) as fd:
                os.fchmod(fd, mode | 0o700)
            return 0
        if not stat.S_ISREG(st.st_mode):
            raise PermissionError(errno.EPERM, "no file or directory")
        self._chmod_file(path, mode)
        return 0

    def _chmod_file(self, path: bytes, mode: int) -> None:
        # Between the look and the change another command may put a symlink there: change only what a no-follow open
        # gave. A file that its owner may neither read nor write is reached by O_PATH, where there is such a thing.
        try:
            fd = self._tree.open(path)
        except PermissionError:
            if not hasattr(os, "O_PATH"):
                with self._tree.parent(path) as (parent, name):
                    os.chmod(name, mode, dir_fd=parent, follow_symlinks=False)
                return
            fd = self._tree.open(path, os.O_PATH)
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise
                Path(f"/proc/self/fd/{fd}").chmod(mode)
            finally:
                os.close(fd)
            return
        try:
            os.fchmod(fd, mode)
        finally:
            os.close(fd)

    def lock(self, memory: _Memory, pointer: int, length: int, kind: int, start: int, span: int) -> int:  # noqa: PLR0917
        """Lock or unlock a range of a file; ``kind`` is one of :data:`_UNLOCK` and its like.

        Raises:
            OSError: EAGAIN where another command's lock forbids it.
        """
        file = self._tree.path, self._locate(memory, pointer, length, follow=True)
        if start < 0 or span < 0 or kind & ~(_KINDS | _ONLY_ASK):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        range_ = start, start + span if span else END
        exclusive = kind & _KINDS == _EXCLUSIVE
        if kind & _ONLY_ASK:
            done = LOCKS.is_free(file, self, range_, exclusive=exclusive)
        elif kind == _UNLOCK:
            LOCKS.release(file, self, range_)
            done = True
        else:
            try:
                done = LOCKS.take(file, self, range_, exclusive=exclusive)
            except OverflowError:
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)) from None
        if not done:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return 0

    def walk_open(  # noqa: PLR0917  (a guest's arguments have no names)
        self, memory: _Memory, pointer: int, length: int, flags: int, filters: int, filters_len: int
    ) -> int:
        """Start a search below a directory; see :mod:`agentsh.sandbox.walk` for flags and filters."""
        if filters_len > MAX_FILTERS:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        rules = parse_filters(memory.read(filters, filters_len))
        walk = Walk(self._tree, self._locate(memory, pointer, length, follow=True), flags, rules)
        oldest = None
        with self._lock:
            handle = self._next_walk
            # Handles are positive in 32 bits; after two thousand million searches the numbers begin again.
            self._next_walk = handle % 0x7FFFFFFF + 1
            if len(self._walks) >= MAX_WALKS:
                oldest = self._walks.pop(next(iter(self._walks)))
            self._walks[handle] = walk
        if oldest is not None:
            oldest.close()
        return handle

    def walk_next(self, memory: _Memory, handle: int, buffer: int, capacity: int) -> int:
        """Fill the buffer with the next records."""
        walk = self._walks.get(handle)
        if walk is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return walk.fill(memory.view(buffer, capacity))

    def walk_close(self, _memory: _Memory, handle: int) -> int:
        """End a search before its end, or after."""
        with self._lock:
            walk = self._walks.pop(handle, None)
        if walk is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        walk.close()
        return 0

    def run_line(  # noqa: PLR0917
        self, memory: _Memory, line: int, length: int, given: int, given_length: int, how: int
    ) -> int:
        """Run a shell line to its end; its status.

        Raises:
            OSError: ENOSYS where the command may start none.
        """
        if self.runner is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        if length > _MAX_LINE:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        text = memory.read(line, length)
        read = memory.read(given, given_length) if how & _WITH_INPUT else None
        self._output = b""
        status, self._output = self.runner(text, read, bool(how & _KEEP_OUTPUT))
        return status & 0xFF

    def take_output(self, memory: _Memory, buffer: int, capacity: int) -> int:
        """What the last line printed; see :meth:`run_line`."""
        size = len(self._output)
        if size <= capacity:
            memory.view(buffer, capacity)[:size] = self._output
            self._output = b""
        return size

    def _locate(self, memory: _Memory, pointer: int, length: int, *, follow: bool) -> bytes:
        if length > MAX_PATH:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        path = memory.read(pointer, length)
        if not path.startswith(b"/") or b"\0" in path:
            raise OutsideTreeError(path)
        if follow:
            return self._tree.resolve(path, root_name=self._root_name)
        head, _, name = path.rstrip(b"/").rpartition(b"/")
        if name in (b".", b"..") or path.rstrip(b"/") == self._root_name:
            return self._tree.resolve(path, root_name=self._root_name)
        parent = self._tree.resolve(head, root_name=self._root_name)
        return parent + b"/" + name if parent else name


def _wasi_type(entry: os.DirEntry[str]) -> int:
    """What WASI calls an entry's type; 0 for what it has no word for."""
    if entry.is_symlink():
        return _SYMLINK
    if entry.is_dir(follow_symlinks=False):
        return _DIRECTORY
    return _REGULAR if entry.is_file(follow_symlinks=False) else 0


class _Memory:
    """A guest's memory during one call."""

    def __init__(self, base: int, size: int) -> None:
        self._base = base
        self._size = size

    def _check(self, pointer: int, length: int) -> int:
        # wasm's i32 arrive signed.
        pointer &= 0xFFFFFFFF
        if length < 0 or pointer + length > self._size:
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
        return self._base + pointer

    def read(self, pointer: int, length: int) -> bytes:
        """A copy of the guest's bytes."""
        return ctypes.string_at(self._check(pointer, length), length)

    def view(self, pointer: int, length: int) -> memoryview:
        """The guest's own bytes, for writing; valid until the call returns."""
        start = self._check(pointer, length)
        return memoryview((ctypes.c_ubyte * length).from_address(start)).cast("B")


def define_hostcalls(
    linker: Linker,
    store: Store,  # noqa: ARG001  (see there)
    *,
    tree: Tree,
    capabilities: Capabilities = EVERYTHING,
) -> Hostcalls:
    """Offer the host calls to the instances that ``linker`` makes.

    Args:
        linker: where to define them.
        store: the instances' store; the functions belong to the linker, and serve this store's instances alone.
        tree: the staging view; it must outlive the instances.
        capabilities: what the instances may; a call that needs more fails.

    Returns:
        The calls' state; close it when the instances have ended.
    """
    from wasmtime import FuncType, Memory, ValType  # noqa: PLC0415  (loaded in the sandbox's worker alone)

    calls = Hostcalls(tree)
    i32 = ValType.i32()

    def memory_of(caller: Caller) -> _Memory:
        exported = caller.get("memory")
        if not isinstance(exported, Memory):
            return _Memory(0, 0)  # every pointer is out of bounds
        return _Memory(ctypes.addressof(exported.data_ptr(caller).contents), exported.data_len(caller))

    def offer(name: str, arity: int, call: Callable[..., int], *, negative: bool) -> None:
        allowed = capabilities.write if name in _CHANGING else capabilities.read

        def run(caller: Caller, *args: int) -> int:
            try:
                if not allowed:
                    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
                return call(memory_of(caller), *args)
            except InterruptedError:
                raise  # ends the command
            except OSError as e:
                number = wasi_errno(e)
                return -number if negative else number

        linker.define_func(MODULE, name, FuncType([i32] * arity, [i32]), run, access_caller=True)

    offer("get_mode", 3, calls.get_mode, negative=True)
    offer("set_mode", 3, calls.set_mode, negative=False)
    offer("read_link", 4, calls.read_link, negative=True)
    offer("read_dir", 4, calls.read_dir, negative=True)
    offer("get_stat", 4, calls.get_stat, negative=False)
    offer("remove", 3, calls.remove, negative=False)
    offer("lock", 5, calls.lock, negative=False)
    offer("walk_open", 5, calls.walk_open, negative=True)
    offer("walk_next", 3, calls.walk_next, negative=True)
    offer("walk_close", 1, calls.walk_close, negative=False)
    offer("run_line", 5, calls.run_line, negative=True)
    offer("take_output", 2, calls.take_output, negative=True)
    return calls
