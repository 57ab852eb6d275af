"""Staging as an overlay: the workspace below, what actions change in a directory above it. Starts in no time.

The kernel merges the two only inside the worker's own namespaces; here, outside, the merge is read off the two
directories. What the upper directory means (overlayfs(7), ``userxattr`` form): a character device 0:0 is a deletion, a
directory with ``user.overlay.opaque=y`` hides the one below, anything else stands over what is below.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from agentsh.core.entry import EntryType
from agentsh.core.tree import Tree
from agentsh.sandbox.staging import index
from agentsh.sandbox.staging.files import copy_xattrs, opened_directory, own, remove, write_entry
from agentsh.sandbox.staging.view import StagingView, require_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from agentsh.core.attributes import Attributes
    from agentsh.core.entry import Entry

_OPAQUE = "user.overlay.opaque"
_RACY = b"?"
_GONE = b"-"
_BYTES = b""  # in the kept index: how much the files took; a path is never empty


class OverlayView(StagingView):
    """An overlay whose upper directory is ``directory/upper``."""

    kind = "overlay"

    def __init__(self, directory: Path, workspace: Path) -> None:
        super().__init__(directory, workspace)
        for name in ("upper", "work", "merged"):
            (directory / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._upper = Tree(directory / "upper")
        self._lower = Tree(workspace)
        mode = stat.S_IMODE(os.fstat(self._lower.fd).st_mode)
        os.fchmod(self._upper.fd, mode | 0o700)  # the mode of the root that actions see
        self._settled = index.load(directory / "settled") or {}
        self._settled_bytes = int(self._settled.pop(_BYTES, b"0"))

    def prepare(self) -> None:
        """Nothing to do: after each job the worker forgets what the view showed."""

    def changed(self) -> list[bytes]:
        """Walk the upper directory: as long as what is staged, however large the workspace is."""
        now = self._scan(sizes=None)
        found: set[bytes] = set()
        for path in index.differing(self._settled, now):
            before, after = self._settled.get(path), now.get(path)
            if self._visible(path, before) != self._visible(path, after):
                found.add(path)
            if _hides(before) != _hides(after):
                found |= self._lower_descendants(path)
        return sorted(found)

    def settle(self) -> None:
        """Keep the upper directory's signatures."""
        sizes: list[int] = []
        self._settled = self._scan(index.racy_horizon(), sizes=sizes)
        self._settled_bytes = sum(sizes)
        index.save(self.directory / "settled", {**self._settled, _BYTES: b"%d" % self._settled_bytes})

    def lstat(self, path: bytes) -> os.stat_result | None:
        """The path in whichever layer shows it."""
        tree = self._layer(path)
        return None if tree is None else tree.lstat(path)

    def open(self, path: bytes) -> int:
        """The file in whichever layer shows it."""
        return require_regular(self._shown(path).open(path), path)

    def readlink(self, path: bytes) -> bytes:
        """The link in whichever layer shows it."""
        return self._shown(path).readlink(path)

    def attributes(self, path: bytes) -> Attributes:
        """Those in whichever layer shows the path."""
        return self._shown(path).attributes(path)

    def children(self, path: bytes) -> list[bytes]:
        """The names of both layers, less the deleted ones."""
        tree = self._shown(path)
        names: set[bytes] = set()
        if tree is self._lower or not self._covers(path):
            try:
                names = {os.fsencode(entry.name) for entry in self._lower.scan(path)}
            except (FileNotFoundError, NotADirectoryError):
                if tree is self._lower:
                    raise
        if tree is self._upper:
            with opened_directory(self._upper.fd, path, force=True) as fd, os.scandir(fd) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    if _is_whiteout(entry.stat(follow_symlinks=False)):
                        names.discard(name)
                    else:
                        names.add(name)
        return sorted(names)

    def usage(self) -> tuple[int, int]:
        """Walk the upper directory."""
        sizes: list[int] = []
        now = self._scan(sizes=sizes)
        return max(0, sum(sizes) - self._settled_bytes), len(now.keys() - self._settled.keys())

    def worker_plan(self) -> dict[str, str]:
        """The layers, and where to mount them."""
        plan = {name: str(self.directory / name) for name in ("upper", "work", "merged")}
        return {"kind": "overlay", "lower": str(self.workspace), **plan}

    def destroy(self) -> None:
        """Remove the upper directory."""
        self._upper.close()
        self._lower.close()
        super().destroy()

    def _rebuild(self, wanted: Mapping[bytes, Entry | None], read: _Reader, *, from_nothing: bool) -> None:
        del from_nothing  # it always starts from nothing
        # In place: a worker may still have the directory itself mounted.
        for entry in self._upper.scan():
            remove(self._upper.fd, os.fsencode(entry.name))
        for path in sorted(wanted):
            self._put(path, wanted[path], read)
        self.settle()

    def _put(self, path: bytes, entry: Entry | None, read: _Reader) -> None:
        below = self._lower.lstat(path)
        directory, _, name = path.rpartition(b"/")
        if entry is None:
            tree = self._layer(path)
            if below is not None and tree is not None:
                self._make_directories(directory)
                with opened_directory(self._upper.fd, directory, force=True) as fd:
                    remove(fd, name)
                    os.mknod(name, stat.S_IFCHR, os.makedev(0, 0), dir_fd=fd)
            return
        self._make_directories(directory)
        with opened_directory(self._upper.fd, directory, force=True) as fd:
            remove(fd, name)
            write_entry(fd, name, entry, read)
            if entry.type is EntryType.DIRECTORY and below is not None and stat.S_ISDIR(below.st_mode):
                os.chmod(name, entry.mode, dir_fd=fd)

    def _make_directories(self, path: bytes) -> None:
        """The upper directories on the way to a staged path, each in the state in which it is shown."""
        done = b""
        for name in path.split(b"/") if path else ():
            here = done + b"/" + name if done else name
            with opened_directory(self._upper.fd, done, force=True) as fd:
                above = _lstat(fd, name)
                if above is None or not stat.S_ISDIR(above.st_mode):
                    below = self._lower.lstat(here)
                    remove(fd, name)
                    os.mkdir(name, 0o700, dir_fd=fd)
                    with opened_directory(fd, name, force=True) as new:
                        if above is not None:  # it was deleted or replaced: what is below must stay hidden
                            os.setxattr(new, _OPAQUE, b"y")
                        if below is not None and stat.S_ISDIR(below.st_mode):
                            own(new, below)
                            with suppress(OSError), self._lower.directory(here) as old:  # perhaps not ours to open
                                copy_xattrs(old, new)
                            os.fchmod(new, stat.S_IMODE(below.st_mode))
                        else:
                            os.fchmod(new, 0o755)
            done = here

    def _layer(self, path: bytes) -> Tree | None:
        """The layer that shows ``path``; None where nothing is shown."""
        names = [n for n in path.split(b"/") if n]
        lower = True
        for i in range(1, len(names) + 1):
            here = b"/".join(names[:i])
            st = self._upper.lstat(here)
            if st is None:
                return self._lower if lower and self._lower.lstat(path) is not None else None
            if _is_whiteout(st):
                return None
            if not stat.S_ISDIR(st.st_mode):
                return self._upper if i == len(names) else None
            lower = lower and not self._is_opaque(here)
        return self._upper

    def _covers(self, path: bytes) -> bool:
        """Whether the upper directory ``path`` hides the lower one."""
        names = [n for n in path.split(b"/") if n]
        return any(self._is_opaque(b"/".join(names[:i])) for i in range(1, len(names) + 1))

    def _shown(self, path: bytes) -> Tree:
        tree = self._layer(path)
        if tree is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return tree

    def _is_opaque(self, path: bytes) -> bool:
        with opened_directory(self._upper.fd, path, force=True) as fd:
            return _opaque(fd)

    def _visible(self, path: bytes, mark: bytes | None) -> bytes:
        """What a signature of the upper directory (None: nothing there) makes actions see at ``path``."""
        if mark is None:
            st = self._lower.lstat(path)
            return _GONE if st is None else index.signature(st)
        return mark[1:] if mark.startswith(b"o") else mark

    def _lower_descendants(self, path: bytes) -> set[bytes]:
        st = self._lower.lstat(path)
        if st is None or not stat.S_ISDIR(st.st_mode):
            return set()
        with self._lower.directory(path) as fd:
            # What cannot be read was not shown to actions either.
            return {path + b"/" + below for below in index.scan(fd, on_unreadable=lambda _p, _e: None)}

    def _scan(self, horizon: int | None = None, *, sizes: list[int] | None) -> index.Index:
        """Signatures of the upper directory: ``-`` for a deletion, ``o`` before those of an opaque directory."""

        def visit(_path: bytes, st: os.stat_result, fd: int) -> bytes:
            if _is_whiteout(st):
                return _GONE
            mark = index.signature(st)
            if stat.S_ISDIR(st.st_mode):
                name = os.fsencode(_path.rpartition(b"/")[2])
                with opened_directory(fd, name, force=True) as here:
                    return b"o" + mark if _opaque(here) else mark
            if sizes is not None:
                sizes.append(max(st.st_size, st.st_blocks * 512))  # holes too: what is staged is read
            return _RACY if horizon is not None and st.st_ctime_ns >= horizon else mark

        return index.scan(self._upper.fd, force=True, visit=visit)


def _hides(mark: bytes | None) -> bool:
    """Whether a signature of the upper directory hides what is below that path."""
    return mark is not None and not mark.startswith(b"d")


def _is_whiteout(st: os.stat_result) -> bool:
    return stat.S_ISCHR(st.st_mode) and st.st_rdev == 0


def _opaque(fd: int) -> bool:
    try:
        return os.getxattr(fd, _OPAQUE) in (b"y", b"x")
    except OSError as e:
        if e.errno in (errno.ENODATA, errno.ENOTSUP):
            return False
        raise


def _lstat(fd: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


if TYPE_CHECKING:
    _Reader = Callable[[bytes], BinaryIO]
