"""``api``: which calls of an API can be taken back, and by which other call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentsh.cli.options import Command, json_option
from agentsh.cli.output import can_ask, data, data_json, say
from agentsh.core.errors import ApprovalNeeded, UsageError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.config import Api


@click.group()
def api() -> None:
    """Say which calls of an API can be taken back."""


@api.command(
    cls=Command,
    examples="""
    agentsh api add openapi.json --name shop
    agentsh api add openapi.json --name shop --server https://api.example.org/v1
    """,
)
@click.argument("file", metavar="OPENAPI", type=click.Path(path_type=Path))
@click.option("--name", required=True, metavar="N", help="What the API is called here.")
@click.option("--server", default="", metavar="URL", help="Its root, where the description does not name it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def add(*, file: Path, name: str, server: str, yes: bool, as_json: bool) -> int:
    """Read an OPENAPI description (JSON) for calls that can be taken back: what POST makes, DELETE removes.

    They are shown, and kept when you say so. From then on such a POST is held with its reverse call.
    """
    from agentsh.runtime.apis import keep_api, read_description  # noqa: PLC0415 - see agentsh.cli

    found, left = read_description(file, server=server)
    if not as_json:
        for pair in found:
            say(f"{pair.method} {visible_line(pair.url)}")
            say(f"  taken back by {visible_line(pair.undo)}")
        for sentence in left:
            say(f"left out: {sentence}")
    if not found:
        raise UsageError("No call of it can be taken back by another one.", files="Nothing was added.")
    if not yes:
        if as_json or not can_ask():
            raise ApprovalNeeded(
                f"Adding the API '{visible_line(name[:80])}' needs your word.",
                files="Nothing was added.",
                next_step="Say --yes when the calls are what you want.",
            )
        if not click.confirm("Add them?", err=True):
            say("Nothing was added.")
            return 1
    kept = keep_api(name, found)
    if as_json:
        data_json({"added": name, "file": str(kept), "calls": _fields(found), "left_out": left})
    else:
        data(f"added {name}: {len(found)} calls, in {visible_line(str(kept))}")
    return 0


@api.command("list", cls=Command, examples="agentsh api list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the calls that can be taken back."""
    from agentsh.runtime.apis import list_apis  # noqa: PLC0415 - see agentsh.cli

    found = list_apis()
    if as_json:
        data_json({"apis": {name: _fields(apis) for name, apis in found.items()}})
        return
    if not found:
        say("No API was added.")
    for name, apis in found.items():
        for each in apis:
            data(f"{name}  {each.method} {visible_line(each.url)}  {visible_line(each.undo) or 'irreversible'}")


@api.command(cls=Command, examples="agentsh api remove shop")
@click.argument("name", metavar="N")
@json_option
def remove(*, name: str, as_json: bool) -> None:
    """Remove the API N. What is held keeps the reverse call that it has."""
    from agentsh.runtime.apis import remove_api  # noqa: PLC0415 - see agentsh.cli

    remove_api(name)
    if as_json:
        data_json({"removed": name})
    else:
        data(f"removed {visible_line(name)}")


def _fields(apis: Sequence[Api]) -> list[dict[str, str]]:
    return [{"call": f"{a.method} {a.url}", "undo": a.undo} for a in apis]
