"""The application: its screens, its keys, its end."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import ModalScreen

from agentsh.core.errors import UsageError
from agentsh.tui.keys import load_keymap
from agentsh.tui.looks import CONTRAST, THEMES, load_theme, save_keymap, save_theme
from agentsh.tui.main import MainScreen
from agentsh.tui.screens import AskLine
from agentsh.tui.text import content
from agentsh.tui.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from textual import events
    from textual.binding import BindingType
    from textual.dom import DOMNode
    from textual.screen import Screen

    from agentsh.core.errors import AgentshError
    from agentsh.tui.screens import WorkScreen


_IN_A_PAGE = {
    "main.review": "ctrl+r,f2",
    "main.timeline": "ctrl+t,f3",
    "main.new-session": "ctrl+n,f4",
    "main.sessions": "ctrl+o,f6",
    "app.quit": "ctrl+q,f10",
}
"""Further keys where a browser has taken the usual ones for itself."""
_LOOK_FOR_PARENT_S = 2.0


_COLLECTED_AT = (20_000, 20, 50)
"""New objects, and rounds, until the next round of the collector; Python's own are 700, 10, 10."""


class AgentshApp(App[None]):
    """agentsh on a whole terminal.

    All that matters is in the store: when this ends, in whatever way, what is staged stays staged.

    Args:
        directory: the workspace.
        model: as ``agentsh run --model`` takes it; empty for the configured default.
        policy: a preset's name or a policy file's path, instead of the configured one.
        data_dir: where stores live, instead of the platform's place.
        watch: the session to look on at, and nothing else; empty for the newest one.

    Attributes:
        work: the runtime, on threads of its own.
        failure: what ended the program, for the one who started it.
        keymap: the keys that are others than usual.
        own_keys: those of them that the person has changed.
        theme_name: what the person calls the theme.
    """

    TITLE = "agentsh"
    CSS_PATH = "agentsh.tcss"
    COMMAND_PALETTE_BINDING = "ctrl+p"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", id="app.help", priority=True),
        Binding("ctrl+q", "quit", "Leave", id="app.quit", priority=True),
        Binding("f9", "settings", "Settings", id="app.settings", show=False, priority=True),
        Binding("ctrl+p", "command_palette", "All commands", id="app.commands", show=False, priority=True),
    ]

    def __init__(
        self,
        directory: str | Path,
        *,
        model: str = "",
        policy: str | None = None,
        data_dir: Path | None = None,
        watch: str | None = None,
    ) -> None:
        # Textual takes NO_COLOR for shades of grey, unless the terminal's own colours are used: then it is none at all.
        plain = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=True if plain else None)
        self.register_theme(CONTRAST)
        self.theme_name = "ansi" if plain else load_theme()
        self.directory = os.path.abspath(directory)  # noqa: PTH100 - it is shown, not opened
        self.model = model
        self._watch = watch
        self.work = Work(directory, policy=policy, data_dir=data_dir, on_wait=self._waits)
        self.failure: BaseException | None = None
        self.own_keys: Mapping[str, str] = load_keymap()
        self.keymap: dict[str, str] = dict(self.own_keys)

    def on_mount(self) -> None:
        """Open the main screen."""
        # A terminal's own colours where it says that it has no others.
        if os.environ.get("TERM", "") in ("linux", "vt100", "ansi"):
            self.theme_name = "ansi"
        self.theme = THEMES[self.theme_name][0]
        if self.is_web:
            parent = os.getppid()
            # Should the server be killed, nobody would ever close this.
            self.set_interval(_LOOK_FOR_PARENT_S, lambda: None if os.getppid() == parent else self.exit())
        self._use_keys()
        # What was imported stays: looking through it for rubbish is a pause of 50 to 100 ms when a long diff is made.
        gc.freeze()
        gc.set_threshold(*_COLLECTED_AT)
        first: WorkScreen = MainScreen()
        if self._watch is not None:
            from agentsh.tui.watch import WatchScreen  # noqa: PLC0415 - not on the way to the main screen

            first = WatchScreen(self._watch)
        self.push_screen(first)
        first.call_after_refresh(self.work.begin)

    async def on_key(self, event: events.Key) -> None:
        """A key that nothing has taken: on its way, a question may have come up that it is the answer to."""
        if isinstance(self.screen, AskLine):
            await self.screen.typed(event)

    def on_unmount(self) -> None:
        """Stop what runs, and close the store."""
        self.work.close()

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """Give the terminal to another program for a while.

        Raises:
            UsageError: there is no terminal, but a page.
        """
        if self.is_web:
            raise UsageError(
                "An editor needs a terminal, and this is a page.",
                next_step="Open 'agentsh' in a terminal to edit; it goes on from here.",
            )
        with super().suspend():
            yield

    def leave(self, error: AgentshError) -> None:
        """End the program with an error for the one who started it."""
        self.failure = error
        self.exit()

    def _waits(self, why: str) -> None:
        self.call_from_thread(self.notify, content(why).plain, markup=False)

    def _fatal_error(self) -> None:
        # Textual's own way is to print a traceback with the values of all variables, hostile ones too. Whoever started
        # this reports the error instead, and keeps its traceback in a file.
        self.failure = self._exception
        self._close_messages_no_wait()

    def _use_keys(self) -> None:
        self.keymap = {**(_IN_A_PAGE if self.is_web else {}), **self.own_keys}
        self.set_keymap(self.keymap)

    def take_theme(self, name: str) -> None:
        """Use a theme, now and at the next start.

        Raises:
            ConfigError: it holds until the end, and could not be kept.
        """
        self.theme_name = name
        self.theme = THEMES[name][0]
        save_theme(name)

    def take_keys(self, own: Mapping[str, str]) -> None:
        """Use these keys instead of the usual ones, now and at the next start.

        Raises:
            ConfigError: they hold until the end, and could not be kept.
        """
        self.own_keys = dict(own)
        self._use_keys()
        save_keymap(own)

    def action_settings(self) -> None:
        """Themes, policies, keys and the names of secrets."""
        from agentsh.tui.settings import SettingsScreen  # noqa: PLC0415 - not on the way to the main screen

        if not isinstance(self.screen, (SettingsScreen, ModalScreen)):
            self.push_screen(SettingsScreen())

    def action_help(self) -> None:
        """Every key."""
        from agentsh.tui.help import HelpScreen  # noqa: PLC0415 - not on the way to the first frame

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: all that has a key here, and Textual's own."""
        yield from super().get_system_commands(screen)
        yield SystemCommand("Settings", "Themes, policies, keys, names of secrets", self.action_settings)
        yield SystemCommand("Help", "Every key", self.action_help)
        for _, binding, enabled, _ in screen.active_bindings.values():
            if enabled and binding.id and not binding.id.startswith(("lines.", "prompt.", "app.")):
                owners = (screen.focused, screen, self)
                run = partial(self.run_action, binding.action, _owner(binding.action, owners))
                yield SystemCommand(binding.description, binding.tooltip or f"key: {binding.key}", run)


def _owner(action: str, owners: Iterable[DOMNode | None]) -> DOMNode | None:
    """The first of them that knows the action."""
    name = action.partition("(")[0].rpartition(".")[2]
    return next((o for o in owners if o is not None and hasattr(o, f"action_{name}")), None)
