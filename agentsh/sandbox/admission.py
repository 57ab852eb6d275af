"""What a module must be before it becomes a tool: looked at and compiled in a process of its own, never run there.

A tool is a WASI preview 1 program: a core module that exports ``_start`` and ``memory`` and imports nothing but WASI's
calls, each with its own type. What the sandbox's engine could run beyond that (shared or several memories, 64-bit
addresses, garbage collection) no toolchain for WASI programs makes, and it would weaken the limits, so it is refused.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line
from agentsh.sandbox.shelf import MAX_MODULE, MAX_SCRIPT

if TYPE_CHECKING:
    import wasmtime as wt

    from agentsh.core.tool import ToolKind

_MAGIC: Final = b"\0asm"
_CORE: Final = b"\x01\0\0\0"
_COMPONENT: Final = b"\x0d\0\x01\0"
_NATIVE: Final = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_WASI: Final = "wasi_snapshot_preview1"
_PAGE: Final = 65536
_CPU_S: Final = 600  # of the process that compiles
_DATA_BYTES: Final = 16 << 30
_LOG_BYTES: Final = 4000

_ASKS: Final = {
    "clock": {"clock_time_get"},
    "random": {"random_get"},
    "env": {"environ_get"},
    "read": {"path_open", "fd_readdir", "path_filestat_get", "path_readlink"},
    "write": {
        "path_create_directory",
        "path_filestat_set_times",
        "path_link",
        "path_remove_directory",
        "path_rename",
        "path_symlink",
        "path_unlink_file",
        "fd_allocate",
        "fd_filestat_set_size",
        "fd_filestat_set_times",
    },
}
"""Which imports are of use only with which capability."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a module turned out to be.

    Attributes:
        asks: names of the capabilities that its imports are made for. Libraries import more than a program uses.
        memory_bytes: what it has at its start.
    """

    asks: tuple[str, ...]
    memory_bytes: int


def kind_of(content: bytes, suffix: str) -> ToolKind:
    """What a file is, by its first bytes.

    Args:
        content: all of it.
        suffix: of its name, with the dot.

    Raises:
        UsageError: it is nothing that can be a tool.
    """
    if content.startswith(_MAGIC):
        _check_head(content)
        return "module"
    if suffix == ".py":
        _check_script(content)
        return "script"
    if content.startswith(_NATIVE):
        raise _refused("It is a program for this machine, and no such program runs in the sandbox.", _BUILD)
    if content.lstrip()[:1] == b"(":
        raise _refused("It is WebAssembly's text form.", "Translate it first, as wat2wasm does.")
    raise _refused("It is no WASM module, and not a Python script (NAME.py) either.", _BUILD)


def _check_head(content: bytes) -> None:
    version = content[4:8]
    if version == _COMPONENT:
        raise _refused(
            "It is a component (WASI preview 2 or later), and the sandbox runs core modules of WASI preview 1.",
            "Build it for wasm32-wasip1 instead of wasm32-wasip2 or a component.",
        )
    if version != _CORE:
        raise _refused(f"It is WASM of an unknown version ({version.hex()}).", _BUILD)
    if len(content) > MAX_MODULE:
        raise _refused(f"It is larger than {MAX_MODULE >> 20} MiB.", "Strip it: symbols are most of such a file.")


def _check_script(content: bytes) -> None:
    if len(content) > MAX_SCRIPT:
        raise _refused(f"The script is larger than {MAX_SCRIPT >> 10} KiB.", "Leave data out of the script.")
    try:
        text = content.decode()
    except UnicodeDecodeError as e:
        raise _refused("The script is not UTF-8.", "Save it as UTF-8.") from e
    if "\0" in text:
        raise _refused("The script has a NUL character in it.", "Look at the file.")


_NOTHING: Final = "Nothing was added."
_BUILD: Final = "Build the program for wasm32-wasip1; docs/tools.md shows how, for each language."


def _refused(what: str, next_step: str) -> UsageError:
    return UsageError(f"This file cannot be a tool. {what}", files=_NOTHING, next_step=next_step)


def examine_module(content: bytes, cache_dir: Path, *, most_memory: int) -> Examined:
    """Look at a module and compile it into the cache, in a process of its own.

    Args:
        content: the module.
        cache_dir: as given to the sandbox.
        most_memory: bytes that it may have at its start.

    Raises:
        UsageError: it cannot be a tool; the message says why.
    """
    from agentsh.sandbox.worker.start import python_command  # noqa: PLC0415 - starts a process

    code = f"from agentsh.sandbox.admission import main; main({str(cache_dir)!r}, {most_memory})"
    with subprocess.Popen(
        python_command(code),
        env={},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        try:
            out, err = child.communicate(content)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        why = err[-_LOG_BYTES:].decode("utf-8", "replace").strip().rpartition("\n")[2]
        how = f"signal {-child.returncode}" if child.returncode < 0 else why or f"exit status {child.returncode}"
        raise _refused(f"It could not be compiled ({visible_line(how)}).", "Build it with less in it, or unoptimised.")
    told: dict[str, Any] = json.loads(out)
    if "problem" in told:
        raise UsageError(visible_line(told["problem"]), files=_NOTHING, next_step=visible_line(told["next"]))
    return Examined(tuple(told["asks"]), told["memory_bytes"])


def main(cache_dir: str, most_memory: int) -> None:
    """The process that compiles: a module on stdin, what it is on stdout."""
    import resource  # noqa: PLC0415 - this process alone

    from agentsh.sandbox.worker.confine import confine  # noqa: PLC0415

    confine()
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    if sys.platform == "linux":  # elsewhere it is not enforced, or counts what is only reserved
        resource.setrlimit(resource.RLIMIT_DATA, (_DATA_BYTES, _DATA_BYTES))
    try:
        found = _examine(sys.stdin.buffer.read(), Path(cache_dir), most_memory)
        told: dict[str, Any] = {"asks": list(found.asks), "memory_bytes": found.memory_bytes}
    except UsageError as e:
        told = {"problem": e.what, "next": e.next_step}
    sys.stdout.write(json.dumps(told))
    sys.stdout.flush()


def _examine(content: bytes, cache_dir: Path, most_memory: int) -> Examined:
    import wasmtime as wt  # noqa: PLC0415 - loaded in the sandbox's processes alone

    from agentsh.sandbox.modules import ModuleCache  # noqa: PLC0415
    from agentsh.sandbox.worker.engine import make_engine  # noqa: PLC0415
    from agentsh.sandbox.worker.engine_settings import SETTINGS  # noqa: PLC0415

    try:
        wt.Module.validate(_strict_engine(), content)
    except wt.WasmtimeError as e:
        raise _refused(f"It is not valid, or uses what the sandbox does not offer: {_one_line(e)}.", _BUILD) from e
    engine = make_engine()
    module = ModuleCache(engine, cache_dir, settings=SETTINGS).load(content, hashlib.sha256(content).hexdigest())
    _check_exports(module)
    _check_imports(engine, module)
    memory = least_memory(module)
    if memory > most_memory:
        raise _refused(
            f"It wants {memory >> 20} MiB of memory before it has begun, and an action may have {most_memory >> 20}.",
            "Link it with a smaller initial memory: it can grow while it runs.",
        )
    used = {i.name for i in module.imports}
    return Examined(tuple(name for name, calls in _ASKS.items() if used & calls), memory)


def _strict_engine() -> wt.Engine:
    """An engine that knows what WASI programs are made of, and no more. It validates; it runs nothing."""
    import wasmtime as wt  # noqa: PLC0415 - as above

    config = wt.Config()
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    config.wasm_function_references = False
    config.wasm_gc = False
    config.wasm_stack_switching = False
    config.wasm_custom_page_sizes = False
    config.wasm_exceptions = True  # C's setjmp is made of them
    return wt.Engine(config)


def least_memory(module: wt.Module) -> int:
    """Bytes of memory that a module has at its start."""
    import wasmtime as wt  # noqa: PLC0415 - as above

    return sum(e.type.limits.min * _PAGE for e in module.exports if isinstance(e.type, wt.MemoryType))


def _check_exports(module: wt.Module) -> None:
    import wasmtime as wt  # noqa: PLC0415 - as above

    exports = {e.name: e.type for e in module.exports}
    start = exports.get("_start")
    if start is None and "_initialize" in exports:
        raise _refused("It is a library (a WASI reactor), not a program.", "Build it as a command, with a main.")
    if not isinstance(start, wt.FuncType):
        raise _refused("It exports no function '_start', where a WASI program begins.", _BUILD)
    if start.params or start.results:
        raise _refused("Its '_start' takes or gives values, which that of a WASI program does not.", _BUILD)
    if not isinstance(exports.get("memory"), wt.MemoryType):
        raise _refused("It exports no memory called 'memory', without which WASI cannot answer.", _BUILD)


def _check_imports(engine: wt.Engine, module: wt.Module) -> None:
    """Link it with WASI alone. That checks the types too, and runs nothing."""
    import wasmtime as wt  # noqa: PLC0415 - as above

    linker = wt.Linker(engine)
    linker.define_wasi()
    strange = []
    for i in module.imports:
        name = f"{i.module}.{i.name}"
        if i.module != _WASI or not isinstance(i.type, wt.FuncType):
            strange.append(name)
    if strange:
        more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
        hint = _hint({name.partition(".")[0] for name in strange})
        raise _refused(f"It imports what the sandbox does not offer: {', '.join(strange[:5])}{more}.", hint)
    try:
        linker.instantiate_pre(module)
    except wt.WasmtimeError as e:
        raise _refused(f"It imports what WASI preview 1 does not have: {_one_line(e)}.", _BUILD) from e


def _hint(modules: set[str]) -> str:
    if any(m.startswith("wasi:") for m in modules):
        return "It was made for WASI preview 2: build it for wasm32-wasip1."
    if modules & {"wasi_unstable", "wasi"}:
        return "It was made for a draft of WASI or for threads: build it for wasm32-wasip1."
    if "agentsh" in modules:
        return "Those calls are for the sandbox's own commands: they know no capabilities."
    if modules & {"env", "gojs", "go", "wbg", "__wbindgen_placeholder__"}:
        return "It was made for a browser or another host: build it for wasm32-wasip1 (Go: GOOS=wasip1)."
    return _BUILD


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return ": ".join(line for line in lines if line and line != "Caused by:")[:300] or type(error).__name__
