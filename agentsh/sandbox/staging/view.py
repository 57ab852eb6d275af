"""What every way of staging promises."""

from __future__ import annotations

import errno
import os
import stat
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from agentsh.core.errors import ConfigError
from agentsh.core.tree import Tree
from agentsh.sandbox.staging.files import remove, write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentsh.core.attributes import Attributes
    from agentsh.core.entry import Entry

Kind = Literal["overlay", "clone", "copy"]
_REBUILDING = "rebuilding"


class StagingView(ABC):
    """The workspace plus uncommitted effects: the only files that actions see.

    A view is used by one process at a time (the caller holds the workspace's lock), and never while a job runs in it.
    What an action did is read off with :meth:`changed` and remembered with :meth:`settle`; both survive the process.

    Args:
        directory: the view's own place on disk, outside the workspace.
        workspace: the directory the person works in; never written.

    Attributes:
        kind: how the workspace is shown.
        reason: why it is shown that way and not in a faster one; empty when there is nothing to say.
        bare: why the view has no extended attributes of the workspace's; empty when it has them.
        left_out: paths of the workspace that actions cannot see, each with the reason.
    """

    kind: Kind

    def __init__(self, directory: Path, workspace: Path) -> None:
        self.directory = directory
        self.workspace = workspace
        self._rebuilding = directory / _REBUILDING
        self.reason = ""
        self.bare = ""
        self.left_out: dict[bytes, str] = {}

    @property
    def needs_rebuild(self) -> bool:
        """True after a rebuild that did not end; call :meth:`rebuild` before anything else."""
        return os.path.exists(self._rebuilding)  # noqa: PTH110 - asked before every action

    @abstractmethod
    def prepare(self) -> None:
        """Show the workspace as it is now, under what is staged.

        What the person changed under a path with a staged change stays hidden: the commit finds the conflict.

        Raises:
            OSError: the workspace or the view cannot be read or written.
        """

    @abstractmethod
    def changed(self) -> list[bytes]:
        """Every path whose staged state may differ from the last :meth:`settle`, sorted.

        Everything below a directory that was deleted or replaced is listed one by one. A parent is listed when it
        changed itself, not for what happened below it.
        """

    @abstractmethod
    def settle(self) -> None:
        """Remember the present staged state as the one to compare with."""

    @abstractmethod
    def lstat(self, path: bytes) -> os.stat_result | None:
        """The status of ``path`` as actions see it, or None where there is nothing."""

    @abstractmethod
    def open(self, path: bytes) -> int:
        """A read descriptor of the regular file ``path``, never through a symlink.

        Raises:
            OSError: there is no such file, or it is no regular file (EINVAL, ELOOP).
        """

    @abstractmethod
    def readlink(self, path: bytes) -> bytes:
        """The text of the symlink ``path``."""

    @abstractmethod
    def attributes(self, path: bytes) -> Attributes:
        """The extended attributes of ``path`` as the view has them.

        Raises:
            OSError: there is nothing, or they cannot be read.
        """

    @abstractmethod
    def children(self, path: bytes) -> list[bytes]:
        """The names in the directory ``path``, sorted.

        Raises:
            OSError: there is no such directory.
        """

    def rebuild(self, wanted: Mapping[bytes, Entry | None], read: Callable[[bytes], BinaryIO]) -> None:
        """Make the view the workspace plus exactly these states, and settle.

        Killed halfway, it leaves :attr:`needs_rebuild` set.

        Args:
            wanted: the state of each staged path; None for a deleted one.
            read: opens the content of a digest.

        Raises:
            OSError: the view cannot be written.
        """
        marker = self._rebuilding
        interrupted = marker.exists()
        write_atomic(marker, b"", sync=True)
        self._rebuild(wanted, read, from_nothing=interrupted)
        marker.unlink()

    @abstractmethod
    def _rebuild(
        self, wanted: Mapping[bytes, Entry | None], read: Callable[[bytes], BinaryIO], *, from_nothing: bool
    ) -> None: ...

    @abstractmethod
    def usage(self) -> tuple[int, int]:
        """Bytes of disk and number of paths that are staged beyond the last :meth:`settle`."""

    @abstractmethod
    def worker_plan(self) -> dict[str, str]:
        """What the worker needs to enter the view; JSON values alone."""

    def destroy(self) -> None:
        """Remove the view from the disk. The workspace is not touched."""
        if self.directory.exists():
            with Tree(self.directory.parent) as above:
                remove(above.fd, os.fsencode(self.directory.name))


def check_places(directory: Path, workspace: Path) -> None:
    """Refuse places of which one holds the other.

    Raises:
        ConfigError: the workspace is missing, or the two overlap.
    """
    if not workspace.is_dir():
        raise ConfigError(f"There is no directory {workspace}.", next_step="Name an existing directory with -w.")
    ours, theirs = Path(os.path.realpath(directory)), Path(os.path.realpath(workspace))
    if ours == theirs or ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
        raise ConfigError(
            f"The staging directory {directory} and the workspace {workspace} overlap.",
            next_step="Choose a data directory outside the workspace (--data-dir, or AGENTSH_DATA_DIR).",
        )


def require_regular(fd: int, path: bytes) -> int:
    """``fd`` when it is a regular file; closed and refused otherwise."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "no regular file", path)
    return fd
