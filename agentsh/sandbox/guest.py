"""Python programs that the sandbox brings: ``git``, and pytest where it is installed beside agentsh.

Each is kept as an archive of the guest's own bytecode, made when Python's module is compiled: the guest's Python is
another version than ours, and compiling the sources anew in each action takes longer than most of them run. The name
of an archive carries a fingerprint of the sources and a hash of its own bytes; what is of other sources, or was
changed, is not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from agentsh.core.errors import SandboxError
from agentsh.sandbox.staging.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

GUEST_AT: Final = "/usr/local/lib/agentsh"
"""Where the guest finds the archives."""

_PARTS: Final = ("_pytest", "pytest", "py", "pluggy", "iniconfig", "pygments", "packaging")
"""pytest and what it imports. (The guest's library comes first, so its own ``packaging`` is the one that is used.)"""

_HIGHLIGHTING: Final = ("lexers/", "formatters/", "styles/")
_NEEDED_OF_IT: Final = frozenset(
    [
        *(f"pygments/lexers/{n}.py" for n in ("__init__", "_mapping", "diff", "python")),
        *(f"pygments/formatters/{n}.py" for n in ("__init__", "_mapping", "terminal")),
        *(f"pygments/styles/{n}.py" for n in ("__init__", "_mapping", "default")),
    ]
)

_KEPT: Final = 16

_COMPILE: Final = f"""
import importlib.util, marshal, sys, zipfile
with zipfile.ZipFile("/in/sources.zip") as sources, zipfile.ZipFile("/out/archive.zip", "w") as archive:
    for name in sources.namelist():
        data = sources.read(name)
        if name.endswith(".py"):
            code = compile(data, "{GUEST_AT}/" + name, "exec", dont_inherit=True, optimize=int(sys.argv[1]))
            name, data = name + "c", importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)
        archive.writestr(zipfile.ZipInfo(name), data)
"""
"""Run in the guest, for its own bytecode; zeros where a source's time and size would be: none lies beside it."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A program for the guest.

    Attributes:
        name: of its archives.
        sources: its files, by their path in the archive.
        optimise: CPython's level: 2 drops docstrings, which take time to load.
    """

    name: str
    sources: dict[str, Path]
    optimise: int = 0

    def fingerprint(self) -> str:
        """Stands for the sources: ours by their contents, installed ones by size and time, for it is often asked."""
        own = _package("agentsh_tools")
        hasher = hashlib.sha256()
        for name, path in self.sources.items():
            if own is not None and path.is_relative_to(own):
                hasher.update(f"{name}\0".encode() + path.read_bytes())
            else:
                st = path.stat()
                hasher.update(f"{name}\0{st.st_size}\0{st.st_mtime_ns}\0".encode())
        return hasher.hexdigest()[:24]


def git_bundle() -> Bundle:
    """The program behind ``git``."""
    directory = _package("agentsh_tools")
    files = {} if directory is None else {f"agentsh_git/{p.name}": p for p in (directory / "git").glob("*.py")}
    return Bundle("git", dict(sorted(files.items())), optimise=2)


def pytest_bundle() -> Bundle:
    """pytest, as it is installed beside agentsh, and what it needs to run here; and what stands in for pip."""
    tools = _package("agentsh_tools")
    if tools is None:
        return Bundle("site", {})
    sources = {p.relative_to(tools / "site").as_posix(): p for p in (tools / "site").rglob("*.py")}
    parts = [_module(name) for name in _PARTS]
    if all(parts):
        for part in parts:
            sources |= part
    return Bundle("site", dict(sorted((n, p) for n, p in sources.items() if _is_needed(n))))


def _is_needed(name: str) -> bool:
    """Most of what highlights source code is for other languages than a test's."""
    inside = name.removeprefix("pygments/")
    return inside == name or not inside.startswith(_HIGHLIGHTING) or name in _NEEDED_OF_IT


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _module(name: str) -> dict[str, Path]:
    """A module's files by their path in an archive; none where it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return {}
    origin = Path(spec.origin)
    if origin.name != "__init__.py":
        return {origin.name: origin}
    site = origin.parent.parent
    files = [*origin.parent.rglob("*.py"), *site.glob(f"{name}-*.dist-info/METADATA")]  # pytest asks for versions
    return {p.relative_to(site).as_posix(): p for p in files}


def find_archive(cache_dir: Path, bundle: Bundle, key: str) -> Path | None:
    """The archive of a bundle; None when there is none that is whole and of these sources.

    Args:
        cache_dir: as given to the sandbox.
        bundle: the program.
        key: stands for the guest's Python.
    """
    if not bundle.sources:
        return None
    prefix = f"{bundle.name}-{key}-{bundle.fingerprint()}-"
    for path in (cache_dir / "guest").glob(f"{prefix}*.zip"):
        with contextlib.suppress(OSError):
            if blake3(path.read_bytes()).hexdigest() == path.stem.removeprefix(prefix):
                return path
    return None


def make_archive(cache_dir: Path, bundle: Bundle, key: str, run: Callable[[str, list[str], Path, Path], int]) -> None:
    """Compile a bundle with the guest's Python, and keep it instead of older ones.

    Args:
        cache_dir: as given to the sandbox.
        bundle: the program.
        key: stands for the guest's Python.
        run: runs code in the guest: the code, its arguments, a directory that it reads and one that it writes; returns
            the exit status.

    Raises:
        SandboxError: it cannot be compiled.
    """
    home = cache_dir / "guest"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, path in bundle.sources.items():
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes())
    work = Path(tempfile.mkdtemp(dir=home))
    try:
        inside, outside = work / "in", work / "out"
        inside.mkdir()
        outside.mkdir()
        (inside / "sources.zip").write_bytes(packed.getvalue())
        status = run(_COMPILE, [str(bundle.optimise)], inside, outside)
        made = outside / "archive.zip"
        if status or not made.is_file() or made.is_symlink():
            raise SandboxError(f"The sandbox's '{bundle.name}' could not be compiled (status {status}).")
        content = made.read_bytes()
    finally:
        shutil.rmtree(work)
    name = f"{bundle.name}-{key}-{bundle.fingerprint()}-{blake3(content).hexdigest()}.zip"
    write_atomic(home / name, content, sync=True)
    # Several installations of agentsh may share the cache, and their sessions run.
    kept = sorted(home.glob(f"{bundle.name}-*.zip"), key=lambda p: p.stat().st_mtime_ns, reverse=True)
    for old in kept[_KEPT:]:
        old.unlink(missing_ok=True)
