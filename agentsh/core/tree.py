"""A directory tree reached by descriptors alone: no name in it can lead outside.

Every path is relative to the root and walked one name at a time with ``O_NOFOLLOW`` from a directory descriptor, so a
symlink that an action planted, or that appears between a check and a use, is refused instead of followed. Paths are raw
bytes, ``/`` between names.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Self

from agentsh.core.attributes import below, read_attributes
from agentsh.core.entry import EntryType

if TYPE_CHECKING:
    from agentsh.core.attributes import Attributes

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40  # as Linux's own ELOOP bound


class OutsideTreeError(OSError):
    """A path leads out of the tree."""

    def __init__(self, path: bytes) -> None:
        super().__init__(errno.EACCES, "leads outside the workspace", path)


def split_path(path: bytes) -> list[bytes]:
    """The names of a relative path.

    Raises:
        OutsideTreeError: ``path`` is absolute, or has a ``..`` or NUL in it.
    """
    if path.startswith(b"/") or b"\0" in path:
        raise OutsideTreeError(path)
    names = path.split(b"/")
    if b"" in names or b"." in names:
        names = [n for n in names if n not in (b"", b".")]
    if b".." in names:
        raise OutsideTreeError(path)
    return names


def _open_below(fd: int, name: bytes, *, create: bool) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=fd)
    except FileNotFoundError:
        if not create:
            raise
        os.mkdir(name, dir_fd=fd)
        return os.open(name, _DIRECTORY, dir_fd=fd)


def entry_type(mode: int) -> EntryType:
    """The type of a path from its ``st_mode``."""
    if stat.S_ISREG(mode):
        return EntryType.FILE
    if stat.S_ISDIR(mode):
        return EntryType.DIRECTORY
    if stat.S_ISLNK(mode):
        return EntryType.SYMLINK
    return EntryType.OTHER


class Tree:
    """No-follow access to everything under one directory.

    Args:
        root: the directory. It is opened once; renaming it later does not redirect the tree.

    Raises:
        OSError: ``root`` is no directory, or cannot be opened.
    """

    def __init__(self, root: str | bytes | os.PathLike[str]) -> None:
        self.path = os.fsencode(root)
        # The root itself may be reached through a symlink: the person named it.
        self.fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the root; the tree cannot be used afterwards."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def directory(self, path: bytes, *, create: bool = False) -> _Directory:
        """A descriptor of the directory ``path``, closed on leaving.

        Args:
            path: the directory; ``b""`` is the root.
            create: make the missing ones, mode 0o777 less the umask.

        Raises:
            OSError: a name on the way is missing, no directory, or a symlink.
        """
        return _Directory(self, split_path(path), create=create)

    def _descend(self, names: list[bytes], *, create: bool = False) -> int:
        """A new descriptor of the directory that ``names`` lead to; raises as :meth:`directory`."""
        if not names:
            # Opened anew, not duplicated: a duplicate shares its place in the listing with every other one, and on
            # btrfs does not even show names that are younger than the first.
            return os.open(".", _DIRECTORY, dir_fd=self.fd)
        at = self.fd
        for name in names:
            try:
                below = _open_below(at, name, create=create)
            finally:
                if at != self.fd:
                    os.close(at)
            at = below
        return at

    def parent(self, path: bytes, *, create: bool = False) -> _Parent:
        """The directory that holds ``path``, and the last name.

        Raises:
            OSError: as :meth:`directory`; also for the root, which has no parent here.
        """
        names = split_path(path)
        if not names:
            raise OutsideTreeError(path)
        return _Parent(self, names, create=create)

    def lstat(self, path: bytes) -> os.stat_result | None:
        """The path's own status, or None where there is nothing."""
        names = split_path(path)
        if not names:
            return os.fstat(self.fd)
        try:
            fd = self._descend(names[:-1])
            try:
                return os.stat(names[-1], dir_fd=fd, follow_symlinks=False)
            finally:
                os.close(fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as e:
            # O_DIRECTORY|O_NOFOLLOW on a symlink: ELOOP or ENOTDIR by platform. Below a symlink there is nothing.
            if e.errno == errno.ELOOP:
                return None
            raise

    def is_directory(self, path: bytes) -> bool:
        """True for a directory, reached through directories alone."""
        st = self.lstat(path)
        return st is not None and stat.S_ISDIR(st.st_mode)

    def open(self, path: bytes, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        """Open a file, never through a symlink, never blocking on a FIFO.

        Raises:
            OSError: ELOOP for a symlink, and what ``open`` raises.
        """
        with self.parent(path) as (fd, name):
            return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, mode, dir_fd=fd)

    def readlink(self, path: bytes) -> bytes:
        """The text of the symlink ``path``."""
        with self.parent(path) as (fd, name):
            return os.readlink(name, dir_fd=fd)

    def attributes(self, path: bytes) -> Attributes:
        """The extended attributes of a file or directory; of a symlink its own.

        Raises:
            OSError: there is nothing, or they cannot be read.
        """
        with self.parent(path) as (fd, name):
            return read_attributes(below(fd, name))

    def scan(self, path: bytes = b"") -> list[os.DirEntry[str]]:
        """The entries of a directory, unsorted, names surrogate-escaped as :mod:`os` does."""
        with self.directory(path) as fd, os.scandir(fd) as it:
            return list(it)

    def resolve(self, path: bytes, *, cwd: bytes = b"", root_name: bytes = b"/workspace") -> bytes:
        """Where ``path`` leads inside the tree when symlinks are followed, as an action sees it.

        The last name need not exist. ``..`` and absolute paths are allowed as long as they stay inside; absolute
        paths, in ``path`` or in a link, are taken as the action's view of them, under ``root_name``.

        Args:
            path: as the action wrote it.
            cwd: the action's directory, relative to the root.
            root_name: the absolute path by which actions know the root.

        Raises:
            OutsideTreeError: it leads out.
            OSError: ELOOP for too many links.
        """
        done: list[bytes] = []
        todo = self._inside(path, root_name) if path.startswith(b"/") else [*cwd.split(b"/"), *path.split(b"/")]
        links = 0
        todo.reverse()
        while todo:
            name = todo.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                if not done:
                    raise OutsideTreeError(path)
                done.pop()
                continue
            here = b"/".join([*done, name])
            st = self.lstat(here)
            if st is None or not stat.S_ISLNK(st.st_mode):
                done.append(name)
                continue
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = self.readlink(here)
            if target.startswith(b"/"):
                done = []
                todo.extend(reversed(self._inside(target, root_name)))
            else:
                todo.extend(reversed(target.split(b"/")))
        return b"/".join(done)

    @staticmethod
    def _inside(path: bytes, root_name: bytes) -> list[bytes]:
        """The names below ``root_name`` of an absolute path."""
        names = [n for n in path.split(b"/") if n not in (b"", b".")]
        root = [n for n in root_name.split(b"/") if n]
        if names[: len(root)] != root:
            raise OutsideTreeError(path)
        return names[len(root) :]


class _Directory:
    """A directory that is open inside a ``with``. A class: entering a generator costs more than the opening."""

    __slots__ = ("_create", "_fd", "_names", "_tree")

    def __init__(self, tree: Tree, names: list[bytes], *, create: bool) -> None:
        self._tree = tree
        self._names = names
        self._create = create
        self._fd = -1

    def __enter__(self) -> int:
        self._fd = self._tree._descend(self._names, create=self._create)  # noqa: SLF001 - its own
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


class _Parent:
    """As :class:`_Directory`: the one that holds the last of the names, and that name."""

    __slots__ = ("_directory", "_name")

    def __init__(self, tree: Tree, names: list[bytes], *, create: bool) -> None:
        self._directory = _Directory(tree, names[:-1], create=create)
        self._name = names[-1]

    def __enter__(self) -> tuple[int, bytes]:
        return self._directory.__enter__(), self._name

    def __exit__(self, *_: object) -> None:
        self._directory.__exit__()
