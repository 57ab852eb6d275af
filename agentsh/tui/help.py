"""The help: every key there is, from the bindings themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.tui.keys import key_rows
from agentsh.tui.rows import RowsView
from agentsh.tui.screens import SideScreen
from agentsh.tui.text import Row, Safe, Span, fit, safe

if TYPE_CHECKING:
    from textual.app import ComposeResult

_SIGNS: tuple[tuple[str, str], ...] = (
    ("A M D m T", "a path is added, modified, deleted, its mode or its type changes"),
    ("+3 -1", "lines added and removed"),
    ("!", "look twice: the words beside it say why"),
    ("? asks", "why the policy asks you"),
    ("[ ] [✓] [●]", "an effect is pending, approved, committed"),
)


class HelpScreen(SideScreen):
    """All keys, place by place."""

    NAME = "Help"

    def compose(self) -> ComposeResult:
        """The heading and the rows."""
        yield Static(Content("Help  keys and signs"), id="heading")
        yield RowsView(id="help")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Write the rows."""
        view = self.query_one(RowsView)
        view.show(help_rows(self.home.keymap))
        view.focus()


def help_rows(keymap: dict[str, str]) -> list[Row]:
    """The rows of the help, with the keys that the person has changed."""
    rows: list[Row] = []
    place = ""
    for key in key_rows(keymap):
        if key.place != place:
            rows += [(), (Span(safe(key.place), "heading"),)] if rows else [(Span(safe(key.place), "heading"),)]
            place = key.place
        keys = Span(fit(safe(f"  {key.keys}"), 20), "title")
        rows.append((keys, Span(fit(safe(key.does), 34)), Span(safe(key.id), "dim")))
    rows += [(), (Span(Safe("Signs"), "heading"),)]
    rows += [(Span(fit(safe(f"  {sign}"), 20), "title"), Span(safe(means))) for sign, means in _SIGNS]
    return rows
