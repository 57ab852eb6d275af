"""Seeing at a glance: ``status``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from agentsh.cli import encode
from agentsh.cli.options import Command, json_option, opened, workspace_option
from agentsh.cli.output import data_json

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.cli.paint import Page
    from agentsh.core.action import ActionRecord
    from agentsh.core.report import Status

_FAR = 3650
"""Days ahead that a forecast is made for."""


@click.command(
    cls=Command,
    examples="""
    agentsh status
    agentsh status --json | jq '.pending[].id'
    """,
)
@workspace_option
@json_option
def status(*, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Show what waits for your answer."""
    with opened(directory, data_dir) as workspace:
        now = workspace.status()
        if as_json:
            data_json(encode.status(now))
            return
        from agentsh.cli.paint import Page, show  # noqa: PLC0415 - see agentsh.cli

        page = Page()
        _status(page, now)
        show(page)


def _status(page: Page, now: Status) -> None:
    from agentsh.cli.paint import Span  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.words import OPEN, count, ids, names, status_style, title  # noqa: PLC0415
    from agentsh.core.action import ActionStatus  # noqa: PLC0415
    from agentsh.core.sanitise import visible_line, visible_path  # noqa: PLC0415

    page.table(
        [
            (Span("workspace", "dim"), Span(visible_path(os.fsencode(now.workspace)), "bold")),
            (Span("policy", "dim"), Span(visible_line(now.policy))),
            (Span("staging", "dim"), Span(visible_line(now.staging))),
            (Span("last commit", "dim"), Span(_last(now))),
            (Span("store", "dim"), Span(_store(now))),
        ]
    )
    page.add()
    for request in now.unknown:
        from agentsh.cli.requests import how_to_resolve, one_line  # noqa: PLC0415 - hardly ever

        page.add(Span(f"{request.id} ({request.action}) {one_line(request)} is unknown", "bold red"))
        page.add(Span(f"  {how_to_resolve(request)}", "yellow"))
    if not now.pending:
        page.add("Nothing waits for an answer.")
        return
    page.add(f"{count(len(now.pending), 'action waits', 'actions wait')} for an answer or a commit:")
    page.table(
        [
            (
                Span(r.id, "bold"),
                Span(r.status.value, status_style(r.status.value)),
                Span(_share(r)),
                Span(title(r, 60)),
                Span(names(dict.fromkeys(e.path for e in r.changes if e.state in OPEN), most=3), "dim"),
            )
            for r in now.pending
        ],
        indent="  ",
        clip=True,
    )
    page.add()
    waiting = [r for r in now.pending if r.status is ActionStatus.PENDING]
    if waiting:
        page.add(Span("look: agentsh diff", "dim"), Span(f"    keep: agentsh approve {ids(waiting)}", "dim"))
    if len(waiting) < len(now.pending):
        page.add(Span("write what is approved: agentsh commit", "dim"))


def _store(now: Status) -> str:
    """The store's size, how fast it grows, and when it will have reached its budget."""
    from agentsh.cli.words import count, size  # noqa: PLC0415 - see agentsh.cli

    parts = [size(now.store_bytes)]
    if now.store_growth:
        parts.append(f"{size(int(now.store_growth))} more a day")
    if now.store_max_bytes:
        budget, days = f"budget {size(now.store_max_bytes)}", now.days_left
        if now.store_bytes >= now.store_max_bytes:
            budget += ", reached: the oldest content goes first"
        elif days is not None and days < _FAR:
            budget += f", reached in {count(days, 'day')}"
        parts.append(budget)
    return "; ".join(parts)


def _share(record: ActionRecord) -> str:
    """How many paths an action's status speaks of: 'approved' may be about some of what is staged."""
    from agentsh.cli.words import OPEN, count  # noqa: PLC0415 - see agentsh.cli

    staged = [e for e in record.changes if e.state in OPEN]
    alike = [e for e in staged if e.state.value == record.status.value]
    if record.changes.requests:
        from agentsh.cli.requests import share  # noqa: PLC0415 - few actions have some

        paths = [count(len({e.path for e in staged}), "path")] if staged else []
        return ", ".join([*paths, share(record)])
    whole = count(len({e.path for e in staged}), "path")
    if len(alike) == len(staged):
        return whole
    others = {e.path for e in staged} - {e.path for e in staged if e not in alike}
    return f"{len(others):,} of {whole}" if len(whole) and len(others) == len(alike) else f"part of {whole}"


def _last(now: Status) -> str:
    if now.last_commit is None:
        return "none"
    return now.last_commit + (f", snapshot {now.last_snapshot}" if now.last_snapshot else "")
