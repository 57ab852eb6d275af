"""Staging as a copy of the workspace: works anywhere, costs a copy at the start and a scan per action."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Literal

from agentsh.core.tree import Tree
from agentsh.sandbox.staging import index
from agentsh.sandbox.staging.files import (
    UncopiableError,
    attributes_refused,
    clone_file,
    copy_file,
    copy_path,
    opened_directory,
    remove,
    write_entry,
)
from agentsh.sandbox.staging.view import StagingView, require_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from agentsh.core.attributes import Attributes
    from agentsh.core.entry import Entry

    _Reader = Callable[[bytes], BinaryIO]

_RACY = b"?"


class CopyView(StagingView):
    """A copy, or a clone that shares blocks, of the workspace in ``directory/view``.

    Three indexes are kept: ``base``, the workspace as it was last synchronised; ``settled``, the view as it was last
    settled; ``staged``, the paths that actions changed and that synchronising therefore leaves alone.
    """

    def __init__(self, directory: Path, workspace: Path, kind: Literal["copy", "clone"] = "copy") -> None:
        super().__init__(directory, workspace)
        self.kind = kind
        self._make = clone_file if kind == "clone" else copy_file
        self._root = directory / "view"
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._view = Tree(self._root)
        # The mode of the root that actions see; who may look into the view its parent directory decides.
        os.fchmod(self._view.fd, stat.S_IMODE(workspace.stat().st_mode) | 0o700)
        self.bare = attributes_refused(self._view.fd)
        self._base = index.load(directory / "base")
        self._settled = index.load(directory / "settled")
        self._staged = set(index.load(directory / "staged") or {})

    def prepare(self) -> None:
        """Copy what the person changed since the last time (all of it, the first time)."""
        with Tree(self.workspace) as workspace:
            now = self._scan_workspace(workspace)
            if self._base is None or self._settled is None:
                self._start_over(workspace, now)
            else:
                above = _parents(self._staged)
                paths = {p for p in index.differing(self._base, now) if not self._is_hidden(p, above, now)}
                if not paths:
                    return
                self._sync(workspace, paths, now)
                after = self._scan_view()
                for path in paths:  # the hidden ones keep their old entry: a rebuild will find them different
                    _carry(path, now, self._base)
                    _carry(path, after, self._settled)
        self._save()

    def changed(self) -> list[bytes]:
        """Compare the whole view with what it was."""
        return sorted(index.differing(self._settled or {}, self._scan_view()))

    def settle(self) -> None:
        """Scan the view and keep the result."""
        horizon = index.racy_horizon()
        now = self._scan_view(horizon)
        self._staged |= index.differing(self._settled or {}, now)
        self._settled = now
        self._save()

    def lstat(self, path: bytes) -> os.stat_result | None:
        """The path in the copy."""
        return self._view.lstat(path)

    def open(self, path: bytes) -> int:
        """The file in the copy."""
        return require_regular(self._view.open(path), path)

    def readlink(self, path: bytes) -> bytes:
        """The link in the copy."""
        return self._view.readlink(path)

    def attributes(self, path: bytes) -> Attributes:
        """Those of the copy."""
        return self._view.attributes(path)

    def children(self, path: bytes) -> list[bytes]:
        """The names in the copy's directory."""
        return sorted(os.fsencode(entry.name) for entry in self._view.scan(path))

    def usage(self) -> tuple[int, int]:
        """Scan the view for what grew or appeared."""
        settled = self._settled or {}
        total = count = 0

        def visit(path: bytes, st: os.stat_result, _fd: int) -> bytes:
            nonlocal total, count
            mark = index.signature(st)
            before = settled.get(path)
            if before is None:
                count += 1
            if before != mark and stat.S_ISREG(st.st_mode):
                total += max(st.st_size, st.st_blocks * 512)  # holes too: what is staged is read
            return mark

        index.scan(self._view.fd, force=True, visit=visit)
        return total, count

    def worker_plan(self) -> dict[str, str]:
        """The copy's root."""
        return {"kind": self.kind, "root": str(self._root)}

    def destroy(self) -> None:
        """Remove the copy."""
        self._view.close()
        super().destroy()

    def _rebuild(self, wanted: Mapping[bytes, Entry | None], read: _Reader, *, from_nothing: bool) -> None:
        with Tree(self.workspace) as workspace:
            now = self._scan_workspace(workspace)
            if from_nothing or self._base is None or self._settled is None:
                self._start_over(workspace, now)
            else:
                paths = index.differing(self._settled, self._scan_view())
                paths |= self._staged | index.differing(self._base, now)
                self._sync(workspace, paths, now)
                self._base = now
        for path in sorted(wanted, reverse=True):
            self._remove(path)
        for path in sorted(p for p, entry in wanted.items() if entry is not None):
            entry = wanted[path]
            if entry is not None:
                self._write(path, entry, read)
        self._staged = set(wanted)
        self._settled = self._scan_view(index.racy_horizon())
        self._save()

    def _write(self, path: bytes, entry: Entry, read: _Reader) -> None:
        directory, _, name = path.rpartition(b"/")
        self._make_directories(directory)
        with opened_directory(self._view.fd, directory, force=True) as fd:
            remove(fd, name)
            write_entry(fd, name, entry, read)

    def _make_directories(self, path: bytes) -> None:
        """The directories on the way to a staged path of which the person removed some."""
        done = b""
        for name in path.split(b"/") if path else ():
            with opened_directory(self._view.fd, done, force=True) as fd:
                st = _lstat(fd, name)
                if st is None or not stat.S_ISDIR(st.st_mode):
                    remove(fd, name)
                    os.mkdir(name, 0o755, dir_fd=fd)
            done = done + b"/" + name if done else name

    def _remove(self, path: bytes) -> None:
        directory, _, name = path.rpartition(b"/")
        try:
            with opened_directory(self._view.fd, directory, force=True) as fd:
                remove(fd, name)
        except (FileNotFoundError, NotADirectoryError):
            return

    def _start_over(self, workspace: Tree, now: index.Index) -> None:
        for entry in self._view.scan():
            remove(self._view.fd, os.fsencode(entry.name))
        self._sync(workspace, set(now), now)
        self._base, self._staged = now, set()
        self._settled = self._scan_view(index.racy_horizon())

    def _sync(self, workspace: Tree, paths: set[bytes], now: index.Index) -> None:
        """Make ``paths`` of the view what they are in the workspace."""
        for path in sorted(paths - now.keys(), reverse=True):
            self._remove(path)
        for path in sorted(paths & now.keys()):
            directory, _, name = path.rpartition(b"/")
            try:
                with (
                    opened_directory(workspace.fd, directory) as source,
                    opened_directory(self._view.fd, directory, force=True) as target,
                ):
                    self._replace(source, target, name)
            except UncopiableError as e:
                self.left_out[path] = e.strerror or "cannot be copied"
            except OSError as e:
                if e.errno not in (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    raise
                if e.errno in (errno.EACCES, errno.EPERM):
                    self.left_out[path] = "may not be read"
                # The others: it went away or became something else since the scan; the next prepare sees that.

    def _replace(self, source: int, target: int, name: bytes) -> None:
        new, old = _lstat(source, name), _lstat(target, name)
        if new is not None and old is not None and stat.S_ISDIR(new.st_mode) and stat.S_ISDIR(old.st_mode):
            os.chmod(name, new.st_mode & 0o7777, dir_fd=target)
            return
        remove(target, name)
        copy_path(source, target, name, make=self._make)

    def _is_hidden(self, path: bytes, above: set[bytes], now: index.Index) -> bool:
        """Whether a staged change stands over the person's change of ``path``."""
        if not self._staged:
            return False
        if path in self._staged:
            return True
        if path in above and not now.get(path, b"").startswith(b"d"):
            return True  # a directory that holds staged paths, removed or replaced
        # A directory that an action removed or replaced hides what the person does below it.
        end = path.rfind(b"/")
        while end > 0:
            holder = path[:end]
            if holder in self._staged:
                st = self._view.lstat(holder)
                return st is None or not stat.S_ISDIR(st.st_mode)
            end = path.rfind(b"/", 0, end)
        return False

    def _scan_workspace(self, workspace: Tree) -> index.Index:
        self.left_out = {}
        return index.scan(workspace.fd, on_unreadable=self._cannot_read)

    def _cannot_read(self, path: bytes, error: OSError) -> None:
        if error.errno in (errno.EACCES, errno.EPERM):
            self.left_out[path] = "may not be read"
        elif error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise error

    def _scan_view(self, horizon: int | None = None) -> index.Index:
        if horizon is None:
            return index.scan(self._view.fd, force=True)

        def visit(_path: bytes, st: os.stat_result, _fd: int) -> bytes:
            return _RACY if st.st_ctime_ns >= horizon else index.signature(st)

        return index.scan(self._view.fd, force=True, visit=visit)

    def _save(self) -> None:
        base = self._base or {}
        for path in self.left_out:
            base.pop(path, None)  # so that it is tried, and told, again
        index.save(self.directory / "base", base)
        index.save(self.directory / "staged", dict.fromkeys(self._staged, b""))
        index.save(self.directory / "settled", self._settled or {})


def _parents(paths: set[bytes]) -> set[bytes]:
    """Every directory that one of ``paths`` is in."""
    found = set()
    for path in paths:
        end = path.rfind(b"/")
        while end > 0 and path[:end] not in found:
            found.add(path[:end])
            end = path.rfind(b"/", 0, end)
    return found


def _carry(path: bytes, source: index.Index, target: index.Index) -> None:
    """Make one index say of ``path`` what the other says."""
    if path in source:
        target[path] = source[path]
    else:
        target.pop(path, None)


def _lstat(fd: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
