"""Commands that run the commands among their words: where those begin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from agentsh.core.record import record
from agentsh.shell.options import (
    FIND_STARTS,
    FIND_TAKES_ONE,
    NICE,
    NOHUP,
    TIMEOUT,
    XARGS,
    Grammar,
    OptionError,
    env_options,
    read_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import EllipsisType

    Words: TypeAlias = Sequence[str | EllipsisType | None]
    """Words as known before they run: None is one word, ``...`` any number of them."""

SHELLS = frozenset(["sh", "bash", "dash"])
"""Commands that start a shell of their own."""

STARTS_LINES = frozenset(["awk", "gawk", "nawk"])
"""Commands whose own programs may start shell lines."""

_BIN = ("/bin/", "/usr/bin/", "/usr/local/bin/")
_NAME_VALUE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)


@record(frozen=True, slots=True)
class Inside:
    """What a command's words hold.

    Attributes:
        commands: the words of commands it will run.
        scripts: shell texts it will run.
        opaque: it may run what cannot be known.
    """

    commands: tuple[Words, ...] = ()
    scripts: tuple[str, ...] = ()
    opaque: bool = False


_NOTHING = Inside()
_UNKNOWN = Inside(opaque=True)


def base_name(name: str) -> str:
    """The command that a name in one of the usual directories means."""
    for prefix in _BIN:
        if name.startswith(prefix) and "/" not in name[len(prefix) :]:
            return name[len(prefix) :]
    return name


def inside(name: str, words: Words) -> Inside:
    """What the command ``name`` will run of its own words."""
    reader = _READERS.get(name)
    return _NOTHING if reader is None else reader(words)


def _after_options(words: Words, valued: str, long_valued: Sequence[str] = ()) -> Words | None:
    """The words after the options; None where one that is unknown leaves open where they end."""
    i = 0
    while i < len(words):
        word = words[i]
        if not isinstance(word, str):
            return None
        if word == "--":
            return words[i + 1 :]
        if not word.startswith("-") or word == "-":
            return words[i:]
        i += 1
        if (len(word) == 2 and word[1] in valued) or word in long_valued:
            if words[i : i + 1] == [...] or words[i : i + 1] == (...,):
                return None
            i += 1
    return ()


def _command(words: Words | None) -> Inside:
    if words is None:
        return _UNKNOWN
    return Inside(commands=(words,)) if words else _NOTHING


def _after(words: Words, grammar: Grammar) -> Words | None:
    """The words after a command's options; None where they are not known or not supported."""
    try:
        _, end = read_options(words, grammar)
    except OptionError:
        return None
    return words[end:]


def _env(words: Words) -> Inside:
    try:
        _, rest = env_options(words)
    except OptionError:
        return _UNKNOWN
    while rest and isinstance(rest[0], str) and _NAME_VALUE.match(rest[0]):
        rest = rest[1:]
    return _command(rest)


def _nice(words: Words) -> Inside:
    return _command(_after(words, NICE))


def _nohup(words: Words) -> Inside:
    return _command(_after(words, NOHUP))


def _timeout(words: Words) -> Inside:
    rest = _after(words, TIMEOUT)
    if rest is None and len(words) > 1 and words[0] is None and _is_command_name(words[1]):
        # The duration is one unknown word. Were it an option, the next one would have to be a duration or a signal.
        rest = words
    return _UNKNOWN if not rest or rest[0] is ... else _command(rest[1:])


def _is_command_name(word: str | EllipsisType | None) -> bool:
    return isinstance(word, str) and word[:1].islower()


def _xargs(words: Words) -> Inside:
    try:
        options, end = read_options(words, XARGS)
    except OptionError:
        return _UNKNOWN
    rest = words[end:] or ("echo",)
    mark = dict(options).get("I", "")
    if mark is None:
        return _UNKNOWN
    # What is read becomes words at the end, or a part of the words with the mark.
    inner = [None if isinstance(w, str) and mark and mark in w else w for w in rest]
    return Inside(commands=((*inner, ...),))


def _until_end(words: Words) -> Words:
    """A command of find's: up to ';', or a '+' behind '{}' or behind what may be that."""
    for i, word in enumerate(words):
        if word == ";" or (word == "+" and i and words[i - 1] == "{}"):
            return words[:i]
    return words


def _may_be_command(after: Words) -> bool:
    """Whether an unknown word of find's may be ``-exec``, by what follows."""
    if not after or (";" not in after and "+" not in after):
        return False
    return not isinstance(after[0], str) or not after[0].startswith(("-", "(", ")", "!", ","))


def _find(words: Words) -> Inside:
    found: list[Words] = []
    opaque = argument = False
    for i, word in enumerate(words):
        rest = words[i + 1 :]
        # Several unknown words can be '-exec' and what it runs; one can, unless an option stands where a command would.
        opaque = opaque or word is ... or (word is None and not argument and _may_be_command(rest))
        # Taken as the start of a command even where it is some primary's argument: rather one too many.
        if word in FIND_STARTS:
            found.append([None if isinstance(w, str) and "{}" in w else w for w in _until_end(rest)])
        argument = not argument and word in FIND_TAKES_ONE
    return Inside(commands=tuple(found), opaque=opaque)


def _shell(words: Words) -> Inside:
    command = False
    i = 0
    while i < len(words):
        word = words[i]
        if not isinstance(word, str):
            return _UNKNOWN
        if not word.startswith(("-", "+")) or len(word) < 2:
            break
        i += 1
        if word == "--":
            break
        if word.startswith("--"):
            continue
        command = command or "c" in word
        i += word.endswith("o")
    text = words[i] if command and i < len(words) else None
    return Inside(scripts=(text,)) if isinstance(text, str) else _UNKNOWN


def _eval(words: Words) -> Inside:
    if words and words[0] == "--":
        words = words[1:]
    known = [w for w in words if isinstance(w, str)]
    return Inside(scripts=(" ".join(known),)) if len(known) == len(words) else _UNKNOWN


def _command_builtin(words: Words) -> Inside:
    if words and words[0] in ("-v", "-V"):
        return _NOTHING
    return _command(_after_options(words, ""))


def _exec(words: Words) -> Inside:
    return _command(words)


def _trap(words: Words) -> Inside:
    rest = _after_options(words, "")
    if rest is None or (rest and not isinstance(rest[0], str)):
        return _UNKNOWN
    if len(rest) < 2 or not isinstance(rest[0], str) or rest[0] in ("-", ""):
        return _NOTHING
    return Inside(scripts=(rest[0],))


def _source(words: Words) -> Inside:
    del words
    return _UNKNOWN


def _awk(words: Words) -> Inside:
    """Whether its program may start a command; which one is known when it runs."""
    i = 0
    while i < len(words):
        word = words[i]
        if not isinstance(word, str) or word.startswith(("-f", "-i", "-E", "--")):
            return _UNKNOWN if word != "--" or i + 1 == len(words) else _program(words[i + 1])
        if not word.startswith("-") or word == "-":
            return _program(word)
        i += 1
        if word in ("-F", "-v"):
            if words[i : i + 1] in ([...], (...,)):
                return _UNKNOWN
            i += 1
    return _NOTHING


def _program(text: str | EllipsisType | None) -> Inside:
    if not isinstance(text, str) or "system" in text or "|" in text.replace("||", ""):
        return _UNKNOWN
    return _NOTHING


_READERS: dict[str, Callable[[Words], Inside]] = {
    "env": _env,
    "nohup": _nohup,
    "nice": _nice,
    "timeout": _timeout,
    "xargs": _xargs,
    "find": _find,
    **dict.fromkeys(SHELLS, _shell),
    **dict.fromkeys(STARTS_LINES, _awk),
    "eval": _eval,
    "command": _command_builtin,
    "builtin": _command_builtin,
    "exec": _exec,
    "trap": _trap,
    "source": _source,
    ".": _source,
}
