"""How the interface looks, and what of it a person has chosen for all times: ``interface.toml``, ``keys.toml``."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from textual.theme import Theme

from agentsh.config import config_dir
from agentsh.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTRAST = Theme(
    name="agentsh-contrast",
    primary="#ffff00",
    secondary="#00ffff",
    warning="#ffff00",
    error="#ff8080",
    success="#80ff80",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#404040",
    dark=True,
    text_alpha=1.0,
    variables={"foreground-muted": "#ffffff", "text-muted": "#ffffff", "footer-key-foreground": "#ffff00"},
)

THEMES = {
    "dark": ("textual-dark", "light on dark"),
    "light": ("textual-light", "dark on light"),
    "contrast": (CONTRAST.name, "white and yellow on black, nothing dimmed"),
    "ansi": ("ansi-dark", "the sixteen colours of your terminal"),
}
"""What a person calls a theme; what Textual calls it; what it is like."""

DEFAULT_THEME = "dark"
_MOST_BYTES = 64 * 1024


def load_theme() -> str:
    """The theme that the person has chosen.

    Raises:
        ConfigError: ``interface.toml`` cannot be read, or names what is no theme.
    """
    place = config_dir() / "interface.toml"
    try:
        with place.open("rb") as file:
            found = tomllib.loads(file.read(_MOST_BYTES).decode())
    except FileNotFoundError:
        return DEFAULT_THEME
    except OSError as e:
        raise ConfigError(f"{place} cannot be read: {e.strerror}.") from e
    except ValueError as e:
        raise ConfigError(f"{place} is no TOML: {e}.") from e
    theme = found.get("theme", DEFAULT_THEME)
    if set(found) - {"theme"} or theme not in THEMES:
        raise ConfigError(f"{place} may say theme = one of {', '.join(THEMES)}.", next_step="Mend it, or remove it.")
    return str(theme)


def save_theme(name: str) -> None:
    """Keep a theme for the next start.

    Raises:
        ConfigError: it cannot be written.
    """
    _write("interface.toml", {"theme": name})


def save_keymap(keymap: Mapping[str, str]) -> None:
    """Keep the keys that the person has changed.

    Raises:
        ConfigError: they cannot be written.
    """
    _write("keys.toml", keymap)


def _write(name: str, values: Mapping[str, str]) -> None:
    """A file of strings, whole or not at all."""
    # A JSON string is a TOML one; DEL, which TOML wants escaped, is in no key and no theme.
    text = "".join(f"{json.dumps(k)} = {json.dumps(v)}\n" for k, v in sorted(values.items()))
    place = config_dir()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd, new = tempfile.mkstemp(dir=place, prefix=f".{name}.")
        try:
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(new).replace(place / name)
        except BaseException:
            Path(new).unlink()
            raise
    except OSError as e:
        raise ConfigError(
            f"{place / name} cannot be written: {e.strerror}.", files="What you chose holds until you leave."
        ) from e
