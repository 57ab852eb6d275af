"""``git branch``, ``tag``, ``for-each-ref``, ``show-ref`` and ``symbolic-ref``: lists of names."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .failure import GitError
from .files import read_small
from .objects import headers
from .options import Options
from .pretty import subject
from .refformat import formatted, is_asked, sort_refs
from .refused import refused
from .state import detached_at, tracking
from .wildmatch import compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .repository import Repository
    from .session import Session


def branch(git: Session, words: Sequence[str]) -> int:
    """List branches."""
    table = """-a --all -r --remotes -v --verbose --list -l --show-current --contains=? --merged=? --no-merged=?
        --format= --sort= --no-color --color=? --no-column --column=? -i --ignore-case --points-at= --abbrev=?
        --no-contains=?
        -d -D --delete -m -M --move -c -C --copy -f --force -u= --set-upstream-to= --unset-upstream -t --track=?
        --edit-description --no-track --create-reflog"""
    options = Options(words, table)
    writes = ("-d", "-D", "--delete", "-m", "-M", "--move", "-c", "-C", "--copy", "-f", "--force", "-u",
              "--set-upstream-to", "--unset-upstream", "-t", "--track", "--edit-description")  # fmt: skip
    listing = options.has(
        "--list", "-l", "--contains", "--merged", "--no-merged", "--points-at", "-a", "-r", "--all", "--remotes"
    )
    asked = [v for n in ("--contains", "--merged", "--no-merged") for v in options.values(n)]
    if options.has(*writes) or (options.words and not listing):
        raise refused("git branch NAME" if options.words and not options.has(*writes) else "this form of git branch")
    repo = git.repo
    current, head = repo.head()
    if options.has("--show-current"):
        git.write(current.removeprefix(b"refs/heads/") + b"\n" if current else b"")
        return 0
    patterns = list(options.words)
    if asked and not any(asked) and patterns:  # --contains COMMIT, apart
        asked = [patterns.pop(0)]
    found: list[tuple[bytes, bytes, str]] = []
    if not options.has("-r", "--remotes"):
        found += [(n, n.removeprefix(b"refs/heads/"), o) for n, o in repo.refs.below(b"refs/heads/").items()]
    if options.has("-a", "--all", "-r", "--remotes"):
        strip = b"refs/" if options.has("-a", "--all") else b"refs/remotes/"
        found += [(n, n.removeprefix(strip), o) for n, o in repo.refs.below(b"refs/remotes/").items()]
    if patterns:
        tests = [compiled(os.fsencode(p), across=True) for p in patterns]
        found = [f for f in found if any(t.match(f[1]) for t in tests)]
    found = [f for f in found if is_asked(repo, f[2], options, asked)]
    form = options.value("--format")
    sort_refs(repo, found, options.values("--sort"))
    if form is not None:
        git.write_all(formatted(repo, form, *f) + b"\n" for f in found)
        return 0
    elsewhere = _other_heads(repo)
    lines = [(b"* " if n == current else b"+ " if n in elsewhere else b"  ", s, o, n) for n, s, o in found]
    if current is None and head and not options.has("-r", "--remotes") and not patterns:
        state = detached_at(repo, head)
        called = "no branch" if state.startswith("Not") else state
        lines.insert(0, (b"* ", f"({called})".encode(), head, b""))
    width = max((len(s.decode("utf-8", "replace")) for _, s, _, _ in lines), default=0)
    verbose = len(options.values("-v", "--verbose"))
    for mark, shown, oid, name in lines:
        target = repo.refs.target(name) if name else None
        git.write(mark + _branch_line(repo, shown, oid, name, target, width, verbose) + b"\n")
    return 0


def _other_heads(repo: Repository) -> set[bytes]:
    """The branches that the repository's other working trees have checked out."""
    places = [repo.common_dir]
    try:
        places += [repo.common_dir + b"/worktrees/" + n for n in os.listdir(repo.common_dir + b"/worktrees")]
    except OSError:
        return set()
    heads = (read_small(p + b"/HEAD").strip() for p in places if p != repo.git_dir)
    return {h[4:].strip() for h in heads if h.startswith(b"ref:")}


def _branch_line(
    repo: Repository, shown: bytes, oid: str, name: bytes, target: bytes | None, width: int, verbose: int
) -> bytes:
    to = b" -> " + target.removeprefix(b"refs/remotes/") if target else b""
    if not verbose:
        return shown + to
    padded = shown + b" " * (width - len(shown.decode("utf-8", "replace")))
    if to:
        return padded + to
    commit = repo.objects.commit(oid)
    note = b""
    follows = tracking(repo, name) if name.startswith(b"refs/heads/") else None
    if follows is not None:
        other, counts = follows
        parts = [b"gone"] if counts is None else []
        if counts is not None:
            parts = [b"%s %d" % (w, n) for w, n in zip((b"ahead", b"behind"), counts, strict=True) if n]
        if verbose > 1:
            note = b"[" + other + (b": " + b", ".join(parts) if parts else b"") + b"] "
        elif parts:
            note = b"[" + b", ".join(parts) + b"] "
    return padded + b" " + repo.objects.abbreviated(oid).encode() + b" " + note + subject(commit.message)


def for_each_ref(git: Session, words: Sequence[str]) -> int:
    """List references."""
    options = Options(
        words, "--format= --sort= --count= --contains=? --merged=? --no-merged=? --points-at= --no-contains=?"
    )
    repo = git.repo
    patterns = [os.fsencode(w).rstrip(b"/") for w in options.words]
    found = []
    for name, oid in repo.refs.below(b"refs/").items():
        if patterns and not any(name == p or name.startswith(p + b"/") or compiled(p).match(name) for p in patterns):
            continue
        if is_asked(repo, oid, options, []):
            found.append((name, re.sub(rb"^refs/(?:heads|tags|remotes)/", b"", name), oid))
    sort_refs(repo, found, options.values("--sort"))
    count = options.number("--count")
    form = options.value("--format") or "%(objectname) %(objecttype)%09%(refname)"
    git.write_all(formatted(repo, form, *f) + b"\n" for f in found[: count or None])
    return 0


def show_ref(git: Session, words: Sequence[str]) -> int:
    """List references with their objects."""
    options = Options(words, "--head --heads --branches --tags -d --dereference -s --hash=? --verify -q --quiet")
    repo = git.repo
    refs = repo.refs.below(b"refs/")
    head = repo.refs.get(b"HEAD")
    found = [(b"HEAD", head)] if options.has("--head") and head else []
    for name, oid in refs.items():
        if options.has("--heads", "--branches", "--tags") and not (
            (options.has("--heads", "--branches") and name.startswith(b"refs/heads/"))
            or (options.has("--tags") and name.startswith(b"refs/tags/"))
        ):
            continue
        wanted = [os.fsencode(w) for w in options.words]
        if wanted and not any(name == w or (name.endswith(b"/" + w) and not options.has("--verify")) for w in wanted):
            continue
        found.append((name, oid))
    if not options.has("-q", "--quiet"):
        for name, oid in found:
            git.write((oid.encode() if options.has("-s", "--hash") else oid.encode() + b" " + name) + b"\n")
            if options.has("-d", "--dereference") and repo.objects.read(oid)[0] == "tag":
                git.write(repo.objects.peel(oid).encode() + b" " + name + b"^{}\n")
    return 0 if found else 1


def tag(git: Session, words: Sequence[str]) -> int:
    """List tags."""
    table = """-l --list -n=? --contains=? --no-contains=? --merged=? --no-merged=? --points-at= --sort= --format= -i
        --no-column --column=? -a --annotate -s --sign -m= --message= -F= --file= -d --delete -f --force -v --verify
        -u="""
    options = Options(words, table)
    writes = (
        "-a",
        "--annotate",
        "-s",
        "--sign",
        "-m",
        "--message",
        "-F",
        "--file",
        "-d",
        "--delete",
        "-f",
        "--force",
        "-u",
    )
    listing = options.has("-l", "--list", "-n", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at")
    if options.has(*writes) or (options.words and not listing):
        raise refused("git tag NAME" if not options.has("-d", "--delete") else "git tag -d")
    if options.has("-v", "--verify"):
        raise GitError("signatures cannot be checked in this sandbox")
    repo = git.repo
    patterns = list(options.words)
    asked = [v for n in ("--contains", "--merged", "--no-merged") for v in options.values(n)]
    if asked and not any(asked) and patterns:
        asked = [patterns.pop(0)]
    found = [(n, n.removeprefix(b"refs/tags/"), o) for n, o in repo.refs.below(b"refs/tags/").items()]
    if patterns:
        tests = [compiled(os.fsencode(p), across=True) for p in patterns]
        found = [f for f in found if any(t.match(f[1]) for t in tests)]
    found = [f for f in found if is_asked(repo, f[2], options, asked)]
    sort_refs(repo, found, options.values("--sort"))
    form, lines = options.value("--format"), options.value("-n")
    for full, short, oid in found:
        if form is not None:
            git.write(formatted(repo, form, full, short, oid) + b"\n")
        elif lines is None:
            git.write(short + b"\n")
        else:
            git.write(_noted(repo, short, oid, int(lines or 1)))
    return 0


def _noted(repo: Repository, name: bytes, oid: str, most: int) -> bytes:
    kind, content = repo.objects.read(oid)
    message = headers(content)[1] if kind in ("tag", "commit") else b""
    lines = message.strip(b"\n").split(b"\n")[:most]
    return name.ljust(15) + b" " + b"\n    ".join(lines) + b"\n"


def symbolic_ref(git: Session, words: Sequence[str]) -> int:
    """Print what a symbolic reference names."""
    options = Options(words, "-q --quiet --short -d --delete -m=")
    if options.has("-d", "--delete", "-m") or len(options.words) != 1:
        raise refused("this form of git symbolic-ref")
    target = git.repo.refs.target(os.fsencode(options.words[0]))
    if target is None:
        if options.has("-q", "--quiet"):
            return 1
        raise GitError(f"ref {options.words[0]} is not a symbolic ref")
    git.write((re.sub(rb"^refs/(?:heads|tags|remotes)/", b"", target) if options.has("--short") else target) + b"\n")
    return 0
