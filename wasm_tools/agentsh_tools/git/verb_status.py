"""``git status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import Options
from .paths import Pathspec
from .quote import quoted, relative
from .state import State, detached_at, in_progress, read_state, tracking
from .treediff import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .session import Session
    from .treediff import Change

_TABLE = """-s --short -b --branch --no-branch --porcelain=? --long -u=? --untracked-files=? --ignored=? -z --no-renames
    --renames -M=? --find-renames=? --ahead-behind --no-ahead-behind -v --verbose --show-stash --no-show-stash
    --no-column --column=? --ignore-submodules=?"""
_LABELS = {"A": b"new file:", "D": b"deleted:", "M": b"modified:", "R": b"renamed:", "T": b"typechange:"}
_CONFLICTS = {1: b"DD", 2: b"AU", 3: b"UD", 4: b"UA", 5: b"DU", 6: b"AA", 7: b"UU"}
_CONFLICT_LABELS = {
    1: b"both deleted:", 2: b"added by us:", 3: b"deleted by them:", 4: b"added by them:", 5: b"deleted by us:",
    6: b"both added:", 7: b"both modified:",
}  # fmt: skip


def status(git: Session, words: Sequence[str]) -> int:
    """Show the state of the working tree."""
    options = Options(words, _TABLE)
    repo = git.repo
    untracked = options.value("-u", "--untracked-files")
    if untracked is None:
        shown = (repo.config.get("status.showuntrackedfiles") or b"normal").decode("ascii", "replace")
    else:
        shown = untracked or "all"
    shown = {"no": "no", "false": "no", "all": "all"}.get(shown, "normal")
    spec = Pathspec(repo, [*options.words, *(options.paths or ())])
    state = read_state(
        repo,
        spec,
        untracked=shown,
        ignored=options.value("--ignored") not in (None, "no"),
        renames=not options.has("--no-renames"),
    )
    porcelain = options.value("--porcelain")
    view = _View(git, state, nul=options.has("-z"), porcelain=porcelain is not None or options.has("-z"))
    branch = options.has("-b", "--branch") and not options.has("--no-branch")
    if porcelain in ("v2", "2"):
        view.second(branch=branch)
    elif porcelain is not None or options.has("-s", "--short", "-z"):
        view.short(branch=branch or (porcelain is None and repo.config.flag("status.branch", default=False)))
    else:
        view.long(untracked=shown)
    return 0


class _View:
    """Prints a state."""

    def __init__(self, git: Session, state: State, *, nul: bool, porcelain: bool) -> None:
        self._git = git
        self._repo = git.repo
        self._state = state
        self._nul = nul
        self._prefix = b"" if porcelain else self._repo.prefix
        self._end = b"\0" if nul else b"\n"

    def _name(self, path: bytes, *, spaces: bool = False) -> bytes:
        if self._nul:
            return path
        return quoted(relative(path, self._prefix), all_ascii=self._repo.quote_all, spaces=spaces)

    def _letters(self) -> dict[bytes, tuple[str, str, bytes]]:
        """Each path's two letters, and what it was renamed from."""
        found: dict[bytes, tuple[str, str, bytes]] = {}
        for change in self._state.staged:
            source = change.old.path if change.status == "R" else b""
            found[change.path] = change.status, " ", source
        for entry, mode, _ in self._state.changed:
            letter = "A" if entry.intent else _letter(entry.mode, mode)
            first, _, source = found.get(entry.path, (" ", "", b""))
            found[entry.path] = first, letter, source
        return found

    def short(self, *, branch: bool) -> None:
        """``--short`` and ``--porcelain``."""
        if branch:
            self._git.write(b"## " + self._heading() + self._end)
        lines = [(p, f"{x}{y}".encode(), s) for p, (x, y, s) in self._letters().items()]
        lines += [(p, _CONFLICTS[m], b"") for p, m in self._state.unmerged.items()]
        for path, letters, source in sorted(lines):
            if self._nul:
                self._git.write(letters + b" " + path + b"\0", source + b"\0" if source else b"")
            else:
                before = self._name(source, spaces=True) + b" -> " if source else b""
                self._git.write(letters + b" " + before + self._name(path, spaces=True) + b"\n")
        for mark, paths in ((b"?? ", self._state.untracked), (b"!! ", self._state.ignored)):
            for path in paths:
                self._git.write(mark + self._name(path, spaces=True) + self._end)

    def _heading(self) -> bytes:
        state = self._state
        if state.branch is None:
            return b"HEAD (no branch)"
        name = state.branch.removeprefix(b"refs/heads/")
        if state.head is None:
            name = b"No commits yet on " + name
        follows = tracking(self._repo, state.branch)
        if follows is None:
            return name
        other, counts = follows
        name += b"..." + other
        if counts is None:
            return name + b" [gone]"
        parts = [b"%s %d" % (word, n) for word, n in zip((b"ahead", b"behind"), counts, strict=True) if n]
        return name + (b" [" + b", ".join(parts) + b"]" if parts else b"")

    def second(self, *, branch: bool) -> None:
        """``--porcelain=v2``."""
        state = self._state
        if branch:
            self._second_heading()
        staged = {c.path: c for c in state.staged}
        changed = {d.entry.path: d for d in state.changed}
        entries = {e.path: e for e in state.index if not e.stage}
        lines: list[tuple[bytes, bytes]] = []
        for path, (x, y, source) in self._letters().items():
            change, difference, entry = staged.get(path), changed.get(path), entries.get(path)
            mode_index, oid_index = (entry.mode, entry.oid) if entry else (0, NOTHING)
            if entry and entry.intent:
                mode_index, oid_index = 0, NOTHING
            mode_head, oid_head = (change.old.mode, change.old.oid) if change else (mode_index, oid_index)
            mode_tree = difference.mode if difference else mode_index
            letters = f"{x}{y}".replace(" ", ".").encode()
            sub = b"S..." if 0o160000 in (mode_head, mode_index, mode_tree) else b"N..."
            head = b"%s %s %06o %06o %06o %s %s" % (
                letters, sub, mode_head, mode_index, mode_tree, oid_head.encode(), oid_index.encode(),
            )  # fmt: skip
            if source and change:
                middle = b"\0" if self._nul else b"\t"
                line = b"2 %s R%d %s%s%s" % (head, change.percent, self._name(path), middle, self._name(source))
            else:
                line = b"1 " + head + b" " + self._name(path)
            lines.append((path, line))
        for _, line in sorted(lines):
            self._git.write(line + self._end)
        for path in sorted(state.unmerged):
            stages = {e.stage: e for e in state.index if e.path == path}
            sides = [stages.get(n) for n in (1, 2, 3)]
            modes = b" ".join(b"%06o" % (s.mode if s else 0) for s in sides)
            oids = b" ".join((s.oid if s else NOTHING).encode() for s in sides)
            seen = next(iter(_look(self._git, path)))
            parts = (_CONFLICTS[state.unmerged[path]], modes, seen, oids, self._name(path))
            self._git.write(b"u %s N... %s %06o %s %s" % parts + self._end)
        for mark, paths in ((b"? ", state.untracked), (b"! ", state.ignored)):
            for path in paths:
                self._git.write(mark + self._name(path) + self._end)

    def _second_heading(self) -> None:
        state = self._state
        lines = [b"# branch.oid " + (state.head or "(initial)").encode()]
        name = state.branch.removeprefix(b"refs/heads/") if state.branch else b"(detached)"
        lines.append(b"# branch.head " + name)
        follows = tracking(self._repo, state.branch) if state.branch else None
        if follows:
            lines.append(b"# branch.upstream " + follows[0])
            if follows[1]:
                lines.append(b"# branch.ab +%d -%d" % follows[1])
        for line in lines:
            self._git.write(line + self._end)

    def long(self, *, untracked: str) -> None:
        """The form for people."""
        state = self._state
        self._top()
        merging = bool(in_progress(self._repo, conflicts=False))
        if state.staged:
            how = None if merging else 'use "git restore --staged <file>..." to unstage'
            if not state.head:
                how = 'use "git rm --cached <file>..." to unstage'
            self._section("Changes to be committed:", [how], (self._changed(c) for c in state.staged))
        if state.unmerged:
            self._conflicts(merging=merging)
        if state.changed:
            gone = "/rm" if any(not d.mode for d in state.changed) else ""
            hints = [
                f'use "git add{gone} <file>..." to update what will be committed',
                'use "git restore <file>..." to discard changes in working directory',
            ]
            lines = (
                _LABELS[_letter(d.entry.mode, d.mode) if not d.entry.intent else "A"].ljust(12)
                + self._name(d.entry.path)
                for d in state.changed
            )
            self._section("Changes not staged for commit:", hints, lines)
        for title, verb, paths in (("Untracked", "add", state.untracked), ("Ignored", "add -f", state.ignored)):
            if paths:
                hint = f'use "git {verb} <file>..." to include in what will be committed'
                self._section(f"{title} files:", [hint], map(self._name, paths))
        if untracked == "no" and state.staged:
            self._say("Untracked files not listed (use -u option to show untracked files)")
        self._last(untracked)

    def _say(self, line: str = "") -> None:
        self._git.write(line.encode("utf-8", "surrogateescape") + b"\n")

    def _top(self) -> None:
        state = self._state
        if state.branch is None:
            name = detached_at(self._repo, state.head or "")
            self._say(name)
        else:
            self._say("On branch " + state.branch.removeprefix(b"refs/heads/").decode("utf-8", "surrogateescape"))
            follows = tracking(self._repo, state.branch)
            if follows is not None:
                self._tracking(*follows)
        lines = in_progress(self._repo, conflicts=bool(state.unmerged))
        for line in lines:
            self._say(line)
        if lines:
            self._say()
        if state.head is None:
            self._say("\nNo commits yet\n")

    def _tracking(self, name: bytes, counts: tuple[int, int] | None) -> None:
        other = name.decode("utf-8", "surrogateescape")
        if counts is None:
            if self._state.head is None:
                return
            self._say(f"Your branch is based on '{other}', but the upstream is gone.")
            self._say('  (use "git branch --unset-upstream" to fixup)')
        elif counts == (0, 0):
            self._say(f"Your branch is up to date with '{other}'.")
        elif not counts[1]:
            self._say(f"Your branch is ahead of '{other}' by {_commits(counts[0])}.")
            self._say('  (use "git push" to publish your local commits)')
        elif not counts[0]:
            self._say(f"Your branch is behind '{other}' by {_commits(counts[1])}, and can be fast-forwarded.")
            self._say('  (use "git pull" to update your local branch)')
        else:
            self._say(f"Your branch and '{other}' have diverged,")
            self._say(f"and have {counts[0]} and {counts[1]} different commits each, respectively.")
            self._say('  (use "git pull" to merge the remote branch into yours)')
        self._say()

    def _section(self, title: str, hints: Iterable[str | None], lines: Iterable[bytes]) -> None:
        self._say(title)
        for hint in hints:
            if hint:
                self._say(f"  ({hint})")
        for line in lines:
            self._git.write(b"\t" + line + b"\n")
        self._say()

    def _changed(self, change: Change) -> bytes:
        letter = change.status
        before = self._name(change.old.path) + b" -> " if letter == "R" else b""
        return _LABELS[letter].ljust(12) + before + self._name(change.path)

    def _conflicts(self, *, merging: bool) -> None:
        masks = list(self._state.unmerged.values())
        both_gone, half_gone = 1 in masks, any(m in (2, 3, 4, 5) for m in masks)
        hints = [] if merging else ['use "git restore --staged <file>..." to unstage']
        if not both_gone and not half_gone:
            hints.append('use "git add <file>..." to mark resolution')
        elif both_gone and not half_gone and not any(m in (6, 7) for m in masks):
            hints.append('use "git rm <file>..." to mark resolution')
        else:
            hints.append('use "git add/rm <file>..." as appropriate to mark resolution')
        lines = (_CONFLICT_LABELS[m].ljust(17) + self._name(p) for p, m in sorted(self._state.unmerged.items()))
        self._section("Unmerged paths:", hints, lines)

    def _last(self, untracked: str) -> None:
        state = self._state
        if state.staged:
            return
        if state.changed or state.unmerged:
            self._say('no changes added to commit (use "git add" and/or "git commit -a")')
        elif state.untracked:
            self._say('nothing added to commit but untracked files present (use "git add" to track)')
        elif state.head is None:
            self._say('nothing to commit (create/copy files and use "git add" to track)')
        elif untracked == "no":
            self._say("nothing to commit (use -u to show untracked files)")
        else:
            self._say("nothing to commit, working tree clean")


def _letter(old: int, new: int) -> str:
    if not new:
        return "D"
    return "T" if old & 0o170000 != new & 0o170000 else "M"


def _commits(n: int) -> str:
    return f"{n} commit" if n == 1 else f"{n} commits"


def _look(git: Session, path: bytes) -> list[int]:
    from .worktree import Worktree

    return [seen.mode if seen else 0 for seen in Worktree(git.repo).look([path])]
