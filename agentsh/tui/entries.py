"""The entries of the timeline as a graph: the workspace's states on the left, actions beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agentsh.core.report import LogKind
from agentsh.tui import words
from agentsh.tui.filtering import kind_of
from agentsh.tui.lines import LineView
from agentsh.tui.text import Row, Safe, Span, fit, safe, title
from agentsh.tui.undoing import standing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from agentsh.core.report import LogEntry
    from agentsh.tui.filtering import Filter

_STATES = {
    LogKind.COMMIT: Span(Safe("●"), "added"),
    LogKind.SNAPSHOT: Span(Safe("□"), "changed"),
    LogKind.RECOVERY: Span(Safe("!"), "flag"),
}
_STAGED = frozenset({"pending", "approved", "running"})
_MARKS, _STATUS, _WHEN = 2 + 4, 12, 11
_LEAST_TITLE = 12


class Line(NamedTuple):
    """An entry, ready to be painted.

    Attributes:
        entry: what it is about.
        status: how it stands, in a word.
        text: what words are looked for in, in small letters.
        lanes: what stands left and right of its mark in the graph, and below a commit the way to its actions.
    """

    entry: LogEntry
    status: str
    text: str
    lanes: tuple[str, str]


class Story(NamedTuple):
    """The timeline, as it is shown.

    Attributes:
        lines: newest first.
        landed: the actions of which something was committed.
        whole: whether there are no older ones.
    """

    lines: tuple[Line, ...] = ()
    landed: frozenset[str] = frozenset()
    whole: bool = False


def story(entries: Sequence[LogEntry], *, whole: bool) -> Story:
    """What is shown of ``entries``, oldest first; much of it, so not on the thread that paints."""
    holds = standing(entries).holds
    lines = [
        Line(e, status := _status(e, holds), f"{e.id} {e.title} {status}".lower(), lanes)
        for e, lanes in zip(entries, _lanes(entries), strict=True)
    ]
    return Story(tuple(reversed(lines)), frozenset(holds), whole)


def _status(entry: LogEntry, holds: dict[str, bool]) -> str:
    if entry.kind is LogKind.SNAPSHOT:
        return "yours"
    if entry.status == "committed" and holds.get(entry.id) is False:
        return "undone"
    return entry.status


def _lanes(entries: Sequence[LogEntry]) -> Iterator[tuple[str, str]]:
    """For each entry what stands beside it: the line of the states, or of the actions that no commit has joined yet."""
    last_commit = {p: e.id for e in entries if e.kind is not LogKind.ACTION for p in e.parents if p[:1] == "a"}
    beside: set[str] = set()
    for entry in entries:
        if entry.kind is LogKind.ACTION:
            yield "│ ", ""
            if entry.id in last_commit or entry.status in _STAGED:
                beside.add(entry.id)
            continue
        joined = {p for p in entry.parents if p in beside}
        beside -= {a for a in joined if last_commit[a] == entry.id}
        way = ("─┤" if beside else "─╮") if joined else " │" if beside else ""
        yield "", way


class TimelineList(LineView):
    """The entries, newest first; a row is made when it is painted."""

    def __init__(self) -> None:
        super().__init__(id="entries")
        self._lines: Sequence[Line] = ()
        self._picked: Collection[str] = frozenset()
        self._graph = True
        self._empty = Safe("Looking ...")
        self._id_cells = self._when_cells = 0

    def show(self, lines: Sequence[Line], *, graph: bool, empty: str) -> None:
        """Show ``lines``, newest first; the cursor stays on its entry, or on the newest one.

        Args:
            lines: the entries.
            graph: whether they are all, so that the lines between them lead somewhere.
            empty: a sentence for when there are none.
        """
        was = self.entry if self.cursor else None
        self._lines, self._graph, self._empty = lines, graph, safe(empty)
        self._id_cells = 1 + max((len(line.entry.id) for line in lines), default=0)
        self._when_cells = max((len(_when(line.entry)) for line in (*lines[:1], *lines[-1:])), default=0)
        self.resized(len(lines) or 1)
        at = next((y for y, line in enumerate(lines) if was is not None and _same(line.entry, was)), 0)
        self.cursor = at

    def pick(self, picked: Collection[str]) -> None:
        """Mark the entries with these ids as chosen."""
        self._picked = picked
        self.refresh()

    def picks(self, y: int) -> bool:
        """See :meth:`LineView.picks`."""
        return bool(self._lines) and self._lines[y].entry.id in self._picked

    def row(self, y: int) -> Row:
        """See :meth:`LineView.row`."""
        if not self._lines:
            return (Span(self._empty, "dim"),)
        entry, status, _, (left, right) = self._lines[y]
        mark, style = words.STATUS.get(status, (" ", "dim"))
        state = _STATES.get(entry.kind) or Span(safe(mark), style)
        before = Span(safe(left if self._graph else " " * len(left)), "dim")
        after = Span(fit(safe(right if self._graph else ""), 3 - len(left)), "dim")
        room = max(
            _LEAST_TITLE, self.scrollable_content_region.width - _MARKS - self._id_cells - _STATUS - self._when_cells
        )
        return (
            Span(Safe("+ ") if entry.id in self._picked else Safe("  "), "flag"),
            before,
            state,
            after,
            Span(fit(safe(entry.id), self._id_cells), "heading"),
            Span(fit(title(entry.title, most=4 * room), room), "title"),
            Span(fit(safe(f" {status or kind_of(entry)}"), _STATUS), style),
            Span(fit(_when(entry), self._when_cells), "dim"),
        )

    def matches(self, y: int, needle: str) -> bool:
        """See :meth:`LineView.matches`: all of the title, also what there is no room for."""
        return bool(self._lines) and needle in self._lines[y].text

    @property
    def lines(self) -> Sequence[Line]:
        """The entries that are shown, newest first."""
        return self._lines

    @property
    def entry(self) -> LogEntry | None:
        """The entry under the cursor."""
        return self._lines[self.cursor].entry if self._lines else None


def _when(entry: LogEntry) -> Safe:
    """When it was: the time of today, or the day and the time, for which the year is known."""
    return safe(words.moment(entry.at)[-_WHEN:])


def _same(one: LogEntry, other: LogEntry) -> bool:
    return (one.id, one.kind) == (other.id, other.kind)


def filtered(lines: Sequence[Line], by: Filter, touched: frozenset[str]) -> Sequence[Line]:
    """The lines that a filter takes."""
    return [line for line in lines if by.takes(line.entry, line.text, touched)] if by else lines
