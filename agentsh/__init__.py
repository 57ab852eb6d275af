"""agentsh: an agent shell that people can trust.

Actions run in a WASM sandbox on a staged view of a directory. A person sees the effect, approves or rejects it,
commits, and can revert any action later::

    from agentsh import Workspace

    with Workspace.open("project") as ws:
        action = ws.exec("sed -i s/colour/color/ README.md")
        ws.approve([action.id])
        ws.commit()
        ws.revert([action.id])

Everything public is here; submodules may change between releases.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus, Origin, Output
    from agentsh.core.decision import Decision, Verdict
    from agentsh.core.diff import DiffLine, FileDiff, Hunk
    from agentsh.core.effect import (
        ChangeSet,
        EffectClass,
        EffectKind,
        EffectState,
        FileEffect,
        Flag,
    )
    from agentsh.core.entry import Entry, EntryType
    from agentsh.core.errors import (
        ActionFailed,
        AgentshError,
        ApprovalNeeded,
        ConfigError,
        ConflictError,
        Interrupted,
        LimitExceeded,
        ModelError,
        NotFoundError,
        PolicyDenied,
        RequestsStopped,
        SandboxError,
        ShellSyntaxError,
        StoreDamaged,
        UsageError,
        WorkspaceBusy,
    )
    from agentsh.core.history import PathConflict, Resolution
    from agentsh.core.limits import Limits
    from agentsh.core.report import (
        CheckReport,
        CommitResult,
        GcReport,
        LogEntry,
        LogKind,
        Recovery,
        Status,
    )
    from agentsh.core.request import RequestEffect, RequestState, UndoCall
    from agentsh.core.session import SessionRecord
    from agentsh.core.tool import Capabilities, UserTool
    from agentsh.runtime.aio import AsyncWorkspace
    from agentsh.runtime.user_tools import ToolProposal, UserTools
    from agentsh.runtime.workspace import Workspace

__version__ = "0.1.0"

_HOMES = {
    "agentsh.core.action": ("ActionKind", "ActionRecord", "ActionSpec", "ActionStatus", "Origin", "Output"),
    "agentsh.core.decision": ("Decision", "Verdict"),
    "agentsh.core.diff": ("DiffLine", "FileDiff", "Hunk"),
    "agentsh.core.effect": ("ChangeSet", "EffectClass", "EffectKind", "EffectState", "FileEffect", "Flag"),
    "agentsh.core.entry": ("Entry", "EntryType"),
    "agentsh.core.errors": (
        "ActionFailed",
        "AgentshError",
        "ApprovalNeeded",
        "ConfigError",
        "ConflictError",
        "Interrupted",
        "LimitExceeded",
        "ModelError",
        "NotFoundError",
        "PolicyDenied",
        "RequestsStopped",
        "SandboxError",
        "ShellSyntaxError",
        "StoreDamaged",
        "UsageError",
        "WorkspaceBusy",
    ),
    "agentsh.core.history": ("PathConflict", "Resolution"),
    "agentsh.core.limits": ("Limits",),
    "agentsh.core.report": ("CheckReport", "CommitResult", "GcReport", "LogEntry", "LogKind", "Recovery", "Status"),
    "agentsh.core.request": ("RequestEffect", "RequestState", "UndoCall"),
    "agentsh.core.session": ("SessionRecord",),
    "agentsh.core.tool": ("Capabilities", "UserTool"),
    "agentsh.runtime.aio": ("AsyncWorkspace",),
    "agentsh.runtime.user_tools": ("ToolProposal", "UserTools"),
    "agentsh.runtime.workspace": ("Workspace",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ActionFailed",
    "ActionKind",
    "ActionRecord",
    "ActionSpec",
    "ActionStatus",
    "AgentshError",
    "ApprovalNeeded",
    "AsyncWorkspace",
    "Capabilities",
    "ChangeSet",
    "CheckReport",
    "CommitResult",
    "ConfigError",
    "ConflictError",
    "Decision",
    "DiffLine",
    "EffectClass",
    "EffectKind",
    "EffectState",
    "Entry",
    "EntryType",
    "FileDiff",
    "FileEffect",
    "Flag",
    "GcReport",
    "Hunk",
    "Interrupted",
    "LimitExceeded",
    "Limits",
    "LogEntry",
    "LogKind",
    "ModelError",
    "NotFoundError",
    "Origin",
    "Output",
    "PathConflict",
    "PolicyDenied",
    "Recovery",
    "RequestEffect",
    "RequestState",
    "RequestsStopped",
    "Resolution",
    "SandboxError",
    "SessionRecord",
    "ShellSyntaxError",
    "Status",
    "StoreDamaged",
    "ToolProposal",
    "UndoCall",
    "UsageError",
    "UserTool",
    "UserTools",
    "Verdict",
    "Workspace",
    "WorkspaceBusy",
]


def __getattr__(name: str) -> object:
    # Names load when first used: `agentsh --help` and a script that only needs an error class stay quick.
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'agentsh' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
