"""``http``: read a URL by the rules that hold for actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agentsh.cli.act import exit_code, interruptible, print_outcome, tell_outcome
from agentsh.cli.options import Command, json_option, opened, policy_option, workspace_option
from agentsh.cli.output import Passage
from agentsh.core.action import ActionKind, ActionSpec
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@click.command(
    "http",
    cls=Command,
    examples="""
    agentsh http GET https://docs.python.org/3/library/json.html
    agentsh http GET https://api.example.org/v1/items --secret EXAMPLE_TOKEN
    agentsh http GET https://example.org/data.csv --output data/example.csv
    """,
)
@click.argument("method")
@click.argument("url")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="A further header; may be repeated.")
@click.option("--secret", default=None, metavar="NAME", help="A secret to send, where your configuration binds it.")
@click.option("--output", default=None, metavar="PATH", help="Stage the body as this file instead of printing it.")
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
    policy: str | None,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Read a URL from a host that your configuration allows ([http] allow). METHOD is GET, in this version.

    The body goes to stdout, what there is to say about it to stderr. The exit code is 0 for an answer of success, and 3
    for what is not allowed.
    """
    arguments: dict[str, Any] = {"method": method.upper(), "url": url}
    if headers:
        arguments["headers"] = dict(map(_header, headers))
    arguments |= {key: value for key, value in (("secret", secret), ("output", output)) if value is not None}
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


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise UsageError(f"'{visible_line(text[:80])}' is no header: write NAME:VALUE.", files="Nothing was sent.")
    return name.strip(), value.strip()
