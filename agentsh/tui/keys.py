"""Every key, from the bindings themselves: what the help shows, the page documents, and a person may change."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, NamedTuple

from textual.binding import Binding
from textual.keys import format_key

from agentsh.config import config_dir
from agentsh.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 64 * 1024


class Key(NamedTuple):
    """A row of the help.

    Attributes:
        place: where it works.
        id: what names it in ``keys.toml``.
        keys: as a person reads them.
        does: what it does.
    """

    place: str
    id: str
    keys: str
    does: str


def _owners() -> Iterator[tuple[str, type]]:
    """Each class with keys of its own, in the order in which a person meets them."""
    # The screens import this package's other modules; here is the one place that knows them all.
    from agentsh.tui.app import AgentshApp  # noqa: PLC0415
    from agentsh.tui.conflict import ConflictScreen  # noqa: PLC0415
    from agentsh.tui.conversation import Conversation  # noqa: PLC0415
    from agentsh.tui.diffview import DiffView  # noqa: PLC0415
    from agentsh.tui.lines import LineView  # noqa: PLC0415
    from agentsh.tui.main import MainScreen  # noqa: PLC0415
    from agentsh.tui.prompt import Prompt  # noqa: PLC0415
    from agentsh.tui.review import ReviewScreen  # noqa: PLC0415
    from agentsh.tui.screens import AskLine, Confirm, SideScreen, WorkScreen  # noqa: PLC0415
    from agentsh.tui.sessions import SessionsScreen  # noqa: PLC0415
    from agentsh.tui.settings import SettingsScreen  # noqa: PLC0415
    from agentsh.tui.timeline import TimelineScreen  # noqa: PLC0415
    from agentsh.tui.undo import RevertScreen  # noqa: PLC0415

    yield "Everywhere", AgentshApp
    yield "Main", MainScreen
    yield "Prompt", Prompt
    yield "Conversation", Conversation
    yield "Review", ReviewScreen
    yield "Differences", DiffView
    yield "Timeline", TimelineScreen
    yield "Revert", RevertScreen
    yield "Conflict", ConflictScreen
    yield "Sessions", SessionsScreen
    yield "Settings", SettingsScreen
    yield "Lists and text", LineView
    yield "All screens", WorkScreen
    yield "Screens over another", SideScreen
    yield "Questions", Confirm
    yield "Questions", AskLine


def bindings() -> Iterator[tuple[str, Binding]]:
    """Every binding that this package makes, with where it works."""
    for place, owner in _owners():
        for binding in vars(owner).get("BINDINGS", ()):
            if not isinstance(binding, Binding):
                raise TypeError(f"{owner.__name__} has a binding without an id")
            yield place, binding


def key_rows(keymap: dict[str, str] | None = None) -> list[Key]:
    """All keys.

    Args:
        keymap: the keys that a person has changed, by id.
    """
    rows = []
    for place, binding in bindings():
        name = binding.id or ""
        own = (keymap or {}).get(name)
        shown = _shown(own or binding.key) if own or not binding.key_display else binding.key_display
        rows.append(Key(place, name, shown, binding.tooltip or binding.description))
    return rows


def _shown(keys: str) -> str:
    return ", ".join(_one(k.strip()) for k in keys.split(","))


def _one(key: str) -> str:
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, last if len(last) == 1 else format_key(last) if "_" in last else last])


_EVERYWHERE = ("Everywhere", "All screens", "Screens over another", "Lists and text")


def clash(keymap: dict[str, str], name: str, key: str) -> str:
    """What a key does already where the binding ``name`` works; empty when it is free.

    Args:
        keymap: the keys that are others than usual, by id.
        name: the binding that is to have the key.
        key: the key, as Textual names it.
    """
    places = {b.id: place for place, b in bindings()}
    for place, binding in bindings():
        near = place == places[name] or place in _EVERYWHERE or places[name] in _EVERYWHERE
        taken = (keymap.get(binding.id or "") or binding.key).split(",")
        if binding.id != name and near and key in (k.strip() for k in taken):
            return f"{place}: {binding.description}"
    return ""


def load_keymap() -> dict[str, str]:
    """The keys that the person has changed, from ``keys.toml`` in the configuration directory.

    Raises:
        ConfigError: it cannot be read, or names what is no binding.
    """
    place = config_dir() / "keys.toml"
    try:
        with place.open("rb") as file:
            raw = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return {}
    except OSError as e:
        raise ConfigError(f"{place} cannot be read: {e.strerror}.") from e
    try:
        found = tomllib.loads(raw.decode())
    except ValueError as e:
        raise ConfigError(f"{place} is no TOML: {e}.") from e
    known = {b.id for _, b in bindings()}
    for name, keys in found.items():
        if name not in known or not isinstance(keys, str) or not keys.strip():
            raise ConfigError(
                f"{place}: {name!r} is no name of a key, or has no keys.",
                next_step='Write it as "review.approve" = "a"; f1 in the interface lists the names.',
            )
    return found
