"""Values out of a TOML table, each with a sentence of its own when it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentsh.core.errors import ConfigError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from pathlib import Path

_MAX_PATTERNS, _MAX_PATTERN = 1000, 1000  # each is held against every path that an action changes

Table = Mapping[str, Any]


def bad(path: Path, key: str, wanted: str) -> ConfigError:
    """What is wrong with a value, and in which file."""
    return ConfigError(f"In {visible_line(str(path))}: '{visible_line(key)}' {wanted}.")


def known(table: Table, allowed: set[str], path: Path, where: str = "") -> None:
    """Refuse a key that there is not: a typing mistake is never a silent default.

    Raises:
        ConfigError: there is one.
    """
    for key in table:
        if key not in allowed:
            raise bad(path, f"{where}{key}", f"is unknown; known are {', '.join(sorted(allowed))}")


def sub(table: Table, key: str, path: Path) -> Table:
    """A table within a table, empty where it is left out.

    Raises:
        ConfigError: something else stands there; so with the other readers here.
    """
    value = table.get(key, {})
    if not isinstance(value, Mapping):
        raise bad(path, key, "must be a table")
    return value


def text(table: Table, key: str, default: str, path: Path) -> str:
    """A string."""
    value = table.get(key, default)
    if not isinstance(value, str):
        raise bad(path, key, "must be a string")
    return value


def switch(table: Table, key: str, default: bool, path: Path) -> bool:  # noqa: FBT001 - as its siblings
    """True or false."""
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise bad(path, key, "must be true or false")
    return value


def texts(table: Table, key: str, path: Path) -> tuple[str, ...]:
    """A list of strings, bounded."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise bad(path, key, "must be a list of strings")
    if len(value) > _MAX_PATTERNS or any(len(v) > _MAX_PATTERN for v in value):
        raise bad(path, key, f"may hold {_MAX_PATTERNS} patterns of {_MAX_PATTERN} characters at most")
    return tuple(value)
