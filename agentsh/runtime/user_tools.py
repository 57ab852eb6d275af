"""A person's own tools: looked at, shown, added, listed, removed."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agentsh.config import cache_dir as default_cache_dir
from agentsh.config import tools_dir
from agentsh.core.errors import SandboxError, UsageError
from agentsh.core.limits import Limits
from agentsh.core.sanitise import visible_line
from agentsh.core.tool import Capabilities, UserTool, check_command_name, check_description

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentsh.sandbox import Shelf

ToolState = Literal["ok", "changed", "hidden"]

_FILE_TOOLS = frozenset(["view", "put", "edit"])  # agentsh itself runs these, to read and write files


@dataclass(frozen=True, slots=True)
class ToolProposal:
    """A tool that can be added, and has not been.

    Attributes:
        tool: what it will be.
        content: the file's bytes, of which ``tool.sha256`` is the hash: what was looked at is what is added.
        asks: names of capabilities that its imports are made for, granted or not.
        replaces: commands of the sandbox's own in whose place it steps.
        instead_of: the tool of the same name that it takes the place of; None when there is none.
    """

    tool: UserTool
    content: bytes
    asks: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    instead_of: UserTool | None = None


class UserTools:
    """The tools that a person has added to the sandbox. They hold in every workspace.

    Example:
        >>> tools = UserTools()
        >>> tools.add("wordfreq.wasm", name="wordfreq", capabilities=["read"])
        >>> [tool.name for tool in tools.list()]
        ['wordfreq']

    Args:
        directory: where they are kept, instead of the person's configuration directory.
        cache_dir: compiled modules, instead of the platform's place.
    """

    def __init__(self, directory: Path | None = None, *, cache_dir: Path | None = None) -> None:
        self._directory = directory or tools_dir()
        self._cache_dir = cache_dir

    def propose(
        self,
        file: str | os.PathLike[str],
        *,
        name: str,
        commands: Iterable[str] = (),
        capabilities: Iterable[str] = (),
        description: str = "",
        replace: bool = False,
    ) -> ToolProposal:
        """Look at a file, compile it, and add nothing.

        Args:
            file: a WASM module (WASI preview 1), or a Python script.
            name: what the tool is called.
            commands: what actions call it by; its name unless given.
            capabilities: of ``read``, ``write``, ``clock``, ``random`` and ``env=NAME[,NAME...]``.
            description: one line for people and models.
            replace: let it take the place of commands of the sandbox's own, or of a tool of the same name.

        Raises:
            UsageError: the file cannot be a tool, or a name or capability cannot be had.
            ConfigError: the place of the tools cannot be used.
        """
        granted = Capabilities.parse(capabilities)
        answers_to = tuple(dict.fromkeys(commands)) or (name,)
        for command in (name, *answers_to):
            check_command_name(command)
        check_description(description)
        replaces, instead_of = self._places(name, answers_to, replace=replace)
        content = _read(Path(file))
        from agentsh.sandbox import examine_module, kind_of  # noqa: PLC0415 - starts a process

        kind = kind_of(content, Path(file).suffix)
        asks: tuple[str, ...] = ()
        if kind == "module":
            most = Limits().memory_bytes
            asks = examine_module(content, self._cache_dir or default_cache_dir(), most_memory=most).asks
        tool = UserTool(
            name=name,
            commands=answers_to,
            kind=kind,
            description=description,
            capabilities=granted,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            source=os.fsencode(Path(file).resolve()).decode("utf-8", "backslashreplace"),
            replace=bool(replaces),
        )
        return ToolProposal(tool, content, asks, replaces, instead_of)

    def keep(self, proposal: ToolProposal) -> UserTool:
        """Add what was proposed. The next action can call it.

        Raises:
            ConfigError: the place of the tools cannot be used.
        """
        self._shelf().put(proposal.tool, proposal.content)
        return proposal.tool

    def add(
        self,
        file: str | os.PathLike[str],
        *,
        name: str,
        commands: Iterable[str] = (),
        capabilities: Iterable[str] = (),
        description: str = "",
        replace: bool = False,
    ) -> UserTool:
        """Look at a file and add it: :meth:`propose` and :meth:`keep` in one.

        Raises:
            UsageError: the file cannot be a tool, or a name or capability cannot be had.
            ConfigError: the place of the tools cannot be used.
        """
        return self.keep(
            self.propose(
                file,
                name=name,
                commands=commands,
                capabilities=capabilities,
                description=description,
                replace=replace,
            )
        )

    def list(self) -> tuple[UserTool, ...]:
        """Every tool, by name.

        Raises:
            ConfigError: the place of the tools cannot be used.
        """
        tools = self._shelf().tools()
        return tuple(tools[name] for name in sorted(tools))

    def get(self, name: str) -> UserTool:
        """A tool.

        Raises:
            NotFoundError: there is none of that name.
            ConfigError: the place of the tools cannot be used.
        """
        from agentsh.sandbox import no_such_tool  # noqa: PLC0415 - see agentsh.sandbox

        found = self._shelf().tools().get(name)
        if found is None:
            raise no_such_tool(name)
        return found

    def remove(self, name: str) -> UserTool:
        """Take a tool away; the next action cannot call it any more.

        Raises:
            NotFoundError: there is none of that name.
            ConfigError: the place of the tools cannot be used.
        """
        return self._shelf().remove(name)

    def state(self, tool: UserTool) -> ToolState:
        """Whether a tool can be called: 'changed' is not what was added, 'hidden' is behind a command of our own."""
        from agentsh.sandbox import is_builtin, own_names  # noqa: PLC0415 - see agentsh.sandbox

        try:
            self._shelf().content(tool)
        except SandboxError:
            return "changed"
        hidden = not tool.replace and own_names().intersection(tool.commands)
        return "hidden" if hidden or any(map(is_builtin, tool.commands)) else "ok"

    def _shelf(self) -> Shelf:
        from agentsh.sandbox import Shelf  # noqa: PLC0415 - see agentsh.sandbox

        return Shelf(self._directory)

    def _places(self, name: str, commands: Iterable[str], *, replace: bool) -> tuple[tuple[str, ...], UserTool | None]:
        """What a tool would take the place of: commands of our own, and a tool of the same name.

        Raises:
            UsageError: something that it cannot, or may not, take the place of.
        """
        from agentsh.sandbox import is_builtin, own_names  # noqa: PLC0415 - see agentsh.sandbox

        tools = self._shelf().tools()
        own = own_names()
        replaces = []
        for command in commands:
            if is_builtin(command) or command in _FILE_TOOLS:
                what = "agentsh's own way to read and write files" if command in _FILE_TOOLS else "part of the shell"
                raise _taken(f"'{command}' is {what}, which no tool can replace.", "Choose another name.")
            if command in own:
                replaces.append(command)
            for other in tools.values():
                if other.name != name and command in other.commands:
                    raise _taken(
                        f"The tool '{other.name}' answers to '{command}' already.",
                        f"Choose another name, or 'agentsh tools remove {other.name}' first.",
                    )
        if replaces and not replace:
            raise _taken(
                f"'{replaces[0]}' is a command of the sandbox's own.", "Choose another name, or say --replace."
            )
        if name in tools and not replace:
            raise _taken(
                f"There is a tool '{name}' already.", f"Say --replace, or 'agentsh tools remove {name}' first."
            )
        return tuple(replaces), tools.get(name)


def _taken(what: str, next_step: str) -> UsageError:
    return UsageError(what, files="Nothing was added.", next_step=next_step)


def _read(path: Path) -> bytes:
    """A file that a person names, within the bound of what can be a tool.

    Raises:
        UsageError: it cannot be read, or is too large.
    """
    from agentsh.sandbox import MAX_MODULE  # noqa: PLC0415 - see agentsh.sandbox

    shown = visible_line(str(path))
    try:
        # Without waiting: it may be a FIFO that nobody ever writes.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _taken(f"{shown} is not a regular file.", "Name the module's file.")
            content = file.read(MAX_MODULE + 1)
    except OSError as e:
        raise _taken(f"{shown} cannot be read: {e.strerror}.", "Name the module's file.") from e
    if len(content) > MAX_MODULE:
        raise _taken(f"{shown} is larger than {MAX_MODULE >> 20} MiB.", "Strip it: symbols are most of such a file.")
    return content
