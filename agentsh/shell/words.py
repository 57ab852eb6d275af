"""The scanner of words: quotes, expansions and patterns, read character by character because the shell has no tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from agentsh.core.errors import ShellSyntaxError
from agentsh.shell.arithmetic import ArithmeticSyntaxError, parse_arithmetic
from agentsh.shell.braces import BracesTooDeepError, find_braces, has_braces
from agentsh.shell.escapes import ansi_c
from agentsh.shell.tree import (
    Arithmetic,
    Body,
    CommandSubstitution,
    DoubleQuoted,
    Glob,
    Literal,
    Parameter,
    Part,
    Quoted,
    Tilde,
    Word,
)

if TYPE_CHECKING:
    from typing import Literal as OneOf

MAX_NESTING = 64
"""Substitutions, quotes and compound commands inside each other. Bounded so that no input can exhaust the stack."""

MAX_ARITHMETIC = 1 << 16
"""Characters in one arithmetic expression."""


@dataclass(frozen=True)
class Mode:
    """How a stretch of text is read.

    Attributes:
        run: what ordinary characters are.
        stop: characters that end it.
        quoted: double-quote rules: single quotes, patterns and blanks mean nothing.
        escapes: what a backslash can escape under double-quote rules; elsewhere it escapes everything.
    """

    run: re.Pattern[str]
    stop: str
    quoted: bool = False
    escapes: str = '$`"\\'
    patterns: bool = True


_BARE = Mode(re.compile(r"(?:[^ \t\n;&|<>()$`\"'\\*?\[+@!]|[+@!](?!\())+"), " \t\n;&|<>()")
_DOUBLE = Mode(re.compile(r'[^"$`\\]+'), '"', quoted=True)
_HEREDOC = Mode(re.compile(r"[^$`\\]+"), "", quoted=True, escapes="$`\\")
_BRACED = Mode(re.compile(r"(?:[^}$`\"'\\*?\[+@!]|[+@!](?!\())+"), "}")
_BRACED_QUOTED = Mode(re.compile(r"[^}\"$`\\]+"), "}", quoted=True, escapes='$`"\\}')
_PATTERN_PART = Mode(re.compile(r"(?:[^/}$`\"'\\*?\[+@!]|[+@!](?!\())+"), "/}")
_EXTGLOB = Mode(re.compile(r"(?:[^|)$`\"'\\*?\[+@!]|[+@!](?!\())+"), "|)")
_SUBSCRIPT = Mode(re.compile(r"[^\]\[$`\"'\\]+"), "]", patterns=False)
_REGEX = Mode(re.compile(r"[^ \t\n()|$`\"'\\<>&;\[]+"), " \t\n()|[;&<>", patterns=False)

_PLAIN = re.compile(r"(?:[A-Za-z0-9_./:,%^-]|[@+!](?!\())+(?=[ \t\n;&|<>()]|\Z)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_BRACED_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]", re.ASCII)
_SPECIAL = frozenset("@*#?$!-0123456789")
_OPERATOR = re.compile(r":[-=?+]|[-=?+]|##?|%%?|//|/#|/%|/|\^\^?|,,?|:|@")


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
    """

    def __init__(self, source: str, depth: int = 0) -> None:
        self.source = source
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
        parts = self.parts(_BARE)
        if self.pos == start:
            return None
        return self.finish(parts, start, braces=braces)

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
        return self.parts(_BARE)

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
                parts.extend(self.parts(_REGEX))
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
            if ch == "$":
                self._dollar(out, mode)
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
        return out

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
        parts = self.parts(_DOUBLE)
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
            out.extend(self.parts(_EXTGLOB))
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

    def nested(self, text: str, at: int) -> Body:
        """The statements of ``text``, a source of its own that stands at ``at`` in this one."""
        raise NotImplementedError

    # --- dollar ----------------------------------------------------------------------------------------------------

    def _dollar(self, out: list[Part], mode: Mode) -> None:
        source, start = self.source, self.pos
        nxt = source[start + 1 : start + 2]
        if m := _NAME.match(source, start + 1):
            self.pos = m.end()
            out.append(Parameter(m.group()))
        elif nxt and nxt in _SPECIAL:
            self.pos = start + 2
            out.append(Parameter(nxt))
        elif nxt == "{":
            out.append(self._braced(quoted=mode.quoted))
        elif nxt == "(":
            out.append(self._parenthesised())
        elif nxt == "[":
            self.fail("$[...] is not supported", start, next_step="Write $((...)).")
        elif nxt == "'" and not mode.quoted:
            self.pos = start + 1
            out.append(self._ansi_quotes())
        elif nxt == '"' and not mode.quoted:
            self.pos = start + 1  # $"..." is "..." where there are no translations
        else:
            self.pos = start + 1
            out.append(Literal("$"))

    def _ansi_quotes(self) -> Quoted:
        start = self.pos
        i = start + 1
        while i < self.end and self.source[i] != "'":
            i += 2 if self.source[i] == "\\" else 1
        if i >= self.end:
            self.fail("a $'...' quote is not closed", start)
        self.pos = i + 1
        return Quoted(ansi_c(self.source[start + 1 : i]))

    def _parenthesised(self) -> Part:
        start = self.pos
        self.enter()
        if self.source.startswith("$((", start):
            text = self.arithmetic_text(start + 1)
            if text is not None:
                self.leave()
                return Arithmetic(text)
            # No closing )): a substitution that begins with a subshell.
        self.pos = start + 2
        body = self.substituted_body()
        self.leave()
        return CommandSubstitution(body)

    def arithmetic_text(self, start: int) -> Word | None:
        """What stands in the ``((...))`` at ``start``, consumed; None (position undefined) where that is none.

        Raises:
            ShellSyntaxError: its text is wholly literal and no expression.
        """
        if start in self.not_arithmetic:
            return None
        self.pos = start + 2
        text = self._arithmetic(stop="))")
        if text is None:
            self.not_arithmetic.add(start)
        return text

    def arithmetic_section(self, stop: str) -> Word | None:
        """As :meth:`arithmetic_text`, for a part of ``for ((a; b; c))`` that ends at ``stop``."""
        return self._arithmetic(stop=stop)

    def _arithmetic(self, *, stop: str) -> Word | None:
        start = self.pos
        mode = _ARITHMETIC_SECTION if stop == ";" else _ARITHMETIC
        parts: list[Part] = []
        opened = 0
        while True:
            parts.extend(self.parts(mode))
            if self.pos >= self.end:
                return None
            ch = self.source[self.pos]
            if opened == 0 and self.source.startswith(stop, self.pos):
                break
            if ch == ";":
                return None
            opened += 1 if ch == "(" else -1
            if not 0 <= opened <= MAX_NESTING or self.pos - start > MAX_ARITHMETIC:
                return None
            parts.append(Literal(ch))
            self.pos += 1
        self.pos += len(stop)
        done = tuple(parts)
        static = static_text(done)
        if static is not None:
            try:
                parse_arithmetic(static)
            except ArithmeticSyntaxError as e:
                self.fail(f"arithmetic: {e.what}", start + e.offset)
        return Word(done, start, static)

    def _braced(self, *, quoted: bool) -> Parameter:
        start = self.pos
        self.enter()
        self.pos += 2
        source = self.source
        length = indirect = False
        if source.startswith("#", self.pos) and _BRACED_NAME.match(source, self.pos + 1):
            # ${#-x} and ${#?x} are operators on $#, unless the brace closes at once.
            name_end = _BRACED_NAME.match(source, self.pos + 1)
            length = name_end is not None and source[name_end.end() : name_end.end() + 1] in ("}", "[")
        elif source.startswith("!", self.pos) and _BRACED_NAME.match(source, self.pos + 1):
            indirect = source[self.pos + 1] not in "-" or source[self.pos + 2 : self.pos + 3] == "}"
        self.pos += length or indirect
        m = _BRACED_NAME.match(source, self.pos)
        if m is None:
            self.fail("${...} has no valid name in it", start)
        name = m.group()
        self.pos = m.end()
        subscript: Word | OneOf["@", "*"] | None = None
        if source.startswith("[", self.pos):
            subscript = self.subscript()
        operator, argument, second = "", None, None
        if self.pos < self.end and source[self.pos] != "}":
            if length:
                self.fail("${#name} takes no operator", start)
            operator, argument, second = self._operator(start, quoted=quoted, indirect=indirect)
        if not source.startswith("}", self.pos):
            self.fail("${ is not closed", start)
        self.pos += 1
        self.leave()
        return Parameter(name, subscript, indirect, length, operator, argument, second)

    def subscript(self) -> Word | OneOf["@", "*"]:
        """``[...]`` at the position, consumed."""
        start = self.pos
        self.pos += 1
        for bare in ("@", "*"):
            if self.source.startswith(bare + "]", self.pos):
                self.pos += 2
                return "@" if bare == "@" else "*"
        parts: list[Part] = []
        opened = 0
        while True:
            parts.extend(self.parts(_SUBSCRIPT))
            if self.pos >= self.end:
                self.fail("a subscript's [ is not closed", start)
            ch = self.source[self.pos]
            self.pos += 1
            if ch == "]":
                if opened == 0:
                    break
                opened -= 1
            parts.append(Literal(ch))
        if not parts:
            self.fail("an empty subscript", start)
        return self.finish(parts, start, braces=False)

    def _operator(self, start: int, *, quoted: bool, indirect: bool) -> tuple[str, Word | None, Word | None]:
        source = self.source
        if indirect and source[self.pos : self.pos + 2] in ("*}", "@}"):
            self.pos += 1
            return "names", None, None
        m = _OPERATOR.match(source, self.pos)
        if m is None:
            self.fail("${...} has an operator that is not supported", start)
        op = m.group()
        self.pos = m.end()
        if op == "@":
            return self._transformation(start)
        at = self.pos
        if op == ":":
            return (op, *self._substring())
        if op in ("/", "//", "/#", "/%"):
            # ${x/} and ${x//} replace nothing; the slash that ends the pattern is not part of it.
            pattern = self.finish(self.parts(_PATTERN_PART), at, braces=False)
            second = None
            if source.startswith("/", self.pos):
                self.pos += 1
                at = self.pos
                second = self.finish(self.parts(_BRACED), at, braces=False)
            return op, pattern, second
        as_text = quoted and op.lstrip(":")[:1] in "-=?+"
        argument = self.finish(self.parts(_BRACED_QUOTED if as_text else _BRACED), at, braces=False)
        return op, argument, None

    def _transformation(self, start: int) -> tuple[str, None, None]:
        letter = self.source[self.pos : self.pos + 1]
        if letter not in ("Q", "U", "u", "L"):
            self.fail(f"${{...@{letter}}} is not supported", start, next_step="Supported: @Q, @U, @u, @L.")
        self.pos += 1
        return "@" + letter, None, None

    def _substring(self) -> tuple[Word, Word | None]:
        sections: list[Word] = []
        while True:
            at = self.pos
            parts: list[Part] = []
            opened = choices = 0
            while True:
                parts.extend(self.parts(_SUBSTRING))
                ch = self.source[self.pos : self.pos + 1]
                if not ch or ch == "}" or (ch == ":" and not opened and not choices):
                    break
                opened += (ch == "(") - (ch == ")")
                choices += (ch == "?") - (ch == ":")
                parts.append(Literal(ch))
                self.pos += 1
            done = tuple(parts)
            sections.append(Word(done, at, static_text(done)))
            if ch != ":" or len(sections) == 2:
                break
            self.pos += 1
        return sections[0], sections[1] if len(sections) > 1 else None

    # --- here-documents ----------------------------------------------------------------------------------------------

    def heredoc_parts(self) -> tuple[Part, ...]:
        """The parts of a whole source that is the body of a here-document with an unquoted delimiter."""
        self.pos = 0
        return tuple(self.parts(_HEREDOC))


_ARITHMETIC = Mode(re.compile(r"[^()$`\"\\;]+"), "();", quoted=True)
_ARITHMETIC_SECTION = Mode(re.compile(r"[^();$`\"\\]+"), "();", quoted=True)
_SUBSTRING = Mode(re.compile(r"[^:?}()$`\"\\]+"), ":?}()", quoted=True)

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
