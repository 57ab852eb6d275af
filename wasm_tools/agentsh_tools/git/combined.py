"""Combined patches: a merge against all of its parents, a conflict against both of its sides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from . import linediff
from .index import read_index
from .quote import quoted
from .treediff import NOTHING, Side, diff_trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .objects import Commit
    from .patch import DiffOptions
    from .paths import Pathspec
    from .repository import Repository
    from .worktree import Worktree

_HEADS = re.compile(rb"[A-Za-z_$]")


class _File(NamedTuple):
    """A path with what it was on each side, and what it is."""

    path: bytes
    parents: tuple[Side, ...]
    result: Side
    old: tuple[bytes, ...]
    new: bytes


def unmerged(repo: Repository, path: bytes, worktree: Worktree | None, options: DiffOptions) -> Iterator[bytes]:
    """A path in conflict: the working tree's file against our side and theirs."""
    stages = {e.stage: e for e in read_index(repo) if e.path == path}
    seen = next(iter(worktree.look([path]))) if worktree else None
    if 2 not in stages or 3 not in stages or seen is None or worktree is None:
        yield b"* Unmerged path " + quoted(path, all_ascii=repo.quote_all) + b"\n"
        return
    parents = tuple(Side(stages[n].mode, stages[n].oid, path) for n in (2, 3))
    new = worktree.content(path, seen.mode)
    old = tuple(repo.objects.of_kind(p.oid, "blob") for p in parents)
    yield from _show(repo, _File(path, parents, Side(seen.mode, NOTHING, path), old, new), options, dense=True)


def merge(repo: Repository, commit: Commit, spec: Pathspec, options: DiffOptions) -> Iterator[bytes]:
    """A merge: the paths that differ from every parent."""
    for path, parents, result in merged_paths(repo, commit, spec):
        old = tuple(repo.objects.of_kind(p.oid, "blob") if p.mode else b"" for p in parents)
        new = repo.objects.of_kind(result.oid, "blob") if result.mode else b""
        yield from _show(repo, _File(path, parents, result, old, new), options, dense=True)


def merged_paths(repo: Repository, commit: Commit, spec: Pathspec) -> list[tuple[bytes, tuple[Side, ...], Side]]:
    """The paths of a merge that are like no parent's."""
    each = []
    for parent in commit.parents:
        changes = diff_trees(repo.objects, repo.objects.commit(parent).tree, commit.tree, spec)
        each.append({c.path: c for c in changes})
    paths = set(each[0]).intersection(*each[1:])
    return [(p, tuple(side[p].old for side in each), each[0][p].new) for p in sorted(paths)]


class _Gone(NamedTuple):
    """A line that the result has not; ``parents`` has a bit for each parent that has it."""

    text: bytes
    parents: int


class _Line(NamedTuple):
    """A line of the result, with the lines lost before it.

    Attributes:
        marks: for each parent, whether it lacks the line.
        lost: the lines before it that parents have and the result has not.
    """

    text: bytes
    marks: tuple[bool, ...]
    lost: list[_Gone]


def _show(repo: Repository, file: _File, options: DiffOptions, *, dense: bool) -> Iterator[bytes]:
    name = quoted(file.path, all_ascii=repo.quote_all)
    short = [repo.objects.abbreviated(s.oid, options.digits) for s in (*file.parents, file.result)]
    if file.result.oid == NOTHING and file.result.mode:
        short[-1] = "0" * len(short[0])
    head = [b"diff --cc " + name, ("index " + ",".join(short[:-1]) + ".." + short[-1]).encode()]
    modes = [p.mode for p in file.parents]
    if not file.result.mode:
        head.append(b"deleted file mode " + b",".join(b"%06o" % m for m in modes))
    elif any(m != file.result.mode for m in modes):
        if not any(modes):
            head.append(b"new file mode %06o" % file.result.mode)
        else:
            head.append(b"mode " + b",".join(b"%06o" % m for m in modes) + b"..%06o" % file.result.mode)
    if b"\0" in file.new[:8000] or any(b"\0" in o[:8000] for o in file.old):
        yield b"\n".join(head) + b"\nBinary files differ\n"
        return
    lines = _lines(file)
    hunks = _hunks(lines, len(file.parents), options.context, dense=dense)
    if not hunks:
        return
    before = quoted(file.path, prefix=b"a/", all_ascii=repo.quote_all) if any(modes) else b"/dev/null"
    after = quoted(file.path, prefix=b"b/", all_ascii=repo.quote_all) if file.result.mode else b"/dev/null"
    yield b"\n".join([*head, b"--- " + before, b"+++ " + after]) + b"\n"
    yield from _printed(lines, hunks, len(file.parents))


def _lines(file: _File) -> list[_Line]:
    """The result's lines, the last one empty: it carries what was lost at the end."""
    new = linediff.split_lines(file.new)
    count = len(file.parents)
    marks = [[False] * count for _ in range(len(new) + 1)]
    lost: list[list[_Gone]] = [[] for _ in range(len(new) + 1)]
    for number, content in enumerate(file.old):
        old = linediff.split_lines(content)
        for hunk in linediff.changes(old, new):
            for i in range(hunk.new_at, hunk.new_at + hunk.new):
                marks[i][number] = True
            _add_lost(lost[hunk.new_at], old[hunk.old_at : hunk.old_at + hunk.old], number)
    return [_Line(t, tuple(m), x) for t, m, x in zip([*new, b""], marks, lost, strict=True)]


def _add_lost(known: list[_Gone], gone: Sequence[bytes], number: int) -> None:
    """Join one parent's lost lines with those of the parents before; equal lines in order become one."""
    texts = [k.text for k in known]
    # The longest common run of lines, by the textbook table: such stretches are short.
    table = [[0] * (len(gone) + 1) for _ in range(len(texts) + 1)]
    for i in range(len(texts) - 1, -1, -1):
        for j in range(len(gone) - 1, -1, -1):
            table[i][j] = table[i + 1][j + 1] + 1 if texts[i] == gone[j] else max(table[i + 1][j], table[i][j + 1])
    i = j = 0
    out: list[_Gone] = []
    while i < len(texts) or j < len(gone):
        if i < len(texts) and j < len(gone) and texts[i] == gone[j]:
            out.append(_Gone(known[i].text, known[i].parents | 1 << number))
            i += 1
            j += 1
        elif j >= len(gone) or (i < len(texts) and table[i + 1][j] >= table[i][j + 1]):
            out.append(known[i])
            i += 1
        else:
            out.append(_Gone(gone[j], 1 << number))
            j += 1
    known[:] = out


def _hunks(lines: Sequence[_Line], count: int, context: int, *, dense: bool) -> list[tuple[int, int]]:
    """The stretches of the result that are shown."""
    changed = [i for i, line in enumerate(lines) if any(line.marks) or line.lost]
    groups: list[list[int]] = []
    for i in changed:
        if groups and i - groups[-1][-1] <= 2 * context + 1:
            groups[-1].append(i)
        else:
            groups.append([i])
    if dense:
        groups = [g for g in groups if _is_interesting([lines[i] for i in g], count)]
    return [(max(g[0] - context, 0), min(g[-1] + context + 1, len(lines) - 1)) for g in groups]


def _is_interesting(lines: Sequence[_Line], count: int) -> bool:
    """Whether a stretch is no parent's as it is, and has more than two versions."""
    same = None
    for line in lines:
        masks = {sum(1 << n for n, m in enumerate(line.marks) if m)} | {x.parents for x in line.lost}
        for mask in masks - {0}:
            if same is not None and mask != same:
                return True
            same = mask
    return same == (1 << count) - 1


def _printed(lines: Sequence[_Line], hunks: Sequence[tuple[int, int]], count: int) -> Iterator[bytes]:
    at = [0] * count  # the line of each parent that comes next
    done, heading = 0, b""
    for start, end in hunks:
        for i in range(done, start):
            _advance(at, lines[i], count)
            if _HEADS.match(lines[i].text):
                # Without its last character: so git prints it.
                heading = lines[i].text[:40].rstrip()[:-1]
        first, out = list(at), []
        for i in range(start, end):
            line = lines[i]
            out += _lost(line, count)
            out.append(_marked(b"".join(b"+" if m else b" " for m in line.marks), line.text))
            _advance(at, line, count)
        if end == len(lines) - 1:
            out += _lost(lines[end], count)
            for number in range(count):
                at[number] += sum(1 for x in lines[end].lost if x.parents >> number & 1)
        done = end
        ats = b"@" * (count + 1)
        ranges = b" ".join(b"-%d,%d" % (f + bool(n - f), n - f) for f, n in zip(first, at, strict=True))
        yield b"%s %s +%d,%d %s\n" % (
            ats,
            ranges,
            start + bool(end - start),
            end - start,
            ats + (b" " + heading if heading else b""),
        )
        yield from out


def _advance(at: list[int], line: _Line, count: int) -> None:
    for number in range(count):
        at[number] += not line.marks[number]
        at[number] += sum(1 for x in line.lost if x.parents >> number & 1)


def _lost(line: _Line, count: int) -> list[bytes]:
    return [
        _marked(b"".join(b"-" if gone.parents >> n & 1 else b" " for n in range(count)), gone.text)
        for gone in line.lost
    ]


def _marked(marks: bytes, text: bytes) -> bytes:
    return marks + text if text.endswith(b"\n") else marks + text + b"\n\\ No newline at end of file\n"
