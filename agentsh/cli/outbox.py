"""``outbox``: the requests that were held, how they stand, and what became of one of which nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentsh.cli import encode
from agentsh.cli.options import Command, json_option, opened, workspace_option
from agentsh.cli.output import data, data_json, say
from agentsh.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh import Workspace
    from agentsh.core.request import RequestEffect


@click.command(
    "outbox",
    cls=Command,
    examples="""
    agentsh outbox
    agentsh outbox q1
    agentsh outbox q1 --sent
    agentsh outbox --json | jq '.requests[] | select(.state == "unknown")'
    """,
)
@click.argument("request", required=False, metavar="[REQUEST]")
@click.option("--sent", "answer", flag_value="sent", help="Of an unknown one: it arrived.")
@click.option("--not-sent", "answer", flag_value="not-sent", help="Of an unknown one: it did not arrive.")
@click.option("--again", "answer", flag_value="again", help="Of an unknown one: send it again, with the same key.")
@workspace_option
@json_option
def outbox(*, request: str | None, answer: str | None, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """List the requests that actions want to send, or show one REQUEST with all that is sent.

    They are held until they are approved and committed. One of which nobody knows whether it arrived is 'unknown': it
    is never sent again unless you say so.
    """
    if answer is not None and request is None:
        raise UsageError("Say which request.", next_step="'agentsh outbox' lists them.")
    with opened(directory, data_dir) as workspace:
        if request is None:
            _list(workspace.outbox(), as_json=as_json)
        elif answer is None:
            _show(workspace, workspace.request(request), as_json=as_json)
        else:
            found = workspace.send_again(request) if answer == "again" else None
            found = found or workspace.resolve_request(request, sent=answer == "sent")
            if as_json:
                data_json({"request": encode.request(found)})
            else:
                data(f"{found.id} is {found.state.value}")


def _list(requests: list[RequestEffect], *, as_json: bool) -> None:
    if as_json:
        data_json({"requests": [encode.request(r) for r in requests]})
        return
    from agentsh.cli.paint import Page, Span, show  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.requests import how_to_resolve, one_line, state_span  # noqa: PLC0415

    if not requests:
        say("No request was ever held here.")
        return
    page = Page()
    page.table(
        [
            (Span(r.id, "bold"), Span(r.action), state_span(r), Span(r.effect_class.value), Span(one_line(r)))
            for r in requests
        ],
        clip=True,
    )
    for r in requests:
        if r.state.value == "unknown":
            page.add(Span(f"{r.id}: {how_to_resolve(r)}", "yellow"))
    show(page, pager=True)


def _show(workspace: Workspace, request: RequestEffect, *, as_json: bool) -> None:
    if as_json:
        body = encode.text_fields("text", workspace.body(request))
        answer = encode.text_fields("text", workspace.body(request, answer=True))
        data_json({"request": encode.request(request), "body": body, "answer": answer})
        return
    from agentsh.cli.paint import Page, show  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.requests import full  # noqa: PLC0415

    page = Page()
    full(page, workspace, [request], fold=False)
    show(page, pager=True)
