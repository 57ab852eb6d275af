"""``model``: the local model by itself."""

from __future__ import annotations

import os
from pathlib import Path

import click

from agentsh.cli.options import Command, json_option
from agentsh.cli.output import data, data_json, say
from agentsh.core.errors import Interrupted

_TOKEN_VARIABLE = "AGENTSH_MODEL_TOKEN"  # noqa: S105 - its name, not its value


@click.group()
def model() -> None:
    """Serve the local model, and improve it."""


@model.command(
    "serve",
    cls=Command,
    examples="""
    agentsh model serve
    agentsh model serve --weights qwen2.5-coder-1.5b-q4_1.gguf --port 8080
    AGENTSH_MODEL_TOKEN=... agentsh model serve --host 0.0.0.0 --network
    """,
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="GGUF, or a directory of safetensors; agentsh's own unless given.",
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="IP", help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8321,
    show_default=True,
    metavar="N",
    help="0 takes a free one.",
)
@click.option("--network", is_flag=True, help="Let other machines ask, by --host; they must bear a token.")
@json_option
def serve(*, weights: Path | None, host: str, port: int, network: bool, as_json: bool) -> int:
    """Answer OpenAI chat completions with the local model, until Ctrl-C.

    The base URL goes to stdout once requests are taken. This machine alone may ask. With --network and the --host of a
    network others may, who bear the token: that of the variable AGENTSH_MODEL_TOKEN, or one that is made and printed.
    """
    from agentsh.runtime.models import serve_local  # noqa: PLC0415 - see agentsh.cli

    given = os.environ.get(_TOKEN_VARIABLE, "")

    def ready(url: str, token: str) -> None:
        made = token if token != given else ""
        if as_json:
            data_json({"base_url": url, "token": made})
            return
        data(url)
        if made:
            say(f"token: {made}")
        say("The model answers there until Ctrl-C.")

    try:
        serve_local(weights, host=host, port=port, network=network, token=given, ready=ready)
    except KeyboardInterrupt:
        raise Interrupted("The model's server was stopped.") from None
    return 0


@model.group()
def index() -> None:
    """Pairs of wishes and lines that the local model is shown."""


@index.command(
    "add",
    cls=Command,
    examples="""
    agentsh model index add pairs.jsonl
    """,
)
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def add(*, file: Path, as_json: bool) -> int:
    """Add the pairs of FILE to your own.

    Each line of FILE is a JSON object with 'instruction' and 'command'. The local model is shown the pairs that are
    nearest to a task; local_retrieval = false in the configuration turns that off.
    """
    from agentsh.runtime.models import add_pairs  # noqa: PLC0415 - see agentsh.cli

    added, place = add_pairs(file)
    if as_json:
        data_json({"added": added, "file": str(place)})
    else:
        say(f"added {added} to {place}")
    return 0
