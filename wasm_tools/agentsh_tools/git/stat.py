"""``--stat``: a line for each file, with a bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Counted(NamedTuple):
    """Lines added and removed in a file; bytes for a binary one."""

    name: bytes
    added: int
    removed: int
    binary: bool = False
    unmerged: bool = False


def stat_lines(files: Sequence[Counted], width: int, most_name: int = 0) -> Iterator[bytes]:
    """The lines for some files, fitted to a width as git does it: the name gets at least five eighths."""
    if not files:
        return
    most = max((f.added + f.removed for f in files if not f.binary), default=0)
    longest = max(len(f.name.decode("utf-8", "replace")) for f in files)
    digits = len(str(most))
    binary = 0
    for f in files:
        if f.binary:
            binary = max(binary, 14 + len(str(f.added)) + len(str(f.removed)))
            digits = max(digits, 3)
    width = max(width, 16 + 6 + digits)
    graph = most if most + 4 > binary else binary - 4
    name = most_name if 0 < most_name < longest else longest
    if name + digits + 6 + graph > width:
        graph = min(graph, max(width * 3 // 8 - digits - 6, 6))
        if name > width - digits - 6 - graph:
            name = width - digits - 6 - graph
        else:
            graph = width - digits - 6 - name
    for f in files:
        shown = _fitted(f.name, name)
        padding = b" " * (name - len(shown.decode("utf-8", "replace")))
        line = b" " + shown + padding + b" | "
        if f.unmerged:
            yield line + b"Unmerged\n"
        elif f.binary:
            sizes = b" %d -> %d bytes" % (f.removed, f.added) if f.added or f.removed else b""
            yield line + b"Bin".rjust(digits) + sizes + b"\n"
        else:
            total = f.added + f.removed
            plus, minus = _bars(f, graph, most)
            yield line + (b"%d" % total).rjust(digits) + (b" " if total else b"") + b"+" * plus + b"-" * minus + b"\n"


def _fitted(name: bytes, width: int) -> bytes:
    if len(name.decode("utf-8", "replace")) <= width:
        return name
    tail = name[max(len(name) - max(width - 3, 0), 0) :]
    slash = tail.find(b"/")
    return b"..." + (tail[slash:] if slash >= 0 else tail)


def _bars(f: Counted, graph: int, most: int) -> tuple[int, int]:
    if graph > most:
        return f.added, f.removed
    total = _scaled(f.added + f.removed, graph, most)
    if total < 2 and f.added and f.removed:
        total = 2
    if f.added < f.removed:
        plus = _scaled(f.added, graph, most)
        return plus, total - plus
    minus = _scaled(f.removed, graph, most)
    return total - minus, minus


def _scaled(n: int, width: int, most: int) -> int:
    return 1 + n * (width - 1) // most if n else 0


def summary_line(files: Sequence[Counted]) -> bytes:
    """How many files, insertions and deletions."""
    count = sum(not f.unmerged for f in files)
    added = sum(f.added for f in files if not f.binary)
    removed = sum(f.removed for f in files if not f.binary)
    parts = [b" %d file%s changed" % (count, b"" if count == 1 else b"s")]
    if added or not removed:
        parts.append(b"%d insertion%s(+)" % (added, b"" if added == 1 else b"s"))
    if removed or not added:
        parts.append(b"%d deletion%s(-)" % (removed, b"" if removed == 1 else b"s"))
    return b", ".join(parts) + b"\n"
