"""``git ls-files``, ``ls-tree``, ``cat-file``, ``hash-object`` and ``check-ignore``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .failure import GitError, UsageError
from .files import read_file
from .ignore import Ignore
from .index import read_index
from .options import Options
from .paths import Pathspec
from .quote import quoted, relative
from .revisions import resolve, try_resolve
from .worktree import Worktree, blob_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .repository import Repository
    from .session import Session

_KINDS = {0o040000: "tree", 0o160000: "commit"}


def _namer(git: Session, *, nul: bool, full: bool) -> Callable[[bytes], bytes]:
    """Prints a path of the repository."""
    repo = git.repo
    prefix = b"" if full else repo.prefix

    def name(path: bytes) -> bytes:
        shown = relative(path, prefix)
        return shown + b"\0" if nul else quoted(shown, all_ascii=repo.quote_all) + b"\n"

    return name


def ls_files(git: Session, words: Sequence[str]) -> int:
    """List what the index has, or what it has not."""
    table = """-c --cached -d --deleted -m --modified -o --others -i --ignored -s --stage -u --unmerged -z -t
        --directory --no-empty-directory -x= --exclude= --exclude-standard --full-name --error-unmatch
        --deduplicate --eol
        --exclude-per-directory= -X= --exclude-from= -k --killed -v --abbrev=? --recurse-submodules"""
    options = Options(words, table)
    unsupported = (
        "-x",
        "--exclude",
        "-X",
        "--exclude-from",
        "--exclude-per-directory",
        "--eol",
        "-k",
        "--killed",
        "-v",
    )
    for option in unsupported:
        if options.has(option):
            raise UsageError(f"git ls-files {option} is not supported in this sandbox; there is --exclude-standard")
    repo = git.repo
    index, name = read_index(repo), _namer(git, nul=options.has("-z"), full=options.has("--full-name"))
    given = [*options.words, *(options.paths or ())]
    spec = Pathspec(repo, given or ([":(top)" + os.fsdecode(repo.prefix)] if repo.prefix else []))
    stage = options.has("-s", "--stage", "-u", "--unmerged")
    others, modified, deleted = (
        options.has("-o", "--others"),
        options.has("-m", "--modified"),
        options.has("-d", "--deleted"),
    )
    cached = options.has("-c", "--cached") or not (others or modified or deleted)
    if options.has("--error-unmatch"):
        missing = spec.unmatched([e.path for e in index])
        if missing is not None:
            message = f"pathspec '{missing}' did not match any file(s) known to git\nDid you forget to 'git add'?"
            raise GitError(message, 1, "error: ")
    tags = options.has("-t")
    if others:
        _others(git, options, spec, lambda p: git.write(b"? " * tags + name(p)))
    if options.has("-i", "--ignored") and not others:
        ignore = Ignore(repo)
        left = [e for e in index if spec.matches(e.path) and ignore.ignores(e.path, directory=False)]
        git.write_all(name(e.path) for e in left)
        return 0
    differences = Worktree(repo).differences(index, spec) if modified or deleted else []
    gone = {d.entry.path for d in differences if not d.mode}
    changed = {d.entry.path for d in differences} | {e.path for e in index if e.stage and modified}
    last = b""
    for entry in index:
        if not spec.matches(entry.path) or (options.has("-u", "--unmerged") and not entry.stage):
            continue
        if options.has("--deduplicate") and entry.path == last and not stage:
            continue
        last = entry.path
        head = b"%06o %s %d\t" % (entry.mode, entry.oid.encode(), entry.stage) if stage else b""
        letter = (b"M " if entry.stage else b"H ") * tags
        if cached or stage:
            git.write(letter + head + name(entry.path))
        if deleted and entry.path in gone:
            git.write(b"R " * tags + head + name(entry.path))
        if modified and entry.path in changed:
            git.write(b"C " * tags + head + name(entry.path))
    return 0


def _others(git: Session, options: Options, spec: Pathspec, say: Callable[[bytes], None]) -> None:
    repo = git.repo
    tree, index = Worktree(repo), read_index(repo)
    standard, ignored = options.has("--exclude-standard"), options.has("-i", "--ignored")
    if ignored and not standard:
        raise GitError("ls-files --ignored is usually used with --exclude-standard")
    every = not options.has("--directory")
    found = tree.untracked(index, spec, every=every, ignored=ignored)
    if not standard:
        found = sorted({*found, *tree.untracked(index, spec, every=every, ignored=True)})
    for path in found:
        say(path)


def ls_tree(git: Session, words: Sequence[str]) -> int:
    """List what a tree holds."""
    options = Options(
        words, "-r -t -d -l --long -z --name-only --name-status --full-name --full-tree --abbrev=? --object-only"
    )
    repo, objects = git.repo, git.repo.objects
    if not options.words:
        raise UsageError("usage: git ls-tree [<options>] <tree-ish> [<path>...]")
    try:
        tree = objects.peel(resolve(repo, options.words[0]), "tree")
    except GitError as e:
        raise GitError(f"Not a valid object name {options.words[0]}") from e
    full = options.has("--full-tree")
    prefix = b"" if full else repo.prefix
    wanted = [os.path.normpath(prefix + b"/" + os.fsencode(w) if prefix else os.fsencode(w)) for w in options.words[1:]]
    wanted += [os.path.normpath(os.fsencode(w)) for w in options.paths or ()]
    inside = {w for w, raw in zip(wanted, options.words[1:], strict=False) if raw.endswith("/")}
    name = _namer(git, nul=options.has("-z"), full=full or options.has("--full-name"))
    only = options.has("--name-only", "--name-status")

    def line(path: bytes, mode: int, oid: str) -> bytes:
        if only:
            return name(path)
        if options.has("--object-only"):
            return oid.encode() + b"\n"
        kind = _KINDS.get(mode, "blob")
        shown = objects.abbreviated(oid) if options.has("--abbrev") else oid
        size = b""
        if options.has("-l", "--long"):
            size = b" %7s" % (b"%d" % len(objects.read(oid)[1]) if kind == "blob" else b"-")
        return b"%06o %s %s%s\t%s" % (mode, kind.encode(), shown.encode(), size, name(path))

    def walk(oid: str, path: bytes) -> None:
        for entry in objects.tree(oid):
            full_path = path + entry.name
            is_tree = entry.mode == 0o040000
            above = any(w.startswith(full_path + b"/") or (w == full_path and w in inside) for w in wanted)
            hit = not wanted or any(full_path == w or full_path.startswith(w + b"/") for w in wanted)
            if prefix and not wanted:
                above = (prefix + b"/").startswith(full_path + b"/")
                hit = full_path.startswith(prefix + b"/")
            descend = is_tree and (above or (hit and options.has("-r")))
            named = options.has("-t", "-d") or not options.has("-r") if is_tree else not options.has("-d")
            if hit and named and not (is_tree and above):
                git.write(line(full_path, entry.mode, entry.oid))
            if descend:
                walk(entry.oid, full_path + b"/")

    walk(tree, b"")
    return 0


def cat_file(git: Session, words: Sequence[str]) -> int:
    """Print an object, or what it is."""
    options = Options(words, "-p -t -s -e --batch=? --batch-check=? --textconv --filters")
    repo, objects = git.repo, git.repo.objects
    if options.has("--batch", "--batch-check"):
        return _batch(git, content=options.has("--batch"))
    if options.has("--textconv", "--filters"):
        raise UsageError("filters cannot be run in this sandbox; there is -p")
    kinds = ("-p", "-t", "-s", "-e")
    wanted = next((k for k in kinds if options.has(k)), "")
    if len(options.words) != (1 if wanted else 2):
        raise UsageError("usage: git cat-file (-p | -t | -s | -e | <type>) <object>")
    word = options.words[-1]
    oid = try_resolve(repo, word)
    if oid is None:
        raise GitError(f"Not a valid object name {word}")
    if wanted == "-e":
        return 0 if objects.has(oid) else 1
    if not wanted:
        git.write(objects.of_kind(objects.peel(oid, options.words[0]), options.words[0]))
        return 0
    kind, content = objects.read(oid)
    if wanted == "-t":
        git.write(kind.encode() + b"\n")
    elif wanted == "-s":
        git.write(b"%d\n" % len(content))
    elif kind == "tree":
        for e in objects.tree(oid):
            name = quoted(e.name, all_ascii=repo.quote_all)
            git.write(b"%06o %s %s\t%s\n" % (e.mode, _KINDS.get(e.mode, "blob").encode(), e.oid.encode(), name))
    else:
        git.write(content)
    return 0


def _batch(git: Session, *, content: bool) -> int:
    repo: Repository = git.repo
    for raw in sys.stdin.buffer:
        word = os.fsdecode(raw.rstrip(b"\n"))
        oid = try_resolve(repo, word)
        if oid is None or not repo.objects.has(oid):
            git.write(os.fsencode(word) + b" missing\n")
            continue
        kind, body = repo.objects.read(oid)
        git.write(b"%s %s %d\n" % (oid.encode(), kind.encode(), len(body)))
        if content:
            git.write(body + b"\n")
    return 0


def hash_object(git: Session, words: Sequence[str]) -> int:
    """Print the names that files would have as blobs."""
    options = Options(words, "--stdin -t= --no-filters -w")
    if options.has("-w"):
        raise GitError(
            "hash-object -w would write into .git, which is read-only to actions; without -w it prints the name"
        )
    if options.value("-t") not in (None, "blob"):
        raise UsageError("hash-object makes names of blobs only in this sandbox")
    if options.has("--stdin"):
        git.write(blob_id(sys.stdin.buffer.read()).encode() + b"\n")
    for word in [*options.words, *(options.paths or ())]:
        try:
            git.write(blob_id(read_file(os.path.join(git.cwd, os.fsencode(word)))).encode() + b"\n")
        except OSError as e:
            raise GitError(f"could not open '{word}' for reading: {e.strerror}") from e
    return 0


def check_ignore(git: Session, words: Sequence[str]) -> int:
    """Tell which paths are ignored, and why."""
    options = Options(words, "-q --quiet -v --verbose -n --non-matching --no-index -z --stdin")
    repo = git.repo
    given = [*options.words, *(options.paths or ())]
    if options.has("--stdin"):
        given += [os.fsdecode(line.rstrip(b"\n")) for line in sys.stdin.buffer]
    ignore, tracked = Ignore(repo), {e.path for e in read_index(repo)}
    status = 1
    for word in given:
        raw = os.fsencode(word)
        path = os.path.normpath(os.path.join(b"/" + repo.prefix, raw)).lstrip(b"/")
        parts = path.split(b"/")
        rule = None
        for depth in range(1, len(parts) + 1):
            part = b"/".join(parts[:depth])
            directory = depth < len(parts) or os.path.isdir(os.path.join(repo.worktree, part)) or raw.endswith(b"/")
            rule = ignore.rule_for(part, directory=directory)
            if rule is not None and not rule.keeps:
                break
        if path in tracked and not options.has("--no-index"):
            rule = None
        verbose = options.has("-v", "--verbose")
        if rule is None or (rule.keeps and not verbose):
            continue
        status = 0
        if options.has("-q", "--quiet"):
            break
        head = rule.source + b":%d:" % rule.line + rule.text + b"\t" if verbose else b""
        git.write(head + quoted(raw, all_ascii=repo.quote_all) + b"\n")
    return status
