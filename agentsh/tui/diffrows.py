"""A diff as rows: made in a worker thread, as small tuples; what a row looks like is worked out when it is painted."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from rich.cells import cell_len

from agentsh.tui import words
from agentsh.tui.syntax import shown, styled
from agentsh.tui.text import MOST_COLUMNS, Safe, Span, fit, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.core.diff import DiffLine, FileDiff, Hunk
    from agentsh.tui.syntax import Pieces, Syntax
    from agentsh.tui.text import Row

_PIECES = re.compile(r"\w+|\s+|.")
_PLAIN = bytes(range(0x20, 0x7F))
_MOST_PIECES = 400
"""Pieces of a line past which its words are not compared: the comparison takes the square of it."""


class Half(NamedTuple):
    """One side of a line.

    Attributes:
        number: of the line in the file, from 1; 0 where there is none.
        tag: kept, added or removed.
        text: raw bytes.
        other: the line that it takes the place of, or that takes its place.
    """

    number: int
    tag: str
    text: bytes
    other: bytes | None = None


class DiffRow(NamedTuple):
    """One row of a diff.

    Attributes:
        kind: a file's heading, a reason to look twice, a note, a hunk's heading, a line, or the gap between files.
        file: which of the files it belongs to, from 0.
        hunk: the hunk's place among those of the file, from 0; -1 outside of any.
        left: the line before, or of a unified diff the line; None where there is none.
        right: the line after, side by side alone.
        old: of a unified line its number before; 0 where there is none.
        text: of a heading or a note.
    """

    kind: Literal["file", "flag", "note", "hunk", "line", "gap"]
    file: int
    hunk: int = -1
    left: Half | None = None
    right: Half | None = None
    old: int = 0
    text: Safe = Safe("")


class DiffRows(NamedTuple):
    """All rows of some files.

    Attributes:
        rows: from the top.
        columns: an upper bound of their width, in cells.
        digits: columns of a line number.
        split: side by side.
    """

    rows: Sequence[DiffRow]
    columns: int
    digits: int
    split: bool


def rows_of(diffs: Sequence[FileDiff], *, split: bool, reasons: Sequence[Sequence[str]] = ()) -> DiffRows:
    """The rows of ``diffs``.

    Args:
        diffs: the files.
        split: side by side instead of one below the other.
        reasons: for each file why a person is asked about it, if at all.
    """
    rows: list[DiffRow] = []
    last = longest = 1
    for at, diff in enumerate(diffs):
        if at:
            rows.append(DiffRow("gap", at))
        rows.append(DiffRow("file", at))
        rows += [DiffRow("flag", at, text=safe(f"! {words.reasons([flag])}")) for flag in diff.flags]
        if at < len(reasons):
            rows += [DiffRow("flag", at, text=safe(f"? {why}")) for why in reasons[at]]
        if diff.note:
            rows.append(DiffRow("note", at, text=safe(diff.note)))
        for k, hunk in enumerate(diff.hunks):
            number = f"  hunk {hunk.number}" if hunk.number else ""
            ranges = f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
            rows.append(DiffRow("hunk", at, k, text=safe(ranges + number)))
            rows += _split(at, k, hunk) if split else _unified(at, k, hunk)
            last = max(last, hunk.old_start + hunk.old_count, hunk.new_start + hunk.new_count)
            longest = max(longest, max((_widest(line.text) for line in hunk.lines), default=0))
        for hunk in diff.inside:  # outside of any hunk that could be approved by itself
            rows += _split(at, -1, hunk) if split else _unified(at, -1, hunk)
            last = max(last, hunk.old_start + hunk.old_count, hunk.new_start + hunk.new_count)
            longest = max(longest, max((_widest(line.text) for line in hunk.lines), default=0))
    digits = len(str(last))
    return DiffRows(rows, min(longest, MOST_COLUMNS) + 2 * digits + 6, digits, split)


def _widest(text: bytes) -> int:
    """An upper bound of the cells that a line takes: a byte that is not plain takes four at most, escaped or a tab."""
    return len(text) + 3 * len(text.rstrip(b"\n").translate(None, _PLAIN))


def _runs(hunk: Hunk) -> Iterator[tuple[list[DiffLine], list[DiffLine], DiffLine | None]]:
    """Removed and added lines that belong together, then the kept line after them."""
    removed: list[DiffLine] = []
    added: list[DiffLine] = []
    for line in hunk.lines:
        if line.tag == "-":
            removed.append(line)
        elif line.tag == "+":
            added.append(line)
        else:
            yield removed, added, line
            removed, added = [], []
    yield removed, added, None


def _unified(file: int, at: int, hunk: Hunk) -> Iterator[DiffRow]:
    old, new = hunk.old_start, hunk.new_start
    for removed, added, kept in _runs(hunk):
        paired = len(removed) == len(added)
        for k, line in enumerate(removed):
            other = added[k].text if paired else None
            yield DiffRow("line", file, at, Half(0, "-", line.text, other), old=old)
            old += 1
        for k, line in enumerate(added):
            other = removed[k].text if paired else None
            yield DiffRow("line", file, at, Half(new, "+", line.text, other))
            new += 1
        if kept is not None:
            yield DiffRow("line", file, at, Half(new, " ", kept.text), old=old)
            old, new = old + 1, new + 1


def _split(file: int, at: int, hunk: Hunk) -> Iterator[DiffRow]:
    old, new = hunk.old_start, hunk.new_start
    for removed, added, kept in _runs(hunk):
        for k in range(max(len(removed), len(added))):
            was = removed[k].text if k < len(removed) else None
            now = added[k].text if k < len(added) else None
            left = None if was is None else Half(old + k, "-", was, now)
            right = None if now is None else Half(new + k, "+", now, was)
            yield DiffRow("line", file, at, left, right)
        old, new = old + len(removed), new + len(added)
        if kept is not None:
            yield DiffRow("line", file, at, Half(old, " ", kept.text), Half(new, " ", kept.text))
            old, new = old + 1, new + 1


# -- painting ----------------------------------------------------------------------------------------------------


def paint(
    row: DiffRow, rows: DiffRows, diffs: Sequence[FileDiff], width: int, *, marks: bool, syntax: Syntax | None = None
) -> Row:
    """What a row looks like.

    Args:
        row: the row.
        rows: where it comes from.
        diffs: the files.
        width: cells of the view, which both sides share.
        marks: show blanks at the end of a line, tabs and carriage returns.
        syntax: the pieces of the file's lines.
    """
    if row.kind == "file":
        return heading(diffs[row.file])
    if row.kind == "line":
        return _line(row, rows, width, marks=marks, syntax=syntax or {})
    style = {"flag": "flag", "note": "dim", "hunk": "hunk"}.get(row.kind, "")
    return (Span(row.text, style),) if row.text else ()


def _line(row: DiffRow, rows: DiffRows, width: int, *, marks: bool, syntax: Syntax) -> Row:
    if rows.split:
        half = max(10, (width - 1) // 2)
        sides = [
            _half(side, rows.digits, half, marks=marks, pieces=syntax.get((old, side.number if side else 0)))
            for side, old in ((row.left, True), (row.right, False))
        ]
        return (*sides[0], Span(Safe("│"), "dim"), *sides[1])
    if row.left is None:
        return ()
    old, new = (safe(f"{n or '':>{rows.digits}}") for n in (row.old, row.left.number))
    pieces = syntax.get((True, row.old) if row.left.tag == "-" else (False, row.left.number))
    return (Span(Safe(f"{old} {new} "), "dim"), *_text(row.left, marks=marks, pieces=pieces))


def heading(diff: FileDiff) -> Row:
    """A file's line: how it stands, what happened to it, its name and its lines."""
    state = () if diff.state is None else (words.STATE_MARKS[diff.state], Span(Safe(" ")))
    of = f"  {words.VERBS[diff.kind]}" + (", binary" if diff.binary else "")
    return (
        *state,
        words.MARKS[diff.kind],
        Span(Safe(" ")),
        Span(words.path_text(diff), "heading"),
        Span(safe(of), "dim"),
        *words.changed(diff.added, diff.removed),
    )


def _half(half: Half | None, digits: int, width: int, *, marks: bool, pieces: Pieces | None) -> Row:
    if half is None:
        return (Span(fit(Safe(""), width), "dim"),)
    number = safe(f"{half.number:>{digits}} ")
    left = width - len(number)
    spans: list[Span] = [Span(number, "dim")]
    for span in _text(half, marks=marks, pieces=pieces):
        if left <= 0:
            break
        cut = fit(span.text, min(left, cell_len(span.text)))
        spans.append(Span(cut, span.style))
        left -= cell_len(cut)
    return (*spans, Span(fit(Safe(""), max(0, left))))


_STYLES = {"+": "added", "-": "removed", " ": ""}


def _text(half: Half, *, marks: bool, pieces: Pieces | None) -> Row:
    """The text of a line: with its tag, the words that changed, and what a person cannot see."""
    style = _STYLES[half.tag]
    body = half.text.removesuffix(b"\n")
    end = () if half.text.endswith(b"\n") else (Span(Safe("  (no newline at the end)"), "dim"),)
    tag = Span(Safe(f"{half.tag} "), style)
    under = f"{style}-line" if style and pieces is not None else style
    if half.other is None or half.tag == " ":
        parts = [(_shown(body, marks=marks), under)]
    else:
        other = f"{under} word" if pieces is not None else f"{style}-word"
        parts = [
            (_shown(piece, marks=marks), other if differs else under)
            for piece, differs in word_changes(body, half.other.removesuffix(b"\n"))
        ]
    return (tag, *(Span(text, name) for text, name in styled(parts, pieces)), *end)


def _shown(text: bytes, *, marks: bool) -> Safe:
    if not marks:
        return shown(text)
    stripped = text.rstrip(b" ")
    tail = "·" * (len(text) - len(stripped))
    return Safe(safe(stripped.replace(b"\t", "→   ".encode())) + tail)


@lru_cache(maxsize=2_000)
def word_changes(text: bytes, other: bytes) -> tuple[tuple[bytes, bool], ...]:
    """The pieces of ``text``, each with whether ``other`` lacks it there."""
    if len(text) + len(other) > 2 * MOST_COLUMNS:
        return ((text, False),)
    a, b = (_PIECES.findall(t.decode("utf-8", "surrogateescape")) for t in (text, other))
    if not a or not b or len(a) > _MOST_PIECES or len(b) > _MOST_PIECES:
        return ((text, False),)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < 0.3:  # another line altogether: marking its words would only make it restless
        return ((text, False),)
    out: list[tuple[bytes, bool]] = []
    for op, i, i_end, _, _ in matcher.get_opcodes():
        if i < i_end:
            out.append(("".join(a[i:i_end]).encode("utf-8", "surrogateescape"), op != "equal"))
    return tuple(out)
