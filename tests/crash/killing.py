"""Work in a process of its own that dies at a named point."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import blake3  # noqa: F401 - here, so that not each of the processes loads them anew
import sqlite_utils  # noqa: F401
import zstandard  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable


def killed(fault: str, work: Callable[[], object]) -> bool:
    """Run ``work`` in a process of its own that dies at ``fault``; False when it came to its end."""
    pid = os.fork()
    if pid == 0:
        os.environ["AGENTSH_FAULT"] = fault
        code = 70
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0, fault
    return False
