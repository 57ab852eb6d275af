"""``timeout``: a command that is stopped, with all that it has started, when its time is up."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter.builtins_wrap import options_of, run_program
from agentsh.sandbox.interpreter.control import CommandError, StopSignal
from agentsh.sandbox.interpreter.registry import strings
from agentsh.sandbox.interpreter.signals import signal_number
from agentsh.sandbox.stop import Stop
from agentsh.shell.options import TIMEOUT

if TYPE_CHECKING:
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell

_DURATION = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([smhd]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TIMED_OUT, _FAILED = 124, 125
_TERM, _KILL = 15, 9


def _seconds(text: str) -> float:
    m = _DURATION.fullmatch(text)
    if m is None or len(text) > 20:
        raise CommandError(f"timeout: invalid time interval '{visible_line(text)}'", _FAILED)
    return float(m[1]) * _UNITS[m[2]]


def _timeout(shell: Shell, arguments: Words) -> int:
    options, words = options_of("timeout", strings(arguments), TIMEOUT, _FAILED)
    if len(words) < 2:
        raise CommandError("timeout: a duration and a command are needed", _FAILED)
    seconds = _seconds(words[0])
    if "k" in options:
        _seconds(options["k"])  # nothing here outlives the first signal, so that there is never a second one
    number = signal_number(options["s"], "timeout", _FAILED) if "s" in options else _TERM
    if not seconds:
        return run_program(shell, words[1:])
    with Stop(shell.run.stop) as stop:
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), stop.request)
        timer.daemon = True
        timer.start()
        try:
            status = run_program(type(shell)(shell.run.within(stop), shell.state.copy(), shell.depth), words[1:])
        except StopSignal:
            shell.run.tick()  # when an outer one is meant, it goes on from here
            status = 128 + number
        finally:
            timer.cancel()
            timer.join()
        if not stop.requested:
            return status
    shell.run.tick()
    if "v" in options:
        shell.complain(f"timeout: sending signal to command '{visible_line(words[1])}'")
    if number == _KILL:
        return 128 + _KILL
    return 128 + number if "p" in options else _TIMED_OUT


TABLE: dict[str, Builtin] = {"timeout": _timeout}
