"""A change set as a person reads it: coloured on a terminal, plain elsewhere; and the summary of one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from agentsh.cli.paint import Page, Span
from agentsh.cli.words import MARKS, count, lines_changed, path_text, reasons
from agentsh.core.effect import EffectKind, EffectState
from agentsh.core.sanitise import visible, visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.diff import FileDiff, Hunk

_LINE_STYLES = {"+": "green", "-": "red", " ": ""}
_VERBS = {
    EffectKind.CREATE: "added",
    EffectKind.MODIFY: "modified",
    EffectKind.DELETE: "deleted",
    EffectKind.MODE: "mode changed",
    EffectKind.XATTR: "attributes changed",
    EffectKind.RETYPE: "type changed",
}
MAX_COLUMNS = 2_000
"""Characters of one line that are shown; a minified file must not flood the screen."""
MAX_LINES = 60
"""Lines of one file that a folded diff shows."""
MAX_DELETED = 8
"""Lines of a deleted file that a folded diff shows: that it goes is the news, not what it held."""
MAX_PAGE = 400
"""Lines after which a folded diff names the remaining paths alone."""


def summary(page: Page, diffs: Sequence[FileDiff], *, most: int = 40, indent: str = "  ") -> None:
    """One line a path: mark, name, lines added and removed, and why to look twice."""
    rows = []
    for diff in diffs[:most]:
        changed = lines_changed(diff)
        tail = "".join(s.text for s in changed)
        if diff.note and not diff.binary:
            tail = f"{tail}  {visible_line(diff.note)}" if tail else visible_line(diff.note)
        rows.append((MARKS[diff.kind], Span(path_text(diff)), Span(tail, _tail_style(diff))))
    before = len(page.lines)
    page.table(rows, indent=indent)
    for line, diff in zip(page.lines[before:], diffs, strict=False):
        if diff.flags:
            line.append(Span(f"  ! {reasons(diff.flags)}", "bold yellow"))
    if len(diffs) > most:
        page.add(f"{indent}and {count(len(diffs) - most, 'more path')}")


def _tail_style(diff: FileDiff) -> str:
    if diff.added and not diff.removed:
        return "green"
    if diff.removed and not diff.added:
        return "red"
    return "dim"


def stat(page: Page, diffs: Sequence[FileDiff]) -> None:
    """The summary and its totals."""
    summary(page, diffs, most=len(diffs), indent="")
    added, removed = sum(d.added for d in diffs), sum(d.removed for d in diffs)
    page.add(Span(f"{count(len(diffs), 'path')} changed, +{added:,} -{removed:,}", "dim"))


def full(page: Page, diffs: Sequence[FileDiff], *, fold: bool = False) -> None:
    """Every file with its hunks, for reading.

    Args:
        page: to append to.
        diffs: the files.
        fold: show no more of a long file, or of many files, than a person reads, and how to see the rest.
    """
    start = len(page.lines)
    of_path = Counter(d.path for d in diffs)
    for i, diff in enumerate(diffs):
        if i:
            page.add()
        if fold and len(page.lines) - start > MAX_PAGE:
            page.add(Span(f"... and {count(len(diffs) - i, 'more path')} (agentsh diff --full):", "dim"))
            summary(page, diffs[i:])
            return
        _file(page, diff, fold=fold, in_parts=of_path[diff.path] > 1)


def _file(page: Page, diff: FileDiff, *, fold: bool, in_parts: bool) -> None:
    head = [MARKS[diff.kind], Span(" "), Span(path_text(diff), "bold"), Span(f"  {_VERBS[diff.kind]}", "dim")]
    if in_parts and diff.state is not None:
        head.append(Span(f", {diff.state.value}", "yellow" if diff.state is EffectState.PENDING else "green"))
    changed = lines_changed(diff)
    if changed:
        head += [Span("  "), *changed]
    page.add(*head)
    if diff.flags:
        page.add(Span(f"  ! {reasons(diff.flags)}", "bold yellow"))
    if diff.note:
        page.add(Span(f"  {visible_line(diff.note)}", "dim"))
    hunks = diff.hunks or diff.inside
    width = max((len(str(max(h.old_start + h.old_count, h.new_start + h.new_count))) for h in hunks), default=1)
    whole = sum(len(h.lines) for h in hunks)
    most = MAX_DELETED if diff.kind is EffectKind.DELETE else MAX_LINES
    # A fold that hides a line or two would be as long as they are.
    shown = left = most if fold and whole > most + 3 else whole
    for hunk in hunks:
        if left > 0:
            _hunk(page, hunk, width, most=left)
        left -= len(hunk.lines)
    if shown < whole:
        how = f"agentsh diff {diff.action}" if diff.action else "agentsh diff --full"
        page.add(Span(f"... {count(whole - shown, 'more line')} ({how})", "dim"))


def _hunk(page: Page, hunk: Hunk, width: int, *, most: int) -> None:
    number = Span(f"  hunk {hunk.number}" if hunk.number else "", "dim")
    page.add(Span(f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@", "cyan"), number)
    old, new = hunk.old_start, hunk.new_start
    for line in hunk.lines[:most]:
        left = f"{old:>{width}}" if line.tag != "+" else " " * width
        right = f"{new:>{width}}" if line.tag != "-" else " " * width
        old += line.tag != "+"
        new += line.tag != "-"
        text = line.text.decode("utf-8", "surrogateescape")
        body, end = (text[:-1], "") if text.endswith("\n") else (text, "  (no newline at the end)")
        # A carriage return before the newline is shown too: a change of line ends alone must be visible.
        shown = visible(body).replace("\n", "\\n").expandtabs(4)
        if len(shown) > MAX_COLUMNS:
            shown = shown[:MAX_COLUMNS] + "…"
        page.add(Span(f"{left} {right} ", "dim"), Span(f"{line.tag} {shown}", _LINE_STYLES[line.tag]), Span(end, "dim"))
