"""The state of a working tree: against the index, and the index against the last commit."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .failure import GitError
from .files import read_small
from .index import Index, read_index
from .paths import Pathspec
from .revisions import try_resolve, upstream
from .treediff import NOTHING, Change, Side, flatten, kind, with_renames
from .walk import Walk, WalkOptions
from .worktree import Difference, Worktree

if TYPE_CHECKING:
    from .repository import Repository


@dataclass(slots=True)
class State:
    """Everything that ``status`` shows.

    Attributes:
        staged: the index against the last commit.
        changed: the working tree against the index.
        unmerged: the stages of each path in conflict, as bits: 1 the ancestor's, 2 ours, 4 theirs.
    """

    branch: bytes | None
    head: str | None
    staged: list[Change]
    changed: list[Difference]
    unmerged: dict[bytes, int]
    untracked: list[bytes]
    ignored: list[bytes] = field(default_factory=list)
    index: Index = field(default_factory=Index)


def index_changes(repo: Repository, index: Index, head: str | None, spec: Pathspec) -> list[Change]:
    """The index against a commit's or tree's files (None: no commit yet); without renames and conflicts."""
    tree = repo.objects.peel(head, "tree") if head else ""
    if tree and tree == index.tree:
        return []
    before = flatten(repo.objects, tree, spec) if tree else {}
    found = []
    after = {e.path: (e.mode, e.oid) for e in index if not e.stage and not e.intent and spec.matches(e.path)}
    conflicts = {e.path for e in index if e.stage}
    for path in before.keys() | after.keys():
        if path in conflicts or before.get(path) == after.get(path):
            continue
        old, new = (Side(*side.get(path, (0, NOTHING)), path) for side in (before, after))
        found.append(Change(kind(old, new), old, new))
    return sorted(found, key=lambda c: c.path)


def read_state(
    repo: Repository, spec: Pathspec, *, untracked: str = "normal", ignored: bool = False, renames: bool = True
) -> State:
    """Look at everything.

    Args:
        repo: the repository.
        spec: look at these paths alone.
        untracked: ``no``, ``normal`` or ``all``.
        ignored: look for what is ignored as well.
        renames: whether removed and added paths are compared.
    """
    index, tree = read_index(repo), Worktree(repo)
    branch, head = repo.head()
    staged = index_changes(repo, index, head, spec)
    if renames:
        staged = with_renames(staged, lambda s: repo.objects.of_kind(s.oid, "blob"))
    unmerged: dict[bytes, int] = {}
    for entry in index:
        if entry.stage and spec.matches(entry.path):
            unmerged[entry.path] = unmerged.get(entry.path, 0) | 1 << (entry.stage - 1)
    changed = tree.differences(index, spec)
    every = untracked == "all"
    new = [] if untracked == "no" else tree.untracked(index, spec, every=every)
    left_out = tree.untracked(index, spec, every=every, ignored=True) if ignored else []
    return State(branch, head, staged, changed, unmerged, new, left_out, index)


def tracking(repo: Repository, branch: bytes) -> tuple[bytes, tuple[int, int] | None] | None:
    """What a branch follows, and how many commits each has of its own; None where it follows nothing."""
    other = upstream(repo, branch)
    if other is None:
        return None
    theirs, mine = repo.refs.get(other), repo.refs.get(branch)
    name = other.removeprefix(b"refs/remotes/").removeprefix(b"refs/heads/")
    if theirs is None or mine is None:
        return name, None
    return name, (count(repo, mine, theirs), count(repo, theirs, mine))


def count(repo: Repository, start: str, leave: str) -> int:
    """How many commits one history has that the other has not."""
    if start == leave:
        return 0
    return sum(1 for _ in Walk(repo, [start], [leave], Pathspec(repo), WalkOptions()))


def detached_at(repo: Repository, head: str) -> str:
    """How a detached ``HEAD`` is called: where it was put, and whether it is still there."""
    for _, new, _, message in reversed(repo.refs.log(b"HEAD")):
        if not message.startswith(b"checkout: moving from "):
            continue
        name = message.rpartition(b" to ")[2].decode("utf-8", "surrogateescape")
        shown = name
        known = any(
            repo.refs.raw(p + os.fsencode(name)) is not None for p in (b"refs/tags/", b"refs/remotes/", b"refs/heads/")
        )
        if not known:
            shown = repo.objects.abbreviated(new)
        try:
            same = try_resolve(repo, new) == head
        except GitError:
            same = False
        return f"HEAD detached {'at' if same else 'from'} {shown}"
    return "Not currently on any branch."


def in_progress(repo: Repository, *, conflicts: bool) -> list[str]:
    """What is under way (a merge, a rebase, ...), in git's words; empty when nothing is."""
    place = repo.git_dir
    if os.path.exists(place + b"/MERGE_HEAD"):
        if conflicts:
            return [
                "You have unmerged paths.",
                '  (fix conflicts and run "git commit")',
                '  (use "git merge --abort" to abort the merge)',
            ]
        return ["All conflicts fixed but you are still merging.", '  (use "git commit" to conclude merge)']
    for directory in (b"/rebase-merge", b"/rebase-apply"):
        if os.path.isdir(place + directory):
            onto = read_small(place + directory + b"/onto").strip().decode("ascii", "replace")
            name = read_small(place + directory + b"/head-name").strip().removeprefix(b"refs/heads/")
            what = f"branch '{name.decode('utf-8', 'surrogateescape')}' " if name and name != b"detached HEAD" else ""
            short = repo.objects.abbreviated(onto) if len(onto) == 40 else onto
            return [f"You are currently rebasing {what}on '{short}'.", *_how_on("rebase", conflicts=conflicts)]
    for name, verb, doing, it in (
        (b"/CHERRY_PICK_HEAD", "cherry-pick", "cherry-picking", "cherry-pick"),
        (b"/REVERT_HEAD", "revert", "reverting", "revert"),
    ):
        oid = read_small(place + name).strip().decode("ascii", "replace")
        if len(oid) == 40:
            lines = _how_on(verb, conflicts=conflicts)
            lines[-1] = f'  (use "git {verb} --abort" to cancel the {it} operation)'
            return [f"You are currently {doing} commit {repo.objects.abbreviated(oid)}.", *lines]
    if os.path.exists(place + b"/BISECT_LOG"):
        start = read_small(place + b"/BISECT_START").strip().decode("utf-8", "surrogateescape")
        return [
            f"You are currently bisecting, started from branch '{start}'.",
            '  (use "git bisect reset" to get back to the original branch)',
        ]
    return []


def _how_on(verb: str, *, conflicts: bool) -> list[str]:
    first = "fix conflicts and" if conflicts else "all conflicts fixed:"
    run = f'  ({first} run "git {verb} --continue")'
    if verb == "rebase" and conflicts:
        run = '  (fix conflicts and then run "git rebase --continue")'
    return [
        run,
        f'  (use "git {verb} --skip" to skip this patch)',
        f'  (use "git {verb} --abort" to check out the original branch)',
    ]
