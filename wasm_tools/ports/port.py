"""What every port says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler import EMULATED, HERE, Unit, common_units, ziglang_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from sources import Source

PORTS_DIRECTORY = HERE / "ports"

FLAGS = ("-w", "-include", str(PORTS_DIRECTORY / "shim.h"), "-I", str(HERE / "common"), *EMULATED)
"""For another's source: silent about what is not ours to mend, and with what WASI's headers leave out."""

JUMPS = ("-mllvm", "-wasm-enable-sjlj", "-mllvm", "-wasm-use-legacy-eh=false", "-mexception-handling")
"""For source that calls ``setjmp``: WASM does it by exceptions."""

JUMP_TAG = str(PORTS_DIRECTORY / "jump.s")
"""For the linker: the exception by which ``longjmp`` finds ``setjmp``."""


@dataclass(frozen=True)
class Port:
    """One program.

    Attributes:
        name: the module's.
        source: what it is built from.
        units: given a copy of the source that may be changed, the translation units, but for the common layer.
        licences: a title and a file of the source, for each licence text.
        tools: sources of what is only needed to build it.
        link: flags for the linker.
    """

    name: str
    source: Source
    units: Callable[[Path], list[Unit]]
    licence_texts: tuple[tuple[str, str], ...]
    tools: tuple[Source, ...] = ()
    link: tuple[str, ...] = ()

    def all_units(self, tree: Path) -> list[Unit]:
        """The translation units, the common layer among them."""
        return [*self.units(tree), *own_units(PORTS_DIRECTORY.glob("*.c")), *common_units()]

    def files(self) -> list[Path]:
        """What of ours it is made from."""
        own = PORTS_DIRECTORY / self.name
        return [
            *PORTS_DIRECTORY.glob("*.[ch]"),
            PORTS_DIRECTORY / "port.py",
            *PORTS_DIRECTORY.glob(f"{self.name}*.py"),
        ] + [p for p in own.rglob("*") if p.is_file()]

    def pins(self) -> str:
        """What of others' it is made from."""
        return repr((self.source, self.tools, self.link))

    def licences(self, sources: Path) -> list[tuple[str, Path]]:
        """Titles and files of the licence texts."""
        return [(title, sources / self.source.name / name) for title, name in self.licence_texts]


def their_units(tree: Path, names: Iterable[str], *flags: str) -> list[Unit]:
    """Translation units of the source."""
    return [Unit(tree / name, f"{tree.name} {name}", (*FLAGS, *flags)) for name in names]


def jump_units() -> list[Unit]:
    """The C library's part of ``setjmp``, which is not linked by itself; :data:`JUMP_TAG` goes with it."""
    runtime = ziglang_directory() / "lib/libc/wasi/libc-top-half/musl/src/setjmp/wasm32/rt.c"
    return [Unit(runtime, "setjmp", ("-O2", "-w", *JUMPS))]


def own_units(paths: Iterable[Path], *flags: str) -> list[Unit]:
    """Translation units of ours that stand beside the source."""
    ours = ("-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-I", str(HERE / "common"), *EMULATED)
    return [Unit(p, p.relative_to(HERE).as_posix(), (*ours, *flags)) for p in sorted(paths)]


def patch(tree: Path, changes: Sequence[tuple[str, str, str]]) -> None:
    """Change texts of the source: file, what stands there, what shall stand there.

    Raises:
        ValueError: a text is not there exactly once: this is another release.
    """
    for name, old, new in changes:
        path = tree / name
        text = path.read_text("utf-8", "surrogateescape")
        if text.count(old) != 1:
            msg = f"{name}: expected once, found {text.count(old)} times: {old!r}"
            raise ValueError(msg)
        path.write_text(text.replace(old, new), "utf-8", "surrogateescape")
