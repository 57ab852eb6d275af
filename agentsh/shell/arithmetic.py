"""Arithmetic expressions: text -> typed tree, with C's operators and precedence as POSIX and bash have them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from agentsh.core.record import record

MAX_NESTING = 60
"""Parentheses and operators nested in one expression."""


@record(frozen=True, slots=True)
class Number:
    """An integer; already decoded from its base."""

    value: int


@record(frozen=True, slots=True)
class Variable:
    """A variable or an array's element; ``subscript`` is its raw text, which an associative array takes as a key."""

    name: str
    subscript: str | None = None


@record(frozen=True, slots=True)
class Unary:
    """``-x``, ``+x``, ``!x``, ``~x``."""

    operator: str
    operand: Expression


@record(frozen=True, slots=True)
class Binary:
    """``x operator y``; ``&&``, ``||`` and ``,`` too."""

    operator: str
    left: Expression
    right: Expression


@record(frozen=True, slots=True)
class Assign:
    """``x = y``; ``operator`` is the binary one of ``+=`` and its kin, empty for ``=``."""

    operator: str
    target: Variable
    value: Expression


@record(frozen=True, slots=True)
class Step:
    """``++x``, ``x--``: by ``delta``; ``before`` when the new value counts."""

    target: Variable
    delta: int
    before: bool


@record(frozen=True, slots=True)
class Choice:
    """``condition ? yes : no``."""

    condition: Expression
    yes: Expression
    no: Expression


Expression: TypeAlias = Number | Variable | Unary | Binary | Assign | Step | Choice


class ArithmeticSyntaxError(ValueError):
    """The text is no expression.

    Args:
        what: the problem.
        offset: characters from the text's start.
    """

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what)
        self.what = what
        self.offset = offset


_TOKEN = re.compile(
    r"\s*(?:(?P<num>[0-9]+#[0-9A-Za-z@_]+|0[xX][0-9A-Fa-f]+|[0-9]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<op><<=|>>=|\*\*|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%<>=!~&|^?:,()\[\]]))",
    re.ASCII,
)
_LEVELS = {
    "||": 3,
    "&&": 4,
    "|": 5,
    "^": 6,
    "&": 7,
    "==": 8,
    "!=": 8,
    "<": 9,
    "<=": 9,
    ">": 9,
    ">=": 9,
    "<<": 10,
    ">>": 10,
    "+": 11,
    "-": 11,
    "*": 12,
    "/": 12,
    "%": 12,
    "**": 13,
}
_ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^="}
_DIGITS = {c: i for i, c in enumerate("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_")}


def _number(text: str, at: int) -> int:
    if "#" in text:
        base_text, digits = text.split("#")
        base = int(base_text) if len(base_text) <= 2 else 0
        if not 2 <= base <= 64:
            raise ArithmeticSyntaxError(f"{base_text} is no base between 2 and 64", at)
        value = 0
        for c in digits:
            d = _DIGITS[c.lower() if base <= 36 and c.isalpha() else c]
            if d >= base:
                raise ArithmeticSyntaxError(f"{text}: a digit is too great for the base", at)
            value = (value * base + d) & 0xFFFFFFFFFFFFFFFF
        return value
    if len(text) > 1000:
        raise ArithmeticSyntaxError("the number is too long", at)
    try:
        return int(text, 16 if text[:2] in ("0x", "0X") else 8 if text[0] == "0" else 10)
    except ValueError:
        raise ArithmeticSyntaxError(f"{text}: a digit is too great for octal (a leading 0)", at) from None


class _Parser:
    """Precedence climbing over a list of tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int, int]] = []  # kind, text, start, end
        pos, end = 0, len(text.rstrip())
        while pos < end:
            m = _TOKEN.match(text, pos)
            if m is None:
                while text[pos].isspace():
                    pos += 1
                raise ArithmeticSyntaxError(f"'{text[pos : pos + 20]}' is no arithmetic", pos)
            kind = str(m.lastgroup)
            self.tokens.append((kind, m[kind], m.start(kind), m.end()))
            pos = m.end()
        self.i = 0
        self.depth = 0

    def parse(self) -> Expression:
        if not self.tokens:
            return Number(0)
        e = self._comma()
        if self.i < len(self.tokens):
            raise self._unexpected()
        return e

    def _unexpected(self) -> ArithmeticSyntaxError:
        if self.i < len(self.tokens):
            _, text, at, _ = self.tokens[self.i]
            return ArithmeticSyntaxError(f"'{text}' is not expected here", at)
        return ArithmeticSyntaxError("the expression ends too early", len(self.text))

    def _op(self) -> str:
        if self.i < len(self.tokens) and self.tokens[self.i][0] == "op":
            return self.tokens[self.i][1]
        return ""

    def _expect(self, op: str) -> None:
        if self._op() != op:
            raise self._unexpected()
        self.i += 1

    def _comma(self) -> Expression:
        e = self._assign()
        while self._op() == ",":
            self.i += 1
            e = Binary(",", e, self._assign())
        return e

    def _assign(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise ArithmeticSyntaxError("the expression nests too deep", 0)
        try:
            left = self._choice()
            op = self._op()
            if op in _ASSIGN:
                if not isinstance(left, Variable):
                    raise ArithmeticSyntaxError("only a variable can be assigned to", self.tokens[self.i][2])
                self.i += 1
                return Assign(op[:-1], left, self._assign())
            return left
        finally:
            self.depth -= 1

    def _choice(self) -> Expression:
        condition = self._binary(3)
        if self._op() != "?":
            return condition
        self.i += 1
        yes = self._comma()
        self._expect(":")
        return Choice(condition, yes, self._assign())

    def _binary(self, level: int) -> Expression:
        left = self._unary()
        while (mine := _LEVELS.get(op := self._op(), 0)) >= level:
            self.i += 1
            # ** alone groups to the right.
            left = Binary(op, left, self._binary(mine if op == "**" else mine + 1))
        return left

    def _unary(self) -> Expression:
        signs: list[str] = []
        while (op := self._op()) in ("-", "+", "!", "~"):
            signs.append(op)
            self.i += 1
            if len(signs) > MAX_NESTING:
                raise ArithmeticSyntaxError("the expression nests too deep", 0)
        e: Expression
        if op in ("++", "--"):
            self.i += 1
            target = self._primary()
            if not isinstance(target, Variable):
                raise self._unexpected()
            e = Step(target, 1 if op == "++" else -1, before=True)
        else:
            e = self._primary()
            if (op := self._op()) in ("++", "--") and isinstance(e, Variable):
                self.i += 1
                e = Step(e, 1 if op == "++" else -1, before=False)
        for sign in reversed(signs):
            e = Unary(sign, e)
        return e

    def _primary(self) -> Expression:
        if self.i >= len(self.tokens):
            raise self._unexpected()
        kind, text, at, _ = self.tokens[self.i]
        if kind == "num":
            self.i += 1
            return Number(_number(text, at))
        if kind == "name":
            self.i += 1
            return Variable(text, self._subscript() if self._op() == "[" else None)
        if text != "(":
            raise self._unexpected()
        self.i += 1
        e = self._comma()
        self._expect(")")
        return e

    def _subscript(self) -> str:
        start = self.tokens[self.i][3]
        depth = 0
        while self.i < len(self.tokens):
            op = self._op()
            depth += (op == "[") - (op == "]")
            self.i += 1
            if depth == 0:
                return self.text[start : self.tokens[self.i - 1][2]]
        raise self._unexpected()


@lru_cache(maxsize=512)
def parse_arithmetic(text: str) -> Expression:
    """The expression that ``text`` says; an empty text is 0.

    Raises:
        ArithmeticSyntaxError: it says none.
    """
    return _Parser(text).parse()
