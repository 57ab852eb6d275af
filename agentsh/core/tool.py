"""Tools that a person adds to the sandbox: what they are called, and what they are handed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, Self

from agentsh.core.errors import UsageError
from agentsh.core.record import record
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterable

ToolKind = Literal["module", "script"]

MAX_DESCRIPTION = 200
"""Characters of a description: one line, which models read too."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_WORDS = "read, write, clock, random, env=NAME[,NAME...]"


@record(frozen=True, slots=True)
class Capabilities:
    """What a command is handed beside its arguments and its standard streams. Nothing, unless it is said.

    Attributes:
        read: it sees the staging view.
        write: it may change the staging view; whoever may write may read.
        clock: it may read the time; without, every clock stands still.
        random: it may draw random numbers; without, it is told that there are none.
        env: the variables of the action that it sees; None for all of them.
    """

    read: bool = False
    write: bool = False
    clock: bool = False
    random: bool = False
    env: tuple[str, ...] | None = ()

    @classmethod
    def parse(cls, words: Iterable[str]) -> Self:
        """Capabilities by their names, as the command line has them.

        Raises:
            UsageError: there is no capability of that name.
        """
        given: set[str] = set()
        variables: set[str] = set()
        for word in words:
            key, equals, value = word.partition("=")
            names = value.split(",")
            if key == "env" and equals and all(_VARIABLE.fullmatch(n) for n in names):
                variables.update(names)
            elif word in ("read", "write", "clock", "random"):
                given.add(word)
            else:
                raise UsageError(
                    f"There is no capability '{visible_line(word)[:80]}'.",
                    files="Nothing was added.",
                    next_step=f"A tool can be given {_WORDS}.",
                )
        return cls(
            read=bool(given & {"read", "write"}),
            write="write" in given,
            clock="clock" in given,
            random="random" in given,
            env=tuple(sorted(variables)),
        )

    def words(self) -> tuple[str, ...]:
        """As :meth:`parse` takes them."""
        named = (("read", self.read), ("write", self.write), ("clock", self.clock), ("random", self.random))
        words = [name for name, has in named if has]
        return (*words, f"env={','.join(self.env)}") if self.env else tuple(words)


EVERYTHING = Capabilities(read=True, write=True, clock=True, random=True, env=None)
"""What the sandbox's own commands have."""


@record(frozen=True, slots=True)
class UserTool:
    """A tool that a person added.

    Attributes:
        name: what the person calls it.
        commands: what actions call it by.
        kind: a WASM module, or a script that the sandbox's Python runs.
        description: one line for people and models; may be empty.
        capabilities: what it is handed.
        sha256: of its content, in hexadecimal; anything else is not run.
        size: of its content, in bytes.
        source: the file that it was added from.
        replace: whether it takes the place of a command of the sandbox's own.
    """

    name: str
    commands: tuple[str, ...]
    kind: ToolKind
    description: str
    capabilities: Capabilities
    sha256: str
    size: int
    source: str
    replace: bool = False


def check_command_name(name: str) -> None:
    """See whether a tool or command can have that name.

    Raises:
        UsageError: it cannot: it is too long, or has a character that a shell, a path or a terminal reads differently.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{visible_line(name)[:80]}' cannot be the name of a tool.",
            files="Nothing was added.",
            next_step="Take up to 64 letters, digits and _ . + -, the first one a letter, a digit or _.",
        )


def check_description(text: str) -> None:
    """See whether a text can describe a tool.

    Raises:
        UsageError: it is too long, or has characters that cannot be seen.
    """
    if len(text) > MAX_DESCRIPTION or visible_line(text) != text:
        raise UsageError(
            f"A tool's description is one line of up to {MAX_DESCRIPTION} characters, all of them visible.",
            files="Nothing was added.",
            next_step="Shorten it, and leave out line ends and control characters.",
        )
