"""The options of commands that run other commands: read the same way by whoever summarises a line and whoever runs it.

Where two readers disagree about where options end, a policy decides on another command than the one that runs. So there
is one reader, it knows exactly the options that are supported, and everything else is an error.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from agentsh.core.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import EllipsisType


class OptionError(ValueError):
    """An option that is not supported, or that cannot be told before the words are known.

    Attributes:
        word: the option; empty where it is unknown.
    """

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@record(frozen=True, slots=True)
class Grammar:
    """The options that a command has.

    Attributes:
        flags: letters without a value.
        valued: letters with one, in the same word or the next.
        attached: letters whose value, if any, is in the same word: the letter it is reported as, and its default.
        long: long names, and the letter each stands for; a value is in the next word or after ``=``, for letters of
            ``attached`` after ``=`` alone.
        lone: what a single ``-`` is reported as; empty where it is no option.
    """

    flags: str = ""
    valued: str = ""
    attached: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    long: Mapping[str, str] = field(default_factory=dict)
    lone: str = ""


XARGS: Final = Grammar(
    flags="0rtx",
    valued="nLPIdsaE",
    attached={"i": ("I", "{}"), "l": ("L", "1")},
    long={
        "--null": "0", "--no-run-if-empty": "r", "--verbose": "t", "--exit": "x", "--arg-file": "a", "--delimiter": "d",
        "--max-args": "n", "--max-chars": "s", "--max-procs": "P", "--max-lines": "l", "--replace": "i",
    },
)  # fmt: skip
ENV: Final = Grammar(
    flags="i0",
    valued="uCS",
    long={"--ignore-environment": "i", "--null": "0", "--unset": "u", "--chdir": "C", "--split-string": "S"},
    lone="i",
)
NICE: Final = Grammar(valued="n", long={"--adjustment": "n"})
NOHUP: Final = Grammar()
TIMEOUT: Final = Grammar(
    flags="fpv",
    valued="ks",
    long={"--foreground": "f", "--preserve-status": "p", "--verbose": "v", "--kill-after": "k", "--signal": "s"},
)

FIND_STARTS: Final = frozenset(["-exec", "-execdir", "-ok", "-okdir"])
"""Primaries of find that start a command."""
FIND_TAKES_ONE: Final = frozenset(
    [
        *("-name", "-iname", "-path", "-ipath", "-wholename", "-iwholename", "-lname", "-ilname", "-regex", "-iregex"),
        *("-regextype", "-type", "-xtype", "-size", "-mtime", "-atime", "-ctime", "-mmin", "-amin", "-cmin", "-used"),
        *("-newer", "-anewer", "-cnewer", "-perm", "-user", "-group", "-uid", "-gid", "-links", "-inum", "-samefile"),
        *("-fstype", "-maxdepth", "-mindepth", "-printf", "-fprint", "-fprint0", "-fls"),
    ]
)
"""Primaries of find whose argument is the next word, whatever it is."""


def read_options(
    words: Sequence[str | EllipsisType | None], grammar: Grammar
) -> tuple[list[tuple[str, str | None]], int]:
    """The options that ``words`` begin with.

    Args:
        words: None is one word that is not known, ``...`` any number of them.
        grammar: which there are.

    Returns:
        Letters with their values (empty for flags, None for one that is not known), and where the options end.

    Raises:
        OptionError: one is not supported, lacks its value, or is not known.
    """
    found: list[tuple[str, str | None]] = []
    at = 0
    while at < len(words):
        word = words[at]
        if not isinstance(word, str):
            raise OptionError("")
        if word == "-" and grammar.lone:
            found.append((grammar.lone, ""))
        elif word == "--":
            return found, at + 1
        elif not word.startswith("-") or word == "-":
            break
        elif _read(word, words[at + 1 : at + 2], grammar, found):
            at += 1
        at += 1
    return found, at


def env_options(
    words: Sequence[str | EllipsisType | None],
) -> tuple[list[tuple[str, str | None]], Sequence[str | EllipsisType | None]]:
    """The options of ``env``, and the words after them; what ``-S`` splits is part of both.

    Raises:
        OptionError: as :func:`read_options`.
    """
    found, end = read_options(words, ENV)
    rest = words[end:]
    split = next((value for letter, value in found if letter == "S"), "")
    if "S" not in dict(found):
        return found, rest
    if split is None:
        raise OptionError("")
    import shlex  # noqa: PLC0415 - few lines have it

    try:
        inner = shlex.split(split)
    except ValueError:
        raise OptionError("-S") from None
    if "$" in split:
        raise OptionError("-S")  # it would expand ${NAME}
    more, rest = env_options([*inner, *rest])
    return [*(f for f in found if f[0] != "S"), *more], rest


def _read(
    word: str,
    following: Sequence[str | EllipsisType | None],
    grammar: Grammar,
    found: list[tuple[str, str | None]],
) -> bool:
    """Read one word of options; True when the last of them takes the next word as its value."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        letter = grammar.long.get(name, "")
        if letter in grammar.attached:
            reported, default = grammar.attached[letter]
            found.append((reported, value if equals else default))
            return False
        if not letter or (equals and letter in grammar.flags):
            raise OptionError(word)
        if equals or letter in grammar.flags:
            found.append((letter, value))
            return False
        found.append((letter, _value(word, following)))
        return True
    for at, letter in enumerate(word[1:], 1):
        rest = word[at + 1 :]
        if letter in grammar.flags:
            found.append((letter, ""))
        elif letter in grammar.attached:
            reported, default = grammar.attached[letter]
            found.append((reported, rest or default))
            return False
        elif letter in grammar.valued:
            found.append((letter, rest or _value(word, following)))
            return not rest
        else:
            raise OptionError(word)
    return False


def _value(word: str, following: Sequence[str | EllipsisType | None]) -> str | None:
    if not following:
        raise OptionError(word)
    value = following[0]
    if value is ...:
        raise OptionError("")
    return value
