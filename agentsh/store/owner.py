"""Which process began an action, told apart from a later one that got the same number."""

from __future__ import annotations

import os
from functools import cache


def _started(pid: int) -> str:
    """When ``pid`` started, in clock ticks since boot; empty where the platform does not tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:  # noqa: PTH123 - read at every start
            stat = f.read()
    except OSError:
        return ""
    # The command's name, in parentheses, may itself hold spaces and parentheses.
    return stat[stat.rindex(b")") + 2 :].split()[19].decode("ascii")


def this_process() -> str:
    """A name for the calling process."""
    return _name(os.getpid())


@cache
def _name(pid: int) -> str:
    """A process's name; only ever asked for the calling one, so it cannot go out of date."""
    return f"{pid}:{_started(pid)}"


def is_alive(owner: str) -> bool:
    """True while the process that :func:`this_process` named still runs."""
    number, _, started = owner.partition(":")
    pid = int(number)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    now = _started(pid)
    return not (started and now) or now == started
