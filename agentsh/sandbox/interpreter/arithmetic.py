"""Evaluation of arithmetic: 64-bit two's complement, as bash computes."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.state import AssociativeArray, IndexedArray, State
from agentsh.shell.arithmetic import (
    ArithmeticSyntaxError,
    Assign,
    Binary,
    Choice,
    Expression,
    Number,
    Step,
    Unary,
    Variable,
    parse_arithmetic,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_MASK = 0xFFFFFFFFFFFFFFFF
_SIGN = 1 << 63
_MAX_INDIRECTION = 32


def wrap(value: int) -> int:
    """``value`` as a signed 64-bit number."""
    value &= _MASK
    return value - (1 << 64) if value & _SIGN else value


def _divide(a: int, b: int) -> int:
    if b == 0:
        raise CommandError("division by 0", fatal=True)
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def _remainder(a: int, b: int) -> int:
    return a - b * _divide(a, b)


def _power(a: int, b: int) -> int:
    if b < 0:
        raise CommandError("exponent less than 0", fatal=True)
    return pow(a, b, 1 << 64)


_BINARY: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
    "**": _power,
    "<<": lambda a, b: a << (b & 63),
    ">>": lambda a, b: a >> (b & 63),
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    ",": lambda _, b: b,
}
_UNARY: dict[str, Callable[[int], int]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "!": operator.not_,
}


class Evaluator:
    """Evaluates expressions against a shell's variables."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.depth = 0

    def text(self, text: str) -> int:
        """The value of an expression's text.

        Raises:
            CommandError: it is no expression, or divides by zero.
        """
        try:
            return self.value(parse_arithmetic(text))
        except ArithmeticSyntaxError as e:
            raise CommandError(f"{text.strip()}: arithmetic syntax error: {e.what}", fatal=True) from None
        except CommandError as e:
            if e.message in ("division by 0", "exponent less than 0"):
                e.message = f"{text.strip()}: {e.message}"
            raise

    def value(self, e: Expression) -> int:  # noqa: PLR0911 - one return a kind of node
        """The value of an expression."""
        if isinstance(e, Number):
            return wrap(e.value)
        if isinstance(e, Variable):
            return self._read(e)
        if isinstance(e, Binary):
            return self._binary(e)
        if isinstance(e, Unary):
            return wrap(int(_UNARY[e.operator](self.value(e.operand))))
        if isinstance(e, Assign):
            value = self.value(e.value)
            if e.operator:
                value = wrap(int(_BINARY[e.operator](self._read(e.target), value)))
            return self._write(e.target, value)
        if isinstance(e, Step):
            old = self._read(e.target)
            new = self._write(e.target, wrap(old + e.delta))
            return new if e.before else old
        return self._choice(e)

    def _choice(self, e: Choice) -> int:
        return self.value(e.yes) if self.value(e.condition) else self.value(e.no)

    def _binary(self, e: Binary) -> int:
        # A sum of a thousand terms leans to the left a thousand deep: walk that spine, do not recurse on it.
        spine: list[Binary] = []
        left: Expression = e
        while isinstance(left, Binary):
            spine.append(left)
            left = left.left
        value = self.value(left)
        for node in reversed(spine):
            if node.operator == "&&":
                value = int(bool(value) and bool(self.value(node.right)))
            elif node.operator == "||":
                value = int(bool(value) or bool(self.value(node.right)))
            else:
                value = wrap(int(_BINARY[node.operator](value, self.value(node.right))))
        return value

    def _key(self, v: Variable, array: object) -> int | str:
        subscript = v.subscript or "0"
        if isinstance(array, AssociativeArray):
            return subscript.strip("\"'")
        return self.text(subscript)

    def _read(self, v: Variable) -> int:
        if v.subscript is None:
            text = self.state.get(v.name)
            if text is None and "u" in self.state.options:
                raise CommandError(f"{v.name}: unbound variable", 127, fatal=True)
        else:
            array = self.state.variables.get(v.name)
            key = self._key(v, array)
            known = array if isinstance(array, IndexedArray | AssociativeArray) else {0: array}
            text = known.get(key)  # type: ignore[arg-type]
        if not text:
            return 0
        self.depth += 1
        if self.depth > _MAX_INDIRECTION:
            raise CommandError(f"{v.name}: expression recursion level exceeded", fatal=True)
        try:
            return self.text(text)
        finally:
            self.depth -= 1

    def _write(self, v: Variable, value: int) -> int:
        if v.subscript is None:
            self.state.set(v.name, str(value))
            return value
        self.state.check_writable(v.name)
        array = self.state.variables.get(v.name)
        key = self._key(v, array)
        if not isinstance(array, IndexedArray | AssociativeArray):
            array = IndexedArray({0: array} if isinstance(array, str) else {})
            self.state.variables[v.name] = array
        array[key] = str(value)  # type: ignore[index]
        return value
