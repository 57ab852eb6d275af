"""Names and numbers of signals. Nothing here receives one; they say how a command is stopped, and with what status."""

from __future__ import annotations

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter.control import CommandError

NAMES = (
    *("EXIT", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE"),
    *("ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM"),
    *("PROF", "WINCH", "IO", "PWR", "SYS"),
)
"""By their number on Linux."""
_NUMBERS = {name: number for number, name in enumerate(NAMES)}


def signal_number(text: str, command: str, status: int = 1) -> int:
    """The number that a name (TERM, SIGTERM, term) or a number stands for.

    Raises:
        CommandError: there is no such signal.
    """
    name = text.upper().removeprefix("SIG")
    number = int(text) if text.isdigit() and len(text) < 4 else _NUMBERS.get(name, -1)
    if not 0 <= number < len(NAMES):
        raise CommandError(f"{command}: {visible_line(text)}: invalid signal", status)
    return number
