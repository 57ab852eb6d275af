"""The timeline as a graph in 80 columns: the workspace's states on the left, staged actions beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.cli.paint import Page, Span, cells
from agentsh.cli.words import moment, one_line, status_style
from agentsh.core.report import LogKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.report import LogEntry

COLUMNS = 80
_LANE = "cyan"


def draw(page: Page, entries: Sequence[LogEntry]) -> None:
    """Append the graph, oldest first.

    ``*`` is a state of the workspace, ``o`` an action, ``x`` one of which nothing is staged or was committed.
    """
    last_commit = {p: e.id for e in entries if e.kind is not LogKind.ACTION for p in e.parents if p.startswith("a")}
    waiting = {e.id for e in entries if e.status in {"pending", "approved"}}
    beside: set[str] = set()
    for entry in entries:
        if entry.kind is LogKind.ACTION:
            stays = entry.id in last_commit or entry.id in waiting
            if stays and not beside:
                page.add(Span("|\\", _LANE))
            _row(page, "| o" if stays else "| x", entry)
            beside |= {entry.id} if stays else set()
            continue
        joined = {p for p in entry.parents if p in beside}
        beside -= {a for a in joined if last_commit[a] == entry.id and a not in waiting}
        if joined:
            page.add(Span("|/|" if beside else "|/", _LANE))
        _row(page, "* |" if beside else "*  ", entry)


def _row(page: Page, lanes: str, entry: LogEntry) -> None:
    yours = entry.kind is LogKind.SNAPSHOT
    status = "yours" if yours else entry.status
    tail = f"  {status}  {moment(entry.at)[-8:]}"
    head = f"{lanes} {entry.id:<4} "
    room = COLUMNS - len(head) - len(tail)
    title = one_line(entry.title, room)
    page.add(
        Span(lanes, _LANE),
        Span(head[len(lanes) :], "bold"),
        Span(title + " " * (room - cells(title))),
        Span(f"  {status}", "" if yours else status_style(status)),
        Span(f"  {moment(entry.at)[-8:]}", "dim"),
    )
