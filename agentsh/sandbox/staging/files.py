"""Single files and directories: copied, written and removed by descriptor, never through a symlink."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from agentsh.core.attributes import below, read_attributes, write_attributes
from agentsh.core.entry import Entry, EntryType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    MakeFile = Callable[[int, int, bytes, int], int]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
_FICLONE = 0x40049409
_CLONE_NOFOLLOW, _CLONE_NOOWNERCOPY = 1, 2
_ACCESS = 0o700
_TRIAL = "user.agentsh.trial"


class UncopiableError(OSError):
    """A socket, device or FIFO, which a view does not show."""


def write_atomic(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Replace a file of ours so that a reader sees the old or the new content whole."""
    new = path.with_name(path.name + ".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as f:
        f.write(data)
        if sync:
            f.flush()
            os.fsync(fd)
    new.replace(path)


@contextmanager
def opened_directory(root: int, path: bytes, *, force: bool = False) -> Iterator[int]:
    """A descriptor of a directory below ``root``, walked name by name without following links.

    Args:
        root: descriptor of the tree's root.
        path: relative; ``b""`` is the root.
        force: the tree is ours: give ourselves access to each directory on the way, and take it back after.
    """
    narrowed: list[tuple[int, int]] = []  # directories whose mode must be put back, and that mode
    fd = os.open(".", _DIRECTORY, dir_fd=root)
    keep = False  # whether ``fd`` is in the list, which closes it
    try:
        for name in path.split(b"/") if path else ():
            below, mode = _open_below(fd, name, force=force)
            if not keep:
                os.close(fd)
            fd, keep = below, mode is not None
            if mode is not None:
                narrowed.append((fd, mode))
        yield fd
    finally:
        if not keep:
            os.close(fd)
        for below, mode in reversed(narrowed):
            os.fchmod(below, mode)
            os.close(below)


def _open_below(parent: int, name: bytes, *, force: bool) -> tuple[int, int | None]:
    """A directory in ``parent``; with ``force`` its mode, if that had to be opened up."""
    if not force:
        return os.open(name, _DIRECTORY, dir_fd=parent), None
    st = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if not stat.S_ISDIR(st.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
    mode = st.st_mode & 0o7777
    if mode & _ACCESS == _ACCESS:
        return os.open(name, _DIRECTORY, dir_fd=parent), None
    # Between the look and the change only we are here: no job runs while a view is worked on.
    os.chmod(name, mode | _ACCESS, dir_fd=parent)
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent), mode
    except OSError:
        os.chmod(name, mode, dir_fd=parent)
        raise


def remove(parent: int, name: bytes) -> None:
    """Remove whatever ``name`` is, with all below it, however deep; nothing there is fine."""
    try:
        st = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(st.st_mode):
        os.unlink(name, dir_fd=parent)
        return
    # By '..' and a list, not by recursion: an action can nest deeper than Python's stack and PATH_MAX. Nothing
    # moves in a view while it is worked on, so '..' is the way we came.
    fd, _ = _open_below(parent, name, force=True)
    todo = [_empty(fd)]
    names: list[bytes] = []
    try:
        while True:
            if todo[-1]:
                names.append(todo[-1].pop())
                below, _ = _open_below(fd, names[-1], force=True)
                os.close(fd)
                fd = below
                todo.append(_empty(fd))
                continue
            todo.pop()
            if not todo:
                break
            up = os.open("..", _DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = up
            os.rmdir(names.pop(), dir_fd=fd)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=parent)


def _empty(fd: int) -> list[bytes]:
    """Remove all but the directories from a directory, and name those."""
    directories = []
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                directories.append(os.fsencode(entry.name))
            else:
                os.unlink(entry.name, dir_fd=fd)
    return directories


def copy_extents(source: int, target: int, size: int) -> None:
    """Copy content, keeping holes, in the kernel where it can."""
    os.ftruncate(target, size)
    at = 0
    while at < size:
        try:
            start = os.lseek(source, at, os.SEEK_DATA)
            end = os.lseek(source, start, os.SEEK_HOLE)
        except OSError as e:
            if e.errno == errno.ENXIO:  # a hole up to the end
                return
            start, end = at, size  # a file system that does not tell holes
        _copy_range(source, target, start, min(end, size))
        at = end


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    at = start
    while at < end:
        try:
            done = os.copy_file_range(source, target, end - at, at, at) if sys.platform == "linux" else -1
        except OSError as e:
            if e.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            done = -1
        if done < 0:
            data = os.pread(source, min(_CHUNK, end - at), at)
            done = os.pwrite(target, data, at) if data else 0
        if not done:  # it shrank while we read
            return
        at += done


def copy_file(source: int, parent: int, name: bytes, size: int) -> int:
    """Make ``name`` with a copy of the content of ``source``; a descriptor of it."""
    new = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
    try:
        copy_extents(source, new, size)
    except BaseException:
        os.close(new)
        raise
    return new


def clone_file(source: int, parent: int, name: bytes, _size: int) -> int:
    """Make ``name`` share the content's blocks, copy on write (btrfs, xfs, bcachefs; APFS); a descriptor of it.

    Raises:
        OSError: the file system cannot.
    """
    if sys.platform == "darwin":
        import ctypes  # noqa: PLC0415 - for this one kind of view

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.fclonefileat(source, parent, name, _CLONE_NOFOLLOW | _CLONE_NOOWNERCOPY) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), name)
        # It comes with the original's mode, which may forbid writing; its content needs none.
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    import fcntl  # noqa: PLC0415 - for this one kind of view

    new = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
    try:
        fcntl.ioctl(new, _FICLONE, source)
    except BaseException:
        os.close(new)
        raise
    return new


def copy_path(
    source: int,
    target: int,
    name: bytes,
    *,
    make: MakeFile = copy_file,
    new_name: bytes | None = None,
) -> None:
    """Copy one path: a file, a symlink, or an empty directory with the mode of the original.

    Args:
        source: the directory that has it.
        target: the directory that gets it; must have nothing of that name.
        name: its name.
        make: makes a file of another's content.
        new_name: the copy's name, if it differs.

    Raises:
        UncopiableError: it is a socket, device or FIFO.
        OSError: it cannot be read, or the copy cannot be written.
    """
    st = os.stat(name, dir_fd=source, follow_symlinks=False)
    to = name if new_name is None else new_name
    if stat.S_ISLNK(st.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), to, dir_fd=target)
        with suppress(NotImplementedError):
            os.utime(to, ns=(st.st_atime_ns, st.st_mtime_ns), dir_fd=target, follow_symlinks=False)
        return
    if stat.S_ISDIR(st.st_mode):
        os.mkdir(to, 0o700, dir_fd=target)
        fd, _ = _open_below(target, to, force=True)
        try:
            own(fd, st)
            with suppress(OSError):  # not ours to open: then it has none that actions could see
                old = os.open(name, _DIRECTORY, dir_fd=source)
                try:
                    copy_xattrs(old, fd)
                finally:
                    os.close(old)
            os.fchmod(fd, st.st_mode & 0o7777)
        finally:
            os.close(fd)
        return
    if not stat.S_ISREG(st.st_mode):
        raise UncopiableError(errno.ENOTSUP, "a socket, device or FIFO", name)
    # O_NONBLOCK: should a FIFO take the file's place meanwhile, it must not hold us.
    old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=source)
    try:
        st = os.fstat(old)
        new = make(old, target, to, st.st_size)
        try:
            copy_xattrs(old, new)
            own(new, st)
            os.fchmod(new, st.st_mode & 0o7777)
            os.utime(new, ns=(st.st_atime_ns, st.st_mtime_ns))
        finally:
            os.close(new)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(to, dir_fd=target)
        raise
    finally:
        os.close(old)


def own(fd: int, st: os.stat_result) -> None:
    """Give a copy its original's owner, where we may (as root); a person's copies are the person's own."""
    if os.geteuid() == 0:
        os.fchown(fd, st.st_uid, st.st_gid)


def copy_xattrs(source: int, target: int) -> None:
    """Give one open file or directory the extended attributes of another, as far as its file system keeps any."""
    with suppress(OSError):  # what does not keep them says so beforehand: see StagingView.bare
        write_attributes(target, read_attributes(source).kept)


def attributes_refused(directory: int) -> str:
    """Why an open directory of ours cannot keep extended attributes; empty when it can."""
    try:
        write_attributes(directory, ((_TRIAL, b"1"),))
        write_attributes(directory, ())
    except OSError as e:
        return f"no extended attributes: the file system of the view does not keep them ({e.strerror})"
    return ""


def write_entry(parent: int, name: bytes, entry: Entry, read: Callable[[bytes], BinaryIO]) -> None:
    """Create ``name`` in the state of ``entry``; nothing of that name may be there.

    Args:
        parent: descriptor of its directory.
        name: its name.
        entry: its state.
        read: opens the content of a digest.
    """
    if entry.type is EntryType.SYMLINK:
        os.symlink(entry.target or b"", name, dir_fd=parent)
        return
    if entry.type is EntryType.DIRECTORY:
        os.mkdir(name, 0o700, dir_fd=parent)
        if entry.xattrs:
            with suppress(OSError):  # as in copy_xattrs
                write_attributes(below(parent, name), entry.xattrs)
        os.chmod(name, entry.mode, dir_fd=parent)
        return
    if entry.type is not EntryType.FILE:
        raise UncopiableError(errno.ENOTSUP, "a socket, device or FIFO", name)
    fd = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
    with os.fdopen(fd, "wb") as out:
        if entry.digest is not None and entry.size:
            with read(entry.digest) as content:
                shutil.copyfileobj(content, out, _CHUNK)
        out.flush()
        with suppress(OSError):  # as in copy_xattrs
            write_attributes(fd, entry.xattrs)
        os.fchmod(fd, entry.mode)
        if entry.mtime_ns:
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
