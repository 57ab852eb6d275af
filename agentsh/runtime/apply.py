"""Write states into the workspace: first every new content beside its place, then the switch.

Nothing is overwritten: a new file changes places with the old one, which is then looked at under its temporary name.
When it is not what was expected, someone wrote it meanwhile, and it is put back. So there is no moment at which a write
by the person could be lost, only one after which it is a conflict.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

from agentsh.core.attributes import below, write_attributes
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ActionFailed, ConflictError
from agentsh.core.faults import fault_point
from agentsh.core.sanitise import visible_path
from agentsh.runtime import sync
from agentsh.runtime.inherit import inherit
from agentsh.runtime.observe import chmod_at, observe, observe_at
from agentsh.runtime.rename import exchange, rename_new
from agentsh.runtime.steps import OWNER, is_closed, is_directory, only_mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.tree import Tree
    from agentsh.runtime.steps import Step
    from agentsh.store import Store

_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_ATTRIBUTES = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.E2BIG, errno.ERANGE}
_BLOCK = 64 * 1024
_ZEROS = bytes(_BLOCK)


class Applier:
    """Brings paths from one state to another.

    Args:
        store: where the content is.
        tree: the workspace.
        steps: what to do, sorted by path.
        resume: accept what an earlier run, cut short, left half done.
    """

    def __init__(self, store: Store, tree: Tree, steps: Sequence[Step], *, resume: bool = False) -> None:
        self._store = store
        self._tree = tree
        self._steps = steps
        self._resume = resume
        self._touched: set[bytes] = set()
        self.at = b""
        """The path that is being changed."""

    # -- prepare ----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Write every new content under its temporary name, and bring it to the disk. No path changes.

        Raises:
            OSError: the disk is full, a directory is read-only, and the like.
            StoreDamaged: the content in the store is not what was put there.
        """
        writing = [s for s in self._steps if s.writes]
        one_by_one = len(writing) <= sync.FEW
        with self._store.view():  # one look at the store for all
            for step in writing:
                self.at = step.path
                fault_point("commit.before-path")
                with self._tree.directory(step.home) as home:
                    self._write(step, home, durable=one_by_one)
                fault_point("commit.path-synced")
        if not one_by_one:
            sync.filesystem(self._tree.fd)

    def _write(self, step: Step, home: int, *, durable: bool) -> None:
        after = step.effect.after
        if after is None:
            return
        if after.type is EntryType.SYMLINK:
            os.symlink(after.target or b"", step.temp, dir_fd=home)
            if after.mtime_ns:
                os.utime(step.temp, ns=(time.time_ns(), after.mtime_ns), dir_fd=home, follow_symlinks=False)
            fault_point("commit.path-written")
            return
        fd = os.open(step.temp, _NEW_FILE, 0o600, dir_fd=home)
        try:
            self._fill(fd, after)
            if step.effect.before is not None and step.effect.before.type is EntryType.FILE:
                inherit(lambda: self._open_old(step, home), fd)
            _attribute(step, fd, after)
            os.fchmod(fd, after.mode)
            if after.mtime_ns:
                os.utime(fd, ns=(time.time_ns(), after.mtime_ns))
            fault_point("commit.path-written")
            if durable:
                os.fsync(fd)
            self._verify(step, fd, after)
        finally:
            os.close(fd)

    def _open_old(self, step: Step, home: int) -> int:
        """The file that is in the path's place, opened."""
        if step.beside:
            return os.open(step.path.rpartition(b"/")[2], _OLD_FILE, dir_fd=home)
        return self._tree.open(step.path)

    def _fill(self, fd: int, after: Entry) -> None:
        """Copy content from the store, which verifies it; long runs of zeros become holes."""
        offset = 0
        for piece in self._store.blob_pieces(after.digest or b""):
            view = memoryview(piece)
            for start in range(0, len(piece), _BLOCK):
                block = view[start : start + _BLOCK]
                if len(block) < _BLOCK or block != _ZEROS:
                    _write_all(fd, block, offset + start)
            offset += len(piece)
        os.ftruncate(fd, offset)

    @staticmethod
    def _verify(step: Step, fd: int, after: Entry) -> None:
        st = os.fstat(fd)
        if st.st_size != after.size or stat.S_IMODE(st.st_mode) != after.mode:
            raise ActionFailed(
                f"This filesystem did not keep the size or the permission bits of {visible_path(step.path)}"
                f" (wanted {after.size} bytes and {after.mode:o}, got {st.st_size} and {stat.S_IMODE(st.st_mode):o}).",
                files="Nothing was written.",
            )

    # -- switch -----------------------------------------------------------------------------------------------------

    def switch(self) -> None:
        """Put everything in its place.

        Raises:
            ConflictError: a path is no longer in the state that it was to change from. It was left as it is.
            OSError: a path could not be changed; :attr:`at` is that path.
        """
        for step in self._steps:
            if is_directory(step.effect.before):
                self.at = step.path
                self._loosen(step)
        # Content leaves before its directory does, and arrives after it.
        for step in reversed(self._steps):
            if step.effect.after is None:
                self._run(step)
        for step in self._steps:
            if step.effect.after is not None:
                self._run(step)
        for step in reversed(self._steps):
            if is_directory(step.effect.after):
                self.at = step.path
                self._finish_directory(step)
        for path in sorted(self._touched):
            self._sync_directory(path)

    def _run(self, step: Step) -> None:
        self.at = step.path
        fault_point("commit.before-switch")
        try:
            with self._tree.parent(step.path) as (fd, name):
                if step.beside:
                    self._change(step, fd, name, fd)
                else:
                    with self._tree.directory(step.home) as home:
                        self._change(step, fd, name, home)
        except (FileNotFoundError, NotADirectoryError, FileExistsError) as e:
            raise changed(step.path) from e
        except OSError as e:
            if e.errno in {errno.ELOOP, errno.ENOTEMPTY}:
                raise changed(step.path) from e
            raise
        self._touched |= {step.path.rpartition(b"/")[0], step.home}
        fault_point("commit.path-switched")

    def _change(self, step: Step, fd: int, name: bytes, home: int) -> None:
        before, after = step.effect.before, step.effect.after
        if is_directory(before):
            if is_directory(after):
                return  # its mode is set at the end
            self._remove_directory(fd, name)
            before = None
        elif before is not None and (after is None or is_directory(after)):
            if not (self._resume and is_directory(after) and self._is_made(fd, name)):
                self._remove_file(step, fd, name, home)
            before = None
        if after is None:
            return
        if is_directory(after):
            self._make_directory(fd, name)
        elif before is None:
            rename_new(home, step.temp, fd, name)
        elif only_mode(before, after):
            self._change_mode(step, fd, name, after)
        else:
            self._replace(step, fd, name, home)

    def _make_directory(self, fd: int, name: bytes) -> None:
        try:
            os.mkdir(name, OWNER, dir_fd=fd)
        except FileExistsError:
            if not (self._resume and self._is_made(fd, name)):
                raise

    def _is_made(self, fd: int, name: bytes) -> bool:
        """True when an earlier attempt has already made the directory."""
        return is_directory(observe_at(fd, name, self._store.hash_fd))

    def _replace(self, step: Step, fd: int, name: bytes, home: int) -> None:
        exchange(home, step.temp, fd, name)
        fault_point("commit.path-renamed")
        if observe_at(home, step.temp, self._store.hash_fd) != step.effect.before:
            exchange(home, step.temp, fd, name)
            raise changed(step.path)
        os.unlink(step.temp, dir_fd=home)

    def _remove_file(self, step: Step, fd: int, name: bytes, home: int) -> None:
        try:
            rename_new(fd, name, home, step.temp)
        except FileNotFoundError:
            if self._resume and observe_at(fd, name, self._store.hash_fd) is None:
                return
            raise
        fault_point("commit.path-renamed")
        if observe_at(home, step.temp, self._store.hash_fd) != step.effect.before:
            # Should the person have made it anew in this very moment, the older version stays under its temporary name.
            rename_new(home, step.temp, fd, name)
            raise changed(step.path)
        os.unlink(step.temp, dir_fd=home)

    def _remove_directory(self, fd: int, name: bytes) -> None:
        try:
            os.rmdir(name, dir_fd=fd)
        except FileNotFoundError:
            if not self._resume:
                raise

    def _change_mode(self, step: Step, fd: int, name: bytes, after: Entry) -> None:
        if observe_at(fd, name, self._store.hash_fd) not in (step.effect.before, after if self._resume else None):
            raise changed(step.path)
        chmod_at(fd, name, after.mode, stat.S_IFREG)

    def _loosen(self, step: Step) -> None:
        """Let the owner work inside a directory whose change is part of the commit."""
        before = step.effect.before
        if before is None or not is_closed(before):
            return
        with self._tree.parent(step.path) as (fd, name):
            now = observe_at(fd, name, self._store.hash_fd)
            if now is None and self._resume:
                return
            if now != before and not (self._resume and is_directory(now)):
                raise changed(step.path)
            chmod_at(fd, name, before.mode | OWNER, stat.S_IFDIR)

    def _finish_directory(self, step: Step) -> None:
        after = step.effect.after
        if after is None:
            return
        with self._tree.parent(step.path) as (fd, name):
            before = step.effect.before
            if after.xattrs or (before is not None and before.xattrs):
                chmod_at(fd, name, after.mode | OWNER, stat.S_IFDIR)  # to set them takes the right to write
                _attribute(step, below(fd, name), after)
            chmod_at(fd, name, after.mode, stat.S_IFDIR)
            if after.mtime_ns:
                os.utime(name, ns=(time.time_ns(), after.mtime_ns), dir_fd=fd, follow_symlinks=False)

    def _sync_directory(self, path: bytes) -> None:
        try:
            with self._tree.directory(path) as fd:
                os.fsync(fd)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return  # it left with this commit, or its own mode forbids to open it: its parent's sync covers it


def changed(path: bytes) -> ConflictError:
    """The error for a path that someone else changed."""
    return ConflictError(
        f"{visible_path(path)} was changed by someone else meanwhile.",
        paths=[path],
        next_step="Look at it, then try again; an action can be run anew on the present state.",
    )


def current_state(store: Store, tree: Tree, path: bytes) -> Entry | None:
    """The state of ``path`` now, its content hashed.

    Raises:
        ActionFailed: it cannot be read.
        ConflictError: it is being written all the time.
    """
    try:
        return observe(tree, path, store.hash_fd)
    except ConflictError as e:
        raise changed(path) from e  # it is being written right now
    except OSError as e:
        raise ActionFailed(
            f"{visible_path(path)} cannot be read: {e.strerror}.",
            files="Nothing was written.",
            next_step="Check its permissions, then try again.",
        ) from e


def _attribute(step: Step, where: int | bytes, after: Entry) -> None:
    """Set the extended attributes of a state.

    Raises:
        ActionFailed: this filesystem cannot keep them.
    """
    try:
        write_attributes(where, after.xattrs)
    except OSError as e:
        if e.errno not in _NO_ATTRIBUTES:
            raise
        names = ", ".join(visible_path(os.fsencode(n)) for n, _ in after.xattrs)
        raise ActionFailed(
            f"This filesystem cannot keep extended attributes of {visible_path(step.path)} ({names}): {e.strerror}.",
            files="Nothing was written.",
        ) from e


def _write_all(fd: int, data: memoryview, offset: int) -> None:
    while data:
        done = os.pwrite(fd, data, offset)
        data, offset = data[done:], offset + done
