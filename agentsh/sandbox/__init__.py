"""Where actions run: WASM modules in a killable process, on a staging view of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentsh.sandbox.admission import examine_module, kind_of
    from agentsh.sandbox.contract import Job, Outcome
    from agentsh.sandbox.python_files import prepare_python
    from agentsh.sandbox.readiness import GuestPython, Userland, inspect_python, inspect_userland, prepare
    from agentsh.sandbox.sandbox import Sandbox
    from agentsh.sandbox.shelf import MAX_MODULE, Shelf, no_such_tool
    from agentsh.sandbox.staging import StagingView, open_staging
    from agentsh.sandbox.worker.catalogue import is_builtin, own_names

__all__ = [
    "MAX_MODULE",
    "GuestPython",
    "Job",
    "Outcome",
    "Sandbox",
    "Shelf",
    "StagingView",
    "Userland",
    "examine_module",
    "inspect_python",
    "inspect_userland",
    "is_builtin",
    "kind_of",
    "no_such_tool",
    "open_staging",
    "own_names",
    "prepare",
    "prepare_python",
]

_PLACES = {
    "MAX_MODULE": "shelf",
    "GuestPython": "readiness",
    "Job": "contract",
    "Outcome": "contract",
    "Sandbox": "sandbox",
    "Shelf": "shelf",
    "StagingView": "staging",
    "Userland": "readiness",
    "examine_module": "admission",
    "inspect_python": "readiness",
    "inspect_userland": "readiness",
    "is_builtin": "worker.catalogue",
    "kind_of": "admission",
    "no_such_tool": "shelf",
    "open_staging": "staging",
    "own_names": "worker.catalogue",
    "prepare": "readiness",
    "prepare_python": "python_files",
}


def __getattr__(name: str) -> object:
    """Load a part when it is asked for: the worker, which shares this package, must not load the parent's parts."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
