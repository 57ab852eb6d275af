"""``tui``: the full-screen interface."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from agentsh.cli.options import Command, policy_option, workspace_option
from agentsh.cli.output import is_terminal
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_path


@click.command(
    cls=Command,
    examples="""
    agentsh
    agentsh tui -w project --model openai:gpt-4.1
    agentsh tui --model replay
    agentsh tui --plain
    agentsh tui --watch
    """,
)
@click.option("--plain", is_flag=True, help="Lines and words alone: for screen readers and simple terminals.")
@click.option(
    "--watch",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[ID]",
    help="Look on at a session that runs elsewhere, the newest one if none is named.",
)
@click.option("--model", default=None, metavar="M", help="openai:NAME, a configured name, or replay.")
@policy_option
@workspace_option
def tui(
    *, plain: bool, watch: str | None, model: str | None, policy: str | None, directory: str, data_dir: Path | None
) -> int:
    """Open the full-screen interface: work, review, commit and undo at a glance.

    'agentsh' alone opens it in the current directory. f1 shows all keys; what is staged stays staged when you leave.
    """
    if plain and watch is not None:
        raise UsageError("--plain and --watch exclude each other.", files="Nothing was run.")
    if plain:
        return open_plain(directory, model=model, policy=policy, data_dir=data_dir)
    return open_screen(directory, model=model, policy=policy, data_dir=data_dir, watch=watch)


def open_plain(directory: str, *, model: str | None, policy: str | None, data_dir: Path | None) -> int:
    """Work on lines, until the person leaves or the input ends."""
    from agentsh.cli.options import opened  # noqa: PLC0415 - brings the runtime
    from agentsh.cli.plain import Plain  # noqa: PLC0415

    with opened(directory, data_dir, policy=policy) as workspace:
        return Plain(workspace, model or "").run()


def open_screen(
    directory: str, *, model: str | None, policy: str | None, data_dir: Path | None, watch: str | None = None
) -> int:
    """Open it, where there is a terminal.

    Raises:
        UsageError: there is none, or ``directory`` is no directory.
    """
    # It is drawn on stderr, so that it needs all three; unless it is drawn in a page, by way of 'agentsh serve'.
    served = os.environ.get("TEXTUAL_DRIVER") == "textual.drivers.web_driver:WebDriver"
    if not served and not all(is_terminal(s) for s in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(
            "The full-screen interface needs a terminal.",
            files="Nothing was run.",
            next_step="'agentsh tui --plain', 'agentsh run' and 'agentsh exec' work without one.",
        )
    if not Path(directory).is_dir():
        raise UsageError(
            f"{visible_path(os.fsencode(directory))} is not a directory.",
            next_step="Name the workspace with -w DIR.",
        )
    if data_dir is not None:
        # Processes that this one starts must find the same place.
        os.environ["AGENTSH_DATA_DIR"] = str(data_dir)
    from agentsh.tui import run_tui  # noqa: PLC0415 - brings Textual

    return run_tui(directory, model=model or "", policy=policy, data_dir=data_dir, watch=watch)
