"""``doctor``: what this machine offers, and whether agentsh can use it."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentsh.cli.options import Command, json_option, workspace_option
from agentsh.cli.output import data_json, is_terminal, say
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agentsh.runtime.doctor import Finding

    Tell = Callable[[str, int, int], None]

_MARKS = {"ok": ("ok", "green"), "warn": ("!", "yellow"), "bad": ("X", "bold red")}


@click.command(
    cls=Command,
    examples="""
    agentsh doctor
    agentsh doctor --prepare
    agentsh doctor --json | jq '.findings[] | select(.verdict != "ok")'
    """,
)
@click.option("--prepare", is_flag=True, help="Compile every WASM module ahead, Python too (about a minute, once).")
@workspace_option
@json_option
def doctor(*, prepare: bool, directory: str, data_dir: Path | None, as_json: bool) -> int:
    """Show what this machine offers: sandbox, staging, store, keyring, models. Exit code 1 for a problem."""
    root = Path(directory)
    if not root.is_dir():
        raise UsageError(f"{visible_line(directory)} is not a directory.", next_step="Name the workspace with -w DIR.")
    if prepare:
        _prepare(quiet=as_json)
    from agentsh.runtime.doctor import examine  # noqa: PLC0415 - see agentsh.cli

    findings = list(examine(root, data_dir))
    ok = all(f.verdict != "bad" for f in findings)
    if as_json:
        data_json({"ok": ok, "findings": [dataclasses.asdict(f) for f in findings]})
    else:
        _show(findings)
    return 0 if ok else 1


def _show(findings: Iterable[Finding]) -> None:
    from agentsh.cli.paint import Page, Span, show  # noqa: PLC0415 - see agentsh.cli

    page = Page()
    rows = []
    for f in findings:
        rows.append((Span(*_MARKS[f.verdict]), Span(f.name, "bold"), Span(visible_line(f.detail))))
        if f.remedy:
            rows.append((Span(""), Span(""), Span(visible_line(f.remedy), "dim")))
    page.table(rows)
    show(page)


def _prepare(*, quiet: bool) -> None:
    """Compile everything ahead, telling how far it is."""
    from agentsh.runtime.doctor import prepare  # noqa: PLC0415 - see agentsh.cli

    if quiet:
        prepare()
    elif not is_terminal(sys.stderr):
        prepare(lambda text, number, of: say(f"[{number}/{of}] {visible_line(text)}"))
    else:
        _with_bar(prepare)


def _with_bar(work: Callable[[Tell], None]) -> None:
    from rich.console import Console  # noqa: PLC0415 - see agentsh.cli
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("preparing", total=None)

        def tell(text: str, number: int, of: int) -> None:
            progress.update(bar, description=visible_line(text), completed=number - 1, total=of)

        work(tell)
        progress.update(bar, description="everything is compiled", completed=progress.tasks[0].total or 0)
