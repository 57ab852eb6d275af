"""What a command is to the launcher: a program that can be instantiated, and a run of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from agentsh.core.errors import SandboxError
from agentsh.core.tool import EVERYTHING, Capabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import wasmtime as wt

    from agentsh.core.tree import Tree


class Command(Protocol):
    """A program that can be instantiated."""

    module: wt.Module
    preopens: Sequence[tuple[str, str]]
    """Directories of the sandbox's own that it reads: host path, guest path."""
    ends_without_reader: bool
    """Whether it ends by itself, with status 141, when nobody reads what it writes."""
    capabilities: Capabilities
    """What it is handed of the action's own."""
    takes_here: bool
    """Whether it is handed its current directory as one of its own (``.``), for it does not go there itself."""

    def argv(self, argv: Sequence[str], cwd: bytes) -> list[str]:
        """The arguments that the module gets."""

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """The variables that the module gets."""

    def define(self, linker: wt.Linker, tree: Tree) -> None:
        """Offer imports of its own; ``tree`` is the staging view."""

    def run(self, store: wt.Store, instance: wt.Instance) -> int:
        """Run to the end; the exit status."""


class Unavailable:
    """A command that there is, but not here or not now.

    Attributes:
        message: what the person or agent can do about it; goes to the command's stderr.
        status: its exit status.
    """

    def __init__(self, message: str, status: int) -> None:
        self.message = message
        self.status = status


class Catalogue(Protocol):
    """Where commands come from."""

    def names(self) -> Iterable[str]:
        """Every command."""

    def get(self, name: str) -> Command | Unavailable | None:
        """A command by its name."""

    def begin(self, *, scripted: bool) -> None:
        """A job begins: a script of the action's, or one command that agentsh itself wants run."""


class Tool:
    """A command of the userland: a WASI program."""

    preopens: Sequence[tuple[str, str]] = ()
    ends_without_reader = True
    capabilities = EVERYTHING
    takes_here = False

    def __init__(self, module: wt.Module) -> None:
        self.module = module

    def argv(self, argv: Sequence[str], cwd: bytes) -> list[str]:
        """As they are; the modules go to ``$PWD`` themselves."""
        del cwd
        return list(argv)

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """As it is."""
        return dict(env)

    def define(self, linker: wt.Linker, tree: Tree) -> None:
        """Nothing: WASI and the host calls are enough."""

    def run(self, store: wt.Store, instance: wt.Instance) -> int:
        """Call its ``_start``."""
        import wasmtime as wt  # noqa: PLC0415 - loaded in the worker alone

        start = instance.exports(store)["_start"]
        if not isinstance(start, wt.Func):
            raise SandboxError("The module has no start function.")
        start(store)
        return 0


class Running:
    """A command that was started (the contract's ``Process``).

    Args:
        work: runs it; None when it has ended before it began.
    """

    __slots__ = ("_done", "_work", "status")

    def __init__(self, work: Callable[[Running], None] | None) -> None:
        self.status = 0
        self._work = [] if work is None else [work]
        self._done = threading.Lock()
        if work is not None:
            self._done.acquire()

    def run(self) -> None:
        """Run it in this thread, unless another has taken it."""
        try:
            work = self._work.pop()
        except IndexError:
            return
        try:
            work(self)
        finally:
            self._done.release()

    def wait(self) -> int:
        """Wait for the command's end and return its exit status.

        A command that no thread has taken runs here: handing it over and back takes as long as a short command.
        """
        self.run()
        with self._done:
            return self.status
