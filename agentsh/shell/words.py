"""The scanner of words: quotes and patterns, read character by character because the shell has no tokens."""

from __future__ import annotations

import re
from typing import NoReturn

from agentsh.core.errors import ShellSyntaxError
from agentsh.shell.braces import BracesTooDeepError, find_braces
from agentsh.shell.modes import BARE, DOUBLE, EXTGLOB, HEREDOC, REGEX, Mode
from agentsh.shell.tree import (
    Body,
    CommandSubstitution,
    DoubleQuoted,
    Glob,
    Literal,
    Part,
    ProcessSubstitution,
    Quoted,
    Tilde,
    Word,
)

MAX_NESTING = 64
"""Substitutions, quotes and compound commands inside each other. Bounded so that no input can exhaust the stack."""


# The whole of an ordinary word, and the command [, which is no pattern.
_PLAIN = re.compile(r"(?:(?:[A-Za-z0-9_./:,%^-]|[@+!](?!\())+|\[|\])(?=[ \t\n;&|<>()]|\Z)")


def static_text(parts: tuple[Part, ...]) -> str | None:
    """What the parts always expand to as one field; None when that depends on state."""
    out: list[str] = []
    for p in parts:
        if isinstance(p, Literal | Quoted):
            out.append(p.text)
        elif isinstance(p, DoubleQuoted):
            inner = static_text(p.parts)
            if inner is None:
                return None
            out.append(inner)
        else:
            return None
    return "".join(out)


class WordScanner:
    """Reads words from ``source`` at ``pos``; the parser of commands builds on it.

    Args:
        source: the text.
        depth: how deep the text itself lies in others.
        first_line: the number of its first line.
    """

    def __init__(self, source: str, depth: int = 0, *, first_line: int = 1) -> None:
        self.source = source
        self._counted = 0, first_line
        self.end = len(source)
        self.pos = 0
        self.depth = depth
        # Where (( was tried as arithmetic and was none: without this, nested tries would double at each level.
        self.not_arithmetic: set[int] = set()

    def fail(self, what: str, offset: int | None = None, *, next_step: str | None = None) -> NoReturn:
        """Raise a syntax error with its place.

        Raises:
            ShellSyntaxError: always.
        """
        at = min(self.pos if offset is None else offset, self.end)
        line = self.source.count("\n", 0, at) + 1
        column = at - (self.source.rfind("\n", 0, at) + 1) + 1
        raise ShellSyntaxError(
            f"shell syntax, line {line}, column {column}: {what}.",
            source=self.source,
            offset=at,
            next_step=next_step or "Correct the line and run it again.",
        )

    def line_of(self, offset: int) -> int:
        """The number of the line at ``offset``. Places that are asked for one after the other are counted once."""
        at, line = self._counted
        if offset >= at:
            line += self.source.count("\n", at, offset)
        else:
            line -= self.source.count("\n", offset, at)
        self._counted = offset, line
        return line

    def at(self, text: str) -> bool:
        """Whether ``text`` stands here."""
        return self.source.startswith(text, self.pos)

    def enter(self) -> None:
        """Count one level of nesting."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.fail(
                f"more than {MAX_NESTING} levels of nesting",
                next_step="Split it into functions or several commands.",
            )

    def leave(self) -> None:
        """Leave a level."""
        self.depth -= 1

    def substituted_body(self) -> Body:
        """The statements up to the closing parenthesis, which is consumed."""
        raise NotImplementedError

    # --- whole words -----------------------------------------------------------------------------------------------

    def word(self, *, braces: bool = True) -> Word | None:
        """The word at the position, or None where none begins."""
        start = self.pos
        m = _PLAIN.match(self.source, start)
        if m is not None:
            self.pos = m.end()
            text = m.group()
            return Word((Literal(text),), start, text)
        parts = self.parts(BARE)
        while self.at("<(") or self.at(">("):
            parts.append(self.process_substitution())
            parts.extend(self.parts(BARE))
        if self.pos == start:
            return None
        return self.finish(parts, start, braces=braces)

    def process_substitution(self) -> ProcessSubstitution:
        """The ``<(...)`` or ``>(...)`` that stands here."""
        reads = self.at("<(")
        self.enter()
        self.pos += 2
        body = self.substituted_body()
        self.leave()
        return ProcessSubstitution(body, reads)

    def finish(self, parts: list[Part], start: int, *, braces: bool = True, assigned: bool = False) -> Word:
        """A word of ``parts``: with braces found and tildes recognised."""
        done = tuple(parts)
        if braces and any(isinstance(p, Literal) and "{" in p.text for p in parts):
            try:
                done = find_braces(parts)
            except BracesTooDeepError:
                self.fail("braces nest too deep", start)
        if any(isinstance(p, Literal) and "~" in p.text for p in parts):
            done = _tildes(done, assigned=assigned)
            if not assigned and isinstance(parts[0], Literal) and (m := _LIKE_ASSIGNMENT.match(parts[0].text)):
                # As bash: name=~ is expanded in any word, dd of=~/x too.
                rest = (Literal(parts[0].text[m.end() :]), *parts[1:])
                done = (Literal(m.group()), *_tildes(rest, assigned=True))
        return Word(done, start, static_text(done))

    def bare_parts(self) -> list[Part]:
        """The parts of an unquoted word; empty where none begins."""
        return self.parts(BARE)

    def regex_word(self) -> Word:
        """The right side of ``=~``: parentheses and bars are part of it, blanks inside parentheses too."""
        start = self.pos
        parts: list[Part] = []
        opened = 0
        bracket = False
        while self.pos < self.end:
            ch = self.source[self.pos]
            if ch in "()" and not bracket:
                opened += 1 if ch == "(" else -1
                if opened < 0:
                    break
            elif ch == "[":
                bracket = True
            elif ch == "]":
                bracket = False
            elif ch in " \t\n;&<>" and not opened and not bracket:
                break
            if ch in "()|[ \t\n;&<>":
                parts.append(Literal(ch))
                self.pos += 1
            else:
                parts.extend(self.parts(REGEX))
                # A class such as [^]] ends inside a run of ordinary characters.
                bracket = bracket and "]" not in self.source[start : self.pos].rpartition("[")[2][1:]
        if self.pos == start:
            self.fail("a regular expression is missing after =~")
        done = tuple(parts)
        return Word(done, start, static_text(done))

    # --- parts -----------------------------------------------------------------------------------------------------

    def parts(self, mode: Mode) -> list[Part]:
        """The parts up to one of the mode's stop characters, which is left alone, or to the end."""
        source, end = self.source, self.end
        out: list[Part] = []
        while self.pos < end:
            m = mode.run.match(source, self.pos)
            if m is not None:
                self.pos = m.end()
                out.append(Literal(m.group()))
                if self.pos >= end:
                    break
            ch = source[self.pos]
            if ch in mode.stop:
                break
            self._special(out, ch, mode)
        return out

    def _special(self, out: list[Part], ch: str, mode: Mode) -> None:
        """Read what the special character ``ch`` begins."""
        if ch == "$":
            self.dollar(out, mode)
        elif ch == "`":
            out.append(self._backquotes(quoted=mode.quoted))
        elif ch == "\\":
            self._backslash(out, mode)
        elif ch == '"':
            out.append(self._double_quotes())
        elif ch == "'" and not mode.quoted:
            out.append(self._single_quotes())
        elif mode.patterns and ch in "*?[+@!":
            self._glob(out, ch)
        else:
            out.append(Literal(ch))
            self.pos += 1

    def _backslash(self, out: list[Part], mode: Mode) -> None:
        nxt = self.source[self.pos + 1 : self.pos + 2]
        if nxt == "\n":
            self.pos += 2
        elif not nxt:
            self.pos += 1
            out.append(Literal("\\"))
        elif mode.quoted and nxt not in mode.escapes:
            self.pos += 2
            out.append(Literal("\\" + nxt))
        else:
            self.pos += 2
            out.append(Quoted(nxt))

    def _single_quotes(self) -> Quoted:
        start = self.pos
        close = self.source.find("'", start + 1)
        if close < 0:
            self.fail("a single quote is not closed", start)
        self.pos = close + 1
        return Quoted(self.source[start + 1 : close])

    def _double_quotes(self) -> DoubleQuoted:
        start = self.pos
        self.enter()
        self.pos += 1
        parts = self.parts(DOUBLE)
        if self.pos >= self.end:
            self.fail("a double quote is not closed", start)
        self.pos += 1
        self.leave()
        return DoubleQuoted(tuple(parts))

    def _glob(self, out: list[Part], ch: str) -> None:
        start = self.pos
        self.pos += 1
        if ch == "[" or self.source[self.pos : self.pos + 1] != "(":
            out.append(Glob(ch) if ch in "*?[" else Literal(ch))
            return
        self.enter()
        self.pos += 1
        out.append(Glob(ch + "("))
        while True:
            out.extend(self.parts(EXTGLOB))
            if self.pos >= self.end:
                self.fail(f"the pattern {ch}( is not closed", start)
            close = self.source[self.pos]
            self.pos += 1
            out.append(Glob(close))
            if close == ")":
                break
        self.leave()

    def _backquotes(self, *, quoted: bool) -> CommandSubstitution:
        start = self.pos
        text: list[str] = []
        i = start + 1
        while True:
            if i >= self.end:
                self.fail("a backquote is not closed", start)
            ch = self.source[i]
            if ch == "`":
                break
            if ch == "\\" and self.source[i + 1 : i + 2] in ("\\", "$", "`", *('"' if quoted else "")):
                i += 1
                ch = self.source[i : i + 1]
            text.append(ch)
            i += 1
        self.pos = i + 1
        self.enter()
        body = self.nested("".join(text), start)
        self.leave()
        return CommandSubstitution(body)

    def dollar(self, out: list[Part], mode: Mode) -> None:
        """Read what the dollar at the position begins, and add it to ``out``."""
        raise NotImplementedError

    def nested(self, text: str, at: int) -> Body:
        """The statements of ``text``, a source of its own that stands at ``at`` in this one."""
        raise NotImplementedError

    # --- here-documents ----------------------------------------------------------------------------------------------

    def heredoc_parts(self) -> tuple[Part, ...]:
        """The parts of a whole source that is the body of a here-document with an unquoted delimiter."""
        self.pos = 0
        return tuple(self.parts(HEREDOC))


_LIKE_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=(?=.)", re.ASCII)
_TILDE = re.compile(r"~([+-]?)(?=/|\Z)")


def _tildes(parts: tuple[Part, ...], *, assigned: bool) -> tuple[Part, ...]:
    """``parts`` with the tildes at the start (and, in an assignment, after each colon) made nodes."""
    out: list[Part] = []
    for i, part in enumerate(parts):
        if not isinstance(part, Literal) or "~" not in part.text or (i and not assigned):
            out.append(part)
            continue
        pieces = part.text.split(":") if assigned else [part.text]
        for n, piece in enumerate(pieces):
            if n:
                out.append(Literal(":"))
            m = _TILDE.match(piece)
            at_start = n > 0 or i == 0
            whole = "/" in piece or n < len(pieces) - 1 or i == len(parts) - 1
            if m and at_start and whole:
                out.append(Tilde(m.group(1)))
                piece = piece[m.end() :]  # noqa: PLW2901 - the rest of the piece
            if piece:
                out.append(Literal(piece))
    return tuple(out)
