"""Pathspecs: which paths a verb is about."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from .failure import GitError, text
from .repository import ROOT
from .wildmatch import compiled

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from .repository import Repository

_MAGIC = b"*?["


class Pathspec:
    """Some paths, given on the command line; no path at all means every one.

    Args:
        repo: the repository.
        words: as given, relative to the current directory.

    Raises:
        GitError: one leads out of the repository, or has magic that is not supported.
    """

    def __init__(self, repo: Repository, words: Sequence[str] = ()) -> None:
        self._take: list[tuple[bytes, re.Pattern[bytes] | None]] = []
        self._leave: list[tuple[bytes, re.Pattern[bytes] | None]] = []
        self.words = tuple(words)
        for word in words:
            raw, exclude, prefix, literal, fold = _magic(word)
            path = _below_root(repo, raw, prefix=repo.prefix if prefix else b"", shown=word)
            wild = not literal and any(c in _MAGIC for c in raw)
            pattern = compiled(path, across=True, fold=fold) if wild or fold else None
            (self._leave if exclude else self._take).append((path, pattern))

    def __bool__(self) -> bool:
        return bool(self._take or self._leave)

    def matches(self, path: bytes) -> bool:
        """Whether a path is meant: itself, by a pattern, or through a directory above it."""
        if self._take and not any(_is_match(p, w, path) for p, w in self._take):
            return False
        return not any(_is_match(p, w, path) for p, w in self._leave)

    def reaches(self, directory: bytes) -> bool:
        """Whether something below a directory may be meant."""
        if not self._take:
            return True
        below = directory + b"/"
        return any(
            w is not None or not p or p.startswith(below) or _is_match(p, None, directory) for p, w in self._take
        )

    def unmatched(self, paths: Sequence[bytes]) -> str | None:
        """The first word that means none of ``paths``."""
        takes = iter(self._take)
        for word in self.words:
            if _magic(word)[1]:
                continue
            path, pattern = next(takes)
            if not any(_is_match(path, pattern, p) for p in paths):
                return word
        return None


def _is_match(path: bytes, pattern: re.Pattern[bytes] | None, candidate: bytes) -> bool:
    if not path or candidate == path or candidate.startswith(path + b"/") or candidate == path + b"/":
        return True
    return pattern is not None and pattern.match(candidate.rstrip(b"/")) is not None


def _magic(word: str) -> tuple[bytes, bool, bool, bool, bool]:
    """The pattern; whether it excludes, is relative to the current directory, is literal, ignores case."""
    raw = word.encode("utf-8", "surrogateescape")
    if raw.startswith(b":("):
        names, _, rest = raw[2:].partition(b")")
        known = set(names.split(b","))
        if known - {b"exclude", b"top", b"literal", b"glob", b"icase", b""}:
            raise GitError(f"unsupported pathspec magic in '{word}'")
        return rest, b"exclude" in known, b"top" not in known, b"literal" in known, b"icase" in known
    exclude = top = False
    if raw.startswith(b":") and raw[1:2] in (b"!", b"^", b"/"):
        at = 1
        while raw[at : at + 1] in (b"!", b"^", b"/"):
            exclude = exclude or raw[at : at + 1] != b"/"
            top = top or raw[at : at + 1] == b"/"
            at += 1
        raw = raw[at:].removeprefix(b":")
    return raw, exclude, not top, False, False


def _below_root(repo: Repository, raw: bytes, *, prefix: bytes, shown: str) -> bytes:
    if raw.startswith(b"/"):
        top = repo.top or ROOT
        path = posixpath.normpath(raw)
        if path != top and not path.startswith(top + b"/"):
            raise GitError(f"{shown}: '{shown}' is outside repository at '{text(top)}'")
        return path[len(top) + 1 :]
    path = posixpath.normpath(posixpath.join(b"/" + prefix, raw)) if raw else b"/" + prefix
    depth = prefix.count(b"/") + bool(prefix)
    for part in posixpath.normpath(raw).split(b"/") if raw else ():
        if part != b"..":
            break
        depth -= 1
    if depth < 0:
        place = text(repo.top or ROOT)
        raise GitError(f"{shown}: '{shown}' is outside repository at '{place}'")
    return path.lstrip(b"/")
