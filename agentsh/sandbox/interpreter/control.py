"""How control leaves a command before its end: signals inside the interpreter, never errors for people."""

from __future__ import annotations


class Signal(Exception):
    """Base of the interpreter's own signals."""


class LoopSignal(Signal):
    """``break`` or ``continue``.

    Args:
        levels: how many loops it concerns, at least 1.
        again: True for ``continue``.
    """

    def __init__(self, levels: int, *, again: bool) -> None:
        super().__init__()
        self.levels = levels
        self.again = again


class ReturnSignal(Signal):
    """``return``."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class ExitSignal(Signal):
    """The (sub)shell ends: ``exit``, ``set -e``, or an error that ends a shell."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class StopSignal(Signal):
    """Whoever started this with a time limit (``timeout``) wants it to end."""


class CommandError(Signal):
    """A command or an expansion fails with a message on stderr.

    Args:
        message: without the shell's name before it.
        status: the command's exit status.
        fatal: the shell ends too, as POSIX asks for errors of expansion.
    """

    def __init__(self, message: str, status: int = 1, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.fatal = fatal
