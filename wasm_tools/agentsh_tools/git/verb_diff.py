"""``git diff``, and the options that it shares with ``log`` and ``show``."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .failure import GitError, UsageError
from .index import Index, read_index
from .options import Options
from .patch import Differ, DiffOptions
from .paths import Pathspec
from .revisions import resolve
from .state import index_changes
from .treediff import NOTHING, Change, Side, diff_trees, flatten, kind
from .walk import merge_bases
from .worktree import Worktree, blob_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .repository import Repository
    from .session import Session

TABLE = """-p -u --patch -s --no-patch --stat=? --shortstat --numstat --summary --name-only --name-status --raw
    --patch-with-stat -U= --unified= --inter-hunk-context= -M=? --find-renames=? --no-renames -w --ignore-all-space -b
    --ignore-space-change -R -a --text --diff-filter= --full-index --abbrev=? -z --no-prefix --src-prefix= --dst-prefix=
    --color=? --no-color --exit-code --quiet -S= -G= --no-ext-diff --no-textconv --indent-heuristic --minimal
    --histogram --patience --diff-algorithm= --compact-summary --relative=? --word-diff=? --stat-width=
    --stat-name-width= --binary --default-prefix"""
_OUTPUTS = {
    "-p": "patch", "-u": "patch", "--patch": "patch", "--stat": "stat", "--shortstat": "shortstat",
    "--numstat": "numstat", "--summary": "summary", "--name-only": "name-only", "--name-status": "name-status",
    "--raw": "raw",
}  # fmt: skip
_REFUSED = {
    "--compact-summary": "--stat --summary",
    "--relative": "-- . for the current directory",
    "--word-diff": "a line by line diff",
    "--histogram": "the standard algorithm",
    "--patience": "the standard algorithm",
    "--binary": "git cat-file for the contents",
}


def diff_options(options: Options, default: str = "patch") -> DiffOptions:
    """The options for differences.

    Args:
        options: a command line with :data:`TABLE`.
        default: what is shown where nothing is asked for; empty for nothing.

    Raises:
        UsageError: a value is none, or an option is not supported here.
    """
    for name, instead in _REFUSED.items():
        if options.has(name):
            raise UsageError(f"{name} is not supported in this sandbox; there is {instead}")
    if options.value("--color") == "always":
        raise UsageError("colours are not supported in this sandbox")
    if options.value("--diff-algorithm") not in (None, "myers", "default", "minimal"):
        raise UsageError("in this sandbox there is one diff algorithm, myers")
    made = DiffOptions()
    for name, value in options.found:
        output = _OUTPUTS.get(name)
        if output is not None and output not in made.outputs:
            made.outputs.append(output)
        if name in ("-U", "--unified"):
            made.context = _number(name, value)
            made.outputs += [] if "patch" in made.outputs else ["patch"]
        elif name == "--stat" and value:
            widths = [_number(name, v) for v in value.split(",")[:2]]
            made.width, made.name_width = (*widths, 0)[:2]
        elif name in ("-M", "--find-renames"):
            made.least = _similarity(value)
        elif name == "--patch-with-stat":
            made.outputs += ["stat", "patch"]
        elif name in ("-s", "--no-patch"):
            made.outputs = ["none"]
        elif name in ("-w", "--ignore-all-space"):
            made.spaces = "w"
        elif name in ("-b", "--ignore-space-change"):
            made.spaces = "b"
    if options.has("--no-renames"):
        made.least = None
    if not made.outputs and default:
        made.outputs = [default]
    made.between = options.number("--inter-hunk-context") or 0
    made.width = options.number("--stat-width") or made.width
    made.name_width = options.number("--stat-name-width") or made.name_width
    made.reverse = options.has("-R")
    made.text = options.has("-a", "--text")
    made.filter = options.value("--diff-filter") or ""
    made.nul = options.has("-z")
    made.digits = 40 if options.has("--full-index") else 0
    abbrev = options.value("--abbrev")
    if abbrev and not made.digits:
        made.digits = _number("--abbrev", abbrev)
    if options.has("--no-prefix"):
        made.prefixes = b"", b""
    else:
        source, target = options.value("--src-prefix"), options.value("--dst-prefix")
        made.prefixes = (
            b"a/" if source is None else os.fsencode(source),
            b"b/" if target is None else os.fsencode(target),
        )
    if made.reverse:
        made.prefixes = made.prefixes[::-1]
    made.quiet = options.has("--quiet")
    made.exit_code = options.has("--exit-code", "--quiet")
    made.pickaxe = options.value("-S") or ""
    made.pickaxe_pattern = options.value("-G") or ""
    return made


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value):
        raise UsageError(f"{name} expects a numerical value")
    return int(value)


def _similarity(value: str) -> int:
    """``-M50%``, ``-M5`` (a fraction's digits): in parts of 60000."""
    if not value:
        return 30000
    match = re.fullmatch(r"(\d+)(%?)", value)
    if match is None:
        raise UsageError("invalid argument to find-renames")
    share = int(match[1]) / 100 if match[2] else float(f"0.{match[1]}")
    return min(int(share * 60000), 60000)


def diff(git: Session, words: Sequence[str]) -> int:
    """Show what differs between the working tree, the index and commits."""
    table = TABLE + " --cached --staged --merge-base --no-index -1 -2 -3 --ours --theirs --base"
    options = Options(words, table)
    if options.has("--no-index"):
        raise UsageError("git diff --no-index is not supported in this sandbox; there is diff -u")
    if options.has("-1", "-2", "-3", "--ours", "--theirs", "--base"):
        raise UsageError("in this sandbox, see a side of a conflict with git show :1:FILE, :2:FILE or :3:FILE")
    repo = git.repo
    revisions, paths = git.revisions_and_paths(options)
    spec = Pathspec(repo, paths)
    shown = diff_options(options)
    cached = options.has("--cached", "--staged")
    worktree = None if cached or len(_sides(repo, revisions)) == 2 else Worktree(repo)
    changes = _changes(repo, revisions, spec, worktree, based=options.has("--merge-base"))
    differ = Differ(repo, shown, worktree)
    found = differ.prepare(changes)
    if not shown.quiet:
        if any(c.status == "U" for c in found) and shown.outputs == ["patch"] and worktree and not revisions:
            from .combined import unmerged

            conflicts = [c for c in found if c.status == "U"]
            for change in conflicts:
                git.write_all(unmerged(repo, change.path, worktree, shown))
            found = [c for c in found if c.path not in {x.path for x in conflicts}]
        git.write_all(differ.show(found))
    return 1 if shown.exit_code and found else 0


def _sides(repo: Repository, revisions: Sequence[str]) -> list[str]:
    """The trees' names that revision arguments stand for.

    Raises:
        UsageError: there are more than two.
    """
    sides: list[str] = []
    for word in revisions:
        if "..." in word:
            left, _, right = word.partition("...")
            a, b = (repo.objects.peel(resolve(repo, w or "HEAD")) for w in (left, right))
            bases = merge_bases(repo, a, b)
            if not bases:
                raise GitError(f"{word}: no merge base")
            sides += [bases[0], b]
        elif ".." in word:
            left, _, right = word.partition("..")
            sides += [resolve(repo, w or "HEAD") for w in (left, right)]
        elif word.endswith("^!"):
            oid = repo.objects.peel(resolve(repo, word[:-2]))
            sides += [*repo.objects.commit(oid).parents[:1], oid]
        else:
            sides.append(resolve(repo, word))
    if len(sides) > 2:
        raise UsageError("git diff of more than two commits is not supported in this sandbox")
    return sides


def _changes(
    repo: Repository,
    revisions: Sequence[str],
    spec: Pathspec,
    worktree: Worktree | None,
    *,
    based: bool,
) -> list[Change]:
    sides = _sides(repo, revisions)
    if based and sides:
        other = repo.objects.peel(sides[1] if len(sides) == 2 else resolve(repo, "HEAD"))
        sides[0] = (merge_bases(repo, repo.objects.peel(sides[0]), other) or sides)[0]
    if len(sides) == 2:
        kinds = {repo.objects.read(o)[0] for o in sides}
        if kinds == {"blob"}:
            return _blobs(revisions, sides)
        return diff_trees(repo.objects, repo.objects.peel(sides[0], "tree"), repo.objects.peel(sides[1], "tree"), spec)
    index = read_index(repo)
    conflicts = {e.path for e in index if e.stage and spec.matches(e.path)}
    unmerged = [Change("U", Side(0, NOTHING, p), Side(0, NOTHING, p)) for p in sorted(conflicts)]
    if worktree is None:
        head = sides[0] if sides else repo.head()[1]
        return sorted([*index_changes(repo, index, head, spec), *unmerged], key=lambda c: c.path)
    found = []
    differences = {d.entry.path: d for d in worktree.differences(index, spec)}
    if not sides:
        for path, d in differences.items():
            old = Side(0, NOTHING, path) if d.entry.intent else Side(d.entry.mode, d.entry.oid, path)
            new = Side(d.mode, d.oid or NOTHING, path, work=True)
            found.append(Change(kind(old, new), old, new))
        found += _ours(index, conflicts, worktree)
        return sorted([*unmerged, *found], key=lambda c: c.path)
    before = flatten(repo.objects, repo.objects.peel(sides[0], "tree"), spec)
    after: dict[bytes, Side] = {}
    for entry in index:
        if entry.stage or not spec.matches(entry.path):
            continue
        differs = differences.get(entry.path)
        if differs is None:
            after[entry.path] = Side(entry.mode, entry.oid, entry.path)
        elif differs.mode:
            after[entry.path] = Side(differs.mode, differs.oid, entry.path, work=True)
    for change in _ours(index, conflicts, worktree, stages=(1, 2, 3)):
        after[change.path] = change.new
    gone = {p for p in conflicts if p not in after}
    for path in (before.keys() | after.keys()) - gone:
        old = Side(*before.get(path, (0, NOTHING)), path)
        new = after.get(path, Side(0, NOTHING, path))
        if (old.mode, old.oid) != (new.mode, new.oid):
            found.append(Change(kind(old, new), old, new))
    return sorted([*found, *(u for u in unmerged if u.path in gone)], key=lambda c: c.path)


def _ours(index: Index, conflicts: set[bytes], worktree: Worktree, stages: tuple[int, ...] = (2,)) -> list[Change]:
    """The working tree's files of paths in conflict, against our side, or whichever of ``stages`` there is."""
    ours = {e.path: e for e in index if e.stage in stages and e.path in conflicts}
    found = []
    for (path, entry), seen in zip(ours.items(), worktree.look(list(ours)), strict=True):
        if seen is not None:
            oid = blob_id(worktree.content(path, seen.mode))
            found.append(Change("M", Side(entry.mode, entry.oid, path), Side(seen.mode, oid, path, work=True)))
    return found


def _blobs(revisions: Sequence[str], sides: Sequence[str]) -> list[Change]:
    """Two files, named by their objects."""
    words = list(revisions) if len(revisions) == 2 else revisions[0].split("..", 1)
    names = [os.fsencode(w.partition(":")[2] or w) for w in words]
    old, new = (Side(0o100644, o, n) for o, n in zip(sides, names, strict=True))
    return [] if old.oid == new.oid else [Change("M", old, new)]
