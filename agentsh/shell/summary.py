"""What a script will run, read and write, as far as its text alone tells.

The answer errs on one side: a command that may run is listed, and where a name cannot be known the whole is ``opaque``.
Branches that are never taken and functions that are never called count as if they were.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from agentsh.core.errors import ShellSyntaxError
from agentsh.core.record import record
from agentsh.shell import wrappers
from agentsh.shell.parser import parse
from agentsh.shell.tree import (
    Assignment,
    DoubleQuoted,
    Function,
    Literal,
    Parameter,
    ProcessSubstitution,
    Quoted,
    Redirect,
    Script,
    SimpleCommand,
    Tilde,
    Word,
)

if TYPE_CHECKING:
    from types import EllipsisType

    from agentsh.shell.tree import Body, Part

_MAX_NESTING = 16
_READS = frozenset(["<", "<>"])
_WRITES = frozenset([">", ">>", ">|", "<>", "&>", "&>>"])
_STREAM = re.compile(r"/dev/(?:null|zero|full|u?random|std(?:in|out|err)|fd/[0-9]+)")

INTERNAL = frozenset(
    """: true false break continue return exit wait trap cd pwd dirs pushd popd export readonly local declare typeset
    unset let shift set shopt umask test [ read mapfile readarray getopts type which hash""".split()  # noqa: SIM905 - words
)
"""Builtins that only touch the shell's own state: not listed as commands."""


@record(frozen=True, slots=True)
class CommandUse:
    """One command that will run, if its place in the script is reached.

    Attributes:
        name: the command's name, without a directory.
        argv: its words, the name first; None for a word that is only known when it runs, and which may then be none
            or several.
    """

    name: str
    argv: tuple[str | None, ...]


@record(frozen=True, slots=True)
class Summary:
    """What a script will do.

    Attributes:
        commands: what will run, seen through ``env``, ``xargs``, ``find -exec``, ``timeout``, ``sh -c`` and their kin;
            the wrappers themselves are listed too.
        writes: files that redirections write, as the script names them.
        reads: files that redirections read.
        opaque: True when a command may run that ``commands`` does not list.
        opaque_paths: True when a redirection names a file that is only known when it runs.
    """

    commands: tuple[CommandUse, ...] = ()
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    opaque: bool = False
    opaque_paths: bool = False


def summarise(script: Script) -> Summary:
    """What ``script`` will run, read and write."""
    walk = _Walk()
    walk.script(script.body)
    walk.end()
    return Summary(
        tuple(walk.commands),
        tuple(walk.writes),
        tuple(walk.reads),
        walk.opaque,
        walk.opaque_paths,
    )


class _Walk:
    """Collects from a tree, and from the scripts that stand in its strings."""

    def __init__(self) -> None:
        self.commands: list[CommandUse] = []
        self.writes: list[str] = []
        self.reads: list[str] = []
        self.opaque = False
        self.opaque_paths = False
        self.functions: set[str] = set()
        self.shadowed: list[wrappers.Words] = []
        self.unsets = False
        self.depth = 0

    def script(self, body: Body) -> None:
        """A script's statements. A function counts as defined after a definition that is sure to have run."""
        before = set(self.functions)
        for statement in body:
            self.node(statement)
            first = statement.first.commands
            if len(first) == 1 and isinstance(first[0], Function) and not statement.background:
                self.functions.add(first[0].name)
        self.functions = before

    def end(self) -> None:
        """Where functions are unset, at whatever time, what they stood for may run: calls of them are commands."""
        if self.unsets:
            self.functions = set()
            for words in self.shadowed:
                self.words(words)

    def node(self, node: object) -> None:
        """Any node, or tuple of nodes, of the tree."""
        # An explicit stack: a pipeline in a loop in a substitution is deep in frames, not in meaning.
        stack = [node]
        while stack:
            item = stack.pop()
            if isinstance(item, SimpleCommand):
                self._simple(item)
            if isinstance(item, Redirect):
                self._redirect(item)
            if isinstance(item, tuple):
                stack.extend(reversed(item))
            elif is_dataclass(item):
                stack.extend(reversed([getattr(item, f.name) for f in fields(item)]))

    def _redirect(self, r: Redirect) -> None:
        if r.operator not in _READS and r.operator not in _WRITES:
            return
        name = r.target.static
        if r.target.parts and isinstance(r.target.parts[0], ProcessSubstitution):
            return
        if name is None:
            self.opaque_paths = True
        elif not _STREAM.fullmatch(name):
            if r.operator in _WRITES:
                self.writes.append(name)
            if r.operator in _READS:
                self.reads.append(name)

    def _simple(self, c: SimpleCommand) -> None:
        if c.words:
            self.words([_word(w) if isinstance(w, Word) else _declared(w) for w in c.words])

    def words(self, words: wrappers.Words) -> None:
        """One command's words."""
        if not words:
            return
        name = words[0]
        if not isinstance(name, str):
            self.opaque = True
            return
        if name in self.functions:
            self.shadowed.append(words)
            return
        name = wrappers.base_name(name)
        if "/" in name:
            # A file of the workspace: what it runs is written there.
            self.opaque = True
            self._use(name.rpartition("/")[2], words)
            return
        self.unsets = self.unsets or name == "unset"
        if name not in INTERNAL:
            self._use(name, words)
        found = wrappers.inside(name, words[1:])
        self.opaque = self.opaque or found.opaque
        for inner in found.commands:
            self._nested(inner)
        for text in found.scripts:
            self._text(text, own=name in wrappers.SHELLS)

    def _use(self, name: str, words: wrappers.Words) -> None:
        self.commands.append(CommandUse(name, tuple(w if isinstance(w, str) else None for w in words)))

    def _nested(self, words: wrappers.Words) -> None:
        self.depth += 1
        if self.depth > _MAX_NESTING:
            self.opaque = True
        else:
            # What a wrapper starts is a program: functions are not seen there. ('command' skips them as well.)
            functions, self.functions = self.functions, set()
            self.words(words)
            self.functions = functions
        self.depth -= 1

    def _text(self, text: str, *, own: bool) -> None:
        """A script in a string; ``own``: run by a shell of its own, which knows no functions of this one."""
        functions = self.functions
        if own:
            self.functions = set()
        self.depth += 1
        try:
            if self.depth > _MAX_NESTING:
                self.opaque = True
            else:
                self.script(parse(text).body)
        except ShellSyntaxError:
            # It would fail when it runs; until then, nothing is known about it.
            self.opaque = True
        finally:
            self.depth -= 1
            self.functions = functions


def _word(word: Word) -> str | EllipsisType | None:
    """The word as :data:`wrappers.Words` has it."""
    if word.static is not None:
        return word.static
    return None if all(_is_one(p) for p in word.parts) else ...


def _is_one(part: Part) -> bool:
    """Whether a part can neither split its word nor make it vanish."""
    if isinstance(part, DoubleQuoted):
        return not any(
            isinstance(p, Parameter) and (p.name == "@" or p.subscript == "@" or p.operator) for p in part.parts
        )
    return isinstance(part, Literal | Quoted | Tilde)


def _declared(assignment: Assignment) -> str | None:
    value = assignment.value
    static = value.static if isinstance(value, Word) else None
    return None if static is None else f"{assignment.name}={static}"
