"""A small disk of a test's own: real, in a mount namespace that ends with the process."""

from __future__ import annotations

import ctypes
import errno
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import blake3  # noqa: F401 - here, so that not each of the processes loads them anew
import sqlite_utils  # noqa: F401
import zstandard  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable

_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_RDONLY, _REMOUNT, _REC, _PRIVATE = 1, 32, 16384, 1 << 18


def _mount(source: str, target: Path, flags: int, data: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), os.fsencode(target), b"tmpfs", ctypes.c_ulong(flags), data.encode()) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(target))


def _room_for(fd: int, data: bytes) -> bool:
    try:
        os.write(fd, data)
    except OSError as e:
        if e.errno != errno.ENOSPC:
            raise
        return False
    return True


def _own_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEWNS if os.geteuid() == 0 else _NEWNS | _NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _mount("none", Path("/"), _REC | _PRIVATE)


class Disk:
    """The disk that a test's process sees at ``root``."""

    def __init__(self, root: Path, size: int) -> None:
        self.root = root
        self._filler = root / "filler"
        _mount("disk", root, 0, f"size={size}")

    def fill(self, leave: int = 0) -> None:
        """Take all space but ``leave`` bytes."""
        fd = os.open(self._filler, os.O_WRONLY | os.O_CREAT)
        while _room_for(fd, bytes(4096)):
            continue
        os.ftruncate(fd, max(0, os.fstat(fd).st_size - leave))
        os.close(fd)

    def empty(self) -> None:
        self._filler.unlink(missing_ok=True)

    def read_only(self, *, on: bool) -> None:
        """The kernel refuses while a file is open for writing."""
        _mount("disk", self.root, _REMOUNT | (_RDONLY if on else 0))


def on_small_disk(root: Path, size: int, work: Callable[[Disk], None]) -> bool:
    """Run ``work`` in a process with a disk of ``size`` bytes at ``root``; False where that cannot be had."""
    root.mkdir(exist_ok=True)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            try:
                _own_namespace()
                disk = Disk(root, size)
            except OSError:
                os._exit(77)
            work(disk)
            code = 0
        except BaseException:  # noqa: BLE001 - told to the parent, which fails
            os.write(write, traceback.format_exc().encode()[-60000:])
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as f:
        told = f.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, 77), told or code
    return code == 0
