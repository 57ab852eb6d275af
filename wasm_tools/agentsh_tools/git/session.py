"""What a verb works with: the repository, and where its text goes."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from .failure import GitError
from .repository import Repository, open_repository
from .revisions import try_resolve, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .options import Options

_AT_ONCE = 1 << 16


class Session:
    """One run of the program.

    Args:
        cwd: where it runs, absolute.
        settings: ``-c`` options.
        git_dir: ``--git-dir``.
        work_tree: ``--work-tree``.
    """

    def __init__(self, cwd: bytes, settings: Sequence[str] = (), git_dir: str = "", work_tree: str = "") -> None:
        self.cwd = cwd
        self._settings = list(settings)
        self._places = git_dir, work_tree
        self._buffer = bytearray()

    @cached_property
    def repo(self) -> Repository:
        """The repository that the current directory belongs to.

        Raises:
            GitError: there is none.
        """
        return open_repository(self.cwd, self._settings, *self._places)

    def write(self, *pieces: bytes) -> None:
        """Print."""
        for piece in pieces:
            self._buffer += piece
        if len(self._buffer) > _AT_ONCE:
            self.flush()

    def write_all(self, pieces: Iterable[bytes]) -> None:
        """Print pieces as they come."""
        for piece in pieces:
            self.write(piece)

    def flush(self) -> None:
        """Hand over what was printed."""
        if self._buffer:
            sys.stdout.buffer.write(self._buffer)
            self._buffer.clear()
        sys.stdout.buffer.flush()

    def warn(self, text: str) -> None:
        """Say something beside the output."""
        self.flush()
        sys.stderr.write(text + "\n")

    def revisions_and_paths(self, options: Options) -> tuple[list[str], list[str]]:
        """Which words name revisions, and which name paths.

        Raises:
            GitError: a word is neither.
        """
        if options.paths is not None:
            return options.words, options.paths
        revisions: list[str] = []
        words = options.words
        for i, word in enumerate(words):
            if self._is_revision(word):
                if os.path.lexists(os.path.join(self.cwd, os.fsencode(word))) and not word.startswith("^"):
                    raise GitError(
                        f"ambiguous argument '{word}': both revision and filename\n"
                        "Use '--' to separate paths from revisions, like this:\n"
                        "'git <command> [<revision>...] -- [<file>...]'"
                    )
                revisions.append(word)
                continue
            for path in words[i:]:
                exists = os.path.lexists(os.path.join(self.cwd, os.fsencode(path)))
                if not exists and not path.startswith(":") and not any(c in path for c in "*?["):
                    raise unknown(path)
            return revisions, words[i:]
        return revisions, []

    def _is_revision(self, word: str) -> bool:
        ends = word.split("...", 1) if "..." in word else word.split("..", 1) if ".." in word else [word]
        if word in ("..", "...") or word.startswith(("../", "./")):
            return False
        if len(ends) == 1:
            plain = word.removeprefix("^").removesuffix("^!")
            return try_resolve(self.repo, plain) is not None if not word.startswith(":") else self._in_index(word)
        return all(not e or try_resolve(self.repo, e) is not None for e in ends)

    def _in_index(self, word: str) -> bool:
        if word.startswith((":(", ":!", ":^", ":/")):
            return False
        return try_resolve(self.repo, word) is not None
