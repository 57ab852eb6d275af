"""The C compiler of the ``ziglang`` package, and what is given to it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORK = HERE / ".build"
ZIG_VERSION = "0.17.1"

TARGET = ["--target=wasm32-wasi", "-msimd128"]
_NAMES = ("malloc", "calloc", "realloc", "getdelim", "getline", "fclose")
WRAPPED = [f"-D{name}=agentsh_{name}" for name in _NAMES]
"""Calls that take memory go by way of ``common/memory.c``, the end of a file by way of ``common/buffers.c``."""
OURS = ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror"]
EMULATED = ["-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_MMAN", "-D_WASI_EMULATED_GETPID"]
LIBRARIES = ["wasi-emulated-signal", "wasi-emulated-mman", "wasi-emulated-process-clocks", "wasi-emulated-getpid"]


class BuildError(Exception):
    """The build cannot go on; the message says why."""


@dataclass(frozen=True)
class Unit:
    """One translation unit: where it is, what it is called in messages, and its flags."""

    source: Path
    title: str
    flags: tuple[str, ...]


def ziglang_directory() -> Path:
    """Where the ``ziglang`` package is.

    Raises:
        BuildError: it is missing, or of another version than the manifest's hashes.
    """
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        raise BuildError(f"the package ziglang is missing: pip install ziglang=={ZIG_VERSION}")
    version = importlib.metadata.version("ziglang")
    if version != ZIG_VERSION:
        raise BuildError(
            f"ziglang is {version}, the manifest's hashes are of {ZIG_VERSION}: pip install ziglang=={ZIG_VERSION}"
        )
    return Path(spec.submodule_search_locations[0])


def zig_headers(*names: str) -> list[str]:
    """Header directories of zig's own libc collection."""
    base = ziglang_directory() / "lib/libc/include"
    return [str(base / name) for name in names]


def zig(*args: str) -> None:
    """Run zig's C compiler.

    Raises:
        BuildError: it failed; with what it said.
    """
    env = {**os.environ, "ZIG_LOCAL_CACHE_DIR": str(WORK / "zig-cache")}
    command = [sys.executable, "-m", "ziglang", "cc", *args]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"zig cc {' '.join(args)}\n{done.stderr.strip()}")


def say(line: str) -> None:
    """One line of progress."""
    print(line, flush=True)


def common_units(flags: tuple[str, ...] = ()) -> list[Unit]:
    """The layer that every module shares."""
    common = HERE / "common"
    return [
        Unit(p, p.relative_to(HERE).as_posix(), (*OURS, "-I", str(common), *flags)) for p in sorted(common.glob("*.c"))
    ]
