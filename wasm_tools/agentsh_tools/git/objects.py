"""Objects: blobs, trees, commits and tags, loose or in packs."""

from __future__ import annotations

import os
import zlib
from typing import NamedTuple

from .failure import GitError, text
from .files import read_file
from .pack import Pack, inflate

_CACHE_BYTES = 32 << 20
_MOST_ALTERNATES = 5  # levels, as git


class TreeEntry(NamedTuple):
    """One line of a tree."""

    mode: int
    name: bytes
    oid: str


class Commit(NamedTuple):
    """A commit, its people as they stand in it."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: bytes
    committer: bytes
    message: bytes
    raw: bytes

    @property
    def date(self) -> int:
        """When it was committed, in seconds of the epoch; 0 where that cannot be read."""
        return stamp(self.committer)[0]


def stamp(person: bytes) -> tuple[int, int]:
    """The time of an author or committer line: seconds, and the zone as a number that reads hhmm."""
    fields = person.rpartition(b">")[2].split()
    try:
        return int(fields[0]), int(fields[1]) if len(fields) > 1 else 0
    except (ValueError, IndexError):
        return 0, 0


def parse_tree(raw: bytes) -> list[TreeEntry]:
    """The entries of a tree.

    Raises:
        GitError: it is no tree.
    """
    entries, at = [], 0
    while at < len(raw):
        space = raw.find(b" ", at)
        end = raw.find(b"\0", space)
        if space < 0 or end < 0 or end + 21 > len(raw):
            raise GitError("corrupt tree object")
        try:
            mode = int(raw[at:space], 8)
        except ValueError as e:
            raise GitError("corrupt tree object") from e
        entries.append(TreeEntry(mode, raw[space + 1 : end], raw[end + 1 : end + 21].hex()))
        at = end + 21
    return entries


def headers(raw: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The header lines of a commit or tag, continued ones joined, and its message."""
    head, _, message = raw.partition(b"\n\n")
    found: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and found:
            found[-1] = (found[-1][0], found[-1][1] + b"\n" + line[1:])
        else:
            name, _, value = line.partition(b" ")
            found.append((name, value))
    return found, message


class ObjectStore:
    """The objects of a repository and of its alternates.

    An alternate outside of the workspace is as good as not there: the sandbox cannot open it.

    Args:
        directory: the ``objects`` directory.
    """

    def __init__(self, directory: bytes) -> None:
        self.directories = self._with_alternates(directory)
        self._packs: list[Pack] | None = None
        self._cache: dict[str, tuple[str, bytes]] = {}
        self._cached = 0
        self._commits: dict[str, Commit] = {}
        self.shallow: frozenset[str] = frozenset()
        self.unreachable: list[bytes] = []

    def _with_alternates(self, directory: bytes) -> list[bytes]:
        found = [directory]
        for level in range(_MOST_ALTERNATES):
            del level
            for place in list(found):
                try:
                    lines = read_file(place + b"/info/alternates", 1 << 16).split(b"\n")
                except OSError:
                    continue
                for line in lines:
                    other = os.path.normpath(os.path.join(place, line))
                    if line and not line.startswith(b"#") and other not in found and len(found) < 64:
                        found.append(other)
        return found

    @property
    def packs(self) -> list[Pack]:
        """Every pack, looked for once."""
        if self._packs is None:
            self._packs = []
            for directory in self.directories:
                try:
                    names = sorted(os.listdir(directory + b"/pack"))
                except OSError:
                    continue
                self._packs += [Pack(directory + b"/pack/" + n[:-4]) for n in names if n.endswith(b".idx")]
        return self._packs

    def read(self, oid: str) -> tuple[str, bytes]:
        """An object's kind and content.

        Raises:
            GitError: there is none, or it is damaged.
        """
        kept = self._cache.get(oid)
        if kept is not None:
            return kept
        found = self._loose(oid) or self._packed(oid)
        if found is None:
            missing = [d for d in self.directories[1:] if not os.path.isdir(d)]
            why = f" (its alternate {text(missing[0])} is outside of the workspace)" if missing else ""
            raise GitError(f"unable to read {oid}{why}")
        if len(found[1]) < _CACHE_BYTES // 8:
            self._cached += len(found[1])
            if self._cached > _CACHE_BYTES:
                self._cache.clear()
                self._cached = len(found[1])
            self._cache[oid] = found
        return found

    def has(self, oid: str) -> bool:
        """Whether there is such an object."""
        name = f"/{oid[:2]}/{oid[2:]}".encode()
        return (
            oid in self._cache
            or any(os.path.isfile(d + name) for d in self.directories)
            or any(p.find(bytes.fromhex(oid)) is not None for p in self.packs)
        )

    def _loose(self, oid: str) -> tuple[str, bytes] | None:
        for directory in self.directories:
            try:
                packed = read_file(directory + f"/{oid[:2]}/{oid[2:]}".encode())
            except OSError:
                continue
            try:
                content = inflate(packed)
            except zlib.error as e:
                raise GitError(f"loose object {oid} is corrupt") from e
            head, _, body = content.partition(b"\0")
            kind, _, size = head.partition(b" ")
            if not size.isdigit() or int(size) != len(body):
                raise GitError(f"loose object {oid} is corrupt")
            return kind.decode("ascii", "replace"), body
        return None

    def _packed(self, oid: str) -> tuple[str, bytes] | None:
        key = bytes.fromhex(oid)
        for pack in self.packs:
            offset = pack.find(key)
            if offset is not None:
                return pack.read(offset, self.read)
        return None

    def of_kind(self, oid: str, kind: str) -> bytes:
        """An object's content.

        Raises:
            GitError: there is none, or it is of another kind.
        """
        found, content = self.read(oid)
        if found != kind:
            raise GitError(f"object {oid} is a {found}, not a {kind}")
        return content

    def tree(self, oid: str) -> list[TreeEntry]:
        """The entries of a tree."""
        return parse_tree(self.of_kind(oid, "tree"))

    def commit(self, oid: str) -> Commit:
        """A commit."""
        kept = self._commits.get(oid)
        if kept is None:
            kept = self._commits[oid] = self._parse_commit(oid)
        return kept

    def _parse_commit(self, oid: str) -> Commit:
        raw = self.of_kind(oid, "commit")
        lines, message = headers(raw)
        one = dict(reversed(lines))
        parents = () if oid in self.shallow else tuple(v.decode("ascii", "replace") for k, v in lines if k == b"parent")
        tree = one.get(b"tree", b"").decode("ascii", "replace")
        return Commit(oid, tree, parents, one.get(b"author", b""), one.get(b"committer", b""), message, raw)

    def peel(self, oid: str, kind: str = "commit") -> str:
        """Follow tags, and for a tree also a commit, until an object of that kind.

        Raises:
            GitError: there is none at the end.
        """
        for _ in range(64):
            found, content = self.read(oid)
            if found == kind:
                return oid
            if found == "tag":
                oid = dict(headers(content)[0]).get(b"object", b"").decode("ascii", "replace")
            elif found == "commit" and kind == "tree":
                oid = self.commit(oid).tree
            else:
                break
        raise GitError(f"{oid} is not a {kind}")

    def with_prefix(self, prefix: str) -> list[str]:
        """Every object whose name begins so; at least two digits."""
        found: set[str] = set()
        for directory in self.directories:
            try:
                names = os.listdir(directory + f"/{prefix[:2]}".encode())
            except OSError:
                continue
            rest = prefix[2:].encode()
            found.update(
                prefix[:2] + n.decode("ascii", "replace") for n in names if n.startswith(rest) and len(n) == 38
            )
        for pack in self.packs:
            found.update(pack.with_prefix(prefix))
        return sorted(found)

    def abbreviated(self, oid: str, length: int = 0) -> str:
        """The shortest unique beginning of a name, at least ``length`` long (0: what git takes for this size)."""
        if not length:
            bits = sum(p.count for p in self.packs).bit_length()
            length = max(7, (bits + 1) // 2)
        if oid.strip("0") == "" or length >= 40:
            return oid[:length]
        near = [o for o in self.with_prefix(oid[: max(length, 4)]) if o != oid]
        while length < 40 and any(o.startswith(oid[:length]) for o in near):
            length += 1
        return oid[:length]
