"""Held requests on the screen: a row in a list, and all that is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.request import KEY_HEADER, RequestState
from agentsh.tui import words
from agentsh.tui.text import Row, Safe, Span, safe, title

if TYPE_CHECKING:
    from agentsh.core.request import RequestEffect

_MARKS = {
    RequestState.HELD: Span(Safe("[ ]"), "changed"),
    RequestState.APPROVED: Span(Safe("[✓]"), "added"),
    RequestState.UNKNOWN: Span(Safe("[?]"), "error"),
}


def request_row(request: RequestEffect) -> Row:
    """One line that names it and says how it stands."""
    mark = _MARKS.get(request.state, Span(Safe("   ")))
    name = title(request.title, most=300)
    return (Span(Safe(" ")), mark, Span(Safe(" → "), "flag"), Span(name), Span(safe(f"  {request.state.value}"), "dim"))


def request_rows(request: RequestEffect, body: bytes) -> list[Row]:
    """All that is sent, and what is known of it.

    Args:
        request: the request.
        body: its content, with names in place of values of secrets.
    """
    headers = [f"{name}: {value}" for name, value in request.headers]
    headers += [request.carried] if request.carried else []
    rows: list[Row] = [
        (Span(safe(f"{request.id}  "), "heading"), Span(safe(request.title), "title")),
        (Span(safe(f"{request.state.value}; sent with the commit, once"), "dim"),),
        (),
    ]
    rows += [(Span(safe(line)),) for line in [*headers, f"{KEY_HEADER}: {request.key}"]]
    if request.undo is not None:
        rows.append((Span(safe(f"taken back by {request.undo.method} {request.undo.url}"), "dim"),))
    else:
        rows.append((Span(Safe("! nothing takes it back once it is sent"), "flag"),))
    if request.note:
        rows.append((Span(safe(request.note), "dim"),))
    if request.state is RequestState.UNKNOWN:
        rows.append((Span(safe(f"It may have arrived: agentsh outbox {request.id} says what to do."), "error"),))
    if body:
        rows += [(), (Span(safe(f"body, {words.size(len(body))}"), "dim"),)]
        rows += [(Span(safe(line) or Safe(" "), "code"),) for line in body.removesuffix(b"\n").split(b"\n")]
    return rows
