"""The interpreter: runs a parsed script inside the worker, each command through the launcher."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from agentsh.sandbox.interpreter import builtins as _builtins  # noqa: F401 - fills the registry
from agentsh.sandbox.interpreter import concurrency
from agentsh.sandbox.interpreter.run import Run
from agentsh.sandbox.interpreter.shell import Shell
from agentsh.sandbox.interpreter.state import ROOT, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agentsh.core.limits import Limits
    from agentsh.core.tree import Tree
    from agentsh.sandbox.contract import Launcher
    from agentsh.shell.tree import Script

_FRAMES = 40_000
"""Python frames that the deepest allowed nesting of calls may need."""


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """What commands start from: nothing of the host's, and ``env`` on top."""
    return {"PATH": "/bin", "HOME": ROOT, "LANG": "C.UTF-8", **(env or {}), "PWD": ROOT}


def run_script(
    script: Script,
    *,
    launcher: Launcher,
    tree: Tree,
    stdin: int,
    stdout: int,
    stderr: int,
    env: Mapping[str, str],
    limits: Limits,
    cancelled: Callable[[], bool] | threading.Event,
    arguments: Sequence[str] = (),
) -> int:
    """Run a script to its end, background jobs included.

    Args:
        script: what :func:`agentsh.shell.parse` gave.
        launcher: starts the commands. When a run ends by an exception it must end what it started: a thread of the
            interpreter may still wait for it.
        tree: the staging view, which is all of the file system that the script sees.
        stdin: descriptor, which stays the caller's.
        stdout: likewise.
        stderr: likewise.
        env: variables beside PATH, HOME, LANG and PWD.
        limits: what it may use; the launcher holds those that concern commands.
        cancelled: asked between commands and in loops; when true the run ends.
        arguments: ``$1`` and on.

    Returns:
        The exit status of the script.

    Raises:
        LimitExceeded: a limit was met, in whatever thread of the run.
        Interrupted: ``cancelled`` said so.
    """
    before = sys.getrecursionlimit()
    asked = cancelled.is_set if isinstance(cancelled, threading.Event) else cancelled
    run = Run(launcher, tree, limits, asked)
    variables = environment(env)
    state = State(
        variables=dict(variables),
        exported=set(variables),
        parameters=list(arguments),
        fds={0: stdin, 1: stdout, 2: stderr},
    )
    state.variables.update({"IFS": " \t\n", "OPTIND": "1"})
    shell = Shell(run, state)
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        status = concurrency.run_subshell(shell, script.body)
        for task in run.background:
            task.wait()
    finally:
        sys.setrecursionlimit(before)
    if run.failure is not None:  # of a line that the last command started
        raise run.failure
    return status


__all__ = ["environment", "run_script"]
