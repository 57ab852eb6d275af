"""Configuration: TOML at user and workspace level, platform directories, defaults."""
