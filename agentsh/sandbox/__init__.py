"""Where actions run: WASM modules in a killable process, on a staging view of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentsh.sandbox.contract import Job, Outcome
    from agentsh.sandbox.python import prepare_python
    from agentsh.sandbox.readiness import GuestPython, Userland, inspect_python, inspect_userland, prepare
    from agentsh.sandbox.sandbox import Sandbox
    from agentsh.sandbox.staging import StagingView, open_staging

__all__ = [
    "GuestPython",
    "Job",
    "Outcome",
    "Sandbox",
    "StagingView",
    "Userland",
    "inspect_python",
    "inspect_userland",
    "open_staging",
    "prepare",
    "prepare_python",
]

_PLACES = {
    "GuestPython": "readiness",
    "Job": "contract",
    "Outcome": "contract",
    "Sandbox": "sandbox",
    "StagingView": "staging",
    "Userland": "readiness",
    "inspect_python": "readiness",
    "inspect_userland": "readiness",
    "open_staging": "staging",
    "prepare": "readiness",
    "prepare_python": "python",
}


def __getattr__(name: str) -> object:
    """Load a part when it is asked for: the worker, which shares this package, must not load the parent's parts."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
