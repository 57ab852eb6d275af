"""Where agentsh keeps its own files: never inside a workspace."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def data_dir() -> Path:
    """Stores and staging views; ``AGENTSH_DATA_DIR`` moves it."""
    return _place("AGENTSH_DATA_DIR", "user_data_path")


def cache_dir() -> Path:
    """Compiled modules: can be removed at any time; ``AGENTSH_CACHE_DIR`` moves it."""
    return _place("AGENTSH_CACHE_DIR", "user_cache_path")


def config_dir() -> Path:
    """The person's configuration; ``AGENTSH_CONFIG_DIR`` moves it."""
    return _place("AGENTSH_CONFIG_DIR", "user_config_path")


def _place(variable: str, function: str) -> Path:
    if value := os.environ.get(variable):
        return Path(value).absolute()
    import platformdirs  # noqa: PLC0415 - only without the variable, and not for --help

    place: Path = getattr(platformdirs, function)("agentsh", appauthor=False)
    return place


def workspace_dir(base: Path, workspace: Path) -> Path:
    """The directory of one workspace's store and staging view, by the workspace's real path.

    Args:
        base: :func:`data_dir`, or what the caller chose instead.
        workspace: the resolved path of the workspace.
    """
    key = hashlib.sha256(os.fsencode(workspace)).hexdigest()[:16]
    return base / "workspaces" / key
