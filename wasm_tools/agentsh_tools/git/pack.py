"""Packs: many objects in one file, most of them as differences from another."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

from .failure import GitError, text
from .files import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable

_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_OFFSET_DELTA, _REF_DELTA = 6, 7
_CHUNK = 1 << 14
_LONGEST_CHAIN = 4096 + 64  # what git writes at most, and some
_BASES_BYTES = 16 << 20
_IDX_V2 = b"\377tOc"


def inflate(packed: bytes) -> bytes:
    """What zlib's stream holds.

    Raises:
        GitError: it is too large.
        zlib.error: it is damaged or cut.
    """
    stream = zlib.decompressobj()
    content = stream.decompress(packed, LARGEST)
    if stream.unconsumed_tail:
        raise GitError("an object is larger than 512 MiB")
    if not stream.eof:
        raise zlib.error("the stream is cut")
    return content


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """The object that ``delta`` makes from ``base``.

    Raises:
        GitError: the delta is damaged, or its result is too large.
    """
    source, at = _size(delta, 0)
    target, at = _size(delta, at)
    if source != len(base) or target > LARGEST:
        raise GitError("a pack has a delta that does not fit")
    out, end, made = [], len(delta), 0
    try:
        while at < end:
            op = delta[at]
            at += 1
            if op & 0x80:
                offset = size = 0
                for i in range(4):
                    if op & (1 << i):
                        offset |= delta[at] << (8 * i)
                        at += 1
                for i in range(3):
                    if op & (0x10 << i):
                        size |= delta[at] << (8 * i)
                        at += 1
                size = size or 0x10000
                piece = base[offset : offset + size]
            elif op:
                size = op
                piece = delta[at : at + size]
                at += size
            else:
                raise GitError("a pack has a delta with an unknown instruction")
            made += size
            if len(piece) != size or made > target:
                raise GitError("a pack has a delta that does not fit")
            out.append(piece)
    except IndexError as e:
        raise GitError("a pack has a delta that is cut") from e
    if made != target:
        raise GitError("a pack has a delta that does not fit")
    return b"".join(out)


def _size(data: bytes, at: int) -> tuple[int, int]:
    size = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return size, at
    raise GitError("a pack has a delta that is cut")


class Pack:
    """A pack with its index.

    Args:
        path: of both, without the suffix.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._index: BinaryIO | None = None
        self._data: BinaryIO | None = None
        self._fan: tuple[int, ...] = ()
        self._v2 = True
        self._bases: dict[int, tuple[str, bytes]] = {}
        self._bases_size = 0

    def _open(self) -> BinaryIO:
        if self._index is None:
            try:
                index = open(self._path + b".idx", "rb")  # noqa: SIM115 - kept while the program runs
            except OSError as e:
                raise GitError(f"cannot open {text(self._path)}.idx: {e.strerror}") from e
            head = index.read(8)
            self._v2 = head[:4] == _IDX_V2
            if self._v2 and head[4:] != b"\0\0\0\2":
                raise GitError(f"{text(self._path)}.idx has an unknown version")
            if not self._v2:
                index.seek(0)
            fan = index.read(1024)
            if len(fan) != 1024:
                raise GitError(f"{text(self._path)}.idx is too small")
            self._fan = struct.unpack(">256I", fan)
            if list(self._fan) != sorted(self._fan):
                raise GitError(f"{text(self._path)}.idx is not in order")
            self._index = index
        return self._index

    @property
    def count(self) -> int:
        """How many objects it has."""
        self._open()
        return self._fan[255]

    def _names(self, first: int) -> tuple[int, bytes, int]:
        """The index's lines for names that begin with a byte: number of the first, the lines, and bytes a line."""
        index = self._open()
        start = self._fan[first - 1] if first else 0
        width, base = (20, 8 + 1024) if self._v2 else (24, 1024)
        index.seek(base + start * width)
        return start, index.read((self._fan[first] - start) * width), width

    def find(self, key: bytes) -> int | None:
        """Where the object lies in the pack; None when it does not."""
        start, lines, width = self._names(key[0])
        skip = width - 20
        low, high = 0, len(lines) // width
        while low < high:
            middle = (low + high) // 2
            if lines[middle * width + skip : (middle + 1) * width] < key:
                low = middle + 1
            else:
                high = middle
        if lines[low * width + skip : (low + 1) * width] != key:
            return None
        if not self._v2:
            return int.from_bytes(lines[low * width : low * width + 4], "big")
        return self._offset(start + low)

    def _offset(self, number: int) -> int:
        index, count = self._open(), self._fan[255]
        index.seek(8 + 1024 + count * 24 + number * 4)
        offset = int.from_bytes(index.read(4), "big")
        if offset & 0x80000000:
            index.seek(8 + 1024 + count * 28 + (offset & 0x7FFFFFFF) * 8)
            offset = int.from_bytes(index.read(8), "big")
        return offset

    def with_prefix(self, prefix: str) -> list[str]:
        """Names that begin so."""
        _, lines, width = self._names(int(prefix[:2], 16))
        names = (lines[at + width - 20 : at + width].hex() for at in range(0, len(lines), width))
        return [n for n in names if n.startswith(prefix)]

    def read(self, offset: int, other: Callable[[str], tuple[str, bytes]]) -> tuple[str, bytes]:
        """The object at an offset.

        Args:
            offset: where it lies.
            other: reads an object by name; a delta may build on one.

        Raises:
            GitError: the pack is damaged.
        """
        deltas: list[tuple[int, bytes]] = []
        while True:
            kept = self._bases.get(offset)
            if kept is not None:
                kind, content = kept
                break
            number, content, base = self._entry(offset)
            if number in _KINDS:
                kind = _KINDS[number]
                break
            deltas.append((offset, content))
            if len(deltas) > _LONGEST_CHAIN:
                raise GitError(f"{text(self._path)}.pack has a chain of deltas without an end")
            if isinstance(base, str):
                at = self.find(bytes.fromhex(base))
                if at is None:
                    kind, content = other(base)
                    offset = -1  # not of this pack
                    break
                offset = at
            else:
                offset = base
        if deltas:
            self._keep(offset, kind, content)
        for at, delta in reversed(deltas):
            content = apply_delta(content, delta)
            self._keep(at, kind, content)
        return kind, content

    def _keep(self, offset: int, kind: str, content: bytes) -> None:
        """Keep what its neighbours in the chain may build on."""
        if offset < 0 or offset in self._bases or len(content) > _BASES_BYTES // 8:
            return
        self._bases_size += len(content)
        if self._bases_size > _BASES_BYTES:
            self._bases.clear()
            self._bases_size = len(content)
        self._bases[offset] = kind, content

    def _entry(self, offset: int) -> tuple[int, bytes, int | str]:
        """One entry: its kind's number, what it holds, and for deltas the base's offset or name."""
        if self._data is None:
            try:
                self._data = open(self._path + b".pack", "rb")  # noqa: SIM115 - kept while the program runs
            except OSError as e:
                raise GitError(f"cannot open {text(self._path)}.pack: {e.strerror}") from e
        self._data.seek(offset)
        chunk = self._data.read(_CHUNK)
        try:
            byte, at = chunk[0], 1
            number, size, shift = byte >> 4 & 7, byte & 15, 4
            while byte & 0x80:
                byte = chunk[at]
                at += 1
                size |= (byte & 0x7F) << shift
                shift += 7
            base: int | str = 0
            if number == _OFFSET_DELTA:
                byte = chunk[at]
                at += 1
                back = byte & 0x7F
                while byte & 0x80:
                    byte = chunk[at]
                    at += 1
                    back = (back + 1) << 7 | byte & 0x7F
                if not 0 < back <= offset:
                    raise GitError(f"{text(self._path)}.pack has a delta without a base")
                base = offset - back
            elif number == _REF_DELTA:
                base = chunk[at : at + 20].hex()
                at += 20
            elif number not in _KINDS:
                raise GitError(f"{text(self._path)}.pack has an entry of unknown kind")
        except IndexError as e:
            raise GitError(f"{text(self._path)}.pack is cut") from e
        return number, self._inflate(chunk[at:], size), base

    def _inflate(self, chunk: bytes, size: int) -> bytes:
        if size > LARGEST:
            raise GitError("an object is larger than 512 MiB")
        if self._data is None:
            raise GitError("a pack is not open")
        stream, out, room = zlib.decompressobj(), [], size
        try:
            while True:
                piece = stream.decompress(chunk, room + 1)
                out.append(piece)
                room -= len(piece)
                if stream.eof or room < 0:
                    break
                chunk = stream.unconsumed_tail or self._data.read(_CHUNK)
                if not chunk:
                    break
        except zlib.error as e:
            raise GitError(f"{text(self._path)}.pack is damaged: {e}") from e
        if room or not stream.eof:
            raise GitError(f"{text(self._path)}.pack is damaged: an entry has not the size it tells")
        return b"".join(out)
