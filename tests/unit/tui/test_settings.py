"""What a person chooses holds at once, and at the next start."""

from __future__ import annotations

import tomllib
from pathlib import Path

import keyring
import pytest
from textual.widgets import Footer

from agentsh.config import SecretBinding
from agentsh.core.errors import ConfigError
from agentsh.tui.app import AgentshApp
from agentsh.tui.keys import bindings, clash
from agentsh.tui.looks import THEMES, load_theme, save_theme
from agentsh.tui.settings import secret_rows
from agentsh.tui.text import plain
from tests.unit.tui.conftest import Desk, Hands


async def go_to(hands: Hands, text: str) -> None:
    """The cursor on the row that has some text."""
    view = hands.app.screen.query_one("#settings")
    await hands.until(lambda: view.row_count > 10)
    at = next(y for y, row in enumerate(hands.rows("#settings")) if text in row)
    view.cursor = at
    await hands.pilot.pause()


@pytest.mark.parametrize("name", THEMES)
def test_a_theme_is_taken_and_kept(desk: Desk, tmp_path: Path, name: str) -> None:
    async def flow(hands: Hands) -> None:
        await hands.press("f9")
        await hands.on("SettingsScreen")
        await go_to(hands, THEMES[name][1])
        await hands.press("enter")
        await hands.until(lambda: hands.app.theme == THEMES[name][0])
        await hands.until(lambda: any(f"(•) {name}" in row for row in hands.rows("#settings")))

    desk.drive(flow)
    assert tomllib.loads((tmp_path / "config/interface.toml").read_text()) == {"theme": name}
    assert load_theme() == name
    assert AgentshApp(desk.root, data_dir=desk.data).theme_name == name


@pytest.mark.parametrize("text", ['theme = "nothing"', "theme = 1", 'colour = "red"', "\xff"])
@pytest.mark.usefixtures("desk")
def test_a_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/interface.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError):
        load_theme()


@pytest.mark.usefixtures("desk")
def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written"):
        save_theme("dark")


def test_a_key_is_pressed_taken_kept_and_given_back(desk: Desk, tmp_path: Path) -> None:
    async def flow(hands: Hands) -> None:
        await hands.press("f9")
        await hands.on("SettingsScreen")
        await go_to(hands, "main.review")
        await hands.press("enter")
        await hands.on("AskKey")
        await hands.sees("Press the key for: Review")
        await hands.press("ctrl+t")  # the timeline's
        await hands.sees("That key is taken: Main: Timeline")
        await hands.press("enter")
        await hands.on("AskKey")
        await hands.press("f6")
        await hands.until(lambda: hands.app.own_keys == {"main.review": "f6"})
        await hands.press("q", "f6")
        await hands.on("ReviewScreen")
        await hands.press("q", "f9")
        await hands.on("SettingsScreen")
        assert tomllib.loads((tmp_path / "config/keys.toml").read_text()) == {"main.review": "f6"}
        await go_to(hands, "main.review")
        assert any(row.startswith("* f6") for row in hands.rows("#settings"))
        await hands.press("backspace")
        await hands.until(lambda: hands.app.own_keys == {})
        await hands.press("q", "ctrl+r")
        await hands.on("ReviewScreen")

    desk.drive(flow)


def test_every_key_of_a_person_can_be_changed_here(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.press("f9")
        await hands.on("SettingsScreen")
        await hands.until(lambda: hands.app.screen.query_one("#settings").row_count > 10)
        rows = hands.rows("#settings")
        for _, binding in bindings():
            assert any(row.endswith(f" {binding.id}") for row in rows), binding.id

    desk.drive(flow)


def test_a_key_clashes_where_both_could_be_meant() -> None:
    assert clash({}, "review.approve", "c") == "Review: Commit"
    assert clash({}, "review.approve", "j") == "Lists and text: Down"
    assert clash({}, "review.approve", "r") == ""  # the timeline's, which is another screen
    assert clash({"review.commit": "k"}, "review.approve", "c") == ""


def test_a_policy_holds_from_the_next_action_on(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        await hands.press("f9")
        await hands.on("SettingsScreen")
        await hands.until(lambda: any("(•) review" in row for row in hands.rows("#settings")))
        await go_to(hands, "actions may look")
        await hands.press("enter")
        await hands.on("Confirm")
        await hands.press("n")
        await hands.on("SettingsScreen")
        await hands.press("enter")
        await hands.on("Confirm")
        await hands.press("y")
        await hands.on("SettingsScreen")
        await hands.until(lambda: any("(•) read-only" in row for row in hands.rows("#settings")))
        await hands.press("q")
        await hands.ready()
        await hands.until(lambda: "read-only" in hands.text())
        await hands.send("!echo 1 > f")
        await hands.sees("denied")

    desk.drive(flow)
    with desk.workspace() as workspace:  # for the sitting alone
        assert workspace.policy.name == "review"
        assert not workspace.diff()


def test_secrets_are_names_and_where_each_may_go() -> None:
    bound = SecretBinding(hosts=("api.example", "b.example"), methods=frozenset({"GET", "POST"}))
    shown = [plain(row) for row in secret_rows(("FREE", "TOKEN"), {"TOKEN": bound, "GONE": bound})]
    assert shown[:2] == ["FREE", "    no request of an action carries it"]
    assert "GONE  not stored" in shown
    assert "     GET POST to api.example  in Authorization" in shown
    assert "No secret is stored" in plain(secret_rows((), {})[0])


def test_the_value_of_a_secret_never_comes_to_the_screen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("agentsh.secrets.Keychain.names", lambda _self: ("TOKEN",))
    monkeypatch.setattr("agentsh.secrets.Keychain.get", lambda _self, name: asked.append(name))
    monkeypatch.setattr(keyring, "get_password", lambda *a: asked.append(str(a)))

    async def flow(hands: Hands) -> None:
        await hands.press("f9")
        await hands.on("SettingsScreen")
        asked.clear()
        await hands.press("s")
        await hands.on("SecretsScreen")
        await hands.sees("TOKEN", "no request of an action carries it", "Values are never shown")

    desk.drive(flow)
    assert asked == []


def test_a_keyring_that_cannot_be_read_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: object) -> None:
        raise ConfigError("The keyring stays locked.", next_step="Unlock it.")

    monkeypatch.setattr("agentsh.secrets.Keychain.names", refuse)

    async def flow(hands: Hands) -> None:
        await hands.press("f9")
        await hands.on("SettingsScreen")
        await hands.press("s")
        await hands.sees("The keyring stays locked.", "Unlock it.")

    desk.drive(flow)


def test_the_palette_leads_everywhere(desk: Desk) -> None:
    async def flow(hands: Hands) -> None:
        offered = {c.title for c in hands.app.get_system_commands(hands.app.screen)}
        assert {"Settings", "Help", "Review", "Timeline", "New session", "Theme", "Quit"} <= offered
        assert hands.app.screen.query_one(Footer)
        await hands.press("ctrl+p")
        await hands.until(lambda: "Search for commands" in hands.text())
        await hands.press(*"settings", "enter")
        await hands.on("SettingsScreen")

    desk.drive(flow)
