"""The line where a person says what to do: several lines, a history, paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.message import Message
from textual.widgets import TextArea

from agentsh.tui.text import safe

if TYPE_CHECKING:
    from textual import events
    from textual.binding import BindingType

_MOST_HISTORY = 500
_OWN_KEYS = frozenset(["prompt.send", "prompt.newline", "prompt.complete"])
"""Bindings for keys that an editor of text would take for itself."""


class Prompt(TextArea):
    """Enter sends, ctrl+j breaks the line, up and down at the edges go through what was sent before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", id="prompt.send"),
        Binding("ctrl+j", "newline", "New line", id="prompt.newline", show=False),
        Binding("up", "history(-1)", "Sent before", id="prompt.before", show=False),
        Binding("down", "history(1)", "Sent after", id="prompt.after", show=False),
        Binding("tab", "complete", "Complete @path, or the other pane", id="prompt.complete", show=False),
    ]

    class Sent(Message):
        """The person has said something."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Completing(Message):
        """The person wants a path completed."""

        def __init__(self, start: str) -> None:
            super().__init__()
            self.start = start

    def __init__(self) -> None:
        super().__init__(id="prompt", soft_wrap=True, show_line_numbers=False, highlight_cursor_line=False)
        self._history: list[str] = []
        self._at = 0
        self._draft = ""

    async def _on_key(self, event: events.Key) -> None:
        # In its turn among the characters: a priority binding would run before those that were typed ahead of it.
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if binding.id in _OWN_KEYS:
                event.stop()
                event.prevent_default()
                await self.run_action(binding.action)
                return
        await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        # What is pasted may come from anywhere, and is shown as it is edited. The editor's own handler runs after this.
        event.text = "\n".join(safe(line, most=100_000) for line in event.text.replace("\r\n", "\n").split("\n"))

    def action_send(self) -> None:
        """Say it."""
        text = self.text.strip()
        if not text:
            return
        if self._history[-1:] != [text]:
            self._history.append(text)
            del self._history[:-_MOST_HISTORY]
        self._at, self._draft = len(self._history), ""
        self.text = ""
        self.post_message(self.Sent(text))

    def action_newline(self) -> None:
        """Break the line."""
        self.insert("\n")

    def action_history(self, by: int) -> None:
        """What was sent before or after, when the cursor is at the first or the last line."""
        row = self.cursor_location[0]
        if (by < 0 and row > 0) or (by > 0 and row < self.document.line_count - 1):
            if by < 0:
                self.action_cursor_up()
            else:
                self.action_cursor_down()
            return
        to = self._at + by
        if not 0 <= to <= len(self._history):
            return
        if self._at == len(self._history):
            self._draft = self.text
        self._at = to
        self.text = self._draft if to == len(self._history) else self._history[to]
        self.move_cursor(self.document.end)

    def action_complete(self) -> None:
        """Complete the path behind an ``@``; elsewhere go to the other pane."""
        row, column = self.cursor_location
        word = self.document.get_line(row)[:column].rpartition(" ")[2]
        if word.startswith("@"):
            self.post_message(self.Completing(word[1:]))
        else:
            self.screen.focus_next()

    def complete(self, start: str, names: list[str]) -> None:
        """Put in what all ``names`` that begin with ``start`` have in common."""
        if not names:
            self.app.bell()
            return
        common = names[0]
        for name in names[1:]:
            while not name.startswith(common):
                common = common[:-1]
        whole = len(names) == 1 and not common.endswith("/")
        self.insert(common[len(start) :] + (" " if whole else ""))
