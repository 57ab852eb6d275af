"""Look at one path without following anything: its entry, with the content hashed or kept."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from agentsh.core.attributes import Attributes, below, read_attributes
from agentsh.core.entry import Entry, EntryType
from agentsh.core.history import Signature
from agentsh.core.tree import entry_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.core.tree import Tree

    Content = Callable[[int], tuple[bytes, int]]
    """Reads a descriptor to its end: digest and size."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_TRIES = 4


def observe(tree: Tree, path: bytes, content: Content) -> Entry | None:
    """The state of ``path``; None where there is nothing, or where a parent is no directory.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        with tree.parent(path) as (fd, name):
            return observe_at(fd, name, content)
    except OSError as e:
        if e.errno in _ABSENT:
            return None
        raise


def observe_at(fd: int, name: bytes, content: Content) -> Entry | None:
    """As :func:`observe`, for a name in an open directory."""
    for _ in range(_TRIES):
        try:
            st = os.stat(name, dir_fd=fd, follow_symlinks=False)
            kind = entry_type(st.st_mode)
            if kind is EntryType.SYMLINK:
                return Entry(kind, target=os.readlink(name, dir_fd=fd), mtime_ns=st.st_mtime_ns)
            if kind is EntryType.DIRECTORY:
                kept, unkept = directory_attributes(fd, name)
                return Entry(kind, stat.S_IMODE(st.st_mode), mtime_ns=st.st_mtime_ns, xattrs=kept, unkept=unkept)
            if kind is not EntryType.FILE:
                return Entry(kind, stat.S_IMODE(st.st_mode), mtime_ns=st.st_mtime_ns)
            found = _read_file(fd, name, content)
        except FileNotFoundError:
            return None
        except OSError as e:
            if e.errno not in {errno.ELOOP, errno.EINVAL}:
                raise
            found = None  # it became a symlink, or stopped being one, between two calls
        if found is not None:
            return found
    raise OSError(errno.EAGAIN, "keeps changing its type", name)


def _read_file(fd: int, name: bytes, content: Content) -> Entry | None:
    """The entry of a regular file; None when it is none any more."""
    try:
        file = os.open(name, _READ, dir_fd=fd)
    except PermissionError:
        file = _open_own(fd, name)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        digest, size = content(file)
        kept, unkept = _allowed(fd, name, stat.S_IFREG, file)
        st = os.fstat(file)
    finally:
        os.close(file)
    return Entry(
        EntryType.FILE, stat.S_IMODE(st.st_mode), size, digest, mtime_ns=st.st_mtime_ns, xattrs=kept, unkept=unkept
    )


def directory_attributes(fd: int, name: bytes) -> Attributes:
    """The extended attributes of a directory in an open one.

    Raises:
        OSError: it is none any more, or they cannot be read.
    """
    return _allowed(fd, name, stat.S_IFDIR, below(fd, name))


def _allowed(fd: int, name: bytes, kind: int, where: int | bytes) -> Attributes:
    """Read attributes; where its owner may not, the owner gets that right for a moment."""
    try:
        return read_attributes(where)
    except PermissionError:
        mode = stat.S_IMODE(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        chmod_at(fd, name, mode | stat.S_IRUSR, kind)
        try:
            return read_attributes(where)
        finally:
            chmod_at(fd, name, mode, kind)


def _open_own(fd: int, name: bytes) -> int:
    """Open a file that its owner may not read, by giving the owner that right for a moment.

    Raises:
        OSError: it belongs to someone else.
    """
    mode = stat.S_IMODE(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    chmod_at(fd, name, mode | stat.S_IRUSR, stat.S_IFREG)
    try:
        return os.open(name, _READ, dir_fd=fd)
    finally:
        chmod_at(fd, name, mode, stat.S_IFREG)


def chmod_at(fd: int, name: bytes, mode: int, kind: int) -> None:
    """Set the permission bits of a name in an open directory, never through a symlink.

    Args:
        fd: the directory.
        name: what to change.
        mode: the bits.
        kind: the type that it must have, as in ``st_mode``.

    Raises:
        OSError: it is of another type (EINVAL), or belongs to someone else.
    """
    if not hasattr(os, "O_PATH"):  # macOS: the call itself does not follow
        if stat.S_IFMT(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode) != kind:
            raise OSError(errno.EINVAL, "is of another type now", name)
        os.chmod(name, mode, dir_fd=fd, follow_symlinks=False)
        return
    # A handle needs no right on the thing itself, and stays on it whatever happens to the name.
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    try:
        if stat.S_IFMT(os.fstat(handle).st_mode) != kind:
            raise OSError(errno.EINVAL, "is of another type now", name)
        os.chmod(f"/proc/self/fd/{handle}", mode)  # noqa: PTH101 - a descriptor, no path of the person's
    finally:
        os.close(handle)


def signature(st: os.stat_result) -> Signature:
    """What of a path's status tells that it was not written since."""
    return Signature(st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_ino & 0x7FFF_FFFF_FFFF_FFFF, st.st_mode)
