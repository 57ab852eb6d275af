"""Held requests as a person reads them: all that is sent, made safe, with the names of secrets in place of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.cli.paint import Page, Span
from agentsh.cli.words import count, size
from agentsh.core.effect_class import EffectClass
from agentsh.core.request import KEY_HEADER, RequestState, open_requests
from agentsh.core.sanitise import visible, visible_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentsh import Workspace
    from agentsh.core.action import ActionRecord
    from agentsh.core.request import RequestEffect

STYLES = {
    RequestState.HELD: "yellow",
    RequestState.APPROVED: "cyan",
    RequestState.SENDING: "blue",
    RequestState.SENT: "green",
    RequestState.REFUSED: "red",
    RequestState.UNKNOWN: "bold red",
    RequestState.UNDONE: "dim",
    RequestState.REJECTED: "red",
    RequestState.DISCARDED: "dim",
}
MAX_LINES = 60
"""Lines of a body that are shown where others are shown too; 'agentsh outbox ID' shows all of them."""
MAX_COLUMNS = 2_000


def state_span(request: RequestEffect) -> Span:
    """How it stands."""
    said = request.state.value + (f" ({request.status})" if request.status is not None else "")
    return Span(said, STYLES[request.state])


def one_line(request: RequestEffect) -> str:
    """Method and URL, safe."""
    return visible_line(request.title)


def full(page: Page, workspace: Workspace, requests: Iterable[RequestEffect], *, fold: bool = True) -> None:
    """Every request with all that is sent.

    Args:
        page: to append to.
        workspace: has the bodies.
        requests: the requests.
        fold: show the beginning of a long body, and how to see the rest.
    """
    for i, request in enumerate(requests):
        if i:
            page.add()
        _one(page, workspace, request, fold=fold)


def _one(page: Page, workspace: Workspace, request: RequestEffect, *, fold: bool) -> None:
    page.add(Span(request.id, "bold"), "  ", Span(one_line(request), "bold"), "  ", state_span(request))
    headers = [f"{name}: {value}" for name, value in request.headers]
    headers += [request.carried] if request.carried else []
    for line in [*headers, f"{KEY_HEADER}: {request.key}"]:
        page.add(f"    {visible_line(line)}")
    if request.body is not None:
        about = f"    body, {size(request.size)}, {request.body.hex()[:16]}"
        page.add(Span(about, "dim"))
        _content(page, request, workspace.body(request), fold=fold)
    if request.undoes:
        page.add(Span(f"    takes back {request.undoes}", "dim"))
    elif request.undo is not None:
        page.add(Span("    taken back by ", "dim"), visible_line(f"{request.undo.method} {request.undo.url}"))
    elif request.effect_class is EffectClass.IRREVERSIBLE:
        page.add(Span("    ! nothing takes it back once it is sent", "bold yellow"))
    if request.note:
        page.add(Span(f"    {visible_line(request.note)}", "dim"))
    if request.answer is not None and not fold:
        page.add(Span("    answer", "dim"))
        _content(page, request, workspace.body(request, answer=True), fold=fold)
    if request.state is RequestState.UNKNOWN:
        page.add(Span(f"    {how_to_resolve(request)}", "yellow"))


def _content(page: Page, request: RequestEffect, content: bytes, *, fold: bool) -> None:
    text = visible(content.decode("utf-8", "surrogateescape"))
    lines = text.split("\n") if not text.endswith("\n") else text.split("\n")[:-1]
    shown = lines[:MAX_LINES] if fold and len(lines) > MAX_LINES + 3 else lines
    for line in shown:
        cut = fold and len(line) > MAX_COLUMNS
        page.add(f"    | {line[:MAX_COLUMNS]}…" if cut else f"    | {line}")
    if len(shown) < len(lines) or (fold and any(len(line) > MAX_COLUMNS for line in shown)):
        left = count(len(lines) - len(shown), "more line")
        page.add(Span(f"    ... {left} (agentsh outbox {request.id})", "dim"))


def how_to_resolve(request: RequestEffect) -> str:
    """What a person does about a request of which nobody knows."""
    return (
        f"It may have arrived. Find out, then: agentsh outbox {request.id} --sent (it did), --not-sent (it did not), or"
        " --again (send it once more, with the same key)"
    )


def share(record: ActionRecord) -> str:
    """How many requests of an action wait, in words; empty without."""
    waiting = open_requests(record.changes.requests)
    unknown = [r for r in record.changes.requests if r.state is RequestState.UNKNOWN]
    parts = [count(len(waiting), "request")] if waiting else []
    return ", ".join([*parts, *([f"{len(unknown)} unknown"] if unknown else [])])


def told(requests: Sequence[RequestEffect]) -> str:
    """Requests by id, method and URL, on one line."""
    shown = ", ".join(f"{r.id} {one_line(r)}" for r in requests[:3])
    return shown + (f" and {len(requests) - 3} more" if len(requests) > 3 else "")
