"""The shelf: where a person's own tools are kept, each by the hash of its content.

It is a directory among the person's configuration, which no workspace may contain, so neither a repository nor an
action can put anything on it. A list (``tools.json``) names every tool with its capabilities and its hash; the content
lies beside it and is compared with the hash before it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any, Final

from agentsh.core.errors import AgentshError, ConfigError, NotFoundError, SandboxError
from agentsh.core.lock import FileLock
from agentsh.core.sanitise import visible_line
from agentsh.core.tool import Capabilities, UserTool, check_command_name, check_description

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_MODULE: Final = 64 * 1024 * 1024
"""Bytes of a module."""
MAX_SCRIPT: Final = 256 * 1024
"""Bytes of a Python script: it travels as an argument."""

_LIST = "tools.json"
_SCHEMA: Final = 1
_MAX_LIST: Final = 4 * 1024 * 1024
_KINDS: Final = {"module": MAX_MODULE, "script": MAX_SCRIPT}

Stamp = tuple[int, int, int, int]
"""Says that a file is still the same one: inode, size, and times in nanoseconds."""


class Shelf:
    """A person's own tools.

    Args:
        directory: where they are; it need not exist while there are none.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def stamp(self) -> Stamp | None:
        """Changes whenever the list does; None while there is none."""
        return _stamp(self.directory / _LIST)

    def content_stamp(self, tool: UserTool) -> Stamp | None:
        """Changes whenever the tool's content may have; None when it is gone."""
        return _stamp(self._content_path(tool))

    def tools(self) -> dict[str, UserTool]:
        """Every tool, by its name.

        Raises:
            ConfigError: others could have changed them, or the list is damaged.
        """
        path = self.directory / _LIST
        try:
            _check_private(self.directory)
            data = _read(path, _MAX_LIST)
        except FileNotFoundError:
            return {}
        except OSError as e:
            raise self._unusable(e.strerror or str(e)) from e
        try:
            listed = json.loads(data)
            if listed["schema"] != _SCHEMA:
                raise self._unusable(f"it has the schema {listed['schema']!r}, and this agentsh knows {_SCHEMA}")
            return {name: _parse(name, fields) for name, fields in listed["tools"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
            raise self._unusable("it is damaged") from e
        except AgentshError as e:
            raise e if isinstance(e, ConfigError) else self._unusable(e.what) from e

    def content(self, tool: UserTool) -> bytes:
        """A tool's content, which is what was added.

        Raises:
            SandboxError: it is gone, or is not what was added.
        """
        try:
            data = _read(self._content_path(tool), _KINDS[tool.kind])
        except OSError as e:
            raise _changed(tool, f"its file cannot be read: {e.strerror}") from e
        if len(data) != tool.size or hashlib.sha256(data).hexdigest() != tool.sha256:
            raise _changed(tool, "its file is not the one that was added")
        return data

    def put(self, tool: UserTool, content: bytes) -> None:
        """Add a tool, in the place of one of the same name.

        Raises:
            ConfigError: the shelf cannot be used.
        """
        from agentsh.sandbox.staging.files import write_atomic  # noqa: PLC0415 - only when something is added

        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.directory / "lock"):
                tools = self.tools()
                write_atomic(self._content_path(tool), content, sync=True)
                self._write({**tools, tool.name: tool})
        except OSError as e:
            raise self._unusable(e.strerror or str(e)) from e

    def remove(self, name: str) -> UserTool:
        """Take a tool away; what was removed.

        Raises:
            NotFoundError: there is none of that name.
            ConfigError: the shelf cannot be used.
        """
        if not self.tools():  # nothing to lock either
            raise no_such_tool(name)
        try:
            with FileLock(self.directory / "lock"):
                tools = self.tools()
                if name not in tools:
                    raise no_such_tool(name)
                gone = tools.pop(name)
                self._write(tools)
        except OSError as e:
            raise self._unusable(e.strerror or str(e)) from e
        return gone

    def _write(self, tools: Mapping[str, UserTool]) -> None:
        from agentsh.sandbox.staging.files import write_atomic  # noqa: PLC0415 - as above

        listed = {name: _fields(tools[name]) for name in sorted(tools)}
        text = json.dumps({"schema": _SCHEMA, "tools": listed}, indent=1) + "\n"
        write_atomic(self.directory / _LIST, text.encode(), sync=True)
        wanted = {self._content_path(tool).name for tool in tools.values()}
        for entry in list(self.directory.iterdir()):
            if entry.suffix in (".wasm", ".py") and entry.name not in wanted:
                entry.unlink()

    def _content_path(self, tool: UserTool) -> Path:
        return self.directory / f"{tool.sha256}{'.wasm' if tool.kind == 'module' else '.py'}"

    def _unusable(self, why: str) -> ConfigError:
        return ConfigError(
            f"The list of your own tools, {visible_line(str(self.directory / _LIST))}, cannot be used: {why}.",
            next_step="Mend it or move it away, then add the tools again with 'agentsh tools add'.",
        )


def no_such_tool(name: str) -> NotFoundError:
    """The error for a name that no tool has."""
    return NotFoundError(
        f"There is no tool '{visible_line(name)[:80]}'.", next_step="'agentsh tools list' shows which there are."
    )


def _changed(tool: UserTool, why: str) -> SandboxError:
    return SandboxError(
        f"The tool '{tool.name}' is not run: {why}.",
        next_step=f"Add it again with 'agentsh tools add', or take it away with 'agentsh tools remove {tool.name}'.",
    )


def _check_private(directory: Path) -> None:
    """See that nobody else can change what is on the shelf."""
    st = directory.stat()
    if st.st_uid not in (os.geteuid(), 0) or stat.S_IMODE(st.st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(
            f"Others can change your own tools: {visible_line(str(directory))} is not yours alone.",
            next_step="Look at its owner and mode, then add the tools again.",
        )


def _stamp(path: Path) -> Stamp | None:
    try:
        st = os.lstat(path)
    except OSError:
        return None
    return st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns


def _read(path: Path, most: int) -> bytes:
    """A regular file of ours, whole.

    Raises:
        OSError: there is none, or it is larger than ``most`` bytes.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(0, "it is not a regular file")
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(0, f"it is larger than {most} bytes")
    return data


def _fields(tool: UserTool) -> dict[str, Any]:
    return {
        "kind": tool.kind,
        "commands": list(tool.commands),
        "description": tool.description,
        "capabilities": list(tool.capabilities.words()),
        "sha256": tool.sha256,
        "size": tool.size,
        "source": tool.source,
        "replace": tool.replace,
    }


def _parse(name: str, fields: Mapping[str, Any]) -> UserTool:
    kind = fields["kind"]
    sha256, size, replace = fields["sha256"], fields["size"], fields["replace"]
    texts = [*fields["commands"], *fields["capabilities"], fields["description"], fields["source"], sha256]
    if (
        kind not in _KINDS
        or not all(isinstance(text, str) for text in texts)
        or len(sha256) != 64
        or not set(sha256) <= set("0123456789abcdef")
        or not isinstance(size, int)
        or not isinstance(replace, bool)
    ):
        raise ValueError(name)
    for command in (name, *fields["commands"]):
        check_command_name(command)
    check_description(fields["description"])
    return UserTool(
        name=name,
        commands=tuple(fields["commands"]),
        kind=kind,
        description=fields["description"],
        capabilities=Capabilities.parse(fields["capabilities"]),
        sha256=sha256,
        size=size,
        source=fields["source"],
        replace=replace,
    )
