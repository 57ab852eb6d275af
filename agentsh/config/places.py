"""Where agentsh keeps its own files: never inside a workspace."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from agentsh.core.errors import ConfigError


def data_dir() -> Path:
    """Stores and staging views; ``AGENTSH_DATA_DIR`` moves it."""
    return _place("AGENTSH_DATA_DIR", "user_data_path")


def cache_dir() -> Path:
    """Compiled modules: can be removed at any time; ``AGENTSH_CACHE_DIR`` moves it."""
    return _place("AGENTSH_CACHE_DIR", "user_cache_path")


def config_dir() -> Path:
    """The person's configuration; ``AGENTSH_CONFIG_DIR`` moves it."""
    return _place("AGENTSH_CONFIG_DIR", "user_config_path")


def keyring_mark() -> Path:
    """An empty file, there once a secret was stored: without it nobody need load a keyring to look for values."""
    return config_dir() / "keyring-in-use"


def tools_dir() -> Path:
    """The tools that the person added: beside the configuration, for they are as trusted as that."""
    return config_dir() / "tools"


def apis_dir() -> Path:
    """Which calls of APIs can be taken back, a file for each API: the person's own, as the configuration is."""
    return config_dir() / "apis"


def approved_file() -> Path:
    """The rules that the person approved for always, each for one workspace."""
    return config_dir() / "approved.toml"


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


def make_private(home: Path) -> None:
    """Make a workspace's place, for nobody but this user.

    Raises:
        ConfigError: it cannot be made, or others could change what is in it.
    """
    try:
        for place in (home.parent.parent, home.parent, home):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            st = place.lstat() if place == home else place.stat()
            others = stat.S_IWGRP | stat.S_IWOTH if place == home else stat.S_IWOTH
            if not stat.S_ISDIR(st.st_mode) or st.st_uid not in (os.geteuid(), 0) or st.st_mode & others:
                raise ConfigError(
                    f"Others can change agentsh's own data: {place} is not yours alone.",
                    next_step="Look at its owner and mode, or choose another place with AGENTSH_DATA_DIR.",
                )
        if home.stat().st_mode & 0o077:
            home.chmod(0o700)
    except OSError as e:
        raise ConfigError(
            f"The place of agentsh's own data, {home}, cannot be made: {e.strerror}.",
            next_step="Move it with AGENTSH_DATA_DIR; 'agentsh doctor' looks at the rest.",
        ) from e
