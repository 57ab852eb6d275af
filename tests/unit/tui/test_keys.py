"""Every key has a name, a row in the help and one in the page, and can be changed."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from textual.binding import Binding

import agentsh.tui
from agentsh.core.errors import ConfigError
from agentsh.tui.help import help_rows
from agentsh.tui.keys import bindings, key_rows, load_keymap
from agentsh.tui.text import plain
from tests.unit.tui.conftest import Desk, Hands

PAGE = Path(__file__).resolve().parents[3] / "docs/tui.md"


def keys_table() -> str:
    """The table of the page, as the code has it."""
    rows = [f"| {k.place} | `{k.keys}` | {k.does} | `{k.id}` |" for k in key_rows()]
    return "\n".join(["| where | key | does | name |", "|---|---|---|---|", *rows])


def test_every_binding_of_every_class_is_listed_with_a_name_of_its_own() -> None:
    listed = [b for _, b in bindings()]
    for module in iter_modules(agentsh.tui.__path__):
        for owner in vars(import_module(f"agentsh.tui.{module.name}")).values():
            if inspect.isclass(owner) and owner.__module__.startswith("agentsh.tui"):
                for binding in vars(owner).get("BINDINGS", ()):
                    assert isinstance(binding, Binding), owner
                    assert binding in listed, (owner, binding)
    names = [b.id for b in listed]
    assert all(names)
    assert len(set(names)) == len(names)


def test_the_help_and_the_page_have_a_row_for_each() -> None:
    shown = "\n".join(plain(r) for r in help_rows({}))
    for key in key_rows():
        assert key.id in shown
        assert key.does in shown
    (table,) = re.findall(r"<!-- keys -->\n(.*)\n<!-- end -->", PAGE.read_text(), re.DOTALL)
    assert table == keys_table()


def test_a_key_is_changed_by_its_name(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/keys.toml").write_text('"main.review" = "f5"\n')

    async def flow(hands: Hands) -> None:
        await hands.press("f5")
        await hands.on("ReviewScreen")
        await hands.press("f1")
        await hands.on("HelpScreen")
        assert any(r.startswith("  f5 ") and "main.review" in r for r in hands.rows("#help"))

    desk.drive(flow)


@pytest.mark.parametrize("text", ['"main.nothing" = "a"', '"main.review" = ""', '"main.review" = 1', "not toml"])
@pytest.mark.usefixtures("desk")
def test_a_wrong_keymap_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/keys.toml").write_text(text)
    with pytest.raises(ConfigError):
        load_keymap()


def test_the_palette_has_the_keys_of_the_screen(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.press("ctrl+t")
        await hands.on("TimelineScreen")
        offered = {c.title for c in hands.app.get_system_commands(hands.app.screen)}
        assert {"Revert", "Undo", "Redo", "Filter", "Back"} <= offered

    desk.drive(flow)
