"""The timeline: what happened in the workspace, and the ways back."""

from __future__ import annotations

import asyncio
import gc
import os
import shlex
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Footer, Static

from agentsh.core.errors import AgentshError, ConflictError, UsageError, WorkspaceBusy
from agentsh.core.report import LogKind
from agentsh.core.request import RequestState
from agentsh.tui import words
from agentsh.tui.compare import CompareScreen
from agentsh.tui.diffview import DiffView
from agentsh.tui.entries import Story, TimelineList, filtered, story
from agentsh.tui.filtering import KINDS, Filter
from agentsh.tui.lines import LineView
from agentsh.tui.screens import AskLine, OutputScreen, SideScreen
from agentsh.tui.text import safe
from agentsh.tui.undo import RevertScreen
from agentsh.tui.undoing import next_redo, next_undo
from agentsh.tui.wishes import Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from agentsh.core.diff import FileDiff
    from agentsh.core.report import LogEntry
    from agentsh.runtime.workspace import Workspace

_EVERY_S = 1.0
_REST_S = 0.02
"""So long the cursor rests on an entry before it is read what it changed; who holds a key down waits for none of it."""
_MOST_FILES = 500
_AT_FIRST = 200
"""Entries that are shown before all others are read: more than a screen has."""


class TimelineScreen(SideScreen):
    """Entries left, what the one under the cursor changed right."""

    NAME = "Timeline"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pick", "Choose", id="timeline.choose"),
        Binding("r", "revert", "Revert", id="timeline.revert"),
        Binding("R", "restore", "Restore", id="timeline.restore"),
        Binding("d", "compare", "Compare", id="timeline.compare"),
        Binding("z", "undo", "Undo", id="timeline.undo"),
        Binding("Z", "redo", "Redo", id="timeline.redo"),
        Binding("f", "filter", "Filter", id="timeline.filter"),
        Binding("t", "kind", "Next kind", id="timeline.kind", show=False),
        Binding("o", "output", "Output", id="timeline.output", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._story = Story()
        self._filter = Filter()
        self._touched: frozenset[str] = frozenset()
        self._picked: dict[str, LogEntry] = {}
        self._note = ""
        self._at = ""
        self._shown: LogEntry | None = None
        self._newest: list[LogEntry] = []
        self._looking = False
        self._diffed = ""

    def compose(self) -> ComposeResult:
        """The heading, the entries, the difference."""
        yield Static(Content("Timeline"), id="heading")
        with Horizontal(id="body"):
            yield TimelineList()
            yield DiffView(id="diff")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin in the list, and go on looking: a model may work meanwhile, here or elsewhere."""
        self._list.focus()
        self.set_interval(_EVERY_S, self._tick)

    def on_screen_resume(self) -> None:
        """Load what happened; also after something was taken back."""
        self._at = ""
        self.start(self._load(), group="load", exclusive=True)

    @property
    def _list(self) -> TimelineList:
        return self.query_one(TimelineList)

    @property
    def whole(self) -> bool:
        """Whether the oldest entries are there too."""
        return self._story.whole

    # -- what is shown -------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        # The newest ones first: of ten thousand entries, all others take longer than a person should wait for.
        await self._read(None if self._story.lines else _AT_FIRST)
        if not self._story.whole:
            painted = asyncio.Event()
            self.call_after_refresh(painted.set)
            await painted.wait()
            await self._read(None)
            gc.freeze()  # so many entries: looking through all of them, again and again, would hold up the keys
        if await self._catch_up():
            await self._read(None)

    def _tick(self) -> None:
        if self._story.whole and not self._looking and self.app.screen is self:
            self._looking = True
            self.start(self._look_again(), group="look")

    async def _look_again(self) -> None:
        """Read it anew when its last line is another one, or stands otherwise."""
        try:
            newest = await self.work.look(lambda workspace: workspace.log(limit=1))
            if newest != self._newest:
                await self._read(None)
        finally:
            self._looking = False

    async def _read(self, limit: int | None) -> None:
        """Read the newest ``limit`` entries, or all, and show what the filter takes."""

        def read(workspace: Workspace) -> tuple[list[LogEntry], Story]:
            newest = workspace.log(limit=1)
            entries = workspace.timeline(limit=limit)
            return newest, story(entries, whole=limit is None or len(entries) < limit)

        try:
            (self._newest, told), by = await self.work.look(read), self._filter
        except AgentshError:
            if not self._story.lines:
                self._list.show((), graph=False, empty="It could not be read.")
            raise
        touched = await self._touching(by)
        if by is self._filter:  # else its answer has meanwhile been shown
            self._touched = touched
        self._story = told
        self._show()

    async def _touching(self, by: Filter) -> frozenset[str]:
        """The entries that touched the paths of a filter."""

        def touched(workspace: Workspace) -> frozenset[str]:
            return frozenset.intersection(*(workspace.touching(p) for p in by.paths))

        return await self.work.look(touched) if by.paths else frozenset()

    async def _catch_up(self) -> bool:
        """Have the person's own newest changes recorded; whether there were any."""

        def newest(workspace: Workspace) -> bool:
            before = workspace.log(limit=1)
            workspace.catch_up()
            return before != workspace.log(limit=1)

        try:
            found = await self.work.look(newest)
        except WorkspaceBusy:
            self._note = "your newest own changes not read yet: something works here"
        except AgentshError as e:
            self._note = f"your newest own changes could not be read: {e.what}"
        else:
            self._note = ""
            return found
        self._show_heading()
        return False

    def _show(self) -> None:
        """Show what is known, at once: nothing that is read can hold it up or come between."""
        every = self._story.lines
        shown = filtered(every, self._filter, self._touched)
        empty = "Nothing here is like that. f changes the filter." if every else "Nothing happened here yet."
        self._list.show(shown, graph=len(shown) == len(every), empty=empty)
        self._show_heading()
        self._begin_diff()

    def _show_heading(self) -> None:
        of = words.count(len(self._list.lines), "entry", "entries")
        if self._filter:
            of += f" of {len(self._story.lines):,}: {self._filter.name}"
        chosen = f"  ·  {len(self._picked)} chosen" if self._picked else ""
        note = f"  ·  {safe(self._note)}" if self._note else ""
        self.query_one("#heading", Static).update(Content(f"Timeline  {of}{chosen}{note}"), layout=False)

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        """What the entry changed."""
        if event.view is self._list:
            self._begin_diff()

    def _begin_diff(self) -> None:
        # Not exclusive: one that is cut short would leave its entry as shown. What comes too late sees that by itself.
        self.start(self._show_diff(), group="diff")

    async def _show_diff(self) -> None:
        entry = self._list.entry
        view = self.query_one(DiffView)
        if entry is None:
            self._at = ""
            await view.show((), empty="What an action changed is shown here.")
            return
        if entry.id == self._at and entry == self._shown:
            return
        keep = entry.id == self._at
        point = self._at = entry.id
        self._shown = entry
        touched = entry.details.get("changed", entry.details.get("effects", 0))
        if isinstance(touched, int) and touched > _MOST_FILES:
            # A first look at a large tree is no change of anybody's, and would take minutes to show.
            await view.show((), empty=f"{touched:,} paths: agentsh diff {point} --stat lists them.")
            self._diffed = point
            return

        def read(workspace: Workspace) -> list[FileDiff] | None:
            # The cursor may have gone on while this waited for its turn: then the next one need not wait for it.
            return workspace.diff(point) if self._at == point else None

        await asyncio.sleep(_REST_S)
        try:
            diffs, empty = await self.work.look(read), "It changed no file."
        except AgentshError as e:
            diffs, empty = [], e.what
        if diffs is not None and self._at == point:
            await view.show(diffs, empty=empty, keep=keep)
            self._diffed = point

    # -- keys ----------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Show only some entries."""

        def answered(text: str | None) -> None:
            if text is not None:
                try:
                    self._use(Filter.parse(text))
                except UsageError as e:
                    self.failed(e)

        how = f"Show entries with these words (none: all).\nkind:{'|'.join(KINDS)}   path:src, path:*.py"
        self.app.push_screen(AskLine(how, self._filter.text), answered)

    def action_kind(self) -> None:
        """Show only actions, only commits, and so on, then all again."""
        self._use(self._filter.next_kind())

    def _use(self, new: Filter) -> None:
        if new.paths == self._filter.paths:
            self._filter = new
            self._show()
        else:
            self.start(self._use_paths(new), group="filter", exclusive=True)

    async def _use_paths(self, new: Filter) -> None:
        self._touched = await self._touching(new)
        self._filter = new
        self._show()

    def action_pick(self) -> None:
        """Choose the entry under the cursor, or choose it no more."""
        entry = self._list.entry
        if entry is None:
            self.app.bell()
            return
        if self._picked.pop(entry.id, None) is None:
            self._picked[entry.id] = entry
        self._list.pick(self._picked.keys())
        self._list.action_move(1)
        self._show_heading()

    def _unpick(self) -> None:
        self._picked.clear()
        self._list.pick(())
        self._show_heading()

    def action_revert(self) -> None:
        """Preview the undoing of what is chosen, conflicts too, and then do it.

        In the difference it is about the file, the hunk or the lines under the cursor.
        """
        entry = self._list.entry
        named = list(self._picked.values()) or ([entry] if entry is not None else [])
        actions = tuple(dict.fromkeys(a for e in named for a in self._landed(e)))
        if not actions:
            own = any(e.kind is LogKind.SNAPSHOT for e in named)
            self.say(
                "Your own edits are no action: R brings paths back to an earlier entry."
                if own
                else "Only what was committed can be reverted; drop what is staged in the review.",
                bad=True,
            )
            return
        if entry is None or self._picked or self.focused is not self.query_one(DiffView):
            self._preview(Wish(actions))
        elif self._diffed == entry.id:
            self._preview(self._part(entry, actions))
        else:  # what is on the screen is another entry's still
            self.app.bell()

    def _landed(self, entry: LogEntry) -> Sequence[str]:
        found = (entry.id,) if entry.kind is LogKind.ACTION else entry.parents
        return [a for a in found if a in self._story.landed]

    def _part(self, entry: LogEntry, actions: tuple[str, ...]) -> Wish:
        """What the cursor is on in the difference."""
        view = self.query_one(DiffView)
        file, hunk = view.file, view.hunk
        if file is None:
            return Wish(actions)
        if entry.kind is LogKind.ACTION and view.lines:
            return Wish(actions, lines={file.path: view.lines})
        if entry.kind is LogKind.ACTION and hunk is not None and hunk.number:
            return Wish(actions, hunks={file.path: (hunk.number,)})
        return Wish(actions, paths=(file.path,))

    def _preview(self, wish: Wish) -> None:
        self._unpick()
        self.app.push_screen(RevertScreen(wish))

    def action_restore(self) -> None:
        """Preview how paths get back to what they were at the entry, and then do it."""
        entry = self._list.entry
        if entry is None:
            self.app.bell()
            return
        view = self.query_one(DiffView)
        file = view.file if self.focused is view and self._diffed == entry.id else None
        begin = shlex.quote(os.fsdecode(file.path)) if file is not None and os.fsdecode(file.path).isprintable() else ""

        def answered(text: str | None) -> None:
            if text is None:
                return
            try:
                paths = tuple(os.fsencode(p) for p in shlex.split(text))
            except ValueError:
                self.say("A quote is not closed.", bad=True)
                return
            self._preview(Wish(point=entry.id, paths=paths))

        self.app.push_screen(
            AskLine(f"Bring which paths back to what they were at {entry.id}?\nNone: all of the workspace.", begin),
            answered,
        )

    def action_compare(self) -> None:
        """Show what leads from one entry to another: of two that are chosen, or from this one to now."""
        entry = self._list.entry
        chosen = set(self._picked) or {entry.id if entry is not None else ""}
        if len(chosen) == 1 and entry is not None:
            chosen.add(entry.id)
        order = [line.entry.id for line in reversed(self._story.lines) if line.entry.id in chosen]
        points = list(dict.fromkeys(order))
        if not points or len(points) > 2:
            self.say("Two entries are compared: choose two with space, or one.", bad=True)
            return
        self.app.push_screen(CompareScreen(points[0], points[1] if len(points) > 1 else "now"))

    def action_undo(self) -> None:
        """Take back the last commit that still holds."""
        self.start(self._take(next_undo, "Nothing is left to undo."), group="undo")

    def action_redo(self) -> None:
        """Bring back what was undone last."""
        self.start(self._take(next_redo, "Nothing is left to redo."), group="undo")

    async def _take(self, next_of: Callable[[Sequence[LogEntry]], tuple[str, ...]], nothing: str) -> None:
        def take(workspace: Workspace) -> str | Wish:
            # By what is true now: a key that is pressed twice means two of them.
            wish = Wish(next_of(workspace.timeline()))
            if not wish.actions:
                return nothing
            if any(r.state is RequestState.SENT for a in wish.actions for r in workspace.requests(a)):
                return wish  # what would be sent now is shown before
            try:
                return wish.said(wish.run(workspace))
            except ConflictError as e:
                if not e.conflicts:
                    raise
                return wish

        done = await self.work.act(take)
        if isinstance(done, Wish):
            self._preview(done)
            return
        self._at = ""
        self.say(done)
        self.start(self._load(), group="load", exclusive=True)

    def action_output(self) -> None:
        """All that the action printed."""
        entry = self._list.entry
        if entry is not None and entry.kind is LogKind.ACTION:
            self.app.push_screen(OutputScreen(entry.id))
        else:
            self.app.bell()
