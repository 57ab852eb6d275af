"""Walks through history: which commits, and in which order."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import dates
from .paths import Pathspec
from .people import Mailmap, person
from .revisions import resolve
from .treediff import diff_trees, with_renames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .objects import Commit
    from .repository import Repository
    from .treediff import Side


@dataclass(slots=True)
class WalkOptions:
    """Which commits of a history are meant.

    Attributes:
        most: how many at most; negative for all.
        parents: the least and the most number of parents.
        patterns: of messages (``--grep``).
        follow: go on under the old name where the one path was renamed.
    """

    most: int = -1
    skip: int = 0
    since: int | None = None
    until: int | None = None
    authors: list[str] = field(default_factory=list)
    committers: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    all_patterns: bool = False
    invert: bool = False
    fold: bool = False
    syntax: str = "basic"
    parents: tuple[int, int] = (0, 1 << 30)
    first_parent: bool = False
    topological: bool = False
    reverse: bool = False
    follow: bool = False
    full_history: bool = False


def expand(repo: Repository, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The commits that revision arguments start from, and those whose history is left out.

    Raises:
        GitError: one of them is no commit.
    """
    starts: list[str] = []
    leaves: list[str] = []
    for word in words:
        if "..." in word:
            left, _, right = word.partition("...")
            a, b = (repo.objects.peel(resolve(repo, w or "HEAD")) for w in (left, right))
            starts += [a, b]
            leaves += merge_bases(repo, a, b)
        elif ".." in word:
            left, _, right = word.partition("..")
            leaves.append(repo.objects.peel(resolve(repo, left or "HEAD")))
            starts.append(repo.objects.peel(resolve(repo, right or "HEAD")))
        elif word.startswith("^"):
            leaves.append(repo.objects.peel(resolve(repo, word[1:])))
        elif word.endswith("^!"):
            oid = repo.objects.peel(resolve(repo, word[:-2]))
            starts.append(oid)
            leaves += repo.objects.commit(oid).parents
        else:
            starts.append(repo.objects.peel(resolve(repo, word)))
    return starts, leaves


def merge_bases(repo: Repository, a: str, b: str) -> list[str]:
    """The best common ancestors of two commits."""
    objects = repo.objects
    marks: dict[str, int] = {a: 1}
    marks[b] = marks.get(b, 0) | 2
    queue = [(-objects.commit(o).date, o) for o in {a, b}]
    heapq.heapify(queue)
    found: list[str] = []
    while any(not marks[o] & 4 for _, o in queue):
        _, oid = heapq.heappop(queue)
        mark = marks[oid]
        if mark & 3 == 3:
            if not mark & 8:
                marks[oid] |= 8
                found.append(oid)
            mark |= 4
        for parent in objects.commit(oid).parents:
            if marks.get(parent, 0) | (mark & 7) != marks.get(parent, 0):
                marks[parent] = marks.get(parent, 0) | (mark & 7)
                heapq.heappush(queue, (-objects.commit(parent).date, parent))
    return [o for o in found if not marks[o] & 4]


class Walk:
    """One walk.

    Args:
        repo: the repository.
        starts: commits to start from.
        leaves: commits whose history is left out.
        spec: commits that change these paths alone.
        options: which commits.
    """

    def __init__(
        self, repo: Repository, starts: Sequence[str], leaves: Sequence[str], spec: Pathspec, options: WalkOptions
    ) -> None:
        self._repo = repo
        self._objects = repo.objects
        self._spec = spec
        self._options = options
        self._starts = list(dict.fromkeys(starts))
        self._left_out = self._paint(leaves) if leaves else set[str]()
        self._mailmap = Mailmap(repo)
        flags = re.IGNORECASE if options.fold else re.NOFLAG

        def compiled(patterns: Sequence[str]) -> list[re.Pattern[bytes]]:
            from .pattern import translated

            return [re.compile(translated(p, options.syntax), flags | re.MULTILINE) for p in patterns]

        self._authors, self._committers = compiled(options.authors), compiled(options.committers)
        self._patterns = compiled(options.patterns)
        self.path: Pathspec = spec

    def _paint(self, leaves: Sequence[str]) -> set[str]:
        """What is reachable from ``leaves``, as far back as the walk may come."""
        marks: dict[str, bool] = {}  # whether it is left out
        queue: list[tuple[int, str]] = []
        for oids, out in ((leaves, True), (self._starts, False)):
            for oid in oids:
                marks[oid] = marks.get(oid, False) or out
                queue.append((-self._objects.commit(oid).date, oid))
        heapq.heapify(queue)
        slack = 16  # clocks of committers differ: go on a little after the last commit that is wanted
        while queue and slack:
            _, oid = heapq.heappop(queue)
            out = marks[oid]
            stack = [(p, out) for p in self._objects.commit(oid).parents]
            while stack:
                parent, mark = stack.pop()
                known = marks.get(parent)
                if known is None:
                    marks[parent] = mark
                    heapq.heappush(queue, (-self._objects.commit(parent).date, parent))
                elif mark and not known:
                    marks[parent] = True
                    stack += [(p, True) for p in self._objects.commit(parent).parents if p in marks]
            slack = 16 if any(not marks[o] for _, o in queue[:64]) or any(not marks[o] for _, o in queue) else slack - 1
        return {o for o, out in marks.items() if out}

    def __iter__(self) -> Iterator[Commit]:
        commits = self._chosen()
        if self._options.reverse:
            commits = reversed(list(commits))
        return commits

    def _chosen(self) -> Iterator[Commit]:
        options, skip, left = self._options, self._options.skip, self._options.most
        if left == 0:
            return
        for commit in self._topological() if options.topological else self._by_date():
            if not self._is_wanted(commit):
                continue
            if skip:
                skip -= 1
                continue
            yield commit
            left -= 1
            if left == 0:
                return

    def _by_date(self) -> Iterator[Commit]:
        queue: list[tuple[int, int, str]] = []
        seen = set(self._left_out)
        number = 0
        pending = list(self._starts)
        while True:
            for oid in pending:
                if oid not in seen:
                    seen.add(oid)
                    number += 1
                    heapq.heappush(queue, (-self._objects.commit(oid).date, number, oid))
            if not queue:
                return
            commit = self._objects.commit(heapq.heappop(queue)[2])
            if self._options.since is not None and commit.date < self._options.since:
                pending = []
                continue
            pending, shown = self._simplified(commit)
            if shown:
                yield commit

    def _topological(self) -> Iterator[Commit]:
        """No commit before all of those that build on it."""
        commits = {c.oid: c for c in self._by_date()}
        children = dict.fromkeys(commits, 0)
        edges = {oid: self._ancestors_among(c, commits) for oid, c in commits.items()}
        for parents in edges.values():
            for parent in parents:
                children[parent] += 1
        stack = [o for o in reversed(commits) if not children[o]]
        while stack:
            oid = stack.pop()
            yield commits[oid]
            for parent in edges[oid]:
                children[parent] -= 1
                if not children[parent]:
                    stack.append(parent)

    def _ancestors_among(self, commit: Commit, commits: dict[str, Commit]) -> list[str]:
        """The nearest ancestors that are shown."""
        found: list[str] = []
        stack, seen = list(reversed(self._parents(commit))), set[str]()
        while stack:
            oid = stack.pop()
            if oid in seen or oid in self._left_out:
                continue
            seen.add(oid)
            if oid in commits:
                found.append(oid)
            elif self._spec:
                stack += reversed(self._parents(self._objects.commit(oid)))
        return found

    def _parents(self, commit: Commit) -> Sequence[str]:
        return commit.parents[:1] if self._options.first_parent else commit.parents

    def _simplified(self, commit: Commit) -> tuple[list[str], bool]:
        """Where to go on from a commit, and whether it changes what is looked at."""
        parents = list(self._parents(commit))
        if not self._spec:
            return parents, True
        if not parents:
            return [], self._differs("", commit.tree)
        same = [p for p in parents if not self._differs(self._objects.commit(p).tree, commit.tree)]
        if same and not self._options.full_history:
            return same[:1], False
        if self._options.follow and len(parents) == 1:
            self._follow(self._objects.commit(parents[0]), commit)
        return parents, not same

    def _differs(self, old: str, new: str) -> bool:
        return bool(diff_trees(self._objects, old, new, self._spec))

    def _follow(self, parent: Commit, commit: Commit) -> None:
        """Take the name that the path had before, where this commit gave it its name."""
        mine = diff_trees(self._objects, parent.tree, commit.tree, self._spec)
        if not any(c.status == "A" for c in mine):
            self.path = self._spec
            return

        def content(side: Side) -> bytes:
            return self._objects.of_kind(side.oid, "blob")

        for change in with_renames(diff_trees(self._objects, parent.tree, commit.tree), content):
            if change.status == "R" and self._spec.matches(change.new.path):
                self.path = Pathspec(
                    self._repo, [":(top,literal)" + p for p in _words(change.new.path, change.old.path)]
                )
                self._spec = Pathspec(self._repo, [":(top,literal)" + _words(change.old.path)[0]])
                return

    def _is_wanted(self, commit: Commit) -> bool:
        options = self._options
        if not options.parents[0] <= len(commit.parents) <= options.parents[1]:
            return False
        if options.until is not None and commit.date > options.until:
            return False
        for patterns, line in ((self._authors, commit.author), (self._committers, commit.committer)):
            if patterns:
                who = self._mailmap.proper(person(line))
                text = who.name + b" <" + who.email + b">"
                if not any(p.search(text) for p in patterns):
                    return False
        if self._patterns:
            hits = [p.search(commit.message) is not None for p in self._patterns]
            return (all(hits) if options.all_patterns else any(hits)) != options.invert
        return True


def _words(*paths: bytes) -> list[str]:
    return [p.decode("utf-8", "surrogateescape") for p in paths]


def moment(text: str) -> int:
    """The moment that an option names, in seconds of the epoch."""
    return dates.parse(text)
