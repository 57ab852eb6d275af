"""References: branches, tags, ``HEAD``, and what they lead to."""

from __future__ import annotations

import os
import re

from .failure import GitError
from .files import read_file

_OID = re.compile(rb"[0-9a-f]{40}")
_MOST_LINKS = 5
_MOST_BYTES = 64 << 20
_PLAIN = re.compile(rb"(?:HEAD|[A-Z_]+|refs/.*)")


class Refs:
    """The references of a repository.

    Args:
        git_dir: of this working tree: ``HEAD`` and its like.
        common_dir: of all its working trees: branches, tags.
    """

    def __init__(self, git_dir: bytes, common_dir: bytes) -> None:
        self._git_dir = git_dir
        self._common_dir = common_dir
        self._packed: dict[bytes, str] | None = None
        self.peeled: dict[bytes, str] = {}

    def _place(self, name: bytes) -> bytes:
        own = not name.startswith(b"refs/") or name.startswith((b"refs/bisect/", b"refs/worktree/", b"refs/rewritten/"))
        return (self._git_dir if own else self._common_dir) + b"/" + name

    def raw(self, name: bytes) -> bytes | None:
        """What a reference holds: an object's name, or ``ref: `` and another; None where there is none."""
        if not _safe(name):
            return None
        try:
            return read_file(self._place(name), 4096).strip()
        except OSError:
            packed = self.packed().get(name)
            return None if packed is None else packed.encode()

    def packed(self) -> dict[bytes, str]:
        """The references of ``packed-refs``."""
        if self._packed is None:
            self._packed = {}
            try:
                lines = read_file(self._common_dir + b"/packed-refs", _MOST_BYTES).split(b"\n")
            except OSError:
                lines = []
            last = b""
            for line in lines:
                if line.startswith(b"^") and last:
                    self.peeled[last] = line[1:41].decode("ascii", "replace")
                elif _OID.match(line):
                    last = line[41:]
                    self._packed[last] = line[:40].decode()
        return self._packed

    def target(self, name: bytes) -> bytes | None:
        """The reference that a symbolic one names; None when it is none."""
        raw = self.raw(name)
        return raw[4:].strip() if raw is not None and raw.startswith(b"ref:") else None

    def follow(self, name: bytes) -> tuple[bytes, str | None]:
        """The last reference on the way, and its object; None where that does not exist.

        Raises:
            GitError: the references run in a circle, or one holds no object's name.
        """
        for _ in range(_MOST_LINKS + 1):
            raw = self.raw(name)
            if raw is None:
                return name, None
            if not raw.startswith(b"ref:"):
                if not _OID.fullmatch(raw):
                    raise GitError(f"bad ref {name.decode('utf-8', 'replace')}")
                return name, raw.decode()
            name = raw[4:].strip()
        raise GitError("symbolic references run in a circle")

    def get(self, name: bytes) -> str | None:
        """The object that a reference leads to; None where there is none."""
        return self.follow(name)[1]

    def below(self, prefix: bytes) -> dict[bytes, str]:
        """Every reference whose name begins with ``prefix`` (that ends with a slash), by name."""
        found = {n: o for n, o in self.packed().items() if n.startswith(prefix)}
        stack = [prefix.rstrip(b"/")]
        while stack:
            directory = stack.pop()
            try:
                entries = list(os.scandir(self._place(directory + b"/x")[:-2]))
            except OSError:
                continue
            for entry in entries:
                name = directory + b"/" + entry.name
                if entry.is_dir(follow_symlinks=False):
                    stack.append(name)
                elif not name.endswith(b".lock"):
                    oid = self.get(name)
                    if oid is not None:
                        found[name] = oid
        return dict(sorted(found.items()))

    def log(self, name: bytes) -> list[tuple[str, str, bytes, bytes]]:
        """A reference's history, oldest first: old object, new object, who and when, why."""
        if not _safe(name):
            return []
        own = not name.startswith(b"refs/")
        try:
            lines = read_file((self._git_dir if own else self._common_dir) + b"/logs/" + name, _MOST_BYTES).split(b"\n")
        except OSError:
            return []
        found = []
        for line in lines:
            head, _, message = line.partition(b"\t")
            old, _, rest = head.partition(b" ")
            new, _, who = rest.partition(b" ")
            if _OID.fullmatch(old) and _OID.fullmatch(new):
                found.append((old.decode(), new.decode(), who, message))
        return found


def _safe(name: bytes) -> bool:
    """Whether it is a reference's name, and no path to elsewhere."""
    return (
        _PLAIN.fullmatch(name) is not None
        and not any(part in (b"", b".", b"..") for part in name.split(b"/"))
        and b"\0" not in name
    )
