"""The WASM userland: where its modules are, and the manifest that says what they must be.

The modules themselves are built by ``wasm_tools/build.py`` into ``bin``; the manifest is part of the sources.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["MODULES_DIR", "ModuleEntry", "command_names", "manifest", "module_path"]

_HERE = Path(__file__).resolve().parent

MODULES_DIR = _HERE / "bin"
"""Where the built modules lie."""


@dataclass(frozen=True, slots=True)
class ModuleEntry:
    """One module of the userland, as the manifest records it.

    Attributes:
        name: the module's name; its file is ``NAME.wasm``.
        commands: what it answers to, by its first argument.
        package: whose source it is built from; ``agentsh`` is our own.
        version: of that source.
        licence: SPDX expression of that source.
        source: where the source comes from; empty for our own.
        source_sha256: hash of the source's tarball; empty for our own.
        links: what is linked in beside it, with licences.
        sha256: hash that the built file must have, in hexadecimal.
    """

    name: str
    commands: tuple[str, ...]
    package: str
    version: str
    licence: str
    source: str
    source_sha256: str
    links: tuple[str, ...]
    sha256: str


@cache
def manifest() -> tuple[ModuleEntry, ...]:
    """Every module that there should be, by name."""
    data = json.loads((_HERE / "manifest.json").read_text("utf-8"))
    return tuple(
        ModuleEntry(
            name=name,
            commands=tuple(entry["commands"]),
            package=entry["package"],
            version=entry["version"],
            licence=entry["licence"],
            source=entry.get("source", ""),
            source_sha256=entry.get("source_sha256", ""),
            links=tuple(entry.get("links", ())),
            sha256=entry["sha256"],
        )
        for name, entry in sorted(data["modules"].items())
    )


def module_path(name: str) -> Path:
    """The file of a module; it exists once the userland is built."""
    return MODULES_DIR / f"{name}.wasm"


def command_names() -> tuple[str, ...]:
    """Every command of the userland, sorted; needs no built module."""
    return tuple(sorted({command for entry in manifest() for command in entry.commands}))
