"""The program: global options, verbs, and what to say about those that write."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, cast

from .failure import GitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .session import Session

    Verb = Callable[[Session, Sequence[str]], int]

VERSION = "2.39.0.agentsh"
"""The version of git whose output this follows, and whose it is."""

_VERBS = {
    "status": "verb_status", "diff": "verb_diff", "log": "verb_log", "show": "verb_log", "shortlog": "verb_log",
    "rev-list": "verb_log", "ls-files": "verb_files", "ls-tree": "verb_files", "cat-file": "verb_files",
    "hash-object": "verb_files", "check-ignore": "verb_files", "grep": "verb_grep", "blame": "verb_blame",
    "rev-parse": "verb_revparse", "branch": "verb_refs", "tag": "verb_refs", "describe": "verb_describe",
    "merge-base": "verb_describe", "symbolic-ref": "verb_refs", "reflog": "verb_places", "stash": "verb_places",
    "remote": "verb_places", "config": "verb_places", "for-each-ref": "verb_refs", "show-ref": "verb_refs",
}  # fmt: skip
_FILES = "change files as usual (edit, cp, mv, rm); the person reviews the change and commits it with their own git"
_TREE = "write what you want into the files, for example git show REVISION:FILE > FILE"
_NETWORK = "an action has no network; the person fetches and pushes with their own git"
_INSTEAD = {
    **dict.fromkeys(["add", "commit", "rm", "mv", "stage"], _FILES),
    **dict.fromkeys(
        ["checkout", "switch", "restore", "reset", "revert", "cherry-pick", "read-tree", "sparse-checkout"], _TREE
    ),
    **dict.fromkeys(["push", "fetch", "pull", "clone", "ls-remote", "submodule", "remote-http"], _NETWORK),
    **dict.fromkeys(
        ["merge", "rebase", "am", "bisect", "worktree", "filter-branch"], "the person does it with their own git"
    ),
    "apply": "use patch -p1 < FILE",
    "clean": "use rm; git status and git ls-files -o show what is not tracked",
    "init": "the person makes repositories with their own git",
    "gc": "the person does it with their own git",
}
_KNOWN_WRITERS = frozenset(
    """fsck prune repack pack-refs update-index update-ref write-tree commit-tree mktree mktag notes replace rerere
    maintenance fast-import format-patch send-email request-pull bundle archive mergetool difftool gui citool daemon
    instaweb svn p4 lfs""".split()  # noqa: SIM905
)


def main(argv: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit status."""
    session: Session | None = None
    try:
        words, session = _global_options(list(argv))
        if session is None:
            return 0
        status = _run(session, words)
        session.flush()
    except GitError as e:
        if session is not None:
            session.flush()
        sys.stderr.write(f"{e.prefix}{e}\n")
        return e.status
    except (OSError, RecursionError) as e:
        if isinstance(e, BrokenPipeError):
            raise
        if session is not None:
            session.flush()
        sys.stderr.write(f"fatal: {e}\n")
        return 128
    return status


def _run(session: Session, words: list[str]) -> int:
    verb, rest = words[0], words[1:]
    module = _VERBS.get(verb)
    if module is None:
        raise _no_such(verb)
    if rest in (["-h"], ["--help"]):
        sys.stdout.write(f"git {verb}: see 'git help' for what works in this sandbox\n")
        return 0
    run = cast("Verb", getattr(import_module(f".{module}", __package__), verb.replace("-", "_")))
    return run(session, rest)


def _no_such(verb: str) -> GitError:
    instead = _INSTEAD.get(verb)
    if instead == _NETWORK:
        return GitError(f"git {verb}: not in this sandbox: {instead}")
    if instead is not None:
        return GitError(f"git {verb}: git internals are read-only to actions: {instead}")
    reading = " ".join(sorted(_VERBS))
    if verb in _KNOWN_WRITERS:
        return GitError(f"git {verb}: not in this sandbox, where git only reads: {reading}")
    return GitError(f"'{verb}' is not a git command of this sandbox; there are: {reading}", 1, "git: ")


def _global_options(words: list[str]) -> tuple[list[str], Session | None]:
    from .session import Session

    cwd, settings = os.getcwdb(), list[str]()
    git_dir = work_tree = ""
    while words and words[0].startswith("-"):
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if word in ("-C", "-c") or (name in ("--git-dir", "--work-tree") and not equals):
            if not words:
                raise UsageError(f"no value given for {word}")
            value = words.pop(0)
        if word == "-C":
            cwd = os.path.normpath(os.path.join(cwd, os.fsencode(value)))
            if not os.path.isdir(cwd):
                raise GitError(f"cannot change to '{value}': No such file or directory")
        elif word == "-c":
            settings.append(value)
        elif name == "--git-dir":
            git_dir = value
        elif name == "--work-tree":
            work_tree = value
        elif word in ("--version", "-v"):
            words.insert(0, "version")
            break
        elif word in ("--help", "-h"):
            words.insert(0, "help")
            break
        elif word not in (
            "--no-pager",
            "-P",
            "-p",
            "--paginate",
            "--no-optional-locks",
            "--literal-pathspecs",
            "--no-replace-objects",
        ):
            raise UsageError(f"unknown option: {word}")
    if words[:1] == ["version"]:
        sys.stdout.write(f"git version {VERSION}\n")
        return words, None
    if not words or words[0] == "help":
        sys.stdout.write(f"git, the verbs that read: {' '.join(sorted(_VERBS))}\n{_FILES[0].upper()}{_FILES[1:]}.\n")
        return words, None
    return words, Session(
        cwd, settings, git_dir or os.environ.get("GIT_DIR", ""), work_tree or os.environ.get("GIT_WORK_TREE", "")
    )
