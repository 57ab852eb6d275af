"""The userland's commands as compiled modules, verified and cached.

A module is compiled when it is first used and kept as native code in a cache directory. Loading native code is trusting
it, so the cache proves itself: a name says for which engine, settings and module an artefact is, and how its own bytes
hash; anything else under that name is rebuilt, never loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from blake3 import blake3

import agentsh_tools
from agentsh.core.errors import SandboxError
from agentsh.core.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wasmtime import Engine, Module

_MAPPED: Final = 4 * 1024 * 1024
"""Artefacts above this size are mapped instead of read."""

_BUILD: Final = "Build the userland with 'python wasm_tools/build.py'."


@record(frozen=True, slots=True)
class Tool:
    """A command that can be started.

    Attributes:
        name: the command.
        argv0: what to pass as the first argument: a module that serves several commands goes by it.
        module: compiled, ready to be instantiated by any store of the toolbox's engine.
        module_name: the module that serves it.
    """

    name: str
    argv0: str
    module: Module
    module_name: str


def names_without_engine() -> tuple[str, ...]:
    """Every command there is, sorted; reads the manifest alone."""
    return agentsh_tools.command_names()


def _engine_version() -> str:
    """The engine's version, as its distribution is named on disk: asking ``importlib.metadata`` takes 10 ms."""
    import wasmtime  # noqa: PLC0415

    found = [p.name for p in Path(wasmtime.__file__).parent.parent.glob("wasmtime-*.dist-info")]
    if len(found) == 1:
        return found[0].removeprefix("wasmtime-").removesuffix(".dist-info")
    from importlib.metadata import version  # noqa: PLC0415 - only where that is not how it was installed

    return version("wasmtime")


class ModuleCache:
    """Compiled modules in a directory.

    Args:
        engine: whose code it is.
        directory: created with mode 0700 where it is missing.
        settings: whatever in the engine's configuration changes the code, in words; part of every key.

    Raises:
        SandboxError: the directory belongs to someone else, or others may write to it.
    """

    def __init__(self, engine: Engine, directory: Path, *, settings: str = "") -> None:
        self._engine = engine
        self._directory = directory
        self._key = f"{_engine_version()}\0{platform.machine()}\0{platform.system()}\0{settings}"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        st = directory.stat()
        if st.st_uid != os.getuid():
            raise SandboxError(
                f"The module cache {directory} belongs to another user.",
                next_step="Remove it, or name another cache directory.",
            )
        if stat.S_IMODE(st.st_mode) & 0o077:
            directory.chmod(0o700)

    def load(self, wasm: bytes, sha256: str) -> Module:
        """The compiled module of ``wasm``: from the cache, or compiled and kept.

        Args:
            wasm: the module.
            sha256: its hash, which the caller has checked.

        Raises:
            SandboxError: it is no module that the engine takes.
        """
        from wasmtime import Module, WasmtimeError  # noqa: PLC0415

        prefix = blake3(f"{self._key}\0{sha256}".encode()).hexdigest()[:32]
        cached = self._cached(prefix)
        if cached is not None:
            return cached
        try:
            module = Module(self._engine, wasm)
            native = bytes(module.serialize())
        except WasmtimeError as e:
            raise SandboxError(f"A module cannot be compiled: {e}") from e
        self._keep(prefix, native)
        return module

    def _cached(self, prefix: str) -> Module | None:
        from wasmtime import Module, WasmtimeError  # noqa: PLC0415

        for path in sorted(self._directory.glob(f"{prefix}-*.native")):
            try:
                digest = path.name.removeprefix(f"{prefix}-").removesuffix(".native")
                hasher = blake3()
                hasher.update_mmap(path)
                if hasher.hexdigest() == digest:
                    if path.stat().st_size > _MAPPED:
                        return Module.deserialize_file(self._engine, str(path))
                    native = path.read_bytes()
                    if blake3(native).hexdigest() == digest:
                        return Module.deserialize(self._engine, native)
            except (OSError, WasmtimeError):
                # Unreadable, or of an engine with other settings: as good as not there.
                pass
            with contextlib.suppress(OSError):
                path.unlink()
        return None

    def _keep(self, prefix: str, native: bytes) -> None:
        """Write an artefact; a cache that cannot be written costs time, no more."""
        import tempfile  # noqa: PLC0415 - only when something was compiled

        digest = blake3(native).hexdigest()
        try:
            fd, temporary = tempfile.mkstemp(dir=self._directory, suffix=".new")
        except OSError:
            return
        try:
            with os.fdopen(fd, "wb") as out:
                out.write(native)
            Path(temporary).replace(self._directory / f"{prefix}-{digest}.native")
        except OSError:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


class Toolbox:
    """The userland's commands.

    Nothing is read or compiled before a command is asked for.

    Args:
        engine: compiles the modules.
        cache_dir: where compiled modules are kept.
        settings: see :class:`ModuleCache`.
    """

    def __init__(self, engine: Engine, cache_dir: Path, *, settings: str = "") -> None:
        self._cache = ModuleCache(engine, cache_dir, settings=settings)
        self._entries = {c: entry for entry in agentsh_tools.manifest() for c in entry.commands}
        self._modules: dict[str, Module] = {}
        self._lock = threading.Lock()

    def names(self) -> Sequence[str]:
        """Every command, sorted."""
        return sorted(self._entries)

    def get(self, name: str) -> Tool | None:
        """A command, or None where there is none of that name.

        Raises:
            SandboxError: its module is missing, is not what the manifest says, or cannot be compiled.
        """
        entry = self._entries.get(name)
        if entry is None:
            return None
        with self._lock:
            module = self._modules.get(entry.name)
            if module is None:
                module = self._modules[entry.name] = self._load(entry)
        return Tool(name, name, module, entry.name)

    def prepare(self, progress: Callable[[str, int, int], None] | None = None) -> None:
        """Compile every module ahead of time.

        Args:
            progress: told the module's name, its number from 1, and how many there are, before each.

        Raises:
            SandboxError: as :meth:`get`.
        """
        entries = agentsh_tools.manifest()
        for number, entry in enumerate(entries, 1):
            if progress is not None:
                progress(entry.name, number, len(entries))
            self.get(entry.commands[0])

    def _load(self, entry: agentsh_tools.ModuleEntry) -> Module:
        path = agentsh_tools.module_path(entry.name)
        try:
            wasm = path.read_bytes()
        except OSError as e:
            raise SandboxError(f"The module '{entry.name}' cannot be read: {e.strerror}.", next_step=_BUILD) from e
        if hashlib.sha256(wasm).hexdigest() != entry.sha256:
            raise SandboxError(
                f"The module '{entry.name}' is not the one that the manifest records.",
                next_step=f"{_BUILD} If it still differs, the file was changed after it was built.",
            )
        return self._cache.load(wasm, entry.sha256)
