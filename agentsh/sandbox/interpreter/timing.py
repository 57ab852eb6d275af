"""What ``time`` prints, by ``TIMEFORMAT``."""

from __future__ import annotations

import re

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter.control import CommandError

_DIRECTIVE = re.compile(r"%(?:(%)|(P)|([0-9]?)(l?)([RUS])|(.?))", re.DOTALL)


def _seconds(value: float, digits: str, *, long: bool) -> str:
    places = min(int(digits or 3), 3)
    if not long:
        return f"{value:.{places}f}"
    minutes = int(value // 60)
    return f"{minutes}m{value - 60 * minutes:.{places}f}s"


def text(form: str, real: float, user: float, system: float) -> str:
    """The line that a format stands for; empty for an empty format.

    Args:
        form: bash's ``TIMEFORMAT``.
        real: seconds that passed.
        user: seconds of processor time in commands. All of an action's commands share a process: those that ran
            beside this one count too.
        system: seconds of processor time in the kernel.

    Raises:
        CommandError: the format has an unknown letter.
    """

    def one(m: re.Match[str]) -> str:
        percent, share, digits, long, which, other = m.groups()
        if percent:
            return "%"
        if share:
            return f"{100 * (user + system) / real if real else 0:.2f}"
        if which:
            return _seconds({"R": real, "U": user, "S": system}[which], digits, long=bool(long))
        raise CommandError(f"TIMEFORMAT: '{visible_line(other)}': invalid format character")

    return _DIRECTIVE.sub(one, form) + "\n" if form else ""
