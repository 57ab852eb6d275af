"""``printf``: what only a shell's own has, ``-v NAME``, ``%(FORMAT)T`` and ``%q``; the rest is the module's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter import commands, concurrency
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.names import is_name
from agentsh.sandbox.interpreter.parameters import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.sandbox.contract import Process
    from agentsh.sandbox.interpreter.shell import Shell

_CONVERSION = re.compile(
    r"%(?:%|(?P<before>[-+ #0']*(?P<width>\*|[0-9]*)(?P<precision>\.(?:\*|[0-9]*))?)"
    r"(?:\((?P<date>[^)]*)\)T|(?P<kind>[^(])))"
)
_NOW = ("-1", "-2", "")
"""Present time, the shell's start, which is as good as now, and no argument at all."""
_QUOTE = "%q"
"""Stands for ``%q`` where else a date's format stands."""
_SPECIAL = re.compile(r"""[ '"\\|&;()<>!{}*\[\]?^$`,]|^[#~]|(?<=[:=])~""")
_NUMBERS = frozenset("diouxXeEfFgGaA")


def is_the_shells(arguments: Sequence[str]) -> bool:
    """Whether a ``printf`` with these arguments is not the module's."""
    if not arguments:
        return False
    text = arguments[1] if arguments[0] == "--" and len(arguments) > 1 else arguments[0]
    return arguments[0] == "-v" or "(" in text or "q" in text


def printf(shell: Shell, arguments: Sequence[str]) -> int | Process:
    """Work out the dates and quotes, have the module print, and keep the text where ``-v`` says so.

    Raises:
        CommandError: there is no format, no name for ``-v``, or no number where a date needs one.
    """
    words = list(arguments)
    name = ""
    if words[0] == "-v":
        if len(words) < 3 or not is_name(words[1]):
            raise CommandError("printf: -v: a variable's name and a format are needed", 2)
        name = words[1]
        del words[:2]
    if words[:1] == ["--"] and len(words) > 1:
        del words[0]
    words = ["printf", *(("--",) if words[0].startswith("-") else ()), *_worked_out(shell, words[0], words[1:])]
    if not name:
        return commands.launch(shell, words)
    text, status = concurrency.capture(shell, lambda sub: commands.launch(sub, words))
    shell.state.set(name, text)
    return status


def _worked_out(shell: Shell, text: str, arguments: list[str]) -> list[str]:
    """The format and its arguments with each date and each quoted word as text."""
    wanted: list[str | None] = []  # for each argument of one round, the format of its date
    fill: list[str] = []

    def convert(m: re.Match[str]) -> str:
        if m.group() == "%%":
            return m.group()
        stars = (m["width"] == "*") + (m["precision"] == ".*")
        wanted.extend([None] * stars)
        wanted.append(_QUOTE if m["kind"] == "q" else m["date"])
        fill.extend(["0"] * stars + (["0"] if m["kind"] and m["kind"] in _NUMBERS else [""]))
        return m.group() if wanted[-1] is None else f"%{m['before']}s"

    changed = _CONVERSION.sub(convert, text)
    if all(form is None for form in wanted):
        return [text, *arguments]
    missing = -len(arguments) % len(wanted) if arguments else len(wanted)
    given = [*arguments, *fill[len(fill) - missing :]]
    return [changed, *(_text(shell, wanted[n % len(wanted)], word) for n, word in enumerate(given))]


def _text(shell: Shell, form: str | None, word: str) -> str:
    if form is None:
        return word
    if form == _QUOTE:
        quoted = quote(word)
        return quoted if quoted[0] == "$" or not word else _SPECIAL.sub(r"\\\g<0>", word)
    if word not in _NOW and not re.fullmatch(r"[+-]?[0-9]{1,15}", word):
        raise CommandError(f"printf: {visible_line(word)}: invalid number")
    at = [] if word in _NOW else ["-d", f"@{int(word)}"]
    shown, status = concurrency.capture(shell, lambda sub: commands.launch(sub, ["date", *at, f"+{form or '%X'}"]))
    if status:
        raise CommandError("printf: a date cannot be worked out", status)
    return shown.removesuffix("\n")
