"""A build's own tools, such as a parser generator: compiled to WASM too, and run here, so that the host needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler import TARGET, BuildError, zig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def build_tool(sources: Sequence[Path], target: Path, *flags: str) -> None:
    """Compile and link a tool into ``target``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    zig(*TARGET, "-O1", "-w", "-s", "-o", str(target), *flags, *map(str, sources), "-lwasi-emulated-signal")


def run_tool(tool: Path, argv: Sequence[str], directory: Path, output: Path) -> None:
    """Run a tool with ``directory`` as the only one that it sees, and its standard output in ``output``.

    Raises:
        BuildError: it failed; with what it said.
    """
    import wasmtime  # noqa: PLC0415 - only where a port needs a tool

    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    said = output.with_name(output.name + ".said")
    wasi = wasmtime.WasiConfig()
    wasi.argv = [tool.stem, *argv]
    wasi.preopen_dir(str(directory), ".")
    wasi.stdout_file, wasi.stderr_file = str(output), str(said)
    store.set_wasi(wasi)
    try:
        linker.instantiate(store, wasmtime.Module.from_file(engine, str(tool))).exports(store)["_start"](store)
    except wasmtime.ExitTrap as e:
        if e.code:
            raise BuildError(f"{tool.stem} {' '.join(argv)}: exit code {e.code}\n{said.read_text()}") from e
    finally:
        store.close()
