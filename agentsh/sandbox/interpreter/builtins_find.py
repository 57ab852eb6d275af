"""``find`` with ``-exec``: the module finds, the interpreter starts the commands.

The module cannot start anything, so the expression is cut before its first ``-exec``: the module prints the names that
got that far, and the rest is worked out here for each of them. A test that stands there is asked of the module again,
for that one name.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentsh.core.errors import AgentshError
from agentsh.sandbox.interpreter import commands, concurrency
from agentsh.sandbox.interpreter.builtins_state import change_directory
from agentsh.sandbox.interpreter.builtins_wrap import ARGUMENT_ROOM, run_program
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.registry import strings
from agentsh.sandbox.interpreter.state import decode, encode
from agentsh.shell.options import FIND_STARTS, FIND_TAKES_ONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell

_ASKS = frozenset(["-ok", "-okdir"])
_NOT = frozenset(["!", "-not"])
_LAST = frozenset(["-print", "-print0", "-quit", "-a", "-and", *_NOT])
"""What is worked out here, before the first -exec too."""
_AGAIN = FIND_TAKES_ONE - {"-maxdepth", "-mindepth", "-regextype", "-fprint", "-fprint0", "-fls"} | {
    *("-empty", "-readable", "-writable", "-executable", "-true", "-false", "-nouser", "-nogroup"),
    *("-delete", "-ls", "-printf"),
}
"""What the module can be asked for one name alone."""
_KNOWS_START = re.compile(r"%[-+ 0#]*\d*(?:\.\d+)?[PHd]")
"""Directives of -printf that depend on where the search began."""
_GLOBAL = frozenset(["-L", "-H", "-P", "-follow", "-daystart", "-regextype"])
_PRINTS = frozenset(["-print", "-print0", "-printf", "-ls", "-fprint", "-fprint0", "-fprintf", "-fls"])


@dataclass(slots=True)
class _Action:
    """A part of the expression that is worked out here.

    Attributes:
        name: the primary.
        argv: its command; of a test, the words that the module takes.
        many: whether it ends with ``+``: one command for as many names as fit.
        negated: whether ``!`` stands before it.
        waiting: names collected for the next command, by the directory to run it in.
    """

    name: str
    argv: list[str] = field(default_factory=list)
    many: bool = False
    negated: bool = False
    waiting: dict[str, list[str]] = field(default_factory=dict)
    room: int = ARGUMENT_ROOM


def _find(shell: Shell, arguments: Words) -> int | Process:
    words = strings(arguments)
    if FIND_STARTS.isdisjoint(words):
        return commands.launch(shell, ["find", *words])
    search, actions, ways = _split(words)
    data, status = _names(shell, [*search, "-print0"])
    return _Search(shell, actions, ways, status).run(data)


def _split(words: Sequence[str]) -> tuple[list[str], list[_Action], list[str]]:
    """The expression up to its first action, for the module; what follows; options that hold for both.

    Raises:
        CommandError: a command is not ended, or something stands behind an ``-exec`` that cannot be worked out there.
    """
    items = _items(words)
    start = next(i for i, item in enumerate(items) if item[0] in FIND_STARTS)
    while start and items[start - 1][0] in _LAST:
        start -= 1
    search, last = items[:start], items[start:]
    for item in last:
        if item[0] not in FIND_STARTS | _LAST | _AGAIN and not _is_newer(item):
            raise CommandError(
                f"find: {item[0]} after -exec is not supported; write: find ... -print0 | while IFS= read -r -d '' f; "
                "do ...; done",
                1,
            )
        if item[0] == "-printf" and _KNOWS_START.search(item[1]):
            raise CommandError("find: -printf with %P, %H or %d after -exec is not supported", 1)
    mixed = next((item[0] for item in search if item[0] in _PRINTS), None)
    if mixed is not None:
        raise CommandError(f"find: {mixed} before other tests and -exec is not supported; use two finds", 1)
    if any(item[0] == "-delete" for item in last):
        search.append(("-depth",))
    ways = [item for item in search if item[0] in _GLOBAL]
    first = [word for item in ways if item[0] in ("-L", "-H", "-P") for word in item]
    return (
        [word for item in search for word in item],
        _actions(last),
        [*first, "{}", *(word for item in ways if item[0] not in ("-L", "-H", "-P") for word in item)],
    )


def _is_newer(item: tuple[str, ...]) -> bool:
    return len(item) == 2 and item[0].startswith("-newer")


def _items(words: Sequence[str]) -> list[tuple[str, ...]]:
    """The expression's primaries with their arguments."""
    items: list[tuple[str, ...]] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in FIND_STARTS:
            items.append((word, *_command(word, rest)))
        elif (word in FIND_TAKES_ONE or word.startswith("-newer")) and rest:
            items.append((word, rest.pop(0)))
        else:
            items.append((word,))
    return items


def _actions(items: Sequence[tuple[str, ...]]) -> list[_Action]:
    actions: list[_Action] = []
    negated = False
    for item in items:
        if item[0] in _NOT:
            negated = not negated
        elif item[0] not in ("-a", "-and"):
            actions.append(_action(item, negated=negated))
            negated = False
    if negated:
        raise CommandError("find: expected an expression after '!'", 1)
    return actions


def _command(primary: str, rest: list[str]) -> list[str]:
    """Take a command and its end off the words."""
    if primary in _ASKS:
        raise CommandError(f"find: {primary}: there is nobody to ask; use {primary.replace('-ok', '-exec')}", 1)
    taken: list[str] = []
    while rest:
        word = rest.pop(0)
        taken.append(word)
        if word == ";" or (word == "+" and taken[-2:-1] == ["{}"]):
            if len(taken) == 1:
                break
            return taken
    raise CommandError(f"find: missing argument to '{primary}'", 1)


def _action(item: tuple[str, ...], *, negated: bool) -> _Action:
    name, *argv = item
    if name not in FIND_STARTS:
        return _Action(name, list(item), negated=negated)
    many = argv.pop() == "+"
    if many and (sum("{}" in w for w in argv) > 1 or argv[0] == "{}"):
        raise CommandError(f"find: {name} with + takes {{}} once, as the last word", 1)
    return _Action(name, argv, many, negated)


def _names(shell: Shell, words: Sequence[str]) -> tuple[list[str], int]:
    """What the module finds, and its status."""
    sub = shell.fork()
    read, write = concurrency.make_pipe()
    sub.state.fds[1] = write
    try:
        try:
            process = commands.launch(sub, ["find", *words])
        finally:
            os.close(write)
        try:
            data = shell.run.read_all(read)
        except AgentshError as e:
            shell.run.fail(e)
            raise
    finally:
        os.close(read)
    return [decode(name) for name in data.split(b"\0")[:-1]], process.wait()


class _Search:
    """The actions at work on the names that were found."""

    def __init__(self, shell: Shell, actions: Sequence[_Action], ways: Sequence[str], status: int) -> None:
        self._shell = shell
        self._actions = actions
        self._ways = ways
        self._status = status

    def run(self, names: Sequence[str]) -> int:
        """Work through all names; find's status."""
        for name in names:
            self._shell.run.tick()
            if not self._apply(name):
                break
        for action in self._actions:
            self._flush(action)
        return self._status

    def _apply(self, name: str) -> bool:
        """Apply the actions to a name; False when the search shall end."""
        for action in self._actions:
            if action.name == "-quit":
                return False
            if self._is_true(action, name) is action.negated:
                return True
        return True

    def _is_true(self, action: _Action, name: str) -> bool:
        if action.name in ("-print", "-print0"):
            self._shell.write(1, name + ("\n" if action.name == "-print" else "\0"))
            return True
        if action.name not in FIND_STARTS:
            return self._ask(action, name)
        directory, shown = _in_directory(name) if action.name == "-execdir" else ("", name)
        if not action.many:
            return self._start([w.replace("{}", shown) for w in action.argv], directory) == 0
        size = len(encode(shown)) + 1
        if size > action.room:
            self._flush(action)
        action.room -= size
        action.waiting.setdefault(directory, []).append(shown)
        return True

    def _ask(self, action: _Action, name: str) -> bool:
        """Have the module work out one primary for one name."""
        words = [name if w == "{}" else w for w in self._ways]
        if action.name in ("-ls", "-printf"):
            return run_program(self._shell, ["find", *words, "-maxdepth", "0", *action.argv]) == 0
        found, status = _names(self._shell, [*words, "-maxdepth", "0", *action.argv, "-print0"])
        self._status |= status
        return bool(found)

    def _flush(self, action: _Action) -> None:
        waiting, action.waiting, action.room = action.waiting, {}, ARGUMENT_ROOM
        for directory, names in waiting.items():
            if self._start([*action.argv[:-1], *names], directory):
                self._status = 1

    def _start(self, argv: Sequence[str], directory: str) -> int:
        sub = self._shell
        if directory:
            sub = sub.fork()
            try:
                change_directory(sub, directory)
            except CommandError as e:
                sub.complain(f"find: {e.message}")
                self._status = 1
                return 1
        return run_program(sub, argv)


def _in_directory(name: str) -> tuple[str, str]:
    """The directory to go to for a name, empty for the present one, and the name there."""
    directory, slash, base = name.rstrip("/").rpartition("/")
    return directory or slash, f"./{base}"


TABLE: dict[str, Builtin] = {"find": _find}
