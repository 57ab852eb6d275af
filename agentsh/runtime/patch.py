"""A change set as a patch that ``git apply`` takes: text hunks, modes, symlinks, and binary content.

The format is git's own (gitformat, "generate patch text with -p"): extended headers, C-quoted names, and
``GIT binary patch`` literals in base 85, and a rename record where a new path has the content of one that goes. Empty
directories have no place in it and are left out.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections import Counter
from typing import TYPE_CHECKING

from agentsh.core.effect import EffectKind
from agentsh.core.entry import EntryType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agentsh.core.diff import FileDiff, Hunk
    from agentsh.core.entry import Entry

    ReadBlob = Callable[[bytes], bytes]

LARGEST_LITERAL = 64 * 1024 * 1024
"""Bytes of content that a binary literal may hold; beyond it the patch only says that the files differ."""

_NAMES = {7: b"a", 8: b"b", 9: b"t", 10: b"n", 11: b"v", 12: b"f", 13: b"r", 34: b'"', 92: b"\\"}
_NO_NEWLINE = b"\\ No newline at end of file\n"


def patch(diffs: Sequence[FileDiff], read_blob: ReadBlob) -> Iterator[bytes]:
    """The patch, piece by piece.

    Args:
        diffs: what changed.
        read_blob: gives the content of a digest, for what has no text hunks.
    """
    moved = _renames(diffs)
    gone = {diff.path for diff in moved.values()}
    for diff in diffs:
        before, after = _kept(diff.before), _kept(diff.after)
        if diff.path in moved and after is not None:
            yield _rename(moved[diff.path], diff.path, after)
            continue
        if diff.path in gone:
            continue
        if before is None and after is None:
            continue
        if before is not None and after is not None and diff.kind is EffectKind.RETYPE:
            yield from _whole(diff.path, before, None, read_blob)
            yield from _whole(diff.path, None, after, read_blob)
        elif diff.hunks:
            yield _header(diff.path, before, after)
            yield _names(diff.path, before, after)
            for hunk in diff.hunks:
                yield _hunk(hunk)
        else:
            yield from _whole(diff.path, before, after, read_blob)


def _renames(diffs: Sequence[FileDiff]) -> dict[bytes, FileDiff]:
    """For each new path that has exactly the content of one that goes, the diff of that one; each goes once.

    Empty files are alike without having anything to do with each other. A path of which there are several diffs is in
    parts, and left as it is.
    """
    times = Counter(diff.path for diff in diffs)
    going: dict[tuple[bytes | None, bytes | None], list[FileDiff]] = {}
    for diff in diffs:
        old = _kept(diff.before)
        if old is not None and diff.after is None and (old.size or old.target) and times[diff.path] == 1:
            going.setdefault((old.digest, old.target), []).append(diff)
    found: dict[bytes, FileDiff] = {}
    for diff in diffs:
        new = _kept(diff.after)
        if new is None or diff.before is not None or times[diff.path] > 1:
            continue
        alike = going.get((new.digest, new.target))
        if alike:
            # Of several, the one of the same name.
            name = diff.path.rpartition(b"/")[2]
            best = next((d for d in alike if d.path.rpartition(b"/")[2] == name), alike[0])
            alike.remove(best)
            found[diff.path] = best
    return found


def _rename(old: FileDiff, path: bytes, after: Entry) -> bytes:
    """The record of a rename, which git takes for the deletion and the creation together."""
    out = b"diff --git " + _quoted(b"a/" + old.path) + b" " + _quoted(b"b/" + path) + b"\n"
    if old.before is not None and _git_mode(old.before) != _git_mode(after):
        out += b"old mode " + _git_mode(old.before) + b"\nnew mode " + _git_mode(after) + b"\n"
    return out + b"similarity index 100%\nrename from " + _quoted(old.path) + b"\nrename to " + _quoted(path) + b"\n"


def _kept(entry: Entry | None) -> Entry | None:
    """``entry``, where git can say it."""
    return entry if entry is not None and entry.type in (EntryType.FILE, EntryType.SYMLINK) else None


def _git_mode(entry: Entry) -> bytes:
    if entry.type is EntryType.SYMLINK:
        return b"120000"
    return b"100755" if entry.mode & 0o100 else b"100644"


def _quoted(path: bytes) -> bytes:
    """A name as git writes it: C-quoted when it holds anything but plain printable ASCII."""
    if all(0x20 <= c < 0x7F and c not in b'"\\' for c in path):
        return path
    out = b"".join(
        b"\\" + _NAMES[c] if c in _NAMES else bytes([c]) if 0x20 <= c < 0x7F else b"\\%03o" % c for c in path
    )
    return b'"' + out + b'"'


def _header(path: bytes, before: Entry | None, after: Entry | None, index: bytes = b"") -> bytes:
    out = b"diff --git " + _quoted(b"a/" + path) + b" " + _quoted(b"b/" + path) + b"\n"
    if before is None and after is not None:
        out += b"new file mode " + _git_mode(after) + b"\n"
    elif after is None and before is not None:
        out += b"deleted file mode " + _git_mode(before) + b"\n"
    elif before is not None and after is not None and _git_mode(before) != _git_mode(after):
        out += b"old mode " + _git_mode(before) + b"\nnew mode " + _git_mode(after) + b"\n"
    return out + index


def _names(path: bytes, before: Entry | None, after: Entry | None) -> bytes:
    # A tab ends a name with a space in it, or older tools would cut it there.
    tab = b"\t" if b" " in path else b""
    old = _quoted(b"a/" + path) + tab if before is not None else b"/dev/null"
    new = _quoted(b"b/" + path) + tab if after is not None else b"/dev/null"
    return b"--- " + old + b"\n+++ " + new + b"\n"


def _hunk(hunk: Hunk) -> bytes:
    parts = [b"@@ -%d,%d +%d,%d @@\n" % (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count)]
    for line in hunk.lines:
        parts += [line.tag.encode(), line.text]
        if not line.text.endswith(b"\n"):
            parts += [b"\n", _NO_NEWLINE]
    return b"".join(parts)


def _content(entry: Entry | None, read_blob: ReadBlob) -> bytes | None:
    if entry is None:
        return b""
    if entry.target is not None:
        return entry.target
    if entry.digest is None or not entry.size:
        return b""
    return None if entry.size > LARGEST_LITERAL else read_blob(entry.digest)


def _whole(path: bytes, before: Entry | None, after: Entry | None, read_blob: ReadBlob) -> Iterator[bytes]:
    """A path whose difference is not given as hunks: its mode alone, its creation or deletion, or its content."""
    old, new = _content(before, read_blob), _content(after, read_blob)
    if old is None or new is None:
        yield _header(path, before, after)
        yield b"Binary files " + _quoted(b"a/" + path) + b" and " + _quoted(b"b/" + path) + b" differ\n"
        return
    if old == new:
        header = _header(path, before, after)
        yield header if header.count(b"\n") > 1 else b""  # a mode that git does not keep changed: nothing to say
        return
    index = b"index %s..%s\n" % (_git_id(before, old), _git_id(after, new))
    yield _header(path, before, after, index)
    yield b"GIT binary patch\n"
    yield _literal(new)
    yield _literal(old)


def _git_id(entry: Entry | None, content: bytes) -> bytes:
    """The object id by which git checks that a binary patch meets the content it was made for."""
    if entry is None:
        return b"0" * 40
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return digest.hexdigest().encode()


def _literal(content: bytes) -> bytes:
    packed = zlib.compress(content)
    parts = [b"literal %d\n" % len(content)]
    for i in range(0, len(packed), 52):
        chunk = packed[i : i + 52]
        length = bytes([64 + len(chunk)]) if len(chunk) <= 26 else bytes([96 + len(chunk) - 26])
        parts.append(length + base64.b85encode(chunk, pad=True) + b"\n")
    return b"".join([*parts, b"\n"])
