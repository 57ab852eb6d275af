"""Named points at which a crash test kills the process.

A test sets ``AGENTSH_FAULT=name`` (or ``name:3`` for the third passage); the process then kills itself with
SIGKILL on reaching that point, as a power cut or the kernel's out-of-memory killer would. Unset, a point costs one
dictionary look-up.
"""

from __future__ import annotations

import os
import signal

_passages: dict[str, int] = {}

COMMIT_POINTS = (
    "commit.before-intent",
    "commit.after-intent",
    "commit.before-path",
    "commit.path-written",
    "commit.path-synced",
    "commit.before-switch",
    "commit.path-renamed",
    "commit.path-switched",
    "commit.after-paths",
    "commit.before-done",
    "commit.after-done",
)
"""Every point that a commit passes, in order; those about a path once a path. Crash tests walk this list."""

RECOVERY_POINTS = ("recover.before-clean", "recover.cleaned", "recover.before-done")
"""Every point that a recovery passes beside the commit's own, once a commit."""


def fault_point(name: str) -> None:
    """Die here when the environment asks for it."""
    wanted = os.environ.get("AGENTSH_FAULT")
    if not wanted:
        return
    point, _, nth = wanted.partition(":")
    if point != name:
        return
    _passages[name] = _passages.get(name, 0) + 1
    if _passages[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
