"""``http``: read a URL, or hold a request that changes something, by the rules that hold for actions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentsh.cli.act import exit_code, interruptible, print_outcome, tell_outcome
from agentsh.cli.options import Command, json_option, opened, policy_option, workspace_option
from agentsh.cli.output import Passage
from agentsh.core.action import ActionKind, ActionSpec
from agentsh.core.errors import UsageError
from agentsh.core.request import HELD_METHODS
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command(
    "http",
    cls=Command,
    examples="""
    agentsh http GET https://docs.python.org/3/library/json.html
    agentsh http GET https://api.example.org/v1/items --secret EXAMPLE_TOKEN
    agentsh http GET https://example.org/data.csv --output data/example.csv
    agentsh http POST https://api.example.org/v1/items --data '{"name": "x"}' --secret EXAMPLE_TOKEN
    agentsh http POST https://api.example.org/v1/items --data @item.json --undo 'DELETE https://api.example.org/v1/items/{id}'
    """,
)
@click.argument("method")
@click.argument("url")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="A further header; may be repeated.")
@click.option("--secret", default=None, metavar="NAME", help="A secret to send, where your configuration binds it.")
@click.option("--output", default=None, metavar="PATH", help="Stage the body as this file instead of printing it.")
@click.option("--data", "body", default=None, metavar="TEXT|@FILE", help="The body; @- is what comes on stdin.")
@click.option("--undo", default=None, metavar="CALL", help="The call that takes it back; {id} is what the answer says.")
@policy_option
@workspace_option
@json_option
def http(
    *,
    method: str,
    url: str,
    headers: Sequence[str],
    secret: str | None,
    output: str | None,
    body: str | None,
    undo: str | None,
    policy: str | None,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Read a URL from a host that your configuration allows ([http] allow), or hold a request to it.

    METHOD GET reads: the body goes to stdout, what there is to say about it to stderr. The exit code is 0 for an answer
    of success, and 3 for what is not allowed. POST, PUT, PATCH and DELETE change something: nothing is sent until you
    have approved the request and committed it.
    """
    method = method.upper()
    arguments: dict[str, Any] = {"method": method, "url": url}
    given = dict(map(_header, headers))
    if body is not None:
        if method not in HELD_METHODS:
            raise UsageError(f"A {visible_line(method[:20])} has no body.", files="Nothing was sent.")
        arguments["body"] = _body(body)
        if not any(name.lower() == "content-type" for name in given):
            given["Content-Type"] = _content_type(arguments["body"])
    if given:
        arguments["headers"] = given
    more = (("secret", secret), ("output", output), ("undo", undo))
    arguments |= {key: value for key, value in more if value is not None}
    with opened(directory, data_dir, policy=policy) as workspace:
        passage = None if as_json else Passage()
        with interruptible(workspace):
            record = workspace.act(ActionSpec(ActionKind.HTTP, arguments), on_output=passage)
        if passage is not None:
            passage.close()
            tell_outcome(workspace, record)
        else:
            print_outcome(workspace, record)
        return exit_code(record)


def _body(text: str) -> str:
    """What ``--data`` names.

    Raises:
        UsageError: the file cannot be read.
    """
    if not text.startswith("@"):
        return text
    try:
        raw = sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()
    except OSError as e:
        raise UsageError(f"{visible_line(text[1:])} cannot be read: {e.strerror}.", files="Nothing was sent.") from e
    return raw.decode("utf-8", "surrogateescape")


def _content_type(body: str) -> str:
    try:
        json.loads(body)
    except ValueError:
        return "text/plain; charset=utf-8"
    return "application/json"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise UsageError(f"'{visible_line(text[:80])}' is no header: write NAME:VALUE.", files="Nothing was sent.")
    return name.strip(), value.strip()
