"""``git rev-parse``: what revisions and the repository's places are called."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .failure import GitError, text
from .revisions import full_name, resolve, try_resolve, upstream
from .walk import merge_bases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .repository import Repository
    from .session import Session


def rev_parse(git: Session, words: Sequence[str]) -> int:
    """Print what revisions and the repository's places are called."""
    short, abbrev_ref, symbolic, verify, quiet = -1, False, False, False, False
    words = list(words)
    found: list[bytes] = []
    while words:
        word = words.pop(0)
        if word == "--default" and words:
            words.pop(0)
        elif word.startswith("--short"):
            short = int(word[8:]) if word[8:].isdigit() else 0
        elif word.startswith("--abbrev-ref"):
            abbrev_ref = True
        elif word in ("--symbolic", "--symbolic-full-name"):
            symbolic = True
        elif word in ("--verify", "-q", "--quiet"):
            verify, quiet = verify or word == "--verify", quiet or word != "--verify"
        elif word in ("--revs-only", "--no-flags", "--end-of-options"):
            continue
        elif word == "--":
            found += [b"--", *(os.fsencode(w) for w in words)]
            break
        elif word.startswith("--") and _place(git, word, found):
            continue
        else:
            try:
                found += _revision(git.repo, word, short=short, abbrev_ref=abbrev_ref, symbolic=symbolic)
            except GitError as e:
                if quiet and verify:
                    return 1
                if verify:
                    raise GitError("Needed a single revision") from e
                git.write(*(f + b"\n" for f in found), os.fsencode(word) + b"\n")
                raise
    git.write(*(f + b"\n" for f in found))
    return 0


def _place(git: Session, word: str, found: list[bytes]) -> bool:
    """Answer a question about the repository's places; False for none of these."""
    repo = git.repo
    match word:
        case "--show-toplevel":
            found.append(repo.worktree)
        case "--git-dir":
            inside = repo.git_dir == git.cwd + b"/.git"
            found.append(b".git" if inside else b"." if repo.git_dir == git.cwd else repo.git_dir)
        case "--absolute-git-dir":
            found.append(repo.git_dir)
        case "--git-common-dir":
            found.append(os.path.relpath(repo.common_dir, git.cwd))
        case "--is-inside-work-tree":
            found.append(b"true" if repo.top is not None else b"false")
        case "--is-inside-git-dir":
            found.append(b"true" if (git.cwd + b"/").startswith(repo.git_dir + b"/") else b"false")
        case "--is-bare-repository":
            found.append(b"true" if repo.top is None and not repo.git_dir.endswith(b"/.git") else b"false")
        case "--is-shallow-repository":
            found.append(b"true" if repo.objects.shallow else b"false")
        case "--show-prefix":
            found.append(repo.prefix + b"/" if repo.prefix else b"")
        case "--show-cdup":
            found.append(b"../" * (repo.prefix.count(b"/") + 1) if repo.prefix else b"")
        case "--show-object-format":
            found.append(b"sha1")
        case "--all" | "--branches" | "--tags" | "--remotes":
            prefix = {"--all": b"refs/", "--branches": b"refs/heads/", "--tags": b"refs/tags/"}
            found += [o.encode() for o in repo.refs.below(prefix.get(word, b"refs/remotes/")).values()]
        case _:
            return False
    return True


def _revision(repo: Repository, word: str, *, short: int, abbrev_ref: bool, symbolic: bool) -> list[bytes]:
    if abbrev_ref or symbolic:
        name = word if word != "@" else "HEAD"
        at = re.fullmatch(r"(.*)@\{(?:u|upstream)\}", name)
        if at:
            branch = full_name(repo, at[1]) if at[1] and at[1] != "HEAD" else repo.head()[0]
            full = upstream(repo, branch) if branch else None
            if full is None:
                raise GitError(
                    f"no upstream configured for branch '{text((branch or b'HEAD').removeprefix(b'refs/heads/'))}'"
                )
        else:
            full = full_name(repo, name)
        if full is not None:
            last = repo.refs.follow(full)[0]
            if repo.refs.get(last) is None:
                resolve(repo, word)
            if symbolic:
                return [last]
            return [re.sub(rb"^refs/(?:heads|tags|remotes)/", b"", last)]
        if try_resolve(repo, word) is not None:
            return []
    if ".." in word:
        left, _, right = word.partition("...") if "..." in word else word.partition("..")
        ends = [resolve(repo, w or "HEAD") for w in (left, right)]
        bases = merge_bases(repo, ends[0], ends[1]) if "..." in word else []
        if "..." in word:
            return [ends[0].encode(), ends[1].encode(), *(b"^" + b.encode() for b in bases)]
        return [ends[1].encode(), b"^" + ends[0].encode()]
    sign = "^" if word.startswith("^") else ""
    oid = resolve(repo, word.removeprefix("^"))
    shown = oid if short < 0 else repo.objects.abbreviated(oid, short)
    return [(sign + shown).encode()]
