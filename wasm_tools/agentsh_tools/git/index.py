"""The index: what the next commit would hold."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from .failure import GitError
from .files import read_with_time

if TYPE_CHECKING:
    from .repository import Repository

_FIXED = struct.Struct(">10I20sH")
_VALID, _EXTENDED, _SKIP_WORKTREE, _INTENT_TO_ADD = 0x8000, 0x4000, 0x4000, 0x2000


class IndexEntry(NamedTuple):
    """A path of the index.

    Attributes:
        mtime_ns: when the file was last changed, as git saw it.
        size: of the file, modulo 2**32.
        stage: 0, or 1 to 3 in a conflict: the common ancestor's, ours, theirs.
        unwatched: whether the working tree's file is not to be looked at.
        intent: whether only the path is there yet (``git add -N``).
    """

    path: bytes
    mode: int
    oid: str
    mtime_ns: int
    size: int
    stage: int
    unwatched: bool
    intent: bool


class Index(list[IndexEntry]):
    """The entries, by path and stage.

    Attributes:
        mtime_ns: of the index itself: a file changed at or after it may have changed unnoticed.
        tree: the tree that the entries make, where git has noted it; empty otherwise.
    """

    mtime_ns = 0
    tree = ""


def read_index(repo: Repository) -> Index:
    """The index; empty where there is none yet.

    Raises:
        GitError: it is damaged, or of a form that is not supported.
    """
    path = repo.git_dir + b"/index"
    index = Index()
    try:
        data, index.mtime_ns = read_with_time(path)
    except FileNotFoundError:
        return index
    except OSError as e:
        raise GitError(f"cannot read the index: {e.strerror}") from e
    try:
        _parse(data, index)
    except (struct.error, ValueError, IndexError) as e:
        raise GitError("index file corrupt") from e
    return index


def _parse(data: bytes, index: Index) -> None:
    signature, version, count = struct.unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in (2, 3, 4):
        raise GitError(
            f"index uses version {version}, which is not understood" if signature == b"DIRC" else "bad index"
        )
    at, path = 12, b""
    for _ in range(count):
        start = at
        _, _, seconds, nanoseconds, _, _, mode, _, _, size, oid, flags = _FIXED.unpack_from(data, at)
        at += _FIXED.size
        extended = 0
        if flags & _EXTENDED:
            (extended,) = struct.unpack_from(">H", data, at)
            at += 2
        if version == 4:
            strip, at = _varint(data, at)
            end = data.index(b"\0", at)
            path = path[: len(path) - strip] + data[at:end]
            at = end + 1
        else:
            end = data.index(b"\0", at)
            path = data[at:end]
            at = start + ((end - start + 8) & ~7)
        index.append(
            IndexEntry(
                path,
                mode,
                oid.hex(),
                seconds * 1_000_000_000 + nanoseconds,
                size,
                flags >> 12 & 3,
                bool(flags & _VALID or extended & _SKIP_WORKTREE),
                bool(extended & _INTENT_TO_ADD),
            )
        )
    while at + 8 <= len(data) - 20:
        name, size = struct.unpack_from(">4sI", data, at)
        at += 8
        _extension(name, data[at : at + size], index)
        at += size


def _extension(name: bytes, content: bytes, index: Index) -> None:
    if name == b"TREE":
        path, _, rest = content.partition(b"\0")
        line, _, rest = rest.partition(b"\n")
        if not path and not line.startswith(b"-"):
            index.tree = rest[:20].hex()
    elif name in (b"link", b"sdir"):
        what = "split" if name == b"link" else "sparse"
        raise GitError(f"this repository has a {what} index, which cannot be read in this sandbox")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    value = byte & 0x7F
    while byte & 0x80:
        byte = data[at]
        at += 1
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, at
