"""What single commands of the shell cannot do here, told by their literal words before anything runs.

A word that is only known when it runs is left to the builtin, which then fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.shell.tree import Word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh.shell.tree import Assignment

    Finding = tuple[int, str, str]
    """Which word it is, what is wrong with it, and what to do instead."""

_TRAPS_REFUSED = frozenset(["DEBUG", "RETURN"])
_UMASK = frozenset(["22", "022", "0022", "u=rwx,g=rx,o=rx"])
_ULIMIT = {"c": "0", "s": "8192"}
"""Limits that are the same for every action, and what they are."""


def refusal(words: Sequence[Word | Assignment]) -> Finding | None:
    """Why a simple command with these words cannot run here; None where nothing is known against it."""
    first = words[0] if words else None
    check = _CHECKS.get(first.static or "") if isinstance(first, Word) else None
    return check([w.static if isinstance(w, Word) else None for w in words]) if check is not None else None


def _declare(words: Sequence[str | None]) -> Finding | None:
    for at, word in enumerate(words[1:], 1):
        if word is None or word[:1] != "-" or word == "--":
            return None
        if "n" in word:
            return (
                at,
                f"'{words[0]} {word}' makes a reference to a variable, which is not supported",
                ("Pass the variable's name, and read it as ${!name}; write it with printf -v."),
            )
    return None


def _trap(words: Sequence[str | None]) -> Finding | None:
    for at, word in enumerate(words[2:], 2):
        if word is not None and word.upper().removeprefix("SIG") in _TRAPS_REFUSED:
            return at, f"'trap' for {word} is not supported", "There are EXIT and ERR; 'set -x' shows each command."
    return None


def _ulimit(words: Sequence[str | None]) -> Finding | None:
    letters = "".join(w[1:] for w in words[1:] if w is not None and w[:1] == "-").strip("SH")
    for at, word in enumerate(words[1:], 1):
        if word is not None and word[:1] != "-" and word != _ULIMIT.get(letters):
            return at, "'ulimit' cannot change a limit here", "The person sets an action's limits, before it runs."
    return None


def _umask(words: Sequence[str | None]) -> Finding | None:
    for at, word in enumerate(words[1:], 1):
        if word is not None and word not in _UMASK and not word.startswith("-"):
            return at, "'umask' with another value than 0022 is not supported", "Use chmod on the files."
    return None


def _enable(words: Sequence[str | None]) -> Finding | None:
    return 0, f"'{words[0]}' is not supported: builtins are fixed", "Leave it out, or call a command as 'command NAME'."


_CHECKS: dict[str, Callable[[Sequence[str | None]], Finding | None]] = {
    "declare": _declare,
    "typeset": _declare,
    "local": _declare,
    "trap": _trap,
    "ulimit": _ulimit,
    "umask": _umask,
    "enable": _enable,
}
