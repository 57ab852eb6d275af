"""What a disk holds after a power cut: the system calls of a process, replayed without what was never synced.

The model is a journalling file system: names (create, rename, remove) take effect in order, and a sync of any file or
directory makes all earlier ones durable. The bytes of a file are durable after a sync of that file or of the file
system; what was written since may be there in part: each piece is kept or dropped, as a coin says.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_CALLS = (
    "openat,open,pwrite64,write,ftruncate,fsync,fdatasync,syncfs,sync,rename,renameat,renameat2,unlink,unlinkat,"
    "mkdir,mkdirat,rmdir,symlink,symlinkat,link,linkat,fchmod,fchmodat,chmod,fallocate,close"
)
_LINE = re.compile(rb"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"(\.\.\.)?')
_FD = re.compile(rb"^(\d+|AT_FDCWD)<((?:[^>\\]|\\.)*)>")


class UnknownCall(Exception):
    """A line of the trace that this replay does not understand."""


def available() -> bool:
    return shutil.which("strace") is not None


def trace(command: Sequence[str], log: Path, environment: dict[str, str]) -> int:
    """Run ``command`` and write down what it asks of the kernel; its exit code."""
    return subprocess.run(
        ["strace", "-f", "-y", "-xx", "-s", "10000000", "-e", f"trace={_CALLS}", "-o", str(log), *command],
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
    ).returncode


def _unescape(raw: bytes) -> bytes:
    return re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), raw)


@dataclass
class _File:
    """One file's content: what is durable, and what was written since."""

    data: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes | None]] = field(default_factory=list)  # (offset, bytes), or (size, None): truncate
    mode: int = 0o644

    def settle(self) -> None:
        for offset, data in self.waiting:
            self._apply(offset, data)
        self.waiting.clear()

    def _apply(self, offset: int, data: bytes | None) -> None:
        if data is None:
            del self.data[offset:]
            self.data.extend(bytes(offset - len(self.data)))
            return
        self.data.extend(bytes(max(0, offset - len(self.data))))
        self.data[offset : offset + len(data)] = data

    def cut(self, chance: random.Random) -> bytes:
        """What is there after the cut."""
        kept = _File(bytearray(self.data))
        for offset, data in self.waiting:
            if data is None:
                if chance.random() < 0.5:
                    kept._apply(offset, data)
                continue
            for start in range(0, len(data), 512):  # a sector is whole or not there
                if chance.random() < 0.5:
                    kept._apply(offset + start, data[start : start + 512])
        return bytes(kept.data)


_Node = tuple[str, object]  # ('dir', mode) | ('link', target) | ('file', _File)


class _Root:
    """One directory tree: its names now, what of them is durable, and how they were after each change since."""

    def __init__(self, path: bytes) -> None:
        self.names: dict[bytes, _Node] = {}
        for directory, folders, files in os.walk(path):
            self.names[directory] = ("dir", stat.S_IMODE(os.lstat(directory).st_mode))
            for name in (*folders, *files):
                full = os.path.join(directory, name)
                st = os.lstat(full)
                if stat.S_ISLNK(st.st_mode):
                    self.names[full] = ("link", os.readlink(full))
                elif stat.S_ISREG(st.st_mode):
                    content = bytearray(Path(os.fsdecode(full)).read_bytes())
                    self.names[full] = ("file", _File(content, mode=stat.S_IMODE(st.st_mode)))
        self.durable = dict(self.names)
        self.since: list[dict[bytes, _Node]] = []

    def changed(self) -> None:
        self.since.append(dict(self.names))

    def synced(self, *, files: bool = False) -> None:
        self.durable = dict(self.names)
        self.since.clear()
        for _, body in self.names.values():
            if files and isinstance(body, _File):
                body.settle()


class Replay:
    """The state of some directories, call by call; each is a file system of its own.

    Args:
        roots: what is followed; read as it is now, before the traced process runs.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = {os.fsencode(r): _Root(os.fsencode(r)) for r in roots}
        self._offsets: dict[bytes, int] = {}

    def _root(self, path: bytes) -> _Root | None:
        return next((r for at, r in self._roots.items() if path == at or path.startswith(at + b"/")), None)

    def feed(self, line: bytes) -> bool:
        """Take one line of the trace; True when it is about one of the roots."""
        match = _LINE.match(line)
        if match is None or int(match[3]) < 0:
            return False
        call, arguments, result = match[1].decode(), match[2], int(match[3])
        strings = [_unescape(m[1]) for m in _STRING.finditer(arguments)]
        first = _FD.match(arguments)
        at = _unescape(first[2]) if first else b""
        if call in ("syncfs", "sync"):
            for path, root in self._roots.items():
                if call == "sync" or at == path or at.startswith(path + b"/"):
                    root.synced(files=True)
            return True
        if call in ("pwrite64", "write", "ftruncate", "fallocate", "fsync", "fdatasync", "fchmod"):
            found = self._root(at)
            if found is not None:
                self._on_fd(call, at, (arguments, strings, result), found)
            return found is not None
        return call != "close" and self._on_name(call, arguments, strings)

    @staticmethod
    def _written(arguments: bytes, strings: list[bytes], result: int) -> tuple[int, bytes]:
        return int(arguments.rpartition(b",")[2]), strings[-1][:result]

    def _on_fd(self, call: str, at: bytes, said: tuple[bytes, list[bytes], int], root: _Root) -> None:
        arguments, strings, result = said
        body = root.names.get(at, ("", None))[1]
        file = body if isinstance(body, _File) else None
        if call in ("fsync", "fdatasync"):
            if file is not None:
                file.settle()
            root.synced()
        elif file is None:
            if call == "fchmod" and at in root.names:
                root.names[at] = ("dir", int(arguments.rpartition(b",")[2], 8))
                root.changed()
        elif call == "fchmod":
            file.mode = int(arguments.rpartition(b",")[2], 8)
        elif call == "pwrite64":
            file.waiting.append(self._written(arguments, strings, result))
        elif call == "write":
            offset = self._offsets.get(at, 0)
            file.waiting.append((offset, strings[-1][:result]))
            self._offsets[at] = offset + result
        elif call == "ftruncate":
            file.waiting.append((int(arguments.rpartition(b",")[2]), None))
        else:
            raise UnknownCall(call)

    def _on_name(self, call: str, arguments: bytes, strings: list[bytes]) -> bool:  # noqa: C901 - a table of calls
        paths = self._paths(call, arguments, strings)
        root = self._root(paths[0]) if paths else None
        if root is None:
            return False
        path, names = paths[0], root.names
        if call in ("openat", "open"):
            node = names.get(path)
            if b"O_CREAT" in arguments and node is None:
                names[path] = ("file", _File(mode=int(arguments.rpartition(b",")[2], 8)))
                root.changed()
            elif b"O_TRUNC" in arguments and node is not None and isinstance(node[1], _File):
                node[1].waiting.append((0, None))
            self._offsets.pop(path, None)
            return b"O_CREAT" in arguments
        if call in ("chmod", "fchmodat"):
            mode = int(re.findall(rb", (0[0-7]+)", arguments)[-1], 8)
            body = names.get(path, ("", None))[1]
            if isinstance(body, _File):
                body.mode = mode
            elif path in names:
                names[path] = ("dir", mode)
        elif call in ("mkdir", "mkdirat"):
            names[path] = ("dir", int(arguments.rpartition(b",")[2], 8))
        elif call in ("unlink", "unlinkat", "rmdir"):
            names.pop(path, None)
        elif call in ("symlink", "symlinkat"):
            names[path] = ("link", strings[0])
        elif call in ("link", "linkat"):
            names[paths[1]] = names[path]
        else:
            _rename(names, path, paths[1], exchange=b"EXCHANGE" in arguments)
        root.changed()
        return True

    @staticmethod
    def _paths(call: str, arguments: bytes, strings: list[bytes]) -> list[bytes]:
        """The absolute paths that a call names, in order."""
        if call in ("symlink", "symlinkat"):
            match = re.search(rb'", (?:(?:\d+|AT_FDCWD)<((?:[^>\\]|\\.)*)>, )?"', arguments)
            base = _unescape(match[1] or b"") if match else b""
            return [os.path.join(base, strings[1])]
        found = []
        for match in re.finditer(rb'(?:(?:\d+|AT_FDCWD)<((?:[^>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)"', arguments):
            base = _unescape(match[1] or b"")
            name = _unescape(match[2])
            if name.startswith(b"/proc/self/fd/"):
                return []
            found.append(os.path.normpath(os.path.join(base, name)))
        return found

    def after_cut(self, chance: random.Random, moves: dict[bytes, Path]) -> None:
        """Write what a power cut at this moment leaves.

        Args:
            chance: decides what of the unsynced is there.
            moves: where each root goes; the directories must not exist.
        """
        for at, root in self._roots.items():
            names = chance.choice([root.durable, *root.since])
            base = os.fsencode(moves[at])
            os.makedirs(base)
            for path, (kind, body) in sorted(names.items()):
                target = base + path[len(at) :]
                if kind == "dir":
                    os.makedirs(target, exist_ok=True)
                elif isinstance(body, bytes):
                    os.symlink(body, target)
                elif isinstance(body, _File):
                    Path(os.fsdecode(target)).write_bytes(body.cut(chance))
                    os.chmod(target, body.mode)
            for path, (kind, body) in sorted(names.items(), reverse=True):
                if kind == "dir" and isinstance(body, int):
                    os.chmod(base + path[len(at) :], body)


def _rename(names: dict[bytes, _Node], old: bytes, new: bytes, *, exchange: bool) -> None:
    moved = {p: n for p, n in names.items() if p == old or p.startswith(old + b"/")}
    other = {p: n for p, n in names.items() if p == new or p.startswith(new + b"/")}
    for p in (*moved, *other):
        del names[p]
    names.update({new + p[len(old) :]: n for p, n in moved.items()})
    if exchange:
        names.update({old + p[len(new) :]: n for p, n in other.items()})
