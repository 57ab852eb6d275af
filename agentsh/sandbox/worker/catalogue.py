"""Every command of the sandbox: the userland's, Python and git, which runs in it, and the person's own tools."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from agentsh.sandbox.modules import ModuleCache, Toolbox, names_without_engine
from agentsh.sandbox.worker.engine_settings import SETTINGS
from agentsh.sandbox.worker.program import Tool, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import wasmtime as wt

    from agentsh.sandbox.python import Python
    from agentsh.sandbox.worker.own_tools import OwnTools
    from agentsh.sandbox.worker.program import Command

_PYTHON = ("python", "python3")
_GIT = "git"


def own_names() -> frozenset[str]:
    """Every command of the sandbox's own; needs no engine."""
    return frozenset([*names_without_engine(), *_PYTHON, _GIT])


def is_builtin(name: str) -> bool:
    """Whether the shell takes a name for itself, as a builtin or a keyword, so that no command can have it."""
    from agentsh.core.errors import ShellSyntaxError  # noqa: PLC0415 - only when tools are added or listed
    from agentsh.sandbox.interpreter.registry import BUILTINS  # noqa: PLC0415
    from agentsh.shell import parse  # noqa: PLC0415
    from agentsh.shell.tree import SimpleCommand  # noqa: PLC0415

    import_module("agentsh.sandbox.interpreter.builtins")  # fills the table
    try:
        (statement,) = parse(name).body
    except ShellSyntaxError:
        return True
    (command,) = statement.first.commands
    return name in BUILTINS or not isinstance(command, SimpleCommand)


class Commands:
    """The launcher's catalogue.

    Args:
        engine: compiles the modules.
        cache_dir: keeps them compiled.
        tools_dir: the shelf of the person's own tools; None for none.
    """

    def __init__(self, engine: wt.Engine, cache_dir: Path, tools_dir: Path | None = None) -> None:
        self._engine = engine
        self._cache_dir = cache_dir
        self._tools_dir = tools_dir
        self._toolbox = Toolbox(engine, cache_dir, settings=SETTINGS)
        self._found: dict[str, Command] = {}
        self._kept_python: Python | None = None
        self._tools: OwnTools | None = None
        self._with_tools = False

    def begin(self, *, scripted: bool) -> None:
        """See what the person added since the last job. What agentsh itself wants run is never a person's tool.

        Raises:
            ConfigError: the shelf cannot be used.
        """
        self._with_tools = scripted and self._shelf_is_there()
        if self._with_tools and self._tools is not None:
            self._tools.refresh()

    def _shelf_is_there(self) -> bool:
        if self._tools is None and self._tools_dir is not None and self._tools_dir.exists():
            from agentsh.sandbox.worker.own_tools import OwnTools  # noqa: PLC0415 - most people have none

            self._tools = OwnTools(self._tools_dir, self._cache_dir, self._modules, lambda: self._own("python"))
        return self._tools is not None

    def _modules(self) -> ModuleCache:
        return ModuleCache(self._engine, self._cache_dir, settings=SETTINGS)

    def names(self) -> Iterable[str]:
        """The userland's commands, Python's names, git, and those of the person's tools."""
        tools = self._tools.commands() if self._tools is not None and self._with_tools else ()
        return {*own_names(), *tools}

    def get(self, name: str) -> Command | Unavailable | None:
        """A command by its name; kept for the next time."""
        if self._tools is not None and self._with_tools:
            tool = self._tools.find(name)
            if tool is not None and (tool.replace or self._own(name) is None):
                return self._tools.get(tool)
        return self._own(name)

    def _own(self, name: str) -> Command | Unavailable | None:
        """A command of the sandbox's own."""
        found = self._found.get(name)
        if found is not None:
            return found
        if name in _PYTHON:
            return self._python()
        if name == _GIT:
            from agentsh.sandbox.git import load_git  # noqa: PLC0415 - only when it is run

            git = load_git(self._python(), self._cache_dir)
            if not isinstance(git, Unavailable):
                self._found[name] = git
            return git
        tool = self._toolbox.get(name)
        if tool is None:
            return None
        self._found[name] = command = Tool(tool.module)
        return command

    def _python(self) -> Python | Unavailable:
        """Python; kept once it can run, for it may be prepared meanwhile."""
        if self._kept_python is not None:
            return self._kept_python
        from agentsh.sandbox.python import load_python  # noqa: PLC0415 - only when it is run

        python = load_python(self._engine, self._cache_dir)
        if not isinstance(python, Unavailable):
            self._kept_python = python
            self._found.update(dict.fromkeys(_PYTHON, python))
        return python
