"""``git blame``: which commit each line comes from."""

from __future__ import annotations

import heapq
import re
from typing import TYPE_CHECKING, NamedTuple

from . import dates, linediff
from .failure import GitError, UsageError, text
from .index import read_index
from .options import Options
from .paths import Pathspec
from .people import Mailmap, Person, person
from .pretty import subject
from .quote import quoted
from .revisions import repository_path, resolve
from .state import index_changes
from .treediff import NOTHING, Side, diff_trees, with_renames
from .walk import expand
from .worktree import Worktree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .objects import Commit
    from .repository import Repository
    from .session import Session

_TABLE = """-L= -s -l -e --show-email -t --date= -p --porcelain --line-porcelain -n --show-number -f --show-name --root
    -w -b --abbrev= --no-progress --progress -M=? -C=? --since= --reverse --first-parent -c"""


class _Line(NamedTuple):
    """Where a line comes from; ``number`` counts from 0 there."""

    oid: str
    path: bytes
    number: int


def blame(git: Session, words: Sequence[str]) -> int:
    """Show who changed each line of a file last."""
    options = Options(words, _TABLE)
    for name in ("-M", "-C", "--reverse", "-c", "--since", "-t"):
        if options.has(name):
            raise UsageError(f"git blame {name} is not supported in this sandbox")
    repo = git.repo
    given = [*options.words, *(options.paths or ())]
    if options.paths is None and len(given) == 2 and resolves(git, given[1]) and not resolves(git, given[0]):
        given.reverse()
    if not 1 <= len(given) <= 2:
        raise UsageError("usage: git blame [<options>] [<rev>] [--] <file>")
    path = _path(repo, given[-1])
    start = resolve(repo, given[0].split("..")[-1] or "HEAD") if len(given) == 2 else None
    stop = expand(repo, [given[0]])[1] if len(given) == 2 and ".." in given[0] else []
    work = _Blame(repo, set(stop), spaces=options.has("-w"))
    lines, origins = work.run(path, None if start is None else repo.objects.peel(start))
    wanted: list[int] = []
    for value in options.values("-L") or [""]:
        first, last = _range(value, [x.decode("utf-8", "replace") for x in lines], text(path))
        wanted += range(first, last)
    wanted = sorted(set(wanted))
    view = _View(git, options, work, path)
    if options.has("-p", "--porcelain", "--line-porcelain"):
        view.porcelain(lines, origins, wanted, every=options.has("--line-porcelain"))
    else:
        view.plain(lines, origins, wanted)
    return 0


def resolves(git: Session, word: str) -> bool:
    """Whether a word names an object."""
    try:
        resolve(git.repo, word)
    except GitError:
        return False
    return True


def _path(repo: Repository, word: str) -> bytes:
    raw = word.encode("utf-8", "surrogateescape")
    if raw.startswith(b"/"):
        return raw.removeprefix(repo.worktree + b"/")
    return repository_path(repo, "./" + word)


class _Blame:
    """Hands lines from commit to commit until each is where it was written."""

    def __init__(self, repo: Repository, stop: set[str], *, spaces: bool) -> None:
        self._repo = repo
        self._objects = repo.objects
        self._spaces = spaces
        self.boundary: set[str] = set(stop)
        self._stop = stop
        self._texts: dict[str, list[bytes]] = {}
        self.previous: dict[tuple[str, bytes], tuple[str, bytes]] = {}

    def run(self, path: bytes, start: str | None) -> tuple[list[bytes], list[_Line]]:
        """The file's lines, and where each comes from.

        Raises:
            GitError: there is no such file.
        """
        head = self._repo.head()[1] if start is None else start
        if head is None:
            raise GitError("cannot blame before the first commit")
        name = path
        blob = self._blob(head, path)
        if blob is None and start is None:
            name = self._staged_from(head, path)
            blob = self._blob(head, name)
        if blob is None:
            raise GitError(f"no such path '{text(path)}' in {'HEAD' if start is None else text(start.encode())}")
        lines = self._lines(blob)
        origins: list[_Line | None] = [None] * len(lines)
        wanted = [(i, i) for i in range(len(lines))]
        if start is None:
            tree = Worktree(self._repo)
            seen = next(iter(tree.look([path])))
            if seen is None:
                raise GitError(f"Cannot lstat '{text(path)}': No such file or directory")
            mine = linediff.split_lines(tree.content(path, seen.mode))
            origins = [_Line(NOTHING, path, i) for i in range(len(mine))]
            self.previous[NOTHING, path] = head, name
            wanted = self._unchanged(lines, mine)
            lines = mine
        self._walk(head, name, wanted, origins)
        return lines, [o for o in origins if o is not None]

    def _walk(self, head: str, path: bytes, wanted: list[tuple[int, int]], origins: list[_Line | None]) -> None:
        """``wanted``: numbers of lines in the commit's file, each with its number in the result."""
        number = 0
        waiting: dict[tuple[str, bytes], dict[int, list[int]]] = {(head, path): {}}
        for there, here in wanted:
            waiting[head, path].setdefault(there, []).append(here)
        queue = [(-self._objects.commit(head).date, number, head, path)]
        while queue:
            _, _, oid, name = heapq.heappop(queue)
            left = waiting.pop((oid, name), {})
            commit = self._objects.commit(oid)
            parents = [] if oid in self._stop else [(p, self._name_in(p, commit, name)) for p in commit.parents]
            mine = self._blob(oid, name) or ""
            parents.sort(key=lambda x: x[1] is None or self._blob(x[0], x[1]) != mine)
            for parent, old_name in parents:
                if old_name is None or not left:
                    continue
                blob = self._blob(parent, old_name)
                if blob is None:
                    continue
                if blob != mine:
                    self.previous.setdefault((oid, name), (parent, old_name))
                same = (
                    {i: i for i in left}
                    if blob == mine
                    else {new: old for old, new in self._unchanged(self._lines(blob), self._lines(mine))}
                )
                passed = {n: same[n] for n in left if n in same}
                if not passed:
                    continue
                if (parent, old_name) not in waiting:
                    waiting[parent, old_name] = {}
                    number += 1
                    heapq.heappush(queue, (-self._objects.commit(parent).date, number, parent, old_name))
                for n, old in passed.items():
                    waiting[parent, old_name].setdefault(old, []).extend(left.pop(n))
            if not commit.parents:
                self.boundary.add(oid)
            for n, places in left.items():
                for place in places:
                    origins[place] = _Line(oid, name, n)

    def _staged_from(self, head: str, path: bytes) -> bytes:
        """What a file is called in the last commit that was renamed in the index since."""
        index = read_index(self._repo)
        changes = index_changes(self._repo, index, head, Pathspec(self._repo))
        for change in with_renames(changes, lambda s: self._objects.of_kind(s.oid, "blob")):
            if change.status == "R" and change.new.path == path:
                return change.old.path
        return path

    def _unchanged(self, old: list[bytes], new: list[bytes]) -> list[tuple[int, int]]:
        """Pairs of the numbers of lines that are the same."""
        keys = None
        if self._spaces:
            keys = [b"".join(x.split()) for x in old], [b"".join(x.split()) for x in new]
        pairs: list[tuple[int, int]] = []
        i = j = 0
        for hunk in [*linediff.changes(old, new, keys), linediff.Hunk(len(old), 0, len(new), 0)]:
            pairs += zip(range(i, hunk.old_at), range(j, hunk.new_at), strict=True)
            i, j = hunk.old_at + hunk.old, hunk.new_at + hunk.new
        return pairs

    def _lines(self, blob: str) -> list[bytes]:
        found = self._texts.get(blob)
        if found is None:
            found = self._texts[blob] = linediff.split_lines(self._objects.of_kind(blob, "blob"))
        return found

    def _blob(self, commit: str, path: bytes) -> str | None:
        oid = self._objects.commit(commit).tree
        for part in path.split(b"/"):
            entry = next((e for e in self._objects.tree(oid) if e.name == part), None)
            if entry is None:
                return None
            oid = entry.oid
        return oid

    def _name_in(self, parent: str, commit: Commit, path: bytes) -> bytes | None:
        """What the file was called in a parent; None where it was not there."""
        if self._blob(parent, path) is not None:
            return path

        def content(side: Side) -> bytes:
            return self._objects.of_kind(side.oid, "blob")

        changes = diff_trees(self._objects, self._objects.commit(parent).tree, commit.tree)
        for change in with_renames(changes, content):
            if change.status == "R" and change.new.path == path:
                return change.old.path
        return None


def _range(value: str, lines: Sequence[str], name: str) -> tuple[int, int]:
    """``-L``: the first line from 0, and the one behind the last."""
    first, _, last = value.partition(",")
    if value.startswith(":"):
        raise UsageError("-L :FUNCTION is not supported in this sandbox; name lines")
    start = _place(first, lines, 0) if first else 1
    if last.startswith(("+", "-")) and last[1:].isdigit():
        size = int(last[1:])
        if last[0] == "+":
            return start - 1, min(start - 1 + size, len(lines))
        return max(start - size, 0), start
    end = _place(last, lines, start) if last else len(lines)
    if start > len(lines):
        count = f"{len(lines)} line" + ("" if len(lines) == 1 else "s")
        raise GitError(f"file {name} has only {count}")
    if start > end:
        start, end = end, start
    return max(start - 1, 0), min(end, len(lines))


def _place(word: str, lines: Sequence[str], after: int) -> int:
    if word.isdigit():
        return int(word)
    if word.startswith("/") and word.endswith("/") and len(word) > 2:
        wanted = re.compile(word[1:-1])
        for i in range(after, len(lines)):
            if wanted.search(lines[i]):
                return i + 1
        raise GitError(f"-L parameter '{word[1:-1]}' starting at line {after + 1}: No match")
    raise UsageError(f"-L '{word}' is no line number or /pattern/")


class _View:
    """Prints where lines come from."""

    def __init__(self, git: Session, options: Options, work: _Blame, path: bytes) -> None:
        self._git = git
        self._options = options
        self._work = work
        self._path = path
        self._objects = git.repo.objects
        self._mailmap = Mailmap(git.repo)
        self._date = options.value("--date") or "iso"

    def _person(self, oid: str, *, committer: bool = False) -> Person:
        if oid == NOTHING:
            import time

            return Person(b"Not Committed Yet", b"not.committed.yet", int(time.time()), 0)
        commit = self._objects.commit(oid)
        return self._mailmap.proper(person(commit.committer if committer else commit.author))

    def plain(self, lines: Sequence[bytes], origins: Sequence[_Line], wanted: Sequence[int]) -> None:
        """The usual form."""
        options = self._options
        some = [origins[i] for i in wanted]
        if not some:
            return
        asked = options.number("--abbrev")
        digits = (
            40 if options.has("-l") else self._digits({o.oid for o in some}) if asked is None else min(asked + 1, 40)
        )
        people = {o.oid: self._person(o.oid) for o in some}
        email = options.has("-e", "--show-email")
        names = {k: (b"<" + p.email + b">" if email else p.name) for k, p in people.items()}
        width = max(len(n.decode("utf-8", "replace")) for n in names.values())
        stamps = {k: dates.show(p.seconds, p.zone, self._date) for k, p in people.items()}
        date_width = max(len(d) for d in stamps.values())
        files = options.has("-f", "--show-name") or any(o.path != self._path for o in some)
        file_width = max(len(o.path) for o in some)
        number_width = len(str(wanted[-1] + 1))
        own_width = len(str(max(o.number for o in some) + 1))
        for i in wanted:
            origin = origins[i]
            boundary = origin.oid in self._work.boundary and not options.has("--root")
            head = b"^" + origin.oid[: digits - 1].encode() if boundary else origin.oid[:digits].encode()
            if boundary and options.has("-b"):
                head = b" " * digits
            if files:
                head += b" " + origin.path.ljust(file_width)
            if options.has("-n", "--show-number"):
                head += b" " + str(origin.number + 1).rjust(own_width).encode()
            number = str(i + 1).rjust(number_width).encode()
            if options.has("-s"):
                head += b" " + number + b") "
            else:
                name = names[origin.oid]
                padding = b" " * (width - len(name.decode("utf-8", "replace")))
                stamp = stamps[origin.oid].ljust(date_width).encode()
                head += b" (" + name + padding + b" " + stamp + b" " + number + b") "
            line = lines[i]
            self._git.write(head + line + (b"" if line.endswith(b"\n") else b"\n"))

    def _digits(self, oids: set[str]) -> int:
        """One more than short names have, for the mark of the first commits."""
        return max(len(self._objects.abbreviated(o)) for o in oids) + 1

    def porcelain(
        self, lines: Sequence[bytes], origins: Sequence[_Line], wanted: Sequence[int], *, every: bool
    ) -> None:
        """The form for programs."""
        told: set[str] = set()
        at = 0
        while at < len(wanted):
            group = [wanted[at]]
            for i in wanted[at + 1 :]:
                last, this = origins[group[-1]], origins[i]
                if i != group[-1] + 1 or this[:2] != last[:2] or this.number != last.number + 1:
                    break
                group.append(i)
            for i in group:
                origin = origins[i]
                head = f"{origin.oid} {origin.number + 1} {i + 1}" + (f" {len(group)}" if i == group[0] else "")
                self._git.write(head.encode() + b"\n")
                if every or (i == group[0] and origin.oid not in told):
                    told.add(origin.oid)
                    self._git.write_all(self._details(origin))
                elif i == group[0] and any(o.path != self._path for o in origins):
                    self._git.write(b"filename " + quoted(origin.path) + b"\n")
                line = lines[i]
                self._git.write(b"\t" + line + (b"" if line.endswith(b"\n") else b"\n"))
            at += len(group)

    def _details(self, origin: _Line) -> list[bytes]:
        out = []
        for role in ("author", "committer"):
            who = self._person(origin.oid, committer=role == "committer")
            name = role.encode()
            out += [
                name + b" " + who.name + b"\n",
                name + b"-mail <" + who.email + b">\n",
                name + b"-time %d\n" % who.seconds,
                name + f"-tz {who.zone:+05d}\n".encode(),
            ]
        if origin.oid == NOTHING:
            out.append(b"summary Version of " + origin.path + b" from " + origin.path + b"\n")
        else:
            out.append(b"summary " + subject(self._objects.commit(origin.oid).message) + b"\n")
        if origin.oid in self._work.boundary:
            out.append(b"boundary\n")
        previous = self._work.previous.get((origin.oid, origin.path))
        if previous is not None:
            out.append(b"previous " + previous[0].encode() + b" " + quoted(previous[1]) + b"\n")
        out.append(b"filename " + quoted(origin.path) + b"\n")
        return out
