"""Shell patterns and POSIX extended regular expressions, translated to :mod:`re`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from agentsh.sandbox.interpreter.control import CommandError

Segments: TypeAlias = tuple[tuple[str, bool], ...]
"""Text with, for each stretch, whether it is quoted: quoted text is never pattern syntax."""

_CLASSES = {
    "alnum": r"a-zA-Z0-9",
    "alpha": r"a-zA-Z",
    "ascii": r"\x00-\x7f",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": r"0-9",
    "graph": r"!-~",
    "lower": r"a-z",
    "print": r" -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r\f\v",
    "upper": r"A-Z",
    "word": r"a-zA-Z0-9_",
    "xdigit": r"0-9A-Fa-f",
}
_CLASS = re.compile(r"\[:(\w+):\]")
_MAX_NEGATIONS = 8
"""Each one doubles the length of the regular expression."""
_EXTENDED = re.compile(r"[?*+@!]\(")


def has_magic(segments: Segments) -> bool:
    """Whether any unquoted text is pattern syntax."""
    closed = any("]" in text for text, _ in segments)
    return any(
        not quoted and ("*" in text or "?" in text or ("[" in text and closed) or _EXTENDED.search(text))
        for text, quoted in segments
    )


def _characters(segments: Segments) -> list[tuple[str, bool]]:
    return [(c, quoted) for text, quoted in segments for c in text]


class _Translator:
    """Pattern characters -> regular expression, from the right so that ``!(...)`` knows what follows it."""

    def __init__(self, chars: list[tuple[str, bool]]) -> None:
        self.chars = chars
        self.extended = False
        self.negations = 0

    def items(self, i: int, stop: str) -> tuple[list[tuple[str, str]], int]:
        """Atoms (kind, regex) from ``i`` to an unquoted character of ``stop``; the index of that character."""
        out: list[tuple[str, str]] = []
        chars, end = self.chars, len(self.chars)
        while i < end:
            c, quoted = chars[i]
            if not quoted and c in stop:
                break
            if not quoted and c in "?*+@!" and i + 1 < end and chars[i + 1] == ("(", False):
                group = self._group(i)
                if group is not None:
                    atom, i = group
                    out.append(atom)
                    continue
            i = self._atom(out, i)
        return out, i

    def _atom(self, out: list[tuple[str, str]], i: int) -> int:
        """Add the atom at ``i``, which begins no group; where the next one is."""
        c, quoted = self.chars[i]
        found = self._bracket(i) if c == "[" and not quoted else None
        if found is not None:
            out.append(("char", found[0]))
            return found[1]
        if quoted or c not in "*?\\":
            out.append(("char", re.escape(c)))
        elif c == "*":
            if not out or out[-1][0] != "star":
                out.append(("star", ".*"))
        elif c == "?":
            out.append(("char", "."))
        elif i + 1 < len(self.chars):
            out.append(("char", re.escape(self.chars[i + 1][0])))
            return i + 2
        else:
            out.append(("char", re.escape(c)))
        return i + 1

    def _group(self, i: int) -> tuple[tuple[str, str], int] | None:
        operator = self.chars[i][0]
        i += 2
        alternatives: list[str] = []
        while True:
            items, i = self.items(i, "|)")
            if i >= len(self.chars):
                return None
            alternatives.append(self.join(items, ""))
            i += 1
            if self.chars[i - 1][0] == ")":
                break
        self.extended = True
        body = "|".join(alternatives)
        if operator == "!":
            self.negations += 1
            if self.negations > _MAX_NEGATIONS:
                raise CommandError(f"a pattern with more than {_MAX_NEGATIONS} !(...)")
            return ("not", body), i
        suffix = {"?": "?", "*": "*", "+": "+", "@": ""}[operator]
        return ("char", f"(?:{body}){suffix}"), i

    def _bracket(self, i: int) -> tuple[str, int] | None:
        chars, end = self.chars, len(self.chars)
        j = i + 1
        negate = j < end and chars[j] in (("!", False), ("^", False))
        j += negate
        body: list[str] = []
        first = True
        while j < end:
            c, quoted = chars[j]
            if c == "]" and not quoted and not first:
                return f"[{'^' if negate else ''}{''.join(body)}]" if body else None, j + 1  # type: ignore[return-value]
            first = False
            if c == "[" and not quoted and j + 1 < end and chars[j + 1][0] == ":":
                rest = "".join(ch for ch, _ in chars[j : j + 12])
                m = _CLASS.match(rest)
                if m and m.group(1) in _CLASSES:
                    body.append(_CLASSES[m.group(1)])
                    j += m.end()
                    continue
            if c == "\\" and not quoted and j + 1 < end:
                j += 1
                c = chars[j][0]
            high = None
            if j + 2 < end and chars[j + 1] == ("-", False) and chars[j + 2] != ("]", False):
                high = chars[j + 2][0]
                j += 2
                if high == "\\" and not chars[j][1] and j + 1 < end:
                    j += 1
                    high = chars[j][0]
            if high is None:
                body.append(re.escape(c))
            elif c <= high:
                body.append(f"{re.escape(c)}-{re.escape(high)}")
            j += 1
        return None

    def join(self, items: list[tuple[str, str]], rest: str) -> str:
        """One regular expression of the atoms."""
        out = rest
        for kind, text in reversed(items):
            out = f"(?:(?!(?:{text}){out}\\Z).*)" + out if kind == "not" else text + out
        return out


@lru_cache(maxsize=512)
def _translate(segments: Segments) -> tuple[str, bool]:
    t = _Translator(_characters(segments))
    items, _ = t.items(0, "")
    return t.join(items, ""), t.extended


@lru_cache(maxsize=512)
def compile_pattern(segments: Segments, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A regular expression for use with ``fullmatch``."""
    t = _Translator(_characters(segments))
    items, _ = t.items(0, "")
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    if t.extended:
        return re.compile(t.join(items, ""), flags)
    # Between two stars the first place that matches is as good as any, so each is tried once: no backtracking blow-up.
    groups: list[list[str]] = [[]]
    for kind, text in items:
        if kind == "star":
            groups.append([])
        else:
            groups[-1].append(text)
    out = "".join(groups[0])
    for group in groups[1:-1]:
        out += f"(?>.*?{''.join(group)})"
    if len(groups) > 1:
        out += ".*" + "".join(groups[-1])
    return re.compile(out, flags)


def matches(segments: Segments, text: str, *, ignore_case: bool = False) -> bool:
    """Whether the pattern matches the whole text."""
    return compile_pattern(segments, ignore_case=ignore_case).fullmatch(text) is not None


def find_prefix(segments: Segments, text: str, *, longest: bool) -> int | None:
    """The length of the shortest or longest prefix that matches; None for none."""
    regex, extended = _translate(segments)
    if not extended:
        m = re.compile(regex if longest else regex.replace(".*", ".*?"), re.DOTALL).match(text)
        return m.end() if m else None
    lengths = range(len(text), -1, -1) if longest else range(len(text) + 1)
    whole = compile_pattern(segments)
    return next((n for n in lengths if whole.fullmatch(text, 0, n)), None)


def find_suffix(segments: Segments, text: str, *, longest: bool) -> int | None:
    """Where the shortest or longest suffix that matches begins; None for none."""
    whole = compile_pattern(segments)
    starts = range(len(text) + 1) if longest else range(len(text), -1, -1)
    regex, extended = _translate(segments)
    if not extended and "*" not in regex and not text[-1:]:
        return 0 if whole.fullmatch(text) else None
    if not extended and longest:
        m = re.compile(f"(?:{regex})\\Z", re.DOTALL).search(text)
        return m.start() if m else None
    return next((n for n in starts if whole.fullmatch(text, n)), None)


def substitute(segments: Segments, text: str, replace: list[str | None], *, every: bool) -> str:
    """``text`` with the (first or every) longest match replaced; None in ``replace`` stands for what matched."""
    regex, extended = _translate(segments)

    def replaced(found: str) -> str:
        return "".join(found if r is None else r for r in replace)

    if not extended:
        compiled = re.compile(regex, re.DOTALL)
        return compiled.sub(
            lambda m: replaced(m.group()) if m.group() or not every else "", text, count=0 if every else 1
        )
    whole = compile_pattern(segments)
    out: list[str] = []
    i = 0
    while i <= len(text):
        end = next((n for n in range(len(text), i, -1) if whole.fullmatch(text, i, n)), None)
        if end is None:
            out.append(text[i : i + 1])
            i += 1
            continue
        out.append(replaced(text[i:end]))
        i = end
        if not every:
            break
    return "".join(out) + text[i:]


def posix_regex(segments: Segments) -> str:
    """A POSIX extended regular expression (quoted stretches literal) in :mod:`re`'s syntax."""
    out: list[str] = []
    chars = _characters(segments)
    i, end = 0, len(chars)
    while i < end:
        c, quoted = chars[i]
        if quoted:
            out.append(re.escape(c))
        elif c == "[":
            text, i = _regex_bracket(chars, i)
            out.append(text)
            continue
        elif c == "\\" and i + 1 < end:
            i += 1
            nxt = chars[i][0]
            out.append(
                {"<": r"\b(?=\w)", ">": r"\b(?<=\w)"}.get(nxt, "\\" + nxt if nxt in "bBwWsS" else re.escape(nxt))
            )
        elif c == "$":
            out.append(r"\Z")
        else:
            out.append(c)
        i += 1
    return "".join(out)


def _regex_bracket(chars: list[tuple[str, bool]], i: int) -> tuple[str, int]:
    j = i + 1
    end = len(chars)
    body = "["
    if j < end and chars[j] == ("^", False):
        body += "^"
        j += 1
    first = True
    while j < end:
        c, quoted = chars[j]
        if c == "]" and not quoted and not first:
            return body + "]", j + 1
        first = False
        m = _CLASS.match("".join(ch for ch, _ in chars[j : j + 12])) if c == "[" and not quoted else None
        if m and m.group(1) in _CLASSES:
            body += _CLASSES[m.group(1)]
            j += m.end()
            continue
        body += "-" if c == "-" and not quoted else re.escape(c)
        j += 1
    return r"\[", i + 1
