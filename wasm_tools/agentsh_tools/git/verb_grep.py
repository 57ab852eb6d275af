"""``git grep``."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from .failure import GitError, UsageError
from .files import read_file
from .index import read_index
from .options import Options
from .paths import Pathspec
from .pattern import translated
from .quote import quoted, relative
from .treediff import flatten
from .worktree import Worktree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .session import Session

_TABLE = """-n --line-number -i --ignore-case -l --files-with-matches --name-only -L --files-without-match -c --count -v
    --invert-match -w --word-regexp -h -H -e= -E --extended-regexp -F --fixed-strings -G --basic-regexp -P --perl-regexp
    -q --quiet -A= --after-context= -B= --before-context= -C= --context= -# --cached --untracked --full-name -I -a
    --text -o --only-matching --no-color --color=? --and --or --not --all-match -W --function-context -p --show-function
    --heading --break -z --null --max-depth= -r --recursive -m= --max-count= --no-index --exclude-standard
    --no-exclude-standard --column -f="""
_REFUSED = ("--and", "--or", "--not", "--all-match", "-W", "--function-context", "-p", "--show-function", "--max-depth",
            "--no-index", "--column", "-f", "--no-exclude-standard")  # fmt: skip


class _Style(NamedTuple):
    """How matches are printed."""

    numbers: bool
    names: bool
    counts: bool
    only: bool
    before: int
    after: int
    invert: bool
    most: int
    text: bool
    heading: bool
    apart: bool
    end: bytes


def grep(git: Session, words: Sequence[str]) -> int:
    """Search the files that git knows."""
    options = Options(words, _TABLE)
    for name in _REFUSED:
        if options.has(name):
            raise UsageError(f"git grep {name} is not supported in this sandbox; there is grep -rn")
    repo = git.repo
    patterns = options.values("-e")
    if not patterns:
        if not options.words:
            raise GitError("no pattern given")
        patterns = [options.words.pop(0)]
    expression = _expression(options, patterns)
    revisions, paths = git.revisions_and_paths(options)
    here = [":(top)" + repo.prefix.decode("utf-8", "surrogateescape")] if repo.prefix and not paths else []
    spec = Pathspec(repo, paths or here)
    context = options.number("-C", "--context", "-#") or 0
    style = _Style(
        options.has("-n", "--line-number"),
        not options.has("-h"),
        options.has("-c", "--count"),
        options.has("-o", "--only-matching"),
        _first(options.number("-B", "--before-context"), context),
        _first(options.number("-A", "--after-context"), context),
        options.has("-v", "--invert-match"),
        _first(options.number("-m", "--max-count"), -1),
        options.has("-a", "--text"),
        options.has("--heading"),
        options.has("--break"),
        b"\0" if options.has("-z", "--null") else b"\n",
    )
    with_match = options.has("-l", "--files-with-matches", "--name-only")
    without = options.has("-L", "--files-without-match")
    status, some = 1, False
    prefix = b"" if options.has("--full-name") else repo.prefix
    for label, path, data in _files(git, options, revisions, spec):
        shown = label + quoted(relative(path, prefix), all_ascii=repo.quote_all)
        binary = b"\0" in data[:8000] and not style.text
        if binary and options.has("-I"):
            continue
        lines = data.split(b"\n")
        if lines and not lines[-1]:
            lines.pop()
        hits = [i for i, line in enumerate(lines) if (expression.search(line) is None) == style.invert]
        hits = hits[: style.most] if style.most >= 0 else hits
        if without:
            if not hits:
                git.write(shown + style.end)
                status = 0
            continue
        if not hits:
            continue
        status = 0
        if options.has("-q", "--quiet"):
            break
        if with_match:
            git.write(shown + style.end)
        elif style.counts:
            git.write((shown + b":" if style.names else b"") + b"%d\n" % len(hits))
        elif binary:
            git.write(b"Binary file " + shown + b" matches\n")
        else:
            if some and style.apart:
                git.write(b"\n")
            if some and not style.apart and (style.before or style.after):
                git.write(b"--\n")
            if style.heading:
                git.write(shown + b"\n")
            some = True
            git.write_all(_matches(expression, shown, lines, hits, style))
    return status


def _first(value: int | None, default: int) -> int:
    return default if value is None else value


def _expression(options: Options, patterns: Sequence[str]) -> re.Pattern[bytes]:
    syntax = "basic"
    for name, _ in options.found:
        syntax = {
            "-E": "extended", "--extended-regexp": "extended", "-F": "fixed", "--fixed-strings": "fixed",
            "-P": "perl", "--perl-regexp": "perl", "-G": "basic", "--basic-regexp": "basic",
        }.get(name, syntax)  # fmt: skip
    every = [p for pattern in patterns for p in pattern.split("\n")]
    parts = [b"(?:" + translated(p, syntax) + b")" for p in every]
    whole = b"|".join(parts)
    if options.has("-w", "--word-regexp"):
        whole = rb"(?<!\w)(?:" + whole + rb")(?!\w)"
    flags = re.IGNORECASE if options.has("-i", "--ignore-case") else re.NOFLAG
    return re.compile(whole, flags)


def _files(
    git: Session, options: Options, revisions: Sequence[str], spec: Pathspec
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each file's label, path and content."""
    from .revisions import resolve

    repo = git.repo
    for word in revisions:
        oid_of_tree = repo.objects.peel(resolve(repo, word), "tree")
        label = word.encode("utf-8", "surrogateescape") + b":"
        for path, (mode, oid) in sorted(flatten(repo.objects, oid_of_tree, spec).items()):
            if mode & 0o170000 == 0o100000:
                yield label, path, repo.objects.of_kind(oid, "blob")
    if revisions:
        return
    index = read_index(repo)
    cached = options.has("--cached")
    tree = Worktree(repo)
    paths = {e.path: e for e in index if spec.matches(e.path) and e.mode & 0o170000 == 0o100000}
    new = tree.untracked(index, spec, every=True) if options.has("--untracked") else []
    for path in sorted([*paths, *new]):
        if cached:
            yield b"", path, repo.objects.of_kind(paths[path].oid, "blob")
            continue
        try:
            content = _plain_file(tree, path)
        except OSError:
            continue  # removed, or replaced by something else: git passes over it as well
        if content is not None:
            yield b"", path, content


def _plain_file(tree: Worktree, path: bytes) -> bytes | None:
    full = tree.top + b"/" + path
    if os.path.islink(full):
        return None
    return read_file(full)


def _matches(
    expression: re.Pattern[bytes], name: bytes, lines: Sequence[bytes], hits: Sequence[int], style: _Style
) -> Iterator[bytes]:
    wanted = set(hits)
    last = -1
    for hit in hits:
        start = max(hit - style.before, last + 1)
        if (style.before or style.after) and last >= 0 and start > last + 1:
            yield b"--\n"
        for i in range(start, min(hit + style.after + 1, len(lines))):
            if i <= last or (i > hit and i in wanted):
                if i > hit:
                    break
                continue
            mark = b":" if i in wanted else b"-"
            head = (name + mark if style.names and not style.heading else b"") + (
                b"%d" % (i + 1) + mark if style.numbers else b""
            )
            if style.only and i in wanted and not style.invert:
                for match in expression.finditer(lines[i]):
                    if match[0]:
                        yield head + match[0] + b"\n"
            elif i in wanted or not style.only:
                yield head + lines[i] + b"\n"
            last = i
