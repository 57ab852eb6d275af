"""Put right a page of a damaged database of which one bit of its structure is wrong: the one way to make it sound.

A page of a b-tree says the same thing in several ways: its cells, its free blocks and what is left over fill it
exactly, each cell has the length that its record adds up to, and rows are in order. A flipped bit in any of that makes
SQLite refuse the page, and with it all of its rows. Where exactly one bit makes everything fit again, that bit is it.
See "The SQLite database file format", sections 1.6 and 2.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 4096
"""Bytes of a page; a store has no other size."""

_INDEX_INNER, _TABLE_INNER, _INDEX_LEAF, _TABLE_LEAF = 2, 5, 10, 13
_KINDS = frozenset({_INDEX_INNER, _TABLE_INNER, _INDEX_LEAF, _TABLE_LEAF})
_NEARLY = _KINDS | {kind ^ 1 << bit for kind in _KINDS for bit in range(8)}
_INNER = frozenset({_INDEX_INNER, _TABLE_INNER})
_SMALLEST = ((SIZE - 12) * 32 // 255) - 23
_LARGEST = {_TABLE_LEAF: SIZE - 35, _INDEX_LEAF: ((SIZE - 12) * 64 // 255) - 23}
_LARGEST[_INDEX_INNER] = _LARGEST[_INDEX_LEAF]
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
"""Bytes of a value by its serial type, below 10."""


_MOST = 200
"""Pages that are tried at most: one takes a second, and a file with so many is not the work of a few bits."""


class _Unsound(ValueError):
    """The page does not fit together."""


class _Cell(NamedTuple):
    start: int
    end: int
    head: int
    """Where its content begins; what comes before is structure."""
    key: int | None


def mend_pages(path: Path) -> int:
    """Mend what can be in a copy of a damaged file; how many pages were mended.

    Raises:
        OSError: the file cannot be read or written.
    """
    mended = 0
    with path.open("r+b") as file:
        number = tried = 0
        while len(page := file.read(SIZE)) == SIZE and tried < _MOST:
            number += 1
            start = 100 if number == 1 else 0
            if page[start] not in _NEARLY or _sound(bytearray(page), start):
                continue
            tried += page[start] in _KINDS
            better = mended_page(page, start)
            if better is not None:
                file.seek((number - 1) * SIZE)
                file.write(better)
                file.seek(number * SIZE)
                mended += 1
    return mended


def mended_page(page: bytes, start: int = 0) -> bytes | None:
    """The page with one bit turned so that it is sound; None when it is so already, or there is no one such bit.

    Args:
        page: its content.
        start: where its header is: 100 on the first page.
    """
    trial = bytearray(page)
    if _sound(trial, start):
        return None
    found: list[bytes] = []
    for at in _structure(trial, start):
        for bit in range(8):
            trial[at] ^= 1 << bit
            if _sound(trial, start):
                found.append(bytes(trial))
            trial[at] ^= 1 << bit
        if len(found) > 1:
            return None
    return found[0] if found else None


def _sound(page: bytearray, start: int) -> bool:
    try:
        _check(page, start)
    except (_Unsound, IndexError):
        return False
    return True


def _structure(page: bytearray, start: int) -> Iterator[int]:
    """The bytes that may hold the wrong bit."""
    if page[start] not in _KINDS:
        yield start  # no other bit could make a page of it
        return
    pointers = start + (12 if page[start] in _INNER else 8)
    count = min(_word(page, start + 3), (SIZE - pointers) // 2)
    seen = dict.fromkeys(range(start, pointers + 2 * count))
    for n in range(count):
        where = _word(page, pointers + 2 * n)
        try:
            head = _cell(page, page[start], where).head
        except (_Unsound, IndexError):
            head = where + 40  # the wrong bit may be in here
        seen |= dict.fromkeys(range(where, min(head, SIZE)))
    block, most = _word(page, start + 1), 64
    while pointers <= block <= SIZE - 4 and most:
        seen |= dict.fromkeys(range(block, block + 4))
        block, most = _word(page, block), most - 1
    yield from seen


def _check(page: bytearray, start: int) -> None:
    """Hold everything that a page says against everything else.

    Raises:
        _Unsound: it does not fit.
    """
    kind = page[start]
    if kind not in _KINDS:
        raise _Unsound
    pointers = start + (12 if kind in _INNER else 8)
    count, content = _word(page, start + 3), _word(page, start + 5)
    free = pointers + 2 * count
    if not free <= content <= SIZE:
        raise _Unsound
    taken: list[tuple[int, int]] = []
    last: int | None = None
    for at in range(pointers, free, 2):
        where = _word(page, at)
        if not content <= where <= SIZE - 4:
            raise _Unsound
        cell = _cell(page, kind, where)
        if last is not None and cell.key is not None and cell.key <= last:
            raise _Unsound
        last = cell.key
        taken.append((cell.start, cell.end))
    taken += _free_blocks(page, _word(page, start + 1), content)
    taken.sort()
    at = content
    left = 0
    for begin, end in taken:
        if begin < at or end > SIZE:
            raise _Unsound
        left += begin - at
        at = end
    if left + SIZE - at != page[start + 7]:
        raise _Unsound


def _free_blocks(page: bytearray, first: int, content: int) -> Iterator[tuple[int, int]]:
    """The free blocks of a page, in order.

    Raises:
        _Unsound: they are not in order, or not in the page.
    """
    block = first
    while block:
        if not content <= block <= SIZE - 4:
            raise _Unsound
        following, size = _word(page, block), _word(page, block + 2)
        if size < 4 or (following and following < block + size):
            raise _Unsound
        yield block, block + size
        block = following


def _cell(page: bytearray, kind: int, start: int) -> _Cell:
    """The cell at a place.

    Raises:
        _Unsound: there is none.
    """
    at = start + 4 if kind in _INNER else start
    key: int | None = None
    if kind == _TABLE_INNER:
        key, at = _varint(page, at)
        return _Cell(start, at, at, key)
    size, at = _varint(page, at)
    if kind == _TABLE_LEAF:
        key, at = _varint(page, at)
    local, end = size, at + size
    if size > _LARGEST[kind]:
        local = _SMALLEST + (size - _SMALLEST) % (SIZE - 4)
        local = local if local <= _LARGEST[kind] else _SMALLEST
        end = at + local + 4
    if end > SIZE:
        raise _Unsound
    head = _record(page, at, size, local)
    return _Cell(start, max(end, start + 4), head, key)


def _record(page: bytearray, start: int, size: int, local: int) -> int:
    """Where the values of a record begin; its header must add up to its size.

    Raises:
        _Unsound: it does not.
    """
    length, at = _varint(page, start)
    if length > local or length < 1:
        raise _Unsound
    end, total = start + length, length
    while at < end:
        serial, at = _varint(page, at)
        if serial in (10, 11):
            raise _Unsound
        total += _SIZES[serial] if serial < 10 else (serial - 12) // 2
    if at != end or total != size:
        raise _Unsound
    return end


def _word(page: bytearray, at: int) -> int:
    return page[at] << 8 | page[at + 1]


def _varint(page: bytearray, at: int) -> tuple[int, int]:
    """A number of up to nine bytes, and where it ends."""
    value = 0
    for n in range(8):
        byte = page[at + n]
        value = value << 7 | (byte & 0x7F)
        if byte < 0x80:
            return value, at + n + 1
    value = value << 8 | page[at + 8]
    return value - (1 << 64) if value >= 1 << 63 else value, at + 9
