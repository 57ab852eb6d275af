"""The scanner of what a dollar begins: parameters, substitutions, arithmetic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentsh.shell.arithmetic import ArithmeticSyntaxError, parse_arithmetic
from agentsh.shell.escapes import ansi_c
from agentsh.shell.modes import (
    ARITHMETIC,
    ARITHMETIC_SECTION,
    BRACED,
    BRACED_QUOTED,
    PATTERN_PART,
    SUBSCRIPT,
    SUBSTRING,
    Mode,
)
from agentsh.shell.tree import Arithmetic, CommandSubstitution, Literal, Parameter, Part, Quoted, Word
from agentsh.shell.words import MAX_NESTING, WordScanner, static_text

if TYPE_CHECKING:
    from typing import Literal as OneOf

MAX_ARITHMETIC = 1 << 16
"""Characters in one arithmetic expression."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_BRACED_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]", re.ASCII)
_SPECIAL = frozenset("@*#?$!-0123456789")
_OPERATOR = re.compile(r":[-=?+]|[-=?+]|##?|%%?|//|/#|/%|/|\^\^?|,,?|:|@")


class DollarScanner(WordScanner):
    """Reads expansions."""

    # --- dollar ----------------------------------------------------------------------------------------------------

    def dollar(self, out: list[Part], mode: Mode) -> None:
        """Read what the dollar at the position begins, and add it to ``out``."""
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
        mode = ARITHMETIC_SECTION if stop == ";" else ARITHMETIC
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
            after = source[name_end.end() : name_end.end() + 1] if name_end is not None else ""
            # ${##[ab]} takes a pattern off $#: only a variable has a subscript.
            length = after == "}" or (after == "[" and _NAME.match(source, self.pos + 1) is not None)
        elif source.startswith("!", self.pos) and _BRACED_NAME.match(source, self.pos + 1):
            indirect = source[self.pos + 1] != "-" or source[self.pos + 2 : self.pos + 3] == "}"
        self.pos += length or indirect
        m = _BRACED_NAME.match(source, self.pos)
        if m is None:
            self.fail("${...} has no valid name in it", start)
        name = m.group()
        self.pos = m.end()
        subscript: Word | OneOf["@", "*"] | None = None
        if source.startswith("[", self.pos) and _NAME.fullmatch(name):
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
            parts.extend(self.parts(SUBSCRIPT))
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
            pattern = self.finish(self.parts(PATTERN_PART), at, braces=False)
            second = None
            if source.startswith("/", self.pos):
                self.pos += 1
                at = self.pos
                second = self.finish(self.parts(BRACED), at, braces=False)
            return op, pattern, second
        as_text = quoted and op.lstrip(":")[:1] in "-=?+"
        argument = self.finish(self.parts(BRACED_QUOTED if as_text else BRACED), at, braces=False)
        return op, argument, None

    def _transformation(self, start: int) -> tuple[str, None, None]:
        letter = self.source[self.pos : self.pos + 1]
        if not letter or letter not in "QUuLEAa":
            self.fail(f"${{...@{letter}}} is not supported", start, next_step="There are @Q @E @A @a @U @u @L.")
        self.pos += 1
        return "@" + letter, None, None

    def _substring(self) -> tuple[Word, Word | None]:
        sections: list[Word] = []
        while True:
            at = self.pos
            parts: list[Part] = []
            opened = choices = 0
            while True:
                parts.extend(self.parts(SUBSTRING))
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
