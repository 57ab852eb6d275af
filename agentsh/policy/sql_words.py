"""SQL in words: the plain part of PostgreSQL's syntax, which two readers cannot take differently, and what is called.

The server has one lexer and the library that parses here has another. They differ in corners (a comment that ends at a
carriage return, comments in comments, escapes in strings, dollar quotes, names with ``$``), and in such a corner a
second statement can hide. So a statement is read only when it keeps out of all of them. Pure.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from agentsh.core.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 20_000
"""Characters of a statement that is read; also what keeps the reading of hostile text short."""

DEEPEST = 40
"""Parentheses within parentheses."""


class WordKind(Enum):
    """What a piece of a statement is."""

    NAME = auto()
    """A keyword or a name, folded to lower case as the server does."""
    QUOTED = auto()
    """A name in double quotes, without them."""
    VALUE = auto()
    """A string or a number."""
    SIGN = auto()


@record(frozen=True, slots=True)
class Word:
    """One piece of a statement."""

    kind: WordKind
    text: str


@record(frozen=True, slots=True)
class Call:
    """A function that a statement calls.

    Attributes:
        name: as the server looks it up.
        schema: empty where it is not given.
    """

    name: str
    schema: str = ""

    @property
    def harmless(self) -> bool:
        """Whether it is one of the server's own that compute something and do nothing else."""
        return self.name in HARMLESS and self.schema in ("", "pg_catalog")

    @property
    def leaves(self) -> bool:
        """Whether its name is one of those that reach beyond the tables: files, other servers, sessions, settings."""
        return not self.harmless and _LEAVING.fullmatch(self.name.lower()) is not None


_PIECE = re.compile(
    r"""[ \t\n\r\f]+
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*) (?!['"$\w])
    | "(?P<quoted>(?:[^"\0\\]|"")+)"
    | (?P<value>'(?:[^'\0\\]|'')*' | (?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+) (?:[eE][+-]?[0-9]+)? (?![\w.$]))
    | (?P<sign>(?!--|/\*|&['"]) [-+*/<>=~!@\#%^&|?(),.:;\[\]])
    """,
    re.VERBOSE | re.ASCII,
)

_LEAVING = re.compile(
    r"pg_.*|lo_.*|dblink.*|set_config|current_setting|(?:query|table|schema|database|cursor)_to_xml.*"
)

HARMLESS = frozenset(
    """abs age array_agg array_length array_position array_to_string avg bit_and bit_or bool_and bool_or btrim
    cardinality ceil ceiling char_length character_length coalesce concat concat_ws count date_part date_trunc
    dense_rank every extract first_value floor format greatest initcap json_agg json_build_array json_build_object
    jsonb_agg jsonb_array_length jsonb_build_array jsonb_build_object jsonb_extract_path jsonb_extract_path_text lag
    last_value lead least left length like lower lpad ltrim max md5 min mod now ntile nullif percent_rank
    percentile_cont percentile_disc position power random rank regexp_replace replace reverse right round row_number
    row_to_json rpad rtrim sign split_part sqrt stddev string_agg string_to_array strpos substr substring sum
    to_char to_date to_json to_jsonb to_number to_timestamp trim trunc unnest upper variance""".split()  # noqa: SIM905 - a list of words
)
"""Functions of the server that compute something and do nothing else; some are words of its syntax."""

RESERVED = frozenset(
    """all and any array as between case cast check default distinct else except exists from group having in intersect
    into lateral limit not offset on or order returning row select some then union unique using values when
    where with char character varchar numeric decimal bit time timestamp interval float""".split()  # noqa: SIM905
)
"""Words by which no function can be called without quotes."""
_BEFORE_A_RELATION = frozenset({"into", "table", "references", "as", "with"})
_ONLY_BEHIND = {"by": frozenset({"group", "order", "partition"}), "key": frozenset({"primary", "foreign"})}


def words_of(statement: str) -> list[Word] | None:
    """The pieces of a statement; None where it leaves the plain part of the syntax."""
    found: list[Word] = []
    at = 0
    while at < len(statement):
        match = _PIECE.match(statement, at)
        if match is None:
            return None
        at = match.end()
        if (name := match["name"]) is not None:
            found.append(Word(WordKind.NAME, name.lower()))
        elif (quoted := match["quoted"]) is not None:
            found.append(Word(WordKind.QUOTED, quoted.replace('""', '"')))
        elif (value := match["value"]) is not None:
            found.append(Word(WordKind.VALUE, value))
        elif (sign := match["sign"]) is not None:
            found.append(Word(WordKind.SIGN, sign))
    return found


def depth_of(words: list[Word]) -> int:
    """How deep parentheses stand in each other."""
    deepest = depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word.text, 0) if word.kind is WordKind.SIGN else 0
        deepest = max(deepest, depth)
    return deepest


def calls_in(words: list[Word], *, conflicts: int) -> Iterator[Call]:
    """The functions that are called, and whatever cannot be told from a call.

    Args:
        words: the statement's.
        conflicts: how many ``ON CONFLICT (...)`` it has: in other places that is a call of a function ``conflict``.
    """
    made = words[0].text in ("create", "alter", "drop")
    for i, word in enumerate(words[:-1]):
        if words[i + 1] != _OPEN or word.kind not in (WordKind.NAME, WordKind.QUOTED):
            continue
        start = i
        while start >= 2 and words[start - 1] == _DOT:
            start -= 2
        before = words[start - 1].text if start and words[start - 1].kind is not WordKind.QUOTED else ""
        if before in _BEFORE_A_RELATION or _stands_behind(words[:start]):
            continue
        if start == i and word.kind is WordKind.NAME:
            if before == ")" and word.text != "operator" and not made:  # an alias with its columns: (VALUES (1)) v (a)
                continue
            if word.text in RESERVED or before in _ONLY_BEHIND.get(word.text, ()):
                continue
            if word.text == "conflict" and before == "on" and conflicts > 0:
                conflicts -= 1
                continue
        yield Call(word.text, ".".join(w.text for w in words[start : i - 1 : 2]))


_OPEN = Word(WordKind.SIGN, "(")
_DOT = Word(WordKind.SIGN, ".")


def _stands_behind(before: list[Word]) -> bool:
    """Whether a cast or IF NOT EXISTS comes first: then a type or a table follows. One colon is a slice's."""
    ends = [w.text for w in before[-3:] if w.kind is not WordKind.QUOTED]
    return ends[-2:] == [":", ":"] or ends == ["if", "not", "exists"]
