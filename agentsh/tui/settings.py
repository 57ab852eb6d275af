"""The settings: how it looks, by which rules, with which keys; and the names of the secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from agentsh.config import PRESETS
from agentsh.core.errors import AgentshError
from agentsh.tui.keys import clash, key_rows
from agentsh.tui.looks import THEMES
from agentsh.tui.rows import RowsView
from agentsh.tui.screens import Confirm, Question, SideScreen
from agentsh.tui.text import Row, Safe, Span, content, fit, join, safe, title, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.config import SecretBinding
    from agentsh.runtime.workspace import Workspace

_POLICIES = {
    "read-only": "actions may look; whatever would change something is denied",
    "review": "you are asked about every effect",
    "ci": "ordinary effects are approved; those to look twice at are denied",
    "trusted": "ordinary effects are approved; you are asked about those to look twice at",
}


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a row sets."""

    kind: str
    value: str


class AskKey(ModalScreen[str | None]):
    """Asks for a key by having it pressed.

    Args:
        does: what it is for; the program's own words.
    """

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, does: str) -> None:
        super().__init__()
        self._does = does

    def compose(self) -> ComposeResult:
        """What is asked."""
        with Question():
            yield Static(content(f"Press the key for: {self._does}", "bold"))
            yield Static(content("esc: leave it as it is"), classes="hint")

    def on_key(self, event: events.Key) -> None:
        """The key."""
        event.stop()
        self.dismiss(None if event.key == "escape" else event.key)


class SettingsScreen(SideScreen):
    """Themes, policies and keys; enter takes what the cursor is on."""

    NAME = "Settings"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Take, or change the key", id="settings.choose"),
        Binding("backspace", "reset", "The key that it had", id="settings.reset"),
        Binding("s", "secrets", "Secrets", id="settings.secrets"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._choices: list[_Choice | None] = []
        self._policy = ""

    def compose(self) -> ComposeResult:
        """The heading and the rows."""
        yield Static(Content("Settings"), id="heading")
        yield RowsView(id="settings")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show what holds."""
        self._view.focus()
        self.start(self._load(), group="load", exclusive=True)

    @property
    def _view(self) -> RowsView:
        return self.query_one("#settings", RowsView)

    async def _load(self) -> None:
        self._policy = await self.work.look(lambda workspace: workspace.policy.name)
        self._show()

    def _show(self) -> None:
        rows: list[Row] = []
        self._choices = []

        def add(row: Row, choice: _Choice | None = None) -> None:
            rows.append(row)
            self._choices.append(choice)

        def head(text: str, about: str) -> None:
            if rows:
                add(())
            add((Span(safe(text), "heading"), Span(safe(f"  {about}"), "dim")))

        head("Theme", "kept")
        for name, (_, like) in THEMES.items():
            add(_option(name, like, chosen=name == self.home.theme_name), _Choice("theme", name))
        head("Policy", "for this sitting; policy = NAME in config.toml is for all")
        for name in PRESETS:
            add(_option(name, _POLICIES[name], chosen=name == self._policy), _Choice("policy", name))
        if self._policy not in PRESETS:
            add(_option(self._policy.rpartition("/")[2], "a policy file, or one with further rules", chosen=True))
        head("Keys", "kept")
        for key in key_rows(self.home.keymap):
            mark = Span(Safe("* "), "changed") if key.id in self.home.own_keys else Span(Safe("  "))
            shown = (Span(fit(safe(key.keys), 20), "title"), Span(fit(safe(f"{key.place}: {key.does}"), 52)))
            add((mark, *shown, Span(safe(key.id), "dim")), _Choice("key", key.id))
        self._view.show(rows, stops=frozenset(y for y, c in enumerate(self._choices) if c is not None))

    def _chosen(self) -> _Choice | None:
        return self._choices[self._view.cursor] if self._choices else None

    def action_choose(self) -> None:
        """Take the theme or the policy; ask for the key."""
        choice = self._chosen()
        if choice is None:
            return
        if choice.kind == "theme":
            self.start(self._take_theme(choice.value))
        elif choice.kind == "policy":
            self._take_policy(choice.value)
        else:
            self._change_key(choice.value)

    async def _take_theme(self, name: str) -> None:
        self.home.take_theme(name)
        self._show()

    def _take_policy(self, name: str) -> None:
        if self.work.busy:
            self.say("Something still runs. Rules change between actions.", bad=True)
            return

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - a callback's argument
            if yes:
                self.start(self._use_policy(name))

        detail = f"{_POLICIES[name]}.\nWhat is staged is judged by it too when it is committed."
        self.app.push_screen(Confirm(f"Go by the policy '{name}' until you leave?", detail), answered)

    async def _use_policy(self, name: str) -> None:
        await self.work.use_policy(name)
        await self._load()

    def _change_key(self, name: str) -> None:
        does = next(k.does for k in key_rows() if k.id == name)

        def pressed(key: str | None) -> None:
            if key is None:
                return
            other = clash(self.home.keymap, name, key)
            if other:
                self.say(f"That key is taken: {other}.", bad=True)
                return
            self.start(self._take_keys({**self.home.own_keys, name: key}))

        self.app.push_screen(AskKey(does), pressed)

    def action_reset(self) -> None:
        """Give a key back what it had."""
        choice = self._chosen()
        if choice is not None and choice.kind == "key":
            self.start(self._take_keys({k: v for k, v in self.home.own_keys.items() if k != choice.value}))

    async def _take_keys(self, own: Mapping[str, str]) -> None:
        self.home.take_keys(own)
        self._show()

    def action_secrets(self) -> None:
        """The names of the secrets."""
        self.app.push_screen(SecretsScreen())


class SecretsScreen(SideScreen):
    """The names of the secrets and where each may go. No value comes near this screen."""

    NAME = "Secrets"

    def compose(self) -> ComposeResult:
        """The heading and the rows."""
        yield Static(Content("Secrets  names alone"), id="heading")
        yield RowsView(id="secrets")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look for the names; a keyring may take its time."""
        view = self.query_one(RowsView)
        view.show([(Span(Safe("Looking into the keyring."), "dim"),)])
        view.focus()
        self.start(self._load(), group="load", exclusive=True)

    async def _load(self) -> None:
        def read(workspace: Workspace) -> tuple[tuple[str, ...], Mapping[str, SecretBinding]]:
            from agentsh.secrets import Keychain  # noqa: PLC0415 - brings the keyring's package

            return Keychain().names(), workspace.config.bindings

        try:
            rows = secret_rows(*await self.work.look(read))
        except AgentshError as e:
            parts = [p for p in (e.what, e.next_step) if p]
            width = max(20, self.size.width - 4)
            rows = [(Span(line, "dim" if k else "flag"),) for k, p in enumerate(parts) for line in wrap(safe(p), width)]
        self.query_one(RowsView).show(rows)


def secret_rows(names: tuple[str, ...], bindings: Mapping[str, SecretBinding]) -> list[Row]:
    """A row for each name: where it may go, and what stands in its way."""
    rows: list[Row] = []
    for name in sorted({*names, *bindings}):
        rows.append((Span(title(name), "heading"), Span(Safe("" if name in names else "  not stored"), "flag")))
        binding = bindings.get(name)
        if binding is None:
            rows.append((Span(Safe("    no request of an action carries it"), "dim"),))
            continue
        methods = join([safe(m) for m in sorted(binding.methods)])
        rows += [
            (
                Span(join([Safe("    "), methods, Safe("to"), safe(host)])),
                Span(join([Safe("  in"), title(binding.header)]), "dim"),
            )
            for host in binding.hosts
        ]
    rows = rows or [(Span(Safe("No secret is stored. agentsh secrets set NAME stores one."), "dim"),)]
    return [*rows, (), (Span(Safe("Values are never shown: not here, not to a model, not in the journal."), "dim"),)]


def _option(name: str, like: str, *, chosen: bool) -> Row:
    mark = Span(Safe("(•) "), "added") if chosen else Span(Safe("( ) "))
    return (mark, Span(fit(title(name), 12), "title"), Span(safe(like), "dim"))
