"""The person's own tools as commands: loaded when they are called, refused when they are not what was added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.errors import SandboxError
from agentsh.sandbox.shelf import Shelf
from agentsh.sandbox.worker.frame import Exited
from agentsh.sandbox.worker.program import Tool, Unavailable
from agentsh.sandbox.worker.streams import WASI

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import wasmtime as wt

    from agentsh.core.tool import UserTool
    from agentsh.core.tree import Tree
    from agentsh.sandbox.modules import ModuleCache
    from agentsh.sandbox.shelf import Stamp
    from agentsh.sandbox.worker.program import Command

_CANNOT_RUN = 126
_NO_FILES = "nothing"


class OwnTools:
    """The tools on the shelf.

    Args:
        directory: the shelf's.
        cache_dir: has compiled modules.
        modules: compiles a module's bytes, or takes them from the cache.
        python: gives the sandbox's Python, or why there is none.
    """

    def __init__(
        self,
        directory: Path,
        cache_dir: Path,
        modules: Callable[[], ModuleCache],
        python: Callable[[], Command | Unavailable | None],
    ) -> None:
        self._shelf = Shelf(directory)
        self._cache_dir = cache_dir
        self._modules = modules
        self._python = python
        self._stamp: Stamp | None = None
        self._by_command: dict[str, UserTool] = {}
        self._loaded: dict[str, tuple[Stamp | None, Command]] = {}

    def refresh(self) -> None:
        """Take note of what was added and removed meanwhile.

        Raises:
            ConfigError: the shelf cannot be used.
        """
        stamp = self._shelf.stamp()
        if stamp == self._stamp:
            return
        self._by_command = {c: tool for tool in self._shelf.tools().values() for c in tool.commands}
        self._loaded.clear()
        self._stamp = stamp

    def find(self, command: str) -> UserTool | None:
        """The tool that answers to a command."""
        return self._by_command.get(command)

    def commands(self) -> Mapping[str, UserTool]:
        """Every tool, by the commands that it answers to."""
        return self._by_command

    def get(self, tool: UserTool) -> Command | Unavailable:
        """The tool, ready to be run, or why it is not."""
        # A look at the file's status each time: a change is seen at once, and what is loaded was compared before.
        stamp = self._shelf.content_stamp(tool)
        loaded_from, command = self._loaded.get(tool.name, (None, None))
        if command is not None and loaded_from == stamp:
            return command
        try:
            content = self._shelf.content(tool)
        except SandboxError as e:
            self._loaded.pop(tool.name, None)
            return Unavailable(f"{e.what} The person can run: agentsh tools list", _CANNOT_RUN)
        if tool.kind == "module":
            command = Module(self._modules().load(content, tool.sha256), tool)
        else:
            python = self._python()
            if python is None or isinstance(python, Unavailable):
                why = python.message if python else "not in this sandbox"
                return Unavailable(f"it needs Python, which is {why}", _CANNOT_RUN)
            command = Script(python, tool, content.decode(), self._no_files())
        self._loaded[tool.name] = stamp, command
        return command

    def _no_files(self) -> str:
        """An empty directory, for what must start in some directory and may see none."""
        place = self._cache_dir / _NO_FILES
        place.mkdir(mode=0o500, exist_ok=True)
        if any(place.iterdir()):
            raise SandboxError(f"{place} should be empty and is not.", next_step="Remove it.")
        return str(place)


def _visible_variables(tool: UserTool, env: Mapping[str, str]) -> dict[str, str]:
    """Those that the tool was given, and its place where it may see files at all."""
    names = {*(tool.capabilities.env or ()), *(["PWD"] if tool.capabilities.read else [])}
    return {name: value for name, value in env.items() if name in names}


class Module(Tool):
    """A WASI program of the person's."""

    ends_without_reader = False
    takes_here = True

    def __init__(self, module: wt.Module, tool: UserTool) -> None:
        super().__init__(module)
        self._tool = tool
        self.capabilities = tool.capabilities

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """What it was given of the action's variables."""
        return _visible_variables(self._tool, env)

    def define(self, linker: wt.Linker, tree: Tree) -> None:  # noqa: ARG002 - the protocol's
        """An exit that is one whatever the compiler put after it: Go's runtime would go on."""
        import wasmtime as wt  # noqa: PLC0415 - loaded in the worker alone

        linker.define_func(WASI, "proc_exit", wt.FuncType([wt.ValType.i32()], []), _exit)


def _exit(code: int) -> None:
    raise Exited(code)


class Script:
    """A Python program of the person's, run by the sandbox's Python with the tool's capabilities.

    The source is passed as an argument, so no file can take its place; Python runs isolated, so that it imports nothing
    from the workspace that the script does not ask for itself.
    """

    takes_here = False

    def __init__(self, python: Command, tool: UserTool, source: str, no_files: str) -> None:
        self._python = python
        self._tool = tool
        self._code = (
            f"import sys; sys.argv[0] = {tool.name!r}; "
            f"exec(compile({source!r}, {tool.name + '.py'!r}, 'exec'), {{'__name__': '__main__'}})"
        )
        self.module = python.module
        self.ends_without_reader = python.ends_without_reader
        self.capabilities = tool.capabilities
        place = () if tool.capabilities.read else ((no_files, "/workspace"),)
        self.preopens: Sequence[tuple[str, str]] = (*python.preopens, *place)

    def argv(self, argv: Sequence[str], cwd: bytes) -> list[str]:
        """Python's own, with the script in it."""
        return self._python.argv(["python", "-I", "-c", self._code, *argv[1:]], cwd if self.capabilities.read else b"")

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """What Python needs, and what the tool was given of the action's variables."""
        return self._python.env(_visible_variables(self._tool, env))

    def define(self, linker: wt.Linker, tree: Tree) -> None:
        """As Python."""
        self._python.define(linker, tree)

    def run(self, store: wt.Store, instance: wt.Instance) -> int:
        """As Python."""
        return self._python.run(store, instance)
