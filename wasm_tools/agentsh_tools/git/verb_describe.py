"""``git describe`` and ``merge-base``: how commits lie to each other."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .failure import GitError, UsageError
from .options import Options
from .paths import Pathspec
from .refformat import is_ancestor, ref_date
from .revisions import resolve
from .state import read_state
from .walk import Walk, WalkOptions, merge_bases
from .wildmatch import compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .repository import Repository
    from .session import Session


def describe(git: Session, words: Sequence[str]) -> int:
    """Name a commit by the nearest tag."""
    table = """--tags --always --dirty=? --abbrev= --long --match= --exclude= --exact-match --all --contains
        --first-parent --broken=?"""
    options = Options(words, table)
    for option in ("--all", "--contains", "--broken"):
        if options.has(option):
            raise UsageError(f"git describe {option} is not supported in this sandbox")
    repo = git.repo
    word = options.words[0] if options.words else "HEAD"
    start = repo.objects.peel(resolve(repo, word))
    names = _described(repo, options)
    suffix = b""
    if options.has("--dirty"):
        state = read_state(repo, Pathspec(repo), untracked="no")
        if state.staged or state.changed or state.unmerged:
            suffix = os.fsencode(options.value("--dirty") or "-dirty")
    abbrev = options.number("--abbrev")
    walk = WalkOptions(first_parent=options.has("--first-parent"))
    for commit in Walk(repo, [start], [], Pathspec(repo), walk):
        if commit.oid not in names:
            continue
        depth = sum(1 for _ in Walk(repo, [start], [commit.oid], Pathspec(repo), walk))
        if depth and options.has("--exact-match"):
            break
        name = names[commit.oid][1]
        if (depth or options.has("--long")) and abbrev != 0:
            name += b"-%d-g%s" % (depth, repo.objects.abbreviated(start, abbrev or 0).encode())
        git.write(name + suffix + b"\n")
        return 0
    if options.has("--always"):
        git.write(repo.objects.abbreviated(start, abbrev or 0).encode() + suffix + b"\n")
        return 0
    if options.has("--exact-match"):
        raise GitError(f"no tag exactly matches '{start}'")
    if not names and not repo.refs.below(b"refs/tags/"):
        raise GitError("No names found, cannot describe anything.")
    hint = "" if options.has("--tags") else "\nHowever, there were unannotated tags: try --tags."
    raise GitError(f"No {'tags' if options.has('--tags') else 'annotated tags'} can describe '{start}'.{hint}")


def _described(repo: Repository, options: Options) -> dict[str, tuple[int, bytes]]:
    """The best tag of each commit: annotated before others, newer before older."""
    names: dict[str, tuple[int, int, bytes]] = {}
    for full, oid in repo.refs.below(b"refs/tags/").items():
        name = full.removeprefix(b"refs/tags/")
        annotated = repo.objects.read(oid)[0] == "tag"
        if not annotated and not options.has("--tags"):
            continue
        match, exclude = options.value("--match"), options.value("--exclude")
        if match is not None and not compiled(os.fsencode(match), across=True).match(name):
            continue
        if exclude is not None and compiled(os.fsencode(exclude), across=True).match(name):
            continue
        try:
            commit = repo.objects.peel(oid)
        except GitError:
            continue
        rank = (2 if annotated else 1, ref_date(repo, oid) if annotated else 0, name)
        if commit not in names or rank[:2] > names[commit][:2]:
            names[commit] = rank
    return {k: (v[0], v[2]) for k, v in names.items()}


def merge_base(git: Session, words: Sequence[str]) -> int:
    """Find where histories parted."""
    options = Options(words, "-a --all --is-ancestor --octopus --independent --fork-point")
    if options.has("--octopus", "--independent", "--fork-point") or len(options.words) != 2:
        raise UsageError("in this sandbox: git merge-base [-a | --is-ancestor] <commit> <commit>")
    repo = git.repo
    a, b = (repo.objects.peel(resolve(repo, w)) for w in options.words)
    if options.has("--is-ancestor"):
        return 0 if is_ancestor(repo, a, b) else 1
    found = merge_bases(repo, a, b)
    git.write_all(f.encode() + b"\n" for f in (found if options.has("-a", "--all") else found[:1]))
    return 0 if found else 1
