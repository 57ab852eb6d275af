"""Differences as text: patches, statistics, lists of names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import linediff
from .attributes import Attributes
from .quote import needs_quotes, quoted
from .stat import Counted, stat_lines, summary_line
from .treediff import NOTHING, Change, Side, with_renames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .repository import Repository
    from .worktree import Worktree

_SNIFFED = 8000
_HEADING = 80
_HEADS = re.compile(rb"[A-Za-z_$]")


@dataclass(slots=True)
class DiffOptions:
    """How differences are shown.

    Attributes:
        outputs: any of patch, stat, shortstat, numstat, summary, name-only, name-status, raw.
        context: lines around a change.
        least: how alike a renamed file must be, in parts of 60000; None leaves renames alone.
        spaces: what white space counts: '' all, 'b' its amount not, 'w' none.
        filter: the letters that ``--diff-filter`` lets through; empty for all.
        digits: of object names in a patch: 0 for as many as are needed.
    """

    outputs: list[str] = field(default_factory=list)
    context: int = 3
    between: int = 0
    least: int | None = 30000
    spaces: str = ""
    reverse: bool = False
    text: bool = False
    filter: str = ""
    digits: int = 0
    nul: bool = False
    prefixes: tuple[bytes, bytes] = (b"a/", b"b/")
    width: int = 80
    name_width: int = 0
    exit_code: bool = False
    quiet: bool = False
    pickaxe: str = ""
    pickaxe_pattern: str = ""


class Differ:
    """Shows changes of one repository."""

    def __init__(self, repo: Repository, options: DiffOptions, worktree: Worktree | None = None) -> None:
        self._repo = repo
        self._options = options
        self._worktree = worktree
        self._attributes: Attributes | None = None

    def content(self, side: Side) -> bytes:
        """What a side holds."""
        if not side.mode:
            return b""
        if side.work and self._worktree is not None:
            return self._worktree.content(side.path, side.mode)
        if side.mode == 0o160000:
            return b"Subproject commit %s\n" % side.oid.encode()
        return self._repo.objects.of_kind(side.oid, "blob")

    def prepare(self, changes: Sequence[Change]) -> list[Change]:
        """The changes as the options want them: renames found, filtered, turned round."""
        options = self._options
        found = list(changes)
        if options.reverse:
            turned = {"A": "D", "D": "A"}
            found = [Change(turned.get(c.status, c.status), c.new, c.old) for c in found]
        if options.least is not None:
            found = with_renames(found, self.content, options.least)
        if options.spaces or options.pickaxe or options.pickaxe_pattern:
            found = [c for c in found if self._passes(c)]
        if options.filter:
            upper = {x for x in options.filter if x.isupper()}
            lower = {x.upper() for x in options.filter if x.islower()}
            found = [c for c in found if (not upper or c.status in upper) and c.status not in lower]
        return found

    def _passes(self, change: Change) -> bool:
        old, new = self.content(change.old), self.content(change.new)
        wanted = self._options.pickaxe.encode("utf-8", "surrogateescape")
        if wanted:
            return old.count(wanted) != new.count(wanted)
        if self._options.pickaxe_pattern:
            expression = re.compile(self._options.pickaxe_pattern.encode("utf-8", "surrogateescape"))
            a, b = linediff.split_lines(old), linediff.split_lines(new)
            return any(
                expression.search(line)
                for h in linediff.changes(a, b)
                for line in (*a[h.old_at : h.old_at + h.old], *b[h.new_at : h.new_at + h.new])
            )
        return (
            change.status != "M"
            or change.old.mode != change.new.mode
            or self._binary(change, old, new)
            or bool(self._hunks(linediff.split_lines(old), linediff.split_lines(new)))
        )

    def show(self, changes: Sequence[Change]) -> Iterator[bytes]:
        """The text for changes that :meth:`prepare` gave."""
        outputs = self._options.outputs
        before = False
        for name in ("raw", "name-status", "name-only"):
            if name in outputs:
                for change in changes:
                    yield self._named(change, name)
                before = True
        if {"stat", "numstat", "shortstat"} & set(outputs):
            yield from self._statistics(changes)
            before = True
        if "summary" in outputs:
            for change in changes:
                yield self._summarised(change)
            before = True
        if "patch" in outputs:
            if before and changes:
                yield b"\n"
            for change in changes:
                yield from self.patch(change)

    def _statistics(self, changes: Sequence[Change]) -> Iterator[bytes]:
        outputs = self._options.outputs
        counted = [self.count(c) for c in changes]
        if "numstat" in outputs:
            for change, c in zip(changes, counted, strict=True):
                numbers = b"-\t-" if c.binary else b"%d\t%d" % (c.added, c.removed)
                if self._options.nul:
                    name = change.path if change.status != "R" else b"\0" + change.old.path + b"\0" + change.new.path
                    yield numbers + b"\t" + name + b"\0"
                else:
                    yield numbers + b"\t" + c.name + b"\n"
        if "stat" in outputs:
            yield from stat_lines(counted, self._options.width, self._options.name_width)
        elif "shortstat" not in outputs:
            return
        if counted:
            yield summary_line(counted)

    def count(self, change: Change) -> Counted:
        """How many lines a change adds and removes."""
        name = self._both(change)
        if change.status == "U":
            return Counted(name, 0, 0, unmerged=True)
        if change.old.oid == change.new.oid:
            return Counted(name, 0, 0)
        old, new = self.content(change.old), self.content(change.new)
        if self._binary(change, old, new):
            return Counted(name, len(new), len(old), binary=True)
        if not old or not new:
            return Counted(name, len(linediff.split_lines(new)), len(linediff.split_lines(old)))
        hunks = self._hunks(linediff.split_lines(old), linediff.split_lines(new))
        return Counted(name, sum(h.new for h in hunks), sum(h.old for h in hunks))

    def _quote(self, path: bytes, prefix: bytes = b"") -> bytes:
        return quoted(path, prefix=prefix, all_ascii=self._repo.quote_all)

    def _both(self, change: Change) -> bytes:
        if change.status != "R":
            return self._quote(change.path)
        old, new = change.old.path, change.new.path
        if needs_quotes(old, all_ascii=self._repo.quote_all) or needs_quotes(new, all_ascii=self._repo.quote_all):
            return self._quote(old) + b" => " + self._quote(new)
        return _braced(old, new)

    def _named(self, change: Change, how: str) -> bytes:
        if how == "name-only":
            return change.path + b"\0" if self._options.nul else self._quote(change.path) + b"\n"
        letter = change.status.encode()
        if change.status == "R":
            letter += b"%03d" % change.percent
        names = [change.old.path, change.new.path] if change.status == "R" else [change.path]
        head = b""
        if how == "raw":
            oids = [NOTHING if s.work or not s.mode else s.oid for s in (change.old, change.new)]
            width = len(self._short(NOTHING.replace("0", "f")))
            short = [self._short(o) if o != NOTHING else "0" * width for o in oids]
            head = b":%06o %06o %s %s " % (change.old.mode, change.new.mode, short[0].encode(), short[1].encode())
        if self._options.nul:
            return head + letter + b"\0" + b"\0".join(names) + b"\0"
        return head + letter + b"\t" + b"\t".join(self._quote(n) for n in names) + b"\n"

    def _summarised(self, change: Change) -> bytes:
        if change.status in "AD":
            word, side = (b"create", change.new) if change.status == "A" else (b"delete", change.old)
            return b" %s mode %06o %s\n" % (word, side.mode, self._quote(side.path))
        out = b""
        if change.status == "R":
            out = b" rename %s (%d%%)\n" % (self._both(change), change.percent)
        if change.old.mode != change.new.mode:
            name = b"" if change.status == "R" else b" " + self._quote(change.path)
            out += b" mode change %06o => %06o%s\n" % (change.old.mode, change.new.mode, name)
        return out

    def _short(self, oid: str) -> str:
        return self._repo.objects.abbreviated(oid, self._options.digits)

    def _binary(self, change: Change, old: bytes, new: bytes) -> bool:
        if self._options.text:
            return False
        if self._attributes is None:
            self._attributes = Attributes(self._repo)
        wanted = self._attributes.of(change.path).get(b"diff")
        if wanted is False:
            return True
        return wanted is not True and (b"\0" in old[:_SNIFFED] or b"\0" in new[:_SNIFFED])

    def _hunks(self, old: list[bytes], new: list[bytes]) -> list[linediff.Hunk]:
        spaces = self._options.spaces
        if not spaces:
            return linediff.changes(old, new)
        fold: Callable[[bytes], bytes] = _no_spaces if spaces == "w" else _one_space
        return linediff.changes(old, new, ([fold(x) for x in old], [fold(x) for x in new]))

    def patch(self, change: Change) -> Iterator[bytes]:
        """One change as a patch."""
        if change.status == "U":
            yield b"* Unmerged path " + self._quote(change.path) + b"\n"
            return
        if change.status == "T":
            yield from self.patch(Change("D", change.old, Side(0, NOTHING, change.old.path)))
            yield from self.patch(Change("A", Side(0, NOTHING, change.new.path), change.new))
            return
        before, after = self._options.prefixes
        old_name = self._quote(change.old.path, before)
        new_name = self._quote(change.new.path, after)
        old, new = self.content(change.old), self.content(change.new)
        head = [b"diff --git " + old_name + b" " + new_name]
        if change.status == "A":
            head.append(b"new file mode %06o" % change.new.mode)
        elif change.status == "D":
            head.append(b"deleted file mode %06o" % change.old.mode)
        elif change.old.mode != change.new.mode:
            head += [b"old mode %06o" % change.old.mode, b"new mode %06o" % change.new.mode]
        if change.status == "R":
            head.append(b"similarity index %d%%" % change.percent)
            head += [b"rename from " + self._quote(change.old.path), b"rename to " + self._quote(change.new.path)]
        body: list[bytes] = []
        if change.old.oid != change.new.oid:
            names = (
                old_name if change.old.mode else b"/dev/null",
                new_name if change.new.mode else b"/dev/null",
            )
            binary = self._binary(change, old, new)
            differ = b"Binary files %s and %s differ\n" % names
            body = [differ] if binary else list(self._text(old, new, names))
            if body or change.status in "AD" or not self._options.spaces:
                mode = b" %06o" % change.new.mode if change.old.mode == change.new.mode else b""
                short = [self._short(s.oid) for s in (change.old, change.new)]
                head.append(b"index %s..%s%s" % (short[0].encode(), short[1].encode(), mode))
        yield b"\n".join(head) + b"\n"
        yield from body

    def _text(self, old: bytes, new: bytes, names: tuple[bytes, bytes]) -> Iterator[bytes]:
        a, b = linediff.split_lines(old), linediff.split_lines(new)
        hunks = self._hunks(a, b)
        if not hunks:
            return
        tabs = [b"\t" if b" " in n else b"" for n in names]
        yield b"--- %s%s\n+++ %s%s\n" % (names[0], tabs[0], names[1], tabs[1])
        context = self._options.context
        groups: list[list[linediff.Hunk]] = []
        for hunk in hunks:
            last = groups[-1][-1] if groups else None
            if last is not None and hunk.old_at - (last.old_at + last.old) <= 2 * context + self._options.between:
                groups[-1].append(hunk)
            else:
                groups.append([hunk])
        heading, searched = b"", -1
        for group in groups:
            first, last = group[0], group[-1]
            before = min(context, first.old_at, first.new_at)
            start, new_start = first.old_at - before, first.new_at - before
            end = min(last.old_at + last.old + context, len(a))
            new_end = min(last.new_at + last.new + context, len(b))
            for i in range(start - 1, searched, -1):
                if _HEADS.match(a[i]):
                    heading = a[i][:_HEADING].rstrip()
                    break
            searched = max(searched, start - 1)
            yield b"@@ -%s +%s @@%s\n" % (
                _range(start, end - start),
                _range(new_start, new_end - new_start),
                b" " + heading if heading else b"",
            )
            at = new_start
            for hunk in group:
                yield from (_line(b" ", x) for x in b[at : hunk.new_at])
                yield from (_line(b"-", x) for x in a[hunk.old_at : hunk.old_at + hunk.old])
                yield from (_line(b"+", x) for x in b[hunk.new_at : hunk.new_at + hunk.new])
                at = hunk.new_at + hunk.new
            yield from (_line(b" ", x) for x in b[at:new_end])


def _line(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _range(start: int, count: int) -> bytes:
    first = start + 1 if count else start
    return b"%d" % first if count == 1 else b"%d,%d" % (first, count)


def _no_spaces(line: bytes) -> bytes:
    return b"".join(line.split())


def _one_space(line: bytes) -> bytes:
    return re.sub(rb"\s+", b" ", line.rstrip())


def _braced(old: bytes, new: bytes) -> bytes:
    """``dir/{old => new}/file``: what two paths share is named once."""
    start = 0
    for i in range(min(len(old), len(new))):
        if old[i] != new[i]:
            break
        if old[i] == 47:
            start = i + 1
    # A slash of the shared beginning may end it and begin the shared end.
    least, end = max(start - 1, 0) if start else 0, 0
    for i in range(1, min(len(old), len(new)) - least + 1):
        if old[-i] != new[-i]:
            break
        if old[-i] == 47:
            end = i
    if not start and not end:
        return old + b" => " + new
    a, b = old[start : max(len(old) - end, start)], new[start : max(len(new) - end, start)]
    return old[:start] + b"{" + a + b" => " + b + b"}" + old[len(old) - end :]
