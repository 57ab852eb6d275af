"""The public surface: what is exported, and that nothing heavy comes with it."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import agentsh

SURFACE = [
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

METHODS = [
    "act",
    "actions",
    "add_message",
    "approve",
    "approve_for",
    "body",
    "catch_up",
    "check",
    "clean",
    "close",
    "commit",
    "diff",
    "discard",
    "end_session",
    "exec",
    "explain",
    "export_branch",
    "export_patches",
    "gc",
    "grants",
    "interrupt",
    "journal",
    "log",
    "offer",
    "open",
    "outbox",
    "output",
    "read_blob",
    "reject",
    "rejections",
    "repair",
    "request",
    "requests",
    "resolve_request",
    "restore",
    "revert",
    "send_again",
    "session",
    "sessions",
    "show",
    "stage",
    "start_session",
    "status",
    "take_apart",
    "timeline",
    "touching",
    "try_out",
    "undo",
    "user_tools",
    "withdraw_grant",
]


def test_the_surface_is_the_documented_one() -> None:
    assert agentsh.__all__ == SURFACE


@pytest.mark.parametrize("name", SURFACE)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(agentsh, name))


def test_the_workspace_has_the_documented_methods() -> None:
    public = {n for n, m in inspect.getmembers(agentsh.Workspace, callable) if not n.startswith("_")}
    assert public == set(METHODS)


def test_the_async_workspace_mirrors_it() -> None:
    sessions = {"start_session", "end_session", "session", "sessions", "add_message", "actions", "read_blob", "clean"}
    for name in set(METHODS) - sessions:
        theirs = inspect.signature(getattr(agentsh.Workspace, name))
        ours = inspect.signature(getattr(agentsh.AsyncWorkspace, name))
        assert list(theirs.parameters) == list(ours.parameters), name


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError):
        agentsh.Nonsense  # noqa: B018


def test_an_error_class_costs_no_heavy_import() -> None:
    code = "import sys, agentsh; agentsh.ConflictError; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sqlite3", "wasmtime", "openai", "keyring", "click", "rich"} & set(loaded)
