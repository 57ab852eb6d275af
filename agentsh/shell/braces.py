"""Brace expansion: ``{a,b}`` and ``{1..9}``, found among a word's parts and unfolded into several words."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from agentsh.shell.tree import BraceList, BraceRange, Literal, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_NESTING = 40
"""Braces in braces; deeper ones are refused."""

_TOKEN = re.compile(r"[{},]|[^{},]+")
_NUMBERS = re.compile(r"([+-]?\d{1,18})\.\.([+-]?\d{1,18})(?:\.\.([+-]?\d{1,18}))?", re.ASCII)
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.([+-]?\d{1,18}))?", re.ASCII)


class BracesTooDeepError(ValueError):
    """More braces in braces than :data:`MAX_NESTING`."""


def find_braces(parts: Sequence[Part]) -> tuple[Part, ...]:
    """``parts`` with every brace expression in its literals made a node.

    Raises:
        BracesTooDeepError: they nest too deep.
    """
    tokens: list[str | Part] = []
    for part in parts:
        if isinstance(part, Literal):
            tokens.extend(_TOKEN.findall(part.text))
        else:
            tokens.append(part)
    closing: dict[int, int] = {}
    commas: dict[int, list[int]] = {}
    opened: list[int] = []
    for i, item in enumerate(tokens):
        if item == "{":
            opened.append(i)
        elif item == "}" and opened:
            closing[opened.pop()] = i
        elif item == "," and opened:
            commas.setdefault(opened[-1], []).append(i)
    return _Finder(tokens, closing, commas).sequence(0, len(tokens), 0)


class _Finder:
    """Turns a run of tokens into parts."""

    def __init__(self, tokens: list[str | Part], closing: dict[int, int], commas: dict[int, list[int]]) -> None:
        self.tokens = tokens
        self.closing = closing
        self.commas = commas

    def sequence(self, i: int, end: int, depth: int) -> tuple[Part, ...]:
        if depth > MAX_NESTING:
            raise BracesTooDeepError
        parts: list[Part] = []
        text: list[str] = []

        def flush() -> None:
            if text:
                parts.append(Literal("".join(text)))
                text.clear()

        while i < end:
            item = self.tokens[i]
            node = self._brace(i, depth) if item == "{" and i in self.closing else None
            if node is not None:
                flush()
                parts.append(node)
                i = self.closing[i] + 1
                continue
            if isinstance(item, str):
                text.append(item)
            else:
                flush()
                parts.append(item)
            i += 1
        flush()
        return tuple(parts)

    def _brace(self, i: int, depth: int) -> BraceList | BraceRange | None:
        end = self.closing[i]
        if i in self.commas:
            cuts = [i, *self.commas[i], end]
            return BraceList(
                tuple(self.sequence(a + 1, b, depth + 1) for a, b in pairwise(cuts)),
            )
        inner = self.tokens[i + 1]
        return _range(inner) if end == i + 2 and isinstance(inner, str) else None


def _range(text: str) -> BraceRange | None:
    if m := _NUMBERS.fullmatch(text):
        first, last, step = m.groups()
        padded = any(re.match(r"[+-]?0\d", t) for t in (first, last))
        width = max(len(first), len(last)) if padded else 0
        return BraceRange(int(first), int(last), abs(int(step or 1)) or 1, width)
    if m := _LETTERS.fullmatch(text):
        first, last, step = m.groups()
        return BraceRange(ord(first), ord(last), abs(int(step or 1)) or 1, letters=True)
    return None


def has_braces(parts: Sequence[Part]) -> bool:
    """Whether there is anything to unfold."""
    return any(isinstance(p, BraceList | BraceRange) for p in parts)


def unfold(parts: Sequence[Part]) -> Iterator[tuple[Part, ...]]:
    """Every word that ``parts`` stands for, in order, one at a time: the number may be huge."""
    at, part = next(((i, p) for i, p in enumerate(parts) if isinstance(p, BraceList | BraceRange)), (0, None))
    if part is None:
        yield tuple(parts)
        return
    head = tuple(parts[:at])
    tail = parts[at + 1 :]
    for middle in _alternatives(part):
        for rest in unfold(tail):
            yield (*head, *middle, *rest)


def count_unfolded(parts: Sequence[Part]) -> int:
    """How many words :func:`unfold` gives, without making one of them."""
    number = 1
    for part in parts:
        if isinstance(part, BraceList):
            number *= sum(count_unfolded(alternative) for alternative in part.alternatives)
        elif isinstance(part, BraceRange):
            number *= abs(part.last - part.first) // part.step + 1
    return number


def _alternatives(part: BraceList | BraceRange) -> Iterator[tuple[Part, ...]]:
    if isinstance(part, BraceList):
        for alternative in part.alternatives:
            yield from unfold(alternative)
        return
    step = part.step if part.first <= part.last else -part.step
    stop = part.last + (1 if step > 0 else -1)
    for value in range(part.first, stop, step):
        if part.letters:
            text = chr(value)
        else:
            sign = "-" if value < 0 else ""
            text = sign + str(abs(value)).zfill(part.width - len(sign))
        yield (Literal(text),)
