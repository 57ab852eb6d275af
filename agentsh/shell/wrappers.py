"""Commands that run the commands among their words: where those begin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Words: TypeAlias = "Sequence[str | None]"

_BIN = ("/bin/", "/usr/bin/", "/usr/local/bin/")
_NAME_VALUE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)
_EXEC = frozenset(["-exec", "-execdir", "-ok", "-okdir"])


@dataclass(frozen=True, slots=True)
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
    """The words after the options; None where one of them is unknown, and so where the command begins."""
    i = 0
    while i < len(words):
        word = words[i]
        if word is None:
            return None
        if word == "--":
            return words[i + 1 :]
        if not word.startswith("-") or word == "-":
            return words[i:]
        i += 1
        takes_next = len(word) == 2 and word[1] in valued
        if takes_next or word in long_valued:
            if i < len(words) and words[i] is None:
                return None
            i += 1
    return ()


def _command(words: Words | None) -> Inside:
    if words is None:
        return _UNKNOWN
    return Inside(commands=(words,)) if words else _NOTHING


def _env(words: Words) -> Inside:
    rest = _after_options(words, "uC", ("--unset", "--chdir"))
    if rest is None or any(w is not None and w.startswith(("-S", "--split-string")) for w in words):
        return _UNKNOWN
    while rest and rest[0] is not None and _NAME_VALUE.match(rest[0]):
        rest = rest[1:]
    return _command(rest)


def _prefix(words: Words) -> Inside:
    return _command(_after_options(words, "na", ("--adjustment",)))


def _timeout(words: Words) -> Inside:
    rest = _after_options(words, "ks", ("--kill-after", "--signal"))
    if rest is None or (rest and rest[0] is None):
        return _UNKNOWN
    return _command(rest[1:])


def _xargs(words: Words) -> Inside:
    rest = _after_options(words, "nLPIdsEa", ("--max-args", "--max-procs", "--max-lines", "--delimiter", "--replace"))
    if rest is None:
        return _UNKNOWN
    if not rest:
        return Inside(commands=(("echo",),))
    marks = [w for n, w in enumerate(words) if n and words[n - 1] == "-I" and w]
    marks += [w[2:] for w in words if w and w.startswith("-I") and len(w) > 2]
    if any(mark in (rest[0] or "") for mark in marks):
        return _UNKNOWN
    # What is read becomes words at the end, or where the mark stands.
    inner = [None if w is not None and any(m in w for m in marks) else w for w in rest]
    return Inside(commands=((*inner, None),))


def _find(words: Words) -> Inside:
    found: list[Words] = []
    unknown = False
    i = 0
    while i < len(words):
        word = words[i]
        i += 1
        if word is None:
            # It may expand to anything find knows, -exec too.
            unknown = unknown or not found
            continue
        if word not in _EXEC:
            continue
        start = i
        while i < len(words) and words[i] not in (";", "+"):
            i += 1
        inner = [None if w is not None and "{}" in w else w for w in words[start:i]]
        found.append(inner)
        i += 1
    return Inside(commands=tuple(found), opaque=unknown and _may_be_options(words))


def _may_be_options(words: Words) -> bool:
    """Whether an unknown word stands where find reads its expression: after the first option."""
    seen = False
    previous = ""
    for word in words:
        if word is None:
            if seen and previous not in _FIND_VALUED:
                return True
            previous = ""
            continue
        seen = seen or word.startswith(("-", "(", "!"))
        previous = word
    return False


_FIND_VALUED = frozenset(
    """-name -iname -path -ipath -wholename -regex -iregex -type -size -mtime -mmin -atime -ctime -newer -maxdepth
    -mindepth -perm -user -group -printf -fprint -lname -samefile -empty""".split()  # noqa: SIM905 - words
)


def _shell(words: Words) -> Inside:
    command = False
    i = 0
    while i < len(words):
        word = words[i]
        if word is None:
            return _UNKNOWN
        if not word.startswith(("-", "+")) or len(word) < 2:
            break
        i += 1
        if word == "--":
            break
        if word.startswith("--"):
            continue
        command = command or "c" in word
        if word[1:].endswith("o"):
            i += 1
    if not command or i >= len(words):
        return _UNKNOWN
    text = words[i]
    return _UNKNOWN if text is None else Inside(scripts=(text,))


def _eval(words: Words) -> Inside:
    known = [w for w in words if w is not None]
    return Inside(scripts=(" ".join(known),)) if len(known) == len(words) else _UNKNOWN


def _command_builtin(words: Words) -> Inside:
    if words and words[0] in ("-v", "-V"):
        return _NOTHING
    return _command(_after_options(words, ""))


def _exec(words: Words) -> Inside:
    return _command(words)


def _trap(words: Words) -> Inside:
    rest = _after_options(words, "")
    if rest is None or (rest and rest[0] is None):
        return _UNKNOWN
    if len(rest) < 2 or rest[0] in ("-", "", None):
        return _NOTHING
    return Inside(scripts=(rest[0],))


def _source(words: Words) -> Inside:
    del words
    return _UNKNOWN


_READERS: dict[str, Callable[[Words], Inside]] = {
    "env": _env,
    "nohup": _prefix,
    "nice": _prefix,
    "timeout": _timeout,
    "xargs": _xargs,
    "find": _find,
    "sh": _shell,
    "bash": _shell,
    "dash": _shell,
    "eval": _eval,
    "command": _command_builtin,
    "builtin": _command_builtin,
    "exec": _exec,
    "trap": _trap,
    "source": _source,
    ".": _source,
}
