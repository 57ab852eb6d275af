"""Give a file that takes another's place what is no part of its state: owner, group, the system's own attributes."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from agentsh.core.attributes import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable

_NOT_ALLOWED = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


def inherit(open_old: Callable[[], int], fd: int) -> None:
    """Copy them from the file that ``open_old`` opens to ``fd``, as far as this user may.

    What only root may give stays as it is, as with any editor that saves by renaming.
    """
    try:
        old = open_old()
    except OSError:
        return  # gone or unreadable meanwhile: the switch tells
    try:
        was, now = os.fstat(old), os.fstat(fd)
        if was.st_gid != now.st_gid:
            _as_far_as_allowed(os.fchown, fd, -1, was.st_gid)
        if was.st_uid != now.st_uid:
            _as_far_as_allowed(os.fchown, fd, was.st_uid, -1)
        if hasattr(os, "listxattr"):
            _copy_attributes(old, fd)
    finally:
        os.close(old)


def _copy_attributes(old: int, new: int) -> None:
    try:
        attributes = {name: os.getxattr(old, name) for name in os.listxattr(old)}
    except OSError:
        return  # this filesystem has none
    for name, value in attributes.items():
        if name.startswith(KEPT):
            continue  # a part of the state that it gets
        _as_far_as_allowed(os.setxattr, new, name, value)


def _as_far_as_allowed(call: Callable[..., None], *arguments: object) -> None:
    try:
        call(*arguments)
    except OSError as e:
        if e.errno not in _NOT_ALLOWED:
            raise
