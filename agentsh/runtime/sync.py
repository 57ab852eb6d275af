"""Bring a filesystem's pending writes to the disk in one go."""

from __future__ import annotations

import ctypes
import os
import sys

FEW = 32
"""Up to so many files are synced one by one: beyond it, one call for the whole filesystem is quicker."""


def filesystem(fd: int) -> None:
    """Sync the filesystem that ``fd`` is on.

    Raises:
        OSError: the disk reported an error.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if sys.platform == "linux" else None
    if call is None:
        os.sync()
    elif call(fd) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
