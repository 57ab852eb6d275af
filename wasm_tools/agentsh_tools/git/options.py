"""Options of verbs, as git takes them: anywhere before ``--``, short ones joined, long ones with or without ``=``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .failure import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Options:
    """A parsed command line.

    Attributes:
        words: what is no option, before ``--``.
        paths: what follows ``--``; None where there is none.
    """

    def __init__(self, given: Sequence[str], table: str) -> None:
        """Parse.

        Args:
            given: the words after the verb.
            table: the options that there are: ``-s``; ``-n=`` takes a value; ``-u=?`` takes one only if it is attached;
                ``-#`` is a number.

        Raises:
            UsageError: an option is unknown, or lacks its value.
        """
        self._kinds: dict[str, str] = {}
        for word in table.split():
            name, equals, optional = word.partition("=")
            self._kinds[name] = equals + optional
        self.found: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.paths: list[str] | None = None
        rest = iter(given)
        for word in rest:
            if word == "--":
                self.paths = list(rest)
                break
            if not word.startswith("-") or word == "-":
                self.words.append(word)
            elif word.startswith("--"):
                self._long(word, rest)
            else:
                self._short(word, rest)

    def _long(self, word: str, rest: Iterator[str]) -> None:
        name, equals, value = word.partition("=")
        kind = self._kinds.get(name)
        if kind is None:
            near = [k for k in self._kinds if k.startswith(name) and k.startswith("--")]
            if len(near) != 1:
                raise UsageError(f"unknown option `{word.lstrip('-')}'")
            name = near[0]
            kind = self._kinds[name]
        if not kind and equals:
            raise UsageError(f"option `{name[2:]}' takes no value")
        if kind == "=" and not equals:
            value = self._next(name, rest)
        self.found.append((name, value))

    def _short(self, word: str, rest: Iterator[str]) -> None:
        if re.fullmatch(r"-\d+", word) and "-#" in self._kinds:
            self.found.append(("-#", word[1:]))
            return
        at = 1
        while at < len(word):
            name = "-" + word[at]
            kind = self._kinds.get(name)
            if kind is None:
                raise UsageError(f"unknown switch `{word[at]}'")
            at += 1
            value = ""
            if kind:
                value, at = word[at:], len(word)
                if not value and kind == "=":
                    value = self._next(name, rest)
            self.found.append((name, value))

    @staticmethod
    def _next(name: str, rest: Iterator[str]) -> str:
        value = next(rest, None)
        if value is None:
            kind = "option" if name.startswith("--") else "switch"
            raise UsageError(f"{kind} `{name.lstrip('-')}' requires a value")
        return value

    def has(self, *names: str) -> bool:
        """Whether one of them was given."""
        return any(n in names for n, _ in self.found)

    def value(self, *names: str) -> str | None:
        """The last value of any of them."""
        return next((v for n, v in reversed(self.found) if n in names), None)

    def values(self, *names: str) -> list[str]:
        """Every value of any of them."""
        return [v for n, v in self.found if n in names]

    def number(self, *names: str) -> int | None:
        """A value as a number.

        Raises:
            UsageError: it is none.
        """
        value = self.value(*names)
        if value is None:
            return None
        if not re.fullmatch(r"-?\d+", value):
            raise UsageError(f"option `{names[-1].lstrip('-')}' expects a numerical value")
        return int(value)
