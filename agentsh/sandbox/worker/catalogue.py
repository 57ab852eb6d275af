"""Every command of the sandbox: the userland's, and Python where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.sandbox.modules import Toolbox
from agentsh.sandbox.worker.engine_settings import SETTINGS
from agentsh.sandbox.worker.launch import Tool, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import wasmtime as wt

    from agentsh.sandbox.worker.launch import Command

_PYTHON = ("python", "python3")


class Commands:
    """The launcher's catalogue.

    Args:
        engine: compiles the modules.
        cache_dir: keeps them compiled.
    """

    def __init__(self, engine: wt.Engine, cache_dir: Path) -> None:
        self._engine = engine
        self._cache_dir = cache_dir
        self._toolbox = Toolbox(engine, cache_dir, settings=SETTINGS)
        self._found: dict[str, Command] = {}

    def names(self) -> Iterable[str]:
        """The userland's commands, and Python's names."""
        return {*self._toolbox.names(), *_PYTHON}

    def get(self, name: str) -> Command | Unavailable | None:
        """A command by its name; kept for the next time."""
        found = self._found.get(name)
        if found is not None:
            return found
        if name in _PYTHON:
            from agentsh.sandbox.python import load_python  # noqa: PLC0415 - only when it is run

            python = load_python(self._engine, self._cache_dir)
            if isinstance(python, Unavailable):
                return python  # not kept: it may be prepared meanwhile
            self._found.update(dict.fromkeys(_PYTHON, python))
            return python
        tool = self._toolbox.get(name)
        if tool is None:
            return None
        self._found[name] = command = Tool(tool.module)
        return command
