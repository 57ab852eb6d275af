"""Renames that cannot lose a file: one that refuses to replace, and one that exchanges two names.

Linux has both in ``renameat2``, macOS in ``renameatx_np``. Where the system or the filesystem lacks them (NFS, some
FUSE mounts), they are put together from plain renames; a name is then missing for a moment, but nothing is overwritten.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    _Rename = Callable[[int, bytes, int, bytes, int], int]

OLD = b".old"
"""Added to the source's name while an exchange is put together from plain renames."""

_NEW, _EXCHANGE = (4, 2) if sys.platform == "darwin" else (1, 2)
_LACKING = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


@cache
def _native() -> _Rename | None:
    """The system's call; None where there is none."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameatx_np" if sys.platform == "darwin" else "renameat2", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
        call.restype = ctypes.c_int
    return call


def _call(src_fd: int, src: bytes, dst_fd: int, dst: bytes, flag: int) -> bool:
    """Run the system's call; False where it is not offered here."""
    native = _native()
    if native is None:
        return False
    if native(src_fd, src, dst_fd, dst, flag) == 0:
        return True
    code = ctypes.get_errno()
    if code in _LACKING:
        return False
    raise OSError(code, os.strerror(code), dst)


def rename_new(src_fd: int, src: bytes, dst_fd: int, dst: bytes) -> None:
    """Rename ``src`` to ``dst``, which must not exist.

    Raises:
        FileExistsError: it does; both stay as they are.
        OSError: as ``rename``.
    """
    if _call(src_fd, src, dst_fd, dst, _NEW):
        return
    try:
        # A second name refuses to replace too. Directories cannot have one, and are never renamed here.
        os.link(src, dst, src_dir_fd=src_fd, dst_dir_fd=dst_fd, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        if _exists(dst_fd, dst):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), dst) from None
        os.rename(src, dst, src_dir_fd=src_fd, dst_dir_fd=dst_fd)
        return
    os.unlink(src, dir_fd=src_fd)


def exchange(src_fd: int, src: bytes, dst_fd: int, dst: bytes) -> None:
    """Give each of two existing names what the other one has.

    Raises:
        OSError: one of them does not exist, or as ``rename``; both stay as they are.
    """
    if _call(src_fd, src, dst_fd, dst, _EXCHANGE):
        return
    rename_new(dst_fd, dst, src_fd, src + OLD)
    try:
        rename_new(src_fd, src, dst_fd, dst)
    except OSError:
        rename_new(src_fd, src + OLD, dst_fd, dst)
        raise
    rename_new(src_fd, src + OLD, src_fd, src)


def _exists(fd: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
