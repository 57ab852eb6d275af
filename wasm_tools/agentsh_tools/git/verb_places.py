"""``git reflog``, ``stash``, ``remote`` and ``config``: what the repository notes beside its history."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .failure import GitError, UsageError
from .options import Options
from .refused import refused
from .revisions import full_name, try_resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .session import Session


def reflog(git: Session, words: Sequence[str]) -> int:
    """Show where a reference was."""
    options = Options([w for w in words if w != "show"], "-n= -# --oneline --no-abbrev --date=")
    given = options.words[0] if options.words else "HEAD"
    if given in ("expire", "delete", "exists"):
        raise refused(f"git reflog {given}")
    name = full_name(git.repo, given)
    if name is None:
        raise GitError(f"ambiguous argument '{given}': unknown revision or path not in the working tree.")
    most = options.number("-n", "-#")
    log = list(reversed(git.repo.refs.log(name)))
    for i, (_, new, _, message) in enumerate(log[:most]):
        short = git.repo.objects.abbreviated(new).encode()
        git.write(b"%s %s@{%d}: %s\n" % (short, os.fsencode(given), i, message))
    return 0


def stash(git: Session, words: Sequence[str]) -> int:
    """List what is stashed, or show one."""
    verb = words[0] if words else ""
    if verb == "list":
        for i, (_, _, _, message) in enumerate(reversed(git.repo.refs.log(b"refs/stash"))):
            git.write(b"stash@{%d}: %s\n" % (i, message))
        return 0
    if verb == "show":
        from .patch import Differ
        from .treediff import diff_trees
        from .verb_diff import TABLE, diff_options

        options = Options(words[1:], TABLE)
        repo, objects = git.repo, git.repo.objects
        name = options.words[0] if options.words else "stash@{0}"
        name = f"stash@{{{name}}}" if name.isdigit() else name
        oid = try_resolve(repo, name)
        if oid is None:
            raise GitError(
                "No stash entries found." if not options.words else f"{name} is not a valid reference", 1, ""
            )
        commit = objects.commit(objects.peel(oid))
        differ = Differ(repo, diff_options(options, "stat"))
        changes = diff_trees(objects, objects.commit(commit.parents[0]).tree, commit.tree)
        git.write_all(differ.show(differ.prepare(changes)))
        return 0
    raise refused(f"git stash {verb}".rstrip())


def remote(git: Session, words: Sequence[str]) -> int:
    """List remotes."""
    options = Options(words, "-v --verbose --all --push")
    config = git.repo.config
    names = sorted({k[7:].rpartition(".")[0] for k, _ in config.entries if k.startswith("remote.")} - {""})
    if options.words[:1] == ["get-url"] and len(options.words) == 2:
        url = config.get(f"remote.{options.words[1]}.url")
        if url is None:
            raise GitError(f"No such remote '{options.words[1]}'", 2, "error: ")
        git.write(url + b"\n")
        return 0
    if options.words:
        what = options.words[0]
        if what in ("show", "update", "prune"):
            raise GitError(
                f"git remote {what} would ask the remote, and actions have no network; there is git remote -v"
            )
        raise refused(f"git remote {what}")
    for name in names:
        raw = name.encode("utf-8", "surrogateescape")
        if not options.has("-v", "--verbose"):
            git.write(raw + b"\n")
            continue
        urls = config.get_all(f"remote.{name}.url") or [raw]
        pushes = config.get_all(f"remote.{name}.pushurl") or urls
        git.write(raw + b"\t" + urls[0] + b" (fetch)\n")
        git.write_all(raw + b"\t" + u + b" (push)\n" for u in pushes)
    return 0


def config(git: Session, words: Sequence[str]) -> int:
    """Read the repository's configuration."""
    table = """--get --get-all --get-regexp --list -l --local --global --system --worktree --bool --int --type= --path
        --default= --show-origin --show-scope --name-only -z --null --includes --no-includes --add --unset --unset-all
        --replace-all --rename-section --remove-section -e --edit --get-urlmatch --get-color --bool-or-int"""
    options = Options(words, table)
    given = list(options.words)
    writes = (
        "--add",
        "--unset",
        "--unset-all",
        "--replace-all",
        "--rename-section",
        "--remove-section",
        "-e",
        "--edit",
    )
    reads = options.has("--get", "--get-all", "--get-regexp", "--list", "-l")
    if given[:1] == ["get"] or given[:1] == ["list"]:
        reads, given = True, given[1:]
    if options.has(*writes) or (not reads and len(given) > 1) or given[:1] in (["set"], ["unset"]):
        raise refused("git config NAME VALUE")
    if options.has("--show-origin", "--show-scope", "--get-urlmatch", "--get-color"):
        raise UsageError("this form of git config is not supported in this sandbox; there are --get and --list")
    entries = [] if options.has("--global", "--system") else git.repo.config.entries
    end = b"\0" if options.has("-z", "--null") else b"\n"
    if options.has("--list", "-l") or (reads and not given):
        for key, value in entries:
            raw = key.encode("utf-8", "surrogateescape")
            git.write(raw + (b"" if options.has("--name-only") else (b"\n" if end == b"\0" else b"=") + value) + end)
        return 0
    if not given:
        raise UsageError("git config: no name was given")
    if options.has("--get-regexp"):
        wanted = re.compile(given[0])
        hits = [(k, v) for k, v in entries if wanted.search(k)]
        for key, value in hits:
            raw = key.encode("utf-8", "surrogateescape")
            git.write(raw + (b"" if options.has("--name-only") else b" " + value) + end)
        return 0 if hits else 1
    return _config_value(git, options, given[0], known=not options.has("--global", "--system"), end=end)


def _config_value(git: Session, options: Options, key: str, *, known: bool, end: bytes) -> int:
    if "." not in key:
        raise GitError(f"key does not contain a section: {key}", 1, "error: ")
    values = git.repo.config.get_all(key) if known else []
    if not values:
        default = options.value("--default")
        if default is None:
            return 1
        values = [os.fsencode(default)]
    as_flag = options.has("--bool") or options.value("--type") == "bool"
    for value in values if options.has("--get-all") else values[-1:]:
        shown = value
        if as_flag:
            shown = b"false" if value.strip().lower() in (b"", b"false", b"no", b"off", b"0") else b"true"
        git.write(shown + end)
    return 0
