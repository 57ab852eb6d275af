"""What a row of a diff looks like: worked out when it is painted."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len

from agentsh.tui import words
from agentsh.tui.syntax import shown, styled
from agentsh.tui.text import MOST_COLUMNS, Safe, Span, fit, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.diff import FileDiff
    from agentsh.tui.diffrows import DiffRow, DiffRows, Half
    from agentsh.tui.syntax import Pieces, Syntax
    from agentsh.tui.text import Row

_PIECES = re.compile(r"\w+|\s+|.")
_MOST_PIECES = 400
"""Pieces of a line past which its words are not compared: the comparison takes the square of it."""


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
