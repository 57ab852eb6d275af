from __future__ import annotations

import pytest

from agentsh.shell.arithmetic import (
    ArithmeticSyntaxError,
    Assign,
    Binary,
    Choice,
    Number,
    Step,
    Unary,
    Variable,
    parse_arithmetic,
)


def test_precedence_and_grouping() -> None:
    one, two, three = Number(1), Number(2), Number(3)
    assert parse_arithmetic("1+2*3") == Binary("+", one, Binary("*", two, three))
    assert parse_arithmetic("1-2-3") == Binary("-", Binary("-", one, two), three)
    assert parse_arithmetic("1**2**3") == Binary("**", one, Binary("**", two, three))
    assert parse_arithmetic("(1+2)*3") == Binary("*", Binary("+", one, two), three)
    assert parse_arithmetic("1?2:3") == Choice(one, two, three)
    assert parse_arithmetic("x=y+=1") == Assign("", Variable("x"), Assign("+", Variable("y"), one))
    assert parse_arithmetic("x++ + --a[i]") == Binary(
        "+", Step(Variable("x"), 1, before=False), Step(Variable("a", "i"), -1, before=True)
    )
    assert parse_arithmetic("!-1") == Unary("!", Unary("-", one))
    assert parse_arithmetic(" ") == Number(0)


@pytest.mark.parametrize(
    ("text", "value"), [("0x1F", 31), ("010", 8), ("2#101", 5), ("36#z", 35), ("64#_", 63), ("16#fF", 255)]
)
def test_bases(text: str, value: int) -> None:
    assert parse_arithmetic(text) == Number(value)


@pytest.mark.parametrize(
    "text",
    [
        "1+",
        "1 2",
        "(1",
        "1)",
        "08",
        "2#2",
        "65#1",
        "1=2",
        "a b",
        "1 ? 2",
        "$",
        "a[1",
        "(" * 500,
        "- " * 500,
        "9" * 5000,
    ],
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ArithmeticSyntaxError):
        parse_arithmetic(text)
