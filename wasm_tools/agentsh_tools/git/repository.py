"""Where a repository is, and the parts of it."""

from __future__ import annotations

import os
import re

from .config import Config
from .failure import GitError, text
from .files import read_small
from .objects import ObjectStore
from .refs import Refs

ROOT = b"/workspace"
"""The staging view: nothing above it is looked at."""


class Repository:
    """A repository and its working tree.

    Attributes:
        git_dir: the working tree's own directory of git's.
        common_dir: the one that it shares with the repository's other working trees.
        top: the working tree's root; None for a bare repository.
        prefix: the current directory below the root, without a slash at its end; ``b""`` at the root.
    """

    def __init__(self, git_dir: bytes, top: bytes | None, cwd: bytes, settings: list[str]) -> None:
        self.git_dir = git_dir
        self.common_dir = self._common()
        self.top = top
        inside = top is not None and (cwd == top or cwd.startswith(top + b"/"))
        self.prefix = cwd[len(top) + 1 :] if top is not None and inside else b""
        self.config = Config()
        self.config.load(self.common_dir + b"/config")
        if self.config.flag("extensions.worktreeconfig", default=False):
            self.config.load(self.git_dir + b"/config.worktree")
        for setting in settings:
            self.config.set(setting)
        self._check_format()
        self.refs = Refs(git_dir, self.common_dir)
        self.objects = ObjectStore(self.common_dir + b"/objects")
        shallow = read_small(self.common_dir + b"/shallow")
        self.objects.shallow = frozenset(shallow.decode("ascii", "replace").split())
        self.quote_all = self.config.flag("core.quotepath", default=True)

    def _common(self) -> bytes:
        other = read_small(self.git_dir + b"/commondir").strip()
        return os.path.normpath(os.path.join(self.git_dir, other)) if other else self.git_dir

    def _check_format(self) -> None:
        version = (self.config.get("core.repositoryformatversion") or b"0").strip()
        if version not in (b"0", b"1"):
            raise GitError(f"unknown repository format version {text(version)}")
        if (self.config.get("extensions.objectformat") or b"sha1") != b"sha1":
            raise GitError("repositories with SHA-256 object names cannot be read in this sandbox")
        if (self.config.get("extensions.refstorage") or b"files") != b"files":
            raise GitError("repositories with the reftable format cannot be read in this sandbox")

    @property
    def worktree(self) -> bytes:
        """The working tree's root.

        Raises:
            GitError: there is none.
        """
        if self.top is None:
            raise GitError("this operation must be run in a work tree")
        return self.top

    def head(self) -> tuple[bytes | None, str | None]:
        """The branch that is checked out (None when detached), and its commit (None before the first)."""
        name, oid = self.refs.follow(b"HEAD")
        return (None if name == b"HEAD" else name), oid


def open_repository(cwd: bytes, settings: list[str], git_dir: str = "", work_tree: str = "") -> Repository:
    """The repository that a directory belongs to.

    Args:
        cwd: absolute.
        settings: ``-c`` options.
        git_dir: ``--git-dir``; empty to look for it.
        work_tree: ``--work-tree``.

    Raises:
        GitError: there is none, or it lies outside of the workspace.
    """
    top: bytes | None
    if git_dir:
        found = os.path.normpath(os.path.join(cwd, os.fsencode(git_dir)))
        if os.path.isfile(found):
            found = _gitfile(found)
        if not _is_git_dir(found):
            raise GitError(f"not a git repository: '{git_dir}'")
        top = os.path.normpath(os.path.join(cwd, os.fsencode(work_tree))) if work_tree else cwd
        return Repository(found, top, cwd, settings)
    place = cwd
    while True:
        inside = place + b"/.git"
        if os.path.isdir(inside) and _is_git_dir(inside):
            return Repository(inside, place, cwd, settings)
        if os.path.isfile(inside):
            return Repository(_gitfile(inside), place, cwd, settings)
        if place.rpartition(b"/")[2] == b".git" and _is_git_dir(place):
            return Repository(place, None, cwd, settings)
        if _is_git_dir(place) and _is_bare(place):
            return Repository(place, None, cwd, settings)
        if place == ROOT or not place.startswith(ROOT + b"/"):
            raise GitError("not a git repository (or any of the parent directories): .git")
        place = os.path.dirname(place)


def _is_bare(place: bytes) -> bool:
    return re.search(rb"(?m)^\s*bare\s*=\s*true\s*$", read_small(place + b"/config")) is not None


def _is_git_dir(place: bytes) -> bool:
    common = read_small(place + b"/commondir").strip()
    shared = os.path.join(place, common) if common else place
    return (
        os.path.lexists(place + b"/HEAD") and os.path.isdir(shared + b"/objects") and os.path.isdir(shared + b"/refs")
    )


def _gitfile(path: bytes) -> bytes:
    """Where a file named ``.git`` points (working trees, submodules)."""
    content = read_small(path)
    if not content.startswith(b"gitdir:"):
        raise GitError(f"invalid gitfile format: {text(path)}")
    target = os.path.normpath(os.path.join(os.path.dirname(path), content[7:].strip()))
    if not _is_git_dir(target):
        outside = target != ROOT and not target.startswith(ROOT + b"/")
        why = "; it is outside of the workspace, where no action can read" if outside else ""
        raise GitError(f"not a git repository: {text(target)}{why}")
    return target
