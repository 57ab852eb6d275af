"""What ``.gitignore`` and its kin leave out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from .files import read_small
from .repository import ROOT
from .wildmatch import compiled

if TYPE_CHECKING:
    from .repository import Repository


class Rule(NamedTuple):
    """One line.

    Attributes:
        pattern: without the marks below.
        base: the directory that it is relative to, with a slash at its end unless it is the root.
        keeps: whether it takes back an earlier line (``!``).
        only_directories: whether a slash ends it.
        anchored: whether it is matched with the whole path below ``base``.
        source: the file, as git names it.
        line: its number, from 1.
        text: the line.
    """

    pattern: bytes
    base: bytes
    keeps: bool
    only_directories: bool
    anchored: bool
    source: bytes
    line: int
    text: bytes


def parse_rules(content: bytes, base: bytes, source: bytes) -> list[Rule]:
    """The rules of a file."""
    rules = []
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        text = raw.removesuffix(b"\r")
        line = text
        while line.endswith(b" ") and not line.endswith(b"\\ "):
            line = line[:-1]
        if not line or line.startswith(b"#"):
            continue
        keeps = line.startswith(b"!")
        line = line[keeps:]
        only = line.endswith(b"/")
        line = line.rstrip(b"/") if only else line
        anchored = b"/" in line
        line = line.removeprefix(b"/")
        if line:
            rules.append(Rule(line, base, keeps, only, anchored, source, number, text))
    return rules


class Ignore:
    """The rules of a working tree, read as directories are come to."""

    def __init__(self, repo: Repository) -> None:
        self._top = repo.worktree
        self._fold = repo.config.flag("core.ignorecase", default=False)
        self._general = self._other_file(repo)
        self._general += parse_rules(read_small(repo.common_dir + b"/info/exclude"), b"", b".git/info/exclude")
        self._of: dict[bytes, list[Rule]] = {}
        self._ignored: dict[bytes, bool] = {}

    @staticmethod
    def _other_file(repo: Repository) -> list[Rule]:
        named = repo.config.get("core.excludesfile")
        if named is None or named.startswith(b"~"):
            return []
        path = os.path.join(repo.worktree, named)
        return parse_rules(read_small(path), b"", named) if path.startswith(ROOT + b"/") else []

    def _rules(self, directory: bytes) -> list[Rule]:
        """The rules of a directory's own file; ``directory`` has a slash at its end unless it is the root."""
        rules = self._of.get(directory)
        if rules is None:
            place = self._top + b"/" + directory + b".gitignore"
            content = b"" if os.path.islink(place) else read_small(place)
            rules = self._of[directory] = parse_rules(content, directory, directory + b".gitignore")
        return rules

    def rule_for(self, path: bytes, *, directory: bool) -> Rule | None:
        """The rule that decides about a path, its parents left aside; None when none does."""
        parent, _, name = path.rpartition(b"/")
        place = parent + b"/" if parent else b""
        while True:
            for rule in reversed(self._rules(place)):
                if self._matches(rule, path, name, directory=directory):
                    return rule
            if not place:
                break
            place = place[:-1].rpartition(b"/")[0]
            place = place + b"/" if place else b""
        for rule in reversed(self._general):
            if self._matches(rule, path, name, directory=directory):
                return rule
        return None

    def _matches(self, rule: Rule, path: bytes, name: bytes, *, directory: bool) -> bool:
        if rule.only_directories and not directory:
            return False
        subject = path[len(rule.base) :] if rule.anchored else name
        return compiled(rule.pattern, fold=self._fold).match(subject) is not None

    def ignores(self, path: bytes, *, directory: bool) -> bool:
        """Whether a path is left out, by itself or because a directory above it is."""
        parent = path.rpartition(b"/")[0]
        if parent:
            above = self._ignored.get(parent)
            if above is None:
                above = self._ignored[parent] = self.ignores(parent, directory=True)
            if above:
                return True
        rule = self.rule_for(path, directory=directory)
        return rule is not None and not rule.keeps
