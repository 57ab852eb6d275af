"""Pathname expansion through the tree: a pattern sees what actions see, and never looks outside."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from agentsh.sandbox.interpreter.patterns import Segments, compile_pattern, has_magic
from agentsh.sandbox.interpreter.state import ROOT, decode, encode

if TYPE_CHECKING:
    import re

    from agentsh.sandbox.interpreter.shell import Shell

_MAX_DEPTH = 200


def _components(segments: Segments) -> list[Segments]:
    """The pattern cut at its slashes, quoted ones too."""
    out: list[list[tuple[str, bool]]] = [[]]
    for text, quoted in segments:
        for n, piece in enumerate(text.split("/")):
            if n:
                out.append([])
            if piece:
                out[-1].append((piece, quoted))
    return [tuple(c) for c in out]


def _plain(component: Segments) -> str:
    return "".join(text for text, _ in component)


class _Walker:
    """Expands one pattern."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.tree = shell.run.tree
        options = shell.state.shell_options
        self.dot = "dotglob" in options
        self.fold = "nocaseglob" in options
        self.star = "globstar" in options

    def resolve(self, path: str) -> bytes | None:
        """Where a directory lies in the tree; None where it leads out or is none."""
        try:
            return self.tree.resolve(encode(path) or b".", cwd=self.shell.state.cwd)
        except OSError:
            return None

    def names(self, path: str) -> list[tuple[str, bool]]:
        """The entries of a directory (name, is it a directory itself), in order of their bytes."""
        where = self.resolve(path)
        if where is None:
            return []
        self.shell.run.tick()
        try:
            entries = [(os.fsencode(e.name), e.is_dir(follow_symlinks=False)) for e in self.tree.scan(where)]
        except OSError:
            return []
        entries.sort()
        return [(decode(name), is_dir) for name, is_dir in entries]

    def exists(self, path: str) -> bool:
        """Whether there is anything at ``path``; a dangling link is something."""
        if path.endswith("/"):
            return self.is_directory(path)
        head, slash, name = path.rpartition("/")
        if name in (".", ".."):
            return self.is_directory(path)
        where = self.resolve(head + slash)
        if where is None:
            return False
        try:
            return self.tree.lstat(b"/".join(p for p in (where, encode(name)) if p)) is not None
        except OSError:
            return False

    def is_directory(self, path: str) -> bool:
        """Whether ``path`` is a directory, links followed."""
        where = self.resolve(path)
        if where is None:
            return False
        try:
            st = self.tree.lstat(where)
        except OSError:
            return False
        return st is not None and stat.S_ISDIR(st.st_mode)

    def expand(self, base: str, components: list[Segments], depth: int = 0) -> list[str]:
        """Every path below ``base`` (empty, or ending in a slash) that the components match."""
        if not components:
            return [base]
        first, rest = components[0], components[1:]
        if self.star and first == (("**", False),):
            return self._any_depth(base, rest, depth)
        if not has_magic(first):
            # Plain names are taken together: nothing is read until the next pattern.
            name = _plain(first)
            path = base + name
            if not rest:
                return [path] if self.exists(path) else []
            if name and not self.is_directory(path):
                return []
            return self.expand(path + "/", rest, depth)
        pattern = compile_pattern(first, ignore_case=self.fold)
        out: list[str] = []
        for name, is_dir in self.names(base):
            if not self._name_matches(pattern, first, name):
                continue
            if not rest:
                out.append(base + name)
            elif is_dir or self.is_directory(base + name):
                out.extend(self.expand(base + name + "/", rest, depth))
        return out

    def _name_matches(self, pattern: re.Pattern[str], component: Segments, name: str) -> bool:
        hidden = name.startswith(".") and not self.dot and not _plain(component).startswith(".")
        return not hidden and pattern.fullmatch(name) is not None

    def _any_depth(self, base: str, rest: list[Segments], depth: int) -> list[str]:
        if depth > _MAX_DEPTH:
            return []
        while rest and rest[0] == (("**", False),):
            rest = rest[1:]
        out = self.expand(base, rest, depth) if rest else []
        if not rest and base and depth == 0:
            out.append(base)
        for name, is_dir in self.names(base):
            if name.startswith(".") and not self.dot:
                continue
            if not rest:
                out.append(base + name)
            if is_dir:
                out.extend(self._any_depth(base + name + "/", rest, depth + 1))
        return out


def expand_paths(shell: Shell, segments: Segments) -> list[str]:
    """The paths that a pattern matches, sorted by their bytes; empty for none.

    Directories are read through the tree: a symlink that leads out of it matches as a name, and nothing below it does.
    """
    merged: list[tuple[str, bool]] = []
    for text, quoted in segments:
        if merged and merged[-1][1] == quoted:
            merged[-1] = (merged[-1][0] + text, quoted)
        elif text:
            merged.append((text, quoted))
    components = _components(tuple(merged))
    walker = _Walker(shell)
    base = ""
    if components and not components[0]:
        if not _plain_text(components).startswith(ROOT):
            return []
        depth = ROOT.count("/")
        base = "/".join(_plain(c) for c in components[: depth + 1]) + "/"
        if base != ROOT + "/":
            return []
        components = components[depth + 1 :]
    found = walker.expand(base, components)
    found.sort(key=encode)
    return found


def _plain_text(components: list[Segments]) -> str:
    return "/".join(_plain(c) for c in components)
