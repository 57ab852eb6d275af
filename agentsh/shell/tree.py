"""The shell's syntax tree: what a script says, before anything of it is expanded or run.

Every node is frozen. Text is ``str``; bytes that are no UTF-8 stand in it as surrogates (PEP 383). ``offset`` is the
number of characters from the start of the source.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal as OneOf
from typing import TypeAlias

from agentsh.core.record import record

# --- words ---------------------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Literal:
    """Unquoted text without meaning of its own."""

    text: str


@record(frozen=True, slots=True)
class Quoted:
    """Text taken as it stands: single quotes, ``$'...'`` (decoded), or a backslash and a character."""

    text: str


@record(frozen=True, slots=True)
class DoubleQuoted:
    """Double quotes, or the body of a here-document: expanded, never split and never a pattern."""

    parts: tuple[Part, ...]


@record(frozen=True, slots=True)
class Glob:
    """Unquoted pattern syntax: ``*``, ``?``, ``[``, and the pieces of ``@(a|b)`` and its kin."""

    text: str


@record(frozen=True, slots=True)
class Tilde:
    """``~`` (``name`` empty), ``~+`` or ``~-`` at a word's start."""

    name: str


@record(frozen=True, slots=True)
class Parameter:
    """``$x`` and every form of ``${...}``.

    Attributes:
        name: variable, positional number, or one of ``@*#?-$!0``.
        subscript: ``[...]``: a word, or the bare ``@`` or ``*``.
        indirect: ``${!x}``; with the subscript ``@`` or ``*``, the array's keys.
        length: ``${#x}``.
        operator: what follows the name, such as ``:-``, ``##``, ``//``; ``:`` for a substring; ``names`` for
            ``${!prefix*}``; empty for none.
        argument: the operator's word; a substring's offset.
        second: a substitution's replacement; a substring's length.
    """

    name: str
    subscript: Word | OneOf["@", "*"] | None = None
    indirect: bool = False
    length: bool = False
    operator: str = ""
    argument: Word | None = None
    second: Word | None = None


@record(frozen=True, slots=True)
class CommandSubstitution:
    """``$(...)`` or backquotes."""

    body: Body


@record(frozen=True, slots=True)
class ProcessSubstitution:
    """``<(...)`` (``reads``: the command reads what the statements print) or ``>(...)``."""

    body: Body
    reads: bool = True


@record(frozen=True, slots=True)
class Arithmetic:
    """``$((...))``: expanded like double quotes first, then evaluated."""

    text: Word


@record(frozen=True, slots=True)
class BraceList:
    """``{a,b,c}``: each alternative is a sequence of parts."""

    alternatives: tuple[tuple[Part, ...], ...]


@record(frozen=True, slots=True)
class BraceRange:
    """``{1..9}``, ``{a..e..2}``. ``width`` is the zero-padded width, 0 for none; ``letters`` for code points."""

    first: int
    last: int
    step: int
    width: int = 0
    letters: bool = False


Part: TypeAlias = (
    Literal
    | Quoted
    | DoubleQuoted
    | Glob
    | Tilde
    | Parameter
    | CommandSubstitution
    | ProcessSubstitution
    | Arithmetic
    | BraceList
    | BraceRange
)


@record(frozen=True, slots=True)
class Word:
    """One word.

    Attributes:
        static: what it always expands to, as exactly one field; None where that depends on the shell's state.
    """

    parts: tuple[Part, ...]
    offset: int = 0
    static: str | None = None


@record(frozen=True, slots=True)
class ArrayItem:
    """``value`` or ``[key]=value`` inside an array's parentheses."""

    key: Word | None
    value: Word


@record(frozen=True, slots=True)
class ArrayValue:
    """``(a b [3]=c)``."""

    items: tuple[ArrayItem, ...]


@record(frozen=True, slots=True)
class Assignment:
    """``name=value``, ``name+=value``, ``name[i]=value``, ``name=(...)``."""

    name: str
    value: Word | ArrayValue
    subscript: Word | None = None
    append: bool = False
    offset: int = 0


# --- conditions of [[ ]] -------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class UnaryTest:
    """``-f word``; a lone word is ``-n word``."""

    operator: str
    operand: Word


@record(frozen=True, slots=True)
class BinaryTest:
    """``left operator right``."""

    operator: str
    left: Word
    right: Word


@record(frozen=True, slots=True)
class NotTest:
    """``! test``."""

    operand: Test


@record(frozen=True, slots=True)
class JoinedTest:
    """``left && right`` or ``left || right``."""

    operator: OneOf["&&", "||"]
    left: Test
    right: Test


Test: TypeAlias = UnaryTest | BinaryTest | NotTest | JoinedTest

# --- commands ------------------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Redirect:
    """One redirection.

    Attributes:
        operator: ``<``, ``>``, ``>>``, ``>|``, ``<>``, ``<&``, ``>&`` (a number or ``-`` follows), ``&>``, ``&>>``,
            ``<<`` (the body is the target) or ``<<<``.
        fd: the descriptor's number; the operator's default when none is written; unused for ``&>`` and with a name.
        name: the variable of ``{name}>``: it gets the number of a free descriptor; with ``-`` it tells which to close.
    """

    operator: str
    fd: int
    target: Word
    offset: int = 0
    name: str = ""


@record(frozen=True, slots=True)
class SimpleCommand:
    """Assignments, words, redirections. An assignment among the words is a declaration's (``export x=1``)."""

    words: tuple[Word | Assignment, ...]
    assignments: tuple[Assignment, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    offset: int = 0
    line: int = field(default=1, compare=False)


@record(frozen=True, slots=True)
class Subshell:
    """``( ... )``."""

    body: Body
    redirects: tuple[Redirect, ...] = ()


@record(frozen=True, slots=True)
class Group:
    """``{ ...; }``."""

    body: Body
    redirects: tuple[Redirect, ...] = ()


@record(frozen=True, slots=True)
class If:
    """``if``/``elif`` branches (condition, body) in order, then ``else``."""

    branches: tuple[tuple[Body, Body], ...]
    otherwise: Body | None
    redirects: tuple[Redirect, ...] = ()


@record(frozen=True, slots=True)
class For:
    """``for name in words``; ``words`` is None for the positional parameters."""

    name: str
    words: tuple[Word, ...] | None
    body: Body
    redirects: tuple[Redirect, ...] = ()


@record(frozen=True, slots=True)
class ArithmeticFor:
    """``for ((start; condition; step))``; an empty part is None."""

    start: Word | None
    condition: Word | None
    step: Word | None
    body: Body
    redirects: tuple[Redirect, ...] = ()


@record(frozen=True, slots=True)
class While:
    """``while`` or, with ``until``, its opposite."""

    condition: Body
    body: Body
    until: bool = False
    redirects: tuple[Redirect, ...] = ()


@record(frozen=True, slots=True)
class CaseItem:
    """``patterns) body`` and how it ends: ``;;``, ``;&`` (fall through) or ``;;&`` (test on)."""

    patterns: tuple[Word, ...]
    body: Body
    end: OneOf[";;", ";&", ";;&"]


@record(frozen=True, slots=True)
class Case:
    """``case word in ... esac``."""

    word: Word
    items: tuple[CaseItem, ...]
    redirects: tuple[Redirect, ...] = ()


@record(frozen=True, slots=True)
class Function:
    """``name() body``; the body is a compound command."""

    name: str
    body: Command
    offset: int = 0


@record(frozen=True, slots=True)
class Condition:
    """``[[ ... ]]``."""

    test: Test
    redirects: tuple[Redirect, ...] = ()


@record(frozen=True, slots=True)
class ArithmeticCommand:
    """``(( ... ))``."""

    text: Word
    redirects: tuple[Redirect, ...] = ()


Command: TypeAlias = (
    SimpleCommand
    | Subshell
    | Group
    | If
    | For
    | ArithmeticFor
    | While
    | Case
    | Function
    | Condition
    | ArithmeticCommand
)


@record(frozen=True, slots=True)
class Pipeline:
    """``a | b``; ``negated`` by ``!``; ``timed`` by ``time``, in POSIX's format with ``portable`` (``-p``)."""

    commands: tuple[Command, ...]
    negated: bool = False
    timed: bool = False
    portable: bool = False


@record(frozen=True, slots=True)
class Statement:
    """Pipelines joined by ``&&`` and ``||``, run in the background when ended by ``&``.

    Attributes:
        text: as it was written, of one in the background.
    """

    first: Pipeline
    rest: tuple[tuple[OneOf["&&", "||"], Pipeline], ...] = ()
    background: bool = False
    text: str = field(default="", compare=False)


Body: TypeAlias = tuple[Statement, ...]


@record(frozen=True, slots=True)
class Script:
    """A whole source text."""

    source: str
    body: Body
