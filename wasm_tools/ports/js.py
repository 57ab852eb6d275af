"""js: QuickJS-ng, and the part of Node's interface that works on files and text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ports.port import PORTS_DIRECTORY, Port, own_units, their_units
from sources import Origin, Source

if TYPE_CHECKING:
    from pathlib import Path

    from compiler import Unit

SOURCE = Source(
    name="quickjs-ng-0.17.0",
    origins=(
        Origin(
            "pip",
            "quickjs-ng==0.17.0.2",
            "43d2e48272208721a7aaea8e3f02d4b9318f12ef20cc4f5421b59d9a470706ef",
            inner="upstream-quickjs",
        ),
        Origin("upstream", "https://github.com/quickjs-ng/quickjs/archive/refs/tags/v0.17.0.tar.gz"),
    ),
    content=(
        *(f"{n}.c" for n in ("quickjs", "libregexp", "libunicode", "dtoa")),
        *(f"quickjs{n}.h" for n in ("", "-atom", "-c-atomics", "-opcode")),
        *(f"lib{n}.h" for n in ("regexp", "regexp-opcode", "unicode", "unicode-table")),
        *(f"builtin-{n}.h" for n in ("array-fromasync", "iterator-zip", "iterator-zip-keyed")),
        *("cutils.h", "dtoa.h", "list.h"),
    ),
    content_sha256="c692fa25fa481e262bcdbfb0173601c17ac927d6fd97c288fe20c4b64e707a3e",
)


def units(tree: Path) -> list[Unit]:
    """The translation units: the engine, and a program of ours around it."""
    flags = ("-O2", "-I", str(tree), "-D_WASI_EMULATED_PROCESS_CLOCKS")
    names = [f"{n}.c" for n in ("quickjs", "libregexp", "libunicode", "dtoa")]
    own = own_units((PORTS_DIRECTORY / "js").glob("*.c"), "-std=gnu23", "-isystem", str(tree))
    return their_units(tree, names, *flags) + own


PORT = Port(
    name="js",
    source=SOURCE,
    units=units,
    licence_texts=(("quickjs-ng: MIT", "quickjs.c"),),
    link=("-Wl,-z,stack-size=1048576",),
)
