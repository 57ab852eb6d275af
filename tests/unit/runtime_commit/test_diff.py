"""What a person is shown of an effect."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from agentsh.core.effect import EffectKind, FileEffect
from agentsh.core.entry import Entry, EntryType
from agentsh.runtime import diff
from agentsh.runtime.diff import diff_effects

if TYPE_CHECKING:
    from agentsh.core.diff import FileDiff


class Contents(dict[bytes, bytes]):
    def file(self, content: bytes, mode: int = 0o644) -> Entry:
        digest = hashlib.sha256(content).digest()
        self[digest] = content
        return Entry(EntryType.FILE, mode, len(content), digest)


def one(contents: Contents, before: Entry | None, after: Entry | None) -> FileDiff:
    (shown,) = diff_effects([FileEffect(b"p", before, after)], contents.__getitem__)
    assert (shown.before, shown.after, shown.path) == (before, after, b"p")
    assert shown.added == sum(x.tag == "+" for h in shown.hunks for x in h.lines)
    assert shown.removed == sum(x.tag == "-" for h in shown.hunks for x in h.lines)
    return shown


def render(shown: FileDiff) -> bytes:
    out = b""
    for h in shown.hunks:
        out += b"@@ -%d,%d +%d,%d @@\n" % (h.old_start, h.old_count, h.new_start, h.new_count)
        out += b"".join(x.tag.encode() + x.text for x in h.lines)
    return out


def test_lines_with_context() -> None:
    c = Contents()
    old = b"".join(b"%d\n" % n for n in range(1, 31))
    new = old.replace(b"\n5\n", b"\nfive\n").replace(b"\n25\n", b"\n")
    shown = one(c, c.file(old), c.file(new))
    assert render(shown) == (
        b"@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -22,7 +22,6 @@\n 22\n 23\n 24\n-25\n 26\n 27\n 28\n"
    )
    assert (shown.kind, shown.note, shown.binary) == (EffectKind.MODIFY, "", False)


def test_new_and_deleted_files() -> None:
    c = Contents()
    text = c.file(b"a\nb")
    assert render(one(c, None, text)) == b"@@ -0,0 +1,2 @@\n+a\n+b"
    assert render(one(c, text, None)) == b"@@ -1,2 +0,0 @@\n-a\n-b"


@pytest.mark.parametrize(
    ("before", "after", "note", "binary"),
    [
        (b"same", (b"same", 0o755), "mode 644 -> 755", False),
        (None, (b"", 0o644), "empty file", False),
        (b"a\0", (b"b", 0o644), "binary, 2 -> 1 bytes", True),
        (b"x" * 100, (b"y" * 200, 0o644), "100 -> 200 bytes, too large to show", False),
    ],
)
def test_notes(
    before: bytes | None, after: tuple[bytes, int], note: str, *, binary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diff, "MOST_BYTES", 150)
    c = Contents()
    shown = one(c, None if before is None else c.file(before), c.file(*after))
    assert (shown.note, shown.binary, shown.hunks) == (note, binary, ())


def test_symlinks_directories_and_other_types() -> None:
    c = Contents()
    link, other = (Entry(EntryType.SYMLINK, target=t) for t in (b"here", b"there"))
    directory = Entry(EntryType.DIRECTORY, 0o755)
    assert render(one(c, link, other)) == b"@@ -1,1 +1,1 @@\n-here+there"
    assert one(c, None, link).note == "symlink"
    assert (one(c, None, directory).note, one(c, directory, None).note) == ("directory", "directory")
    retyped = one(c, c.file(b"here"), link)
    assert (retyped.kind, retyped.note) == (EffectKind.RETYPE, "file -> symlink")
    assert render(retyped) == b"@@ -1,1 +1,1 @@\n-here+here"


def test_order_flags_and_states_are_kept() -> None:
    c = Contents()
    effects = [FileEffect(p, None, c.file(p)) for p in (b"b", b"a")]
    assert [(d.path, d.state) for d in diff_effects(effects, c.__getitem__)] == [(e.path, e.state) for e in effects]
