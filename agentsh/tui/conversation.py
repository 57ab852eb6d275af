"""The conversation: blocks, one below the other, that grow at the end."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.message import Message

from agentsh.tui.blocks import Block
from agentsh.tui.lines import LineView

if TYPE_CHECKING:
    from textual import events
    from textual.binding import BindingType

    from agentsh.tui.text import Row


class Conversation(LineView):
    """Shows blocks; stays at the end while the person is there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Review", id="conversation.open"),
        Binding("o", "output", "Output", id="conversation.output"),
    ]

    class Asked(Message):
        """The person wants to see more of an action."""

        def __init__(self, action: str, *, output: bool) -> None:
            super().__init__()
            self.action = action
            self.output = output

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as Textual's widgets
        super().__init__(id=id)
        self._blocks: list[Block] = []
        self._starts: list[int] = []
        self._width = 0

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What is in it."""
        return tuple(self._blocks)

    @property
    def shows_cursor(self) -> bool:
        """See :meth:`LineView.shows_cursor`: the end of a conversation is no place of interest to one who types."""
        return self.has_focus

    def add(self, block: Block) -> None:
        """A block more, at the end."""
        self._blocks.append(block)
        self.lay_out(len(self._blocks) - 1)

    def clear(self) -> None:
        """Forget all blocks."""
        self._blocks.clear()
        self.lay_out(0)

    def lay_out(self, first: int = -1) -> None:
        """Rows are new from the block ``first`` on; by default from the last."""
        first = len(self._blocks) - 1 if first < 0 else first
        at_end = self.scroll_offset.y >= self.max_scroll_y - 1
        follow = self.cursor >= self.row_count - 1
        del self._starts[max(0, first) :]
        start = 0
        if self._starts:
            start = self._starts[-1] + len(self._blocks[len(self._starts) - 1].rows(self._width))
        for block in self._blocks[len(self._starts) :]:
            self._starts.append(start)
            start += len(block.rows(self._width))
        self.resized(start, self._width)
        if at_end:
            self.scroll_end(animate=False)
        if follow:
            self.set_reactive(LineView.cursor, max(0, start - 1))

    def changed(self, block: Block) -> None:
        """The rows of ``block`` are others now."""
        self.lay_out(self._blocks.index(block))

    def on_resize(self, event: events.Resize) -> None:
        """Wrap anew."""
        width = event.size.width
        if width != self._width:
            self._width = width
            self.lay_out(0)

    def row(self, y: int) -> Row:
        """See :meth:`LineView.row`."""
        at = bisect_right(self._starts, y) - 1
        return self._blocks[at].rows(self._width)[y - self._starts[at]]

    def _action(self) -> str:
        """The action under the cursor."""
        at = bisect_right(self._starts, self.cursor) - 1
        return self._blocks[at].action if 0 <= at < len(self._blocks) else ""

    def action_open(self) -> None:
        """Review the action under the cursor."""
        self._ask(output=False)

    def action_output(self) -> None:
        """Show all that the action under the cursor printed."""
        self._ask(output=True)

    def _ask(self, *, output: bool) -> None:
        action = self._action()
        if action:
            self.post_message(self.Asked(action, output=output))
        else:
            self.app.bell()
