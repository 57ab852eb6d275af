"""The numbers by which WASI guests know errors."""

from __future__ import annotations

import errno
from typing import Final

EIO: Final = 29

_NUMBERS: Final = {
    errno.E2BIG: 1, errno.EACCES: 2, errno.EAGAIN: 6, errno.EBADF: 8, errno.EBUSY: 10, errno.EEXIST: 20,
    errno.EFAULT: 21, errno.EFBIG: 22, errno.EINVAL: 28, errno.EIO: EIO, errno.EISDIR: 31, errno.ELOOP: 32,
    errno.EMFILE: 33, errno.ENAMETOOLONG: 37, errno.ENFILE: 41, errno.ENOENT: 44, errno.ENOMEM: 48, errno.ENOSPC: 51,
    errno.ENOSYS: 52, errno.ENOTDIR: 54, errno.ENOTEMPTY: 55, errno.ENOTSUP: 58, errno.ENXIO: 60, errno.EPERM: 63,
    errno.EROFS: 69,
}  # fmt: skip


def wasi_errno(error: OSError) -> int:
    """The WASI number of an error of the host; what guests have no number for is EIO."""
    return _NUMBERS.get(error.errno or 0, EIO)
