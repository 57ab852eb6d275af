"""The working tree: what differs from the index, and what git does not know."""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

from .attributes import Attributes
from .files import read_file, read_small
from .ignore import Ignore
from .repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .index import Index, IndexEntry
    from .paths import Pathspec

GITLINK = 0o160000
_STAT = struct.Struct("<IQq")
_LSTAT = b"lstat\0"
_AT_ONCE = 4096


class Seen(NamedTuple):
    """What a path is in the working tree."""

    mode: int
    size: int
    mtime_ns: int


class Difference(NamedTuple):
    """A path whose file is not what the index has. ``mode`` is 0 when it is gone."""

    entry: IndexEntry
    mode: int
    oid: str


def blob_id(content: bytes) -> str:
    """The name that a blob of this content has."""
    from _sha1 import sha1

    return str(sha1(b"blob %d\0" % len(content) + content).hexdigest())


class Worktree:
    """A repository's working tree."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self.top = repo.worktree
        self._file_mode = repo.config.flag("core.filemode", default=True)
        self._attributes: Attributes | None = None

    def look(self, paths: Sequence[bytes]) -> Iterator[Seen | None]:
        """What each path is, without following links; None where there is nothing.

        One call of the host's answers for thousands: WASI takes 10 us a path, and has no permission bits.
        """
        from _host import call

        below = os.path.relpath(self.top, b"/workspace")
        prefix = b"" if below == b"." else below + b"/"
        for at in range(0, len(paths), _AT_ONCE):
            some = paths[at : at + _AT_ONCE]
            answer = call(_LSTAT + b"\0".join(prefix + p for p in some))
            for mode, size, mtime in _STAT.iter_unpack(answer):
                yield Seen(_git_mode(mode), size, mtime) if mode else None

    def content(self, path: bytes, mode: int) -> bytes:
        """What git would keep of a path: a file's content, or a link's target."""
        full = self.top + b"/" + path
        if stat.S_ISLNK(mode):
            return os.readlink(full)
        if mode == GITLINK:
            return b"Subproject commit %s\n" % self._submodule(path).encode()
        data = read_file(full)
        return data if b"\r\n" not in data else self._converted(path, data)

    def _converted(self, path: bytes, data: bytes) -> bytes:
        if self._attributes is None:
            self._attributes = Attributes(self._repo)
        how = self._attributes.converts(path)
        if how == b"no" or (how == b"auto" and (b"\0" in data or data.count(b"\r") != data.count(b"\r\n"))):
            return data
        return data.replace(b"\r\n", b"\n")

    def _submodule(self, path: bytes) -> str:
        """What is checked out in a submodule; empty when that cannot be told."""
        inside = self.top + b"/" + path + b"/.git"
        content = read_small(inside)
        place = os.path.normpath(os.path.join(os.path.dirname(inside), content[7:].strip())) if content else inside
        try:
            return Repository(place, None, place, []).refs.get(b"HEAD") or ""
        except OSError:
            return ""

    def differences(self, index: Index, spec: Pathspec) -> list[Difference]:
        """Every entry whose file differs; entries in conflict are left out."""
        entries = [e for e in index if not e.stage and not e.unwatched and spec.matches(e.path)]
        found = []
        for entry, seen in zip(entries, self.look([e.path for e in entries]), strict=True):
            if seen is None or (stat.S_ISDIR(seen.mode) and entry.mode != GITLINK):
                found.append(Difference(entry, 0, ""))
                continue
            mode = self._mode(entry, seen)
            if mode == GITLINK:
                oid = self._submodule(entry.path) or entry.oid
            elif mode == entry.mode and not entry.intent and _unchanged(entry, seen, index.mtime_ns):
                continue
            else:
                oid = blob_id(self.content(entry.path, mode))
            if oid != entry.oid or mode != entry.mode or entry.intent:
                found.append(Difference(entry, mode, oid))
        return found

    def _mode(self, entry: IndexEntry, seen: Seen) -> int:
        if stat.S_ISDIR(seen.mode):
            return GITLINK
        if not self._file_mode and stat.S_ISREG(seen.mode) and stat.S_ISREG(entry.mode):
            return entry.mode
        return seen.mode

    def untracked(self, index: Index, spec: Pathspec, *, every: bool, ignored: bool = False) -> list[bytes]:
        """What is neither in the index nor ignored, in order of name.

        Args:
            index: what is known.
            spec: look at these paths alone.
            every: name files one by one instead of a directory that has nothing else.
            ignored: what is ignored instead.
        """
        walk = _Walk(self, index, spec, Ignore(self._repo), every=every, ignored=ignored)
        walk.directory(b"")
        return sorted(walk.found)


class _Walk:
    """A walk through the working tree for what is not in the index."""

    def __init__(
        self, tree: Worktree, index: Index, spec: Pathspec, ignore: Ignore, *, every: bool, ignored: bool
    ) -> None:
        self._top = tree.top
        self._spec = spec
        self._ignore = ignore
        self._every = every
        self._ignored = ignored
        self._tracked = {e.path for e in index}
        self._parents: set[bytes] = set()
        for path in self._tracked:
            parent = path.rpartition(b"/")[0]
            while parent and parent not in self._parents:
                self._parents.add(parent)
                parent = parent.rpartition(b"/")[0]
        self.found: list[bytes] = []

    def directory(self, path: bytes) -> None:
        """What is below a directory that holds something of the index, or is the root."""
        for name, is_directory in self._entries(path):
            full = path + b"/" + name if path else name
            if full in self._tracked or not (self._spec.matches(full) or (is_directory and self._spec.reaches(full))):
                continue
            if is_directory and full in self._parents:
                self.directory(full)
            elif is_directory:
                self._new_directory(full)
            elif self._ignore.ignores(full, directory=False) == self._ignored:
                self.found.append(full)

    def _new_directory(self, path: bytes) -> None:
        ignored = self._ignore.ignores(path, directory=True)
        if ignored and not self._ignored:
            return
        if os.path.lexists(self._top + b"/" + path + b"/.git"):
            if not self._ignored or ignored:
                self.found.append(path + b"/")
        elif ignored and not self._every:
            if self._holds_a_file(path):
                self.found.append(path + b"/")
        elif self._every or self._ignored or not self._spec.matches(path):
            self.directory(path)
        elif self._has_new(path):
            self.found.append(path + b"/")

    def _holds_a_file(self, path: bytes) -> bool:
        return any(not d or self._holds_a_file(path + b"/" + n) for n, d in self._entries(path))

    def _has_new(self, path: bytes) -> bool:
        """Whether a directory has a file that is not ignored."""
        for name, is_directory in self._entries(path):
            full = path + b"/" + name
            if self._ignore.ignores(full, directory=is_directory):
                continue
            if not is_directory or os.path.lexists(self._top + b"/" + full + b"/.git") or self._has_new(full):
                return True
        return False

    def _entries(self, path: bytes) -> list[tuple[bytes, bool]]:
        try:
            with os.scandir(self._top + b"/" + path if path else self._top) as entries:
                found = [(e.name, e.is_dir(follow_symlinks=False), e.is_file() or e.is_symlink()) for e in entries]
        except OSError:
            return []
        return sorted((n, d) for n, d, f in found if n != b".git" and (d or f))


def _git_mode(mode: int) -> int:
    if stat.S_ISREG(mode):
        return 0o100755 if mode & 0o100 else 0o100644
    return stat.S_IFMT(mode)


def _unchanged(entry: IndexEntry, seen: Seen, index_ns: int) -> bool:
    """Whether size and time tell that the file is the index's.

    The index's own time is the limit: what changed in the same instant may have changed after git looked.
    """
    if seen.size & 0xFFFFFFFF != entry.size or entry.mtime_ns >= index_ns:
        return False
    if entry.mtime_ns % 1_000_000_000:
        return seen.mtime_ns == entry.mtime_ns
    return seen.mtime_ns // 1_000_000_000 == entry.mtime_ns // 1_000_000_000
