"""``model``: the local model by itself."""

from __future__ import annotations

import os
from pathlib import Path

import click

from agentsh.cli.options import Command, json_option
from agentsh.cli.output import data, data_json, say
from agentsh.core.errors import Interrupted, UsageError

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


@model.command(
    "upcycle",
    cls=Command,
    examples="""
    agentsh model upcycle start.safetensors
    agentsh model upcycle start.safetensors --experts 4 --rank 16 --depth-blocks 4,12,13,14 --capacity 0.5
    """,
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--experts", type=click.IntRange(0, 64), default=4, show_default=True, metavar="N", help="In each block.")
@click.option("--rank", type=click.IntRange(1, 512), default=16, show_default=True, metavar="N", help="Of an expert.")
@click.option("--depth-blocks", default="", metavar="N,N", help="Blocks that take part of the tokens alone.")
@click.option(
    "--capacity",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="That part, at the end of training.",
)
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of what is drawn.")
@json_option
def upcycle(*, out: Path, experts: int, rank: int, depth_blocks: str, capacity: float, seed: int, as_json: bool) -> int:
    """Make experts and routers over the base model that change nothing until they are trained.

    OUT is a safetensors file; what does not fit 16 MiB goes into files beside it.
    """
    from agentsh.runtime.models import upcycle_local  # noqa: PLC0415 - see agentsh.cli

    try:
        blocks = tuple(int(b) for b in depth_blocks.split(",") if b.strip())
    except ValueError:
        raise UsageError("--depth-blocks takes numbers with commas between them, such as 4,12,13.") from None
    many = upcycle_local(out, experts=experts, rank=rank, depth_blocks=blocks, capacity=capacity, seed=seed)
    if as_json:
        data_json({"file": str(out), "parameters": many})
    else:
        say(f"wrote {out}: {many} parameters over the base")
    return 0


@model.command(
    "train",
    cls=Command,
    examples="""
    agentsh model train pairs.jsonl --from start.safetensors --out trained.safetensors --seconds 540
    """,
)
@click.argument("data_file", metavar="DATA", type=click.Path(path_type=Path))
@click.option("--from", "start", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Begin with this.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The trained weights.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="To go on with.",
)
@click.option("--steps", type=click.IntRange(min=1), default=400, show_default=True, metavar="N", help="Of the run.")
@click.option("--rows", type=click.IntRange(min=1), default=16, show_default=True, metavar="N", help="Of a step.")
@click.option("--length", type=click.IntRange(min=8), default=512, show_default=True, metavar="N", help="Of a row.")
@click.option("--rate", type=click.FloatRange(0, 1), default=1e-3, show_default=True, metavar="R", help="Highest.")
@click.option("--all", "everything", is_flag=True, help="Train the base's weights too, not only what was added.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of the documents' order.")
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=540.0, show_default=True, metavar="S", help="Of this slice."
)
@click.option("--device", type=click.Choice(("auto", "cpu", "cuda")), default="auto", show_default=True, help="Where.")
@json_option
def train(
    *,
    data_file: Path,
    start: Path | None,
    out: Path,
    state: Path | None,
    everything: bool,
    seconds: float,
    device: str,
    as_json: bool,
    **recipe: float,
) -> int:
    """Train the local model on DATA for a while; the same command again goes on where this one left off.

    DATA has a JSON object on each line: 'messages' of a conversation, or 'instruction' and 'command'. What the
    assistant says is learnt, in bfloat16 products with float32 weights. When the last step is done, --out is written.
    """
    from agentsh.runtime.models import train_local  # noqa: PLC0415 - see agentsh.cli

    done = train_local(
        data_file,
        start=start,
        out=out,
        state=state or out.with_suffix(".state"),
        recipe={**recipe, "micro": min(16, int(recipe["rows"])), "trains": "all" if everything else "added"},
        seconds=seconds,
        device=device,
        on_step=(lambda _line: None) if as_json else say,
    )
    if as_json:
        data_json({"done": done, "file": str(out) if done else None})
    else:
        say(f"wrote {out}" if done else "The slice is over; the same command goes on.")
    return 0
