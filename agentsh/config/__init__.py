"""Configuration: TOML at user and workspace level, platform directories, defaults."""

from agentsh.config.load import WORKSPACE_FILE, load_api_file, load_config
from agentsh.config.places import (
    apis_dir,
    approved_file,
    cache_dir,
    config_dir,
    data_dir,
    keyring_mark,
    make_private,
    tools_dir,
    workspace_dir,
)
from agentsh.config.schema import MOST_CANDIDATES, PRESETS, Api, Config, ModelProfile, SecretBinding, Web

__all__ = [
    "MOST_CANDIDATES",
    "PRESETS",
    "WORKSPACE_FILE",
    "Api",
    "Config",
    "ModelProfile",
    "SecretBinding",
    "Web",
    "apis_dir",
    "approved_file",
    "cache_dir",
    "config_dir",
    "data_dir",
    "keyring_mark",
    "load_api_file",
    "load_config",
    "make_private",
    "tools_dir",
    "workspace_dir",
]
