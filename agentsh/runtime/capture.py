"""Turn what an action left in the staging view into a change set, with its content in the store."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from agentsh.core.attributes import read_attributes
from agentsh.core.effect import ChangeSet, FileEffect, Flag, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConflictError, LimitExceeded
from agentsh.core.sanitise import visible_path
from agentsh.core.tree import Tree, entry_type
from agentsh.policy import flag_effect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentsh.core.attributes import Attributes


class Readable(Protocol):
    """A tree whose paths can be looked at: the workspace, or the staging view."""

    def lstat(self, path: bytes, /) -> os.stat_result | None:
        """The path's own status, or None where there is nothing."""

    def open(self, path: bytes, /) -> int:
        """A descriptor of a regular file, never through a symlink."""

    def readlink(self, path: bytes, /) -> bytes:
        """A symlink's text."""

    def attributes(self, path: bytes, /) -> Attributes:
        """The extended attributes of a file or directory."""


class Keeps(Protocol):
    """What receives content: the store, or what only hashes it."""

    @property
    def excluded(self) -> Callable[[bytes], bool] | None:
        """Tells paths whose content is not to be kept."""

    def put_fd(self, fd: int, /, *, path: bytes = b"") -> tuple[bytes, int]:
        """The digest and the size of a descriptor's content, that of ``path``."""


def read_entry(tree: Readable, path: bytes, store: Keeps) -> Entry | None:
    """The state of ``path`` in ``tree``, its content put in the store; None where there is nothing.

    Raises:
        OSError: it exists and cannot be read.
    """
    st = tree.lstat(path)
    if st is None:
        return None
    kind = entry_type(st.st_mode)
    if kind is EntryType.SYMLINK:
        return Entry(kind, target=tree.readlink(path), mtime_ns=st.st_mtime_ns)
    if kind is EntryType.DIRECTORY:
        kept, unkept = tree.attributes(path)
        return Entry(kind, stat.S_IMODE(st.st_mode), mtime_ns=st.st_mtime_ns, xattrs=kept, unkept=unkept)
    if kind is not EntryType.FILE:
        return Entry(kind, mode=stat.S_IMODE(st.st_mode), mtime_ns=st.st_mtime_ns)
    fd = tree.open(path)
    try:
        digest, size = store.put_fd(fd, path=path)
        kept, unkept = read_attributes(fd)
        now = os.fstat(fd)
    finally:
        os.close(fd)
    mode = stat.S_IMODE(now.st_mode)
    return Entry(kind, mode, size, digest, mtime_ns=now.st_mtime_ns, xattrs=kept, unkept=unkept)


def _inherited(before: Entry | None, after: Entry | None) -> Entry | None:
    """``after`` with the extended attributes of what it replaces.

    Nothing in the sandbox can reach attributes. So a directory has those that it had; and a file that takes another's
    place without any was written anew by a program that would have kept them, as editors that save by renaming do.
    """
    if before is None or after is None or before.type is not after.type:
        return after
    if after.type is EntryType.DIRECTORY or (after.type is EntryType.FILE and not after.xattrs):
        return replace(after, xattrs=before.xattrs, unkept=before.unkept)
    return after


def capture(
    paths: list[bytes],
    *,
    staged: Readable,
    workspace: Tree,
    pending: Mapping[bytes, Entry | None],
    store: Keeps,
    started_ns: int,
    most_bytes: int,
) -> ChangeSet:
    """The change set of an action that has just run.

    Args:
        paths: where the staging view may differ from what it was before the action.
        staged: the staging view.
        workspace: the workspace.
        pending: the staged states that earlier, uncommitted actions left.
        store: receives the content of both states.
        started_ns: when the action started, on the clock that stamps files.
        most_bytes: of content that the changed files may have together; holes count, as reading them takes time.

    Raises:
        ConflictError: the person changed one of the paths while the action ran, so what the action saw is not known.
        LimitExceeded: the changed files are larger than ``most_bytes``.
    """
    effects: list[FileEffect] = []
    moved: list[bytes] = []
    left = most_bytes
    for path in paths:
        now = staged.lstat(path)
        if now is not None and stat.S_ISREG(now.st_mode):
            left -= now.st_size
            if left < 0:
                raise LimitExceeded("The files that it changed are too large.", limit="staged_bytes")
        if path in pending:
            before = pending[path]
        else:
            st = workspace.lstat(path)
            if st is not None and st.st_ctime_ns > started_ns and not stat.S_ISDIR(st.st_mode):
                moved.append(path)
                continue
            before = read_entry(workspace, path, store)
        after = _inherited(before, read_entry(staged, path, store))
        if before != after:
            effect = flag_effect(FileEffect(path, before, after))
            if store.excluded is not None and before is not None and before.digest and store.excluded(path):
                effect = replace(effect, flags=(*effect.flags, Flag.NOT_KEPT))
            effects.append(effect)
    if moved:
        names = ", ".join(visible_path(p) for p in moved[:5])
        raise ConflictError(
            f"You changed {names} while the action ran.",
            paths=moved,
            files="Your version stands; the action's effects were dropped.",
            next_step="Run the action again.",
        )
    return change_set(effects)
