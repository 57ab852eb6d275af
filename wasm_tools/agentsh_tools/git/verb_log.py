"""``git log``, ``show``, ``shortlog`` and ``rev-list``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .failure import GitError, UsageError, text
from .objects import headers
from .options import Options
from .patch import Differ, DiffOptions
from .paths import Pathspec
from .people import Mailmap, person
from .pretty import Pretty, subject
from .revisions import resolve
from .treediff import diff_trees
from .verb_diff import TABLE, diff_options
from .walk import Walk, WalkOptions, expand, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .objects import Commit
    from .session import Session

_WALK = """-n= --max-count= -# --skip= --since= --after= --until= --before= --author= --committer= --grep= --all-match
    --invert-grep -i --regexp-ignore-case -E --extended-regexp -F --fixed-strings -P --perl-regexp --merges --no-merges
    --first-parent --topo-order --date-order --author-date-order --reverse --follow --all --branches=? --tags=?
    --remotes=? --full-history --simplify-merges --graph --walk-reflogs -g --cherry-pick --left-right --min-parents=
    --max-parents= --no-walk --boundary --full-diff --root -L="""
_FORMAT = """--oneline --format= --pretty=? --date= --abbrev-commit --no-abbrev-commit --decorate=? --no-decorate
    --decorate-refs= --relative-date --no-notes --notes=? --no-show-signature --show-signature --encoding= --no-mailmap
    --use-mailmap --mailmap --parents --children --source --clear-decorations --no-expand-tabs"""
_MERGES = "-m -c --cc --diff-merges= --no-diff-merges"
_REFUSED = {
    "--graph": "log --oneline shows each commit, and --format='%h %p %s' its parents",
    "--walk-reflogs": "git reflog shows where HEAD was",
    "-g": "git reflog shows where HEAD was",
    "--cherry-pick": "log A..B shows what B has beyond A",
    "--left-right": "log A..B and log B..A show the two sides",
    "--boundary": "log A..B shows what B has beyond A",
    "--show-signature": "signatures cannot be checked here",
    "--author-date-order": "the order is that of commit dates",
    "--simplify-merges": "there is --full-history",
    "-L": "git blame -L shows who changed lines last",
    "--source": "git branch --contains shows where a commit is",
    "--children": "--parents shows the other direction",
    "-c": "the combined diff of show, or -m --first-parent",
    "--diff-merges": "-m --first-parent",
    "--notes": "notes are not shown here",
}


def _walk_options(options: Options) -> WalkOptions:
    for name, instead in _REFUSED.items():
        if options.has(name):
            raise UsageError(f"{name} is not supported in this sandbox; {instead}")
    made = WalkOptions()
    most = options.number("-n", "--max-count", "-#")
    made.most = -1 if most is None else most
    made.skip = options.number("--skip") or 0
    since, until = options.value("--since", "--after"), options.value("--until", "--before")
    made.since = None if since is None else moment(since)
    made.until = None if until is None else moment(until)
    made.authors = options.values("--author")
    made.committers = options.values("--committer")
    made.patterns = options.values("--grep")
    made.all_patterns, made.invert = options.has("--all-match"), options.has("--invert-grep")
    made.fold = options.has("-i", "--regexp-ignore-case")
    for names, syntax in (
        (("-E", "--extended-regexp"), "extended"),
        (("-F", "--fixed-strings"), "fixed"),
        (("-P", "--perl-regexp"), "perl"),
    ):
        if options.has(*names):
            made.syntax = syntax
    least, largest = options.number("--min-parents"), options.number("--max-parents")
    made.parents = (
        2 if options.has("--merges") else least or 0,
        1 if options.has("--no-merges") else 1 << 30 if largest is None or largest < 0 else largest,
    )
    made.first_parent = options.has("--first-parent")
    made.topological = options.has("--topo-order", "--date-order")
    made.reverse = options.has("--reverse")
    made.follow = options.has("--follow")
    made.full_history = options.has("--full-history")
    return made


def _pretty(git: Session, options: Options, default: str = "medium") -> Pretty:
    name, short = default, options.has("--abbrev-commit")
    for option, value in options.found:
        if option == "--oneline":
            name, short = "oneline", True
        elif option in ("--format", "--pretty"):
            name = value or ("tformat:" if option == "--format" else "medium")
            if option == "--format" and not re.match(r"t?format:", name) and "%" in name:
                name = "tformat:" + name
    if options.has("--no-abbrev-commit"):
        short = False
    decorate = ""
    for option, value in options.found:
        if option == "--decorate":
            decorate = "" if value in ("no", "auto") else "full" if value == "full" else "short"
        elif option == "--no-decorate":
            decorate = ""
    date = "relative" if options.has("--relative-date") else options.value("--date") or ""
    if not date:
        date = (git.repo.config.get("log.date") or b"").decode("ascii", "replace")
    abbrev = options.value("--abbrev")
    digits = int(abbrev) if abbrev and abbrev.isdigit() else 0
    return Pretty(git.repo, name, date=date, digits=digits, short=short, decorate=decorate)


def _starts(git: Session, options: Options, revisions: Sequence[str]) -> tuple[list[str], list[str]]:
    repo = git.repo
    starts, leaves = expand(repo, revisions)
    groups = {"--branches": b"refs/heads/", "--tags": b"refs/tags/", "--remotes": b"refs/remotes/"}
    if options.has("--all"):
        _, head = repo.head()
        names = repo.refs.below(b"refs/")
        starts += [o for o in (*names.values(), head) if o]
    for name, prefix in groups.items():
        if options.has(name):
            starts += repo.refs.below(prefix).values()
    found = []
    for oid in starts:
        try:
            found.append(repo.objects.peel(oid))
        except GitError:
            if oid in revisions:
                raise
    asked = revisions or options.has("--all", *groups)
    if not asked or (not found and leaves and not options.has("--all", *groups)):
        branch, head = repo.head()
        if head is None:
            short = (branch or b"HEAD").removeprefix(b"refs/heads/")
            raise GitError(f"your current branch '{text(short)}' does not have any commits yet")
        found = [head]
    return found, leaves


def log(git: Session, words: Sequence[str]) -> int:
    """Show the history."""
    options = Options(words, f"{TABLE} {_WALK} {_FORMAT} {_MERGES}")
    repo = git.repo
    chosen = _walk_options(options)
    revisions, paths = git.revisions_and_paths(options)
    spec = Pathspec(repo, paths)
    if chosen.follow and len(paths) != 1:
        raise GitError("--follow requires exactly one pathspec")
    starts, leaves = _starts(git, options, revisions)
    shown = diff_options(options, "")
    pickaxe = bool(shown.pickaxe or shown.pickaxe_pattern)
    wanted = chosen.most
    if pickaxe:
        chosen.most = -1
    printer = _Printer(git, _pretty(git, options), shown, merges=options.has("-m"), first=chosen.first_parent)
    printer.combined = options.has("--cc")
    walk = Walk(repo, starts, leaves, spec, chosen)
    for commit in walk:
        if pickaxe and not printer.differs(commit, spec):
            continue
        printer.show(commit, Pathspec(repo) if options.has("--full-diff") else walk.path)
        wanted -= 1
        if pickaxe and wanted == 0:
            break
    return 0


class _Printer:
    """Prints commits one after another, with their differences."""

    def __init__(self, git: Session, pretty: Pretty, options: DiffOptions, *, merges: bool, first: bool) -> None:
        self._git = git
        self._repo = git.repo
        self._pretty = pretty
        self._options = options
        self._differ = Differ(git.repo, options)
        self._merges = merges
        self._first = first
        self._any = False
        self.combined = False

    def differs(self, commit: Commit, spec: Pathspec) -> bool:
        """Whether a commit has a difference that the options let through."""
        if len(commit.parents) > 1 and not self._merges and not self._first:
            return False
        old = self._repo.objects.commit(commit.parents[0]).tree if commit.parents else ""
        return bool(self._differ.prepare(diff_trees(self._repo.objects, old, commit.tree, spec)))

    def show(self, commit: Commit, spec: Pathspec) -> None:
        """Print one commit."""
        pretty, git = self._pretty, self._git
        message = pretty.text(commit)
        if self._any and not pretty.ends:
            git.write(b"\n")
        self._any = True
        git.write(message)
        if pretty.ends and (message or pretty.name != "user"):
            git.write(b"\n")
        difference = b"".join(self._difference(commit, spec))
        statistics = {"stat", "shortstat", "numstat"} & set(self._options.outputs)
        if difference and pretty.name == "oneline" and self.combined and len(commit.parents) > 1 and statistics:
            git.write(b"\n")  # as git does it for merges alone
        if not difference:
            return
        if pretty.name == "user" and not pretty.ends:
            git.write(b"\n")
        if pretty.name != "oneline" and not (pretty.name == "user" and not message):
            both = {"stat", "patch"} <= set(self._options.outputs)
            if pretty.name != "user" or pretty.ends:
                git.write(b"---\n" if both else b"\n")
        git.write(difference)

    def _difference(self, commit: Commit, spec: Pathspec) -> Iterable[bytes]:
        if not self._options.outputs or self._options.outputs == ["none"]:
            return ()
        objects = self._repo.objects
        if len(commit.parents) > 1 and not self._merges and not self._first:
            return self._of_merge(commit, spec) if self.combined else ()
        if len(commit.parents) > 1 and self._merges and not self._first:
            raise GitError("-m is supported with --first-parent only in this sandbox")
        old = objects.commit(commit.parents[0]).tree if commit.parents else ""
        return self._differ.show(self._differ.prepare(diff_trees(objects, old, commit.tree, spec)))

    def _of_merge(self, commit: Commit, spec: Pathspec) -> Iterable[bytes]:
        from .combined import merge, merged_paths

        outputs = set(self._options.outputs)
        objects = self._repo.objects
        if outputs & {"name-only", "name-status", "raw"}:
            if outputs != {"name-only"}:
                raise GitError("of a merge, --name-status and --raw need -m --first-parent in this sandbox")
            return [p + b"\n" for p, _, _ in merged_paths(self._repo, commit, spec)]
        out: list[bytes] = []
        if outputs & {"stat", "numstat", "shortstat", "summary"}:
            changes = diff_trees(objects, objects.commit(commit.parents[0]).tree, commit.tree, spec)
            options = DiffOptions(outputs=[o for o in self._options.outputs if o != "patch"], width=self._options.width)
            differ = Differ(self._repo, options)
            out += differ.show(differ.prepare(changes))
        if "patch" in outputs:
            patch = list(merge(self._repo, commit, spec, self._options))
            out += [b"\n", *patch] if out and patch else patch
        return out


def show(git: Session, words: Sequence[str]) -> int:
    """Show commits with their differences, tags, trees and files."""
    options = Options(words, f"{TABLE} {_WALK} {_FORMAT} {_MERGES}")
    repo = git.repo
    chosen = _walk_options(options)
    revisions, paths = git.revisions_and_paths(options)
    spec = Pathspec(repo, paths)
    if not revisions:
        _starts(git, options, [])
    printer = _Printer(
        git,
        _pretty(git, options),
        diff_options(options),
        merges=options.has("-m"),
        first=chosen.first_parent,
    )
    printer.combined = True
    pretty = _pretty(git, options)
    for word in revisions or ["HEAD"]:
        if ".." in word or word.startswith("^"):
            for commit in Walk(repo, *expand(repo, [word]), spec, chosen):
                printer.show(commit, spec)
            continue
        _show_one(git, printer, pretty, word, spec)
    return 0


def _show_one(git: Session, printer: _Printer, pretty: Pretty, word: str, spec: Pathspec) -> None:
    objects = git.repo.objects
    oid = resolve(git.repo, word)
    kind, content = objects.read(oid)
    while kind == "tag":
        lines, message = headers(content)
        one = dict(lines)
        who = person(one.get(b"tagger", b""))
        git.write(b"tag " + one.get(b"tag", b"") + b"\n")
        if b"tagger" in one and pretty.name != "oneline":
            git.write(b"Tagger: " + who.name + b" <" + who.email + b">\n")
            git.write(b"Date:   " + _tag_date(pretty, one[b"tagger"]) + b"\n")
        git.write(b"\n" + message + (b"" if message.endswith(b"\n") else b"\n"))
        oid = one.get(b"object", b"").decode("ascii", "replace")
        kind, content = objects.read(oid)
        git.write(b"\n")
    if kind == "commit":
        printer.show(objects.commit(oid), spec)
    elif kind == "blob":
        git.write(content)
    else:
        git.write(b"tree " + word.encode("utf-8", "surrogateescape") + b"\n\n")
        for entry in objects.tree(oid):
            git.write(entry.name + (b"/\n" if entry.mode == 0o040000 else b"\n"))


def _tag_date(pretty: Pretty, tagger: bytes) -> bytes:
    from .objects import Commit

    return pretty.expand(b"%ad", Commit("", "", (), tagger, tagger, b"", b""))


def rev_list(git: Session, words: Sequence[str]) -> int:
    """List the names of commits."""
    options = Options(words, f"{_WALK} {_FORMAT} --count --objects --abbrev=? --no-commit-header")
    if options.has("--objects"):
        raise UsageError("--objects is not supported in this sandbox")
    chosen = _walk_options(options)
    revisions, paths = git.revisions_and_paths(options)
    if not revisions and not options.has("--all", "--branches", "--tags", "--remotes"):
        raise UsageError("usage: git rev-list [<options>] <commit>... [--] [<path>...]")
    starts, leaves = _starts(git, options, revisions)
    walk = Walk(git.repo, starts, leaves, Pathspec(git.repo, paths), chosen)
    if options.has("--count"):
        git.write(b"%d\n" % sum(1 for _ in walk))
        return 0
    form = options.has("--format", "--pretty", "--oneline")
    pretty = _pretty(git, options) if form else None
    for commit in walk:
        if pretty is None:
            names = [commit.oid, *(commit.parents if options.has("--parents") else ())]
            short = [git.repo.objects.abbreviated(n) if options.has("--abbrev-commit") else n for n in names]
            git.write(" ".join(short).encode() + b"\n")
            continue
        if pretty.name == "user" and not options.has("--no-commit-header"):
            git.write(b"commit " + commit.oid.encode() + b"\n")
        git.write(pretty.text(commit) + b"\n")
    return 0


def shortlog(git: Session, words: Sequence[str]) -> int:
    """Summarise the history by author."""
    options = Options(words, f"-s --summary -n --numbered -e --email -c --committer {_WALK.replace('-n= ', '', 1)}")
    flags = {name for name, value in options.found if not value}
    committers = options.has("-c") or ("--committer", "") in options.found
    options.found = [f for f in options.found if f[0] not in ("-n", "-s", "-e", "-c") and f != ("--committer", "")]
    chosen = _walk_options(options)
    revisions, paths = git.revisions_and_paths(options)
    starts, leaves = _starts(git, options, revisions)
    groups: dict[bytes, list[bytes]] = {}
    mailmap = Mailmap(git.repo)
    for commit in Walk(git.repo, starts, leaves, Pathspec(git.repo, paths), chosen):
        who = mailmap.proper(person(commit.committer if committers else commit.author))
        name = who.name + (b" <" + who.email + b">" if flags & {"-e", "--email"} else b"")
        groups.setdefault(name, []).append(subject(commit.message))
    numbered = flags & {"-n", "--numbered"}
    for name in sorted(groups, key=lambda n: (-len(groups[n]) if numbered else 0, n)):
        if flags & {"-s", "--summary"}:
            git.write(b"%6d\t%s\n" % (len(groups[name]), name))
        else:
            git.write(b"%s (%d):\n" % (name, len(groups[name])))
            git.write_all(b"      %s\n" % s for s in reversed(groups[name]))
            git.write(b"\n")
    return 0
