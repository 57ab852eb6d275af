"""Looking: ``status``, ``diff``, ``log``, ``show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentsh.cli import encode
from agentsh.cli.options import Command, json_option, opened, workspace_option
from agentsh.cli.output import data_json, on_terminal, say, write_bytes
from agentsh.core.errors import AgentshError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from agentsh import Workspace
    from agentsh.cli.paint import Page
    from agentsh.core.action import ActionRecord
    from agentsh.core.diff import FileDiff
    from agentsh.core.report import LogEntry
    from agentsh.core.request import RequestEffect


@click.command(
    cls=Command,
    examples="""
    agentsh diff
    agentsh diff a3 --stat
    agentsh diff s1 now
    agentsh diff c3^ staged --stat
    agentsh diff --full
    agentsh diff --patch | git apply --check
    """,
)
@click.argument("action", required=False, metavar="[ACTION]")
@click.argument("to", required=False, metavar="[TO]")
@click.option("--stat", "form", flag_value="stat", help="One line a path.")
@click.option("--full", "form", flag_value="full", help="Every line, also of long files (as with an ACTION).")
@click.option("--patch", "form", flag_value="patch", help="A patch that 'git apply' takes; also what a pipe gets.")
@workspace_option
@json_option
def diff(
    *, action: str | None, to: str | None, form: str | None, directory: str, data_dir: Path | None, as_json: bool
) -> None:
    """Show what an ACTION changed, or what everything pending would change in the workspace.

    Also of a commit or a snapshot (what you changed yourself is a snapshot); or, with TO, from one point in time to
    another: s1, c1, a1 (after it), with ^ the state before it, now, staged.
    """
    with opened(directory, data_dir) as workspace:
        diffs = workspace.diff(action) if to is None else workspace.diff(action, to)
        about = action is None or action[:1] == "a"
        requests = workspace.requests(action) if to is None and about else []
        told = bool(requests)
        if to is not None and workspace.stale:
            known = workspace.status().last_snapshot
            say(f"Another agentsh process is changing the workspace: it is shown as of {known}.")
        if as_json:
            files = [encode.file_diff(d) for d in diffs]
            data_json({"action": action, "to": to, "files": files, "requests": [encode.request(r) for r in requests]})
        elif form == "stat":
            from agentsh.cli import diffs as render  # noqa: PLC0415 - see agentsh.cli
            from agentsh.cli.paint import Page, show  # noqa: PLC0415

            page = Page()
            if diffs:
                render.stat(page, diffs)
            show(page, pager=True)
        elif form == "patch" or (form is None and not on_terminal()):
            write_patch(workspace, diffs)
        else:
            show_diff(diffs, workspace, requests, fold=action is None and form != "full")
            requests = []
        if requests and not as_json:
            say(f"and {len(requests)} to be sent, which is no part of this: agentsh outbox")
        if not diffs and not requests and not told and not as_json:
            if to is not None:
                say(f"From {visible_line(action or '')} to {visible_line(to)} nothing changed.")
                return
            say(f"{action} changed nothing." if action else "Nothing is staged: the workspace is as you see it.")


def show_diff(
    diffs: list[FileDiff], workspace: Workspace, requests: Sequence[RequestEffect] = (), *, fold: bool = False
) -> None:
    """A diff for reading, on stdout, and what is to be sent; ``fold`` as :func:`agentsh.cli.diffs.full` takes it."""
    from agentsh.cli import diffs as render  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.paint import Page, show  # noqa: PLC0415

    page = Page()
    render.full(page, diffs, fold=fold)
    if requests:
        from agentsh.cli.requests import full  # noqa: PLC0415 - few actions have some

        page.add()
        full(page, workspace, requests, fold=fold)
    show(page, pager=True)


def write_patch(workspace: Workspace, diffs: list[FileDiff]) -> None:
    """A patch on stdout: exact bytes to a pipe or file, made visible on a terminal."""
    from agentsh.core.sanitise import visible  # noqa: PLC0415
    from agentsh.runtime.patch import patch  # noqa: PLC0415 - see agentsh.cli

    for piece in patch(diffs, workspace.read_blob):
        if on_terminal():
            write_bytes(visible(piece.decode("utf-8", "surrogateescape")).encode())
        else:
            write_bytes(piece)


@click.command(
    cls=Command,
    examples="""
    agentsh log
    agentsh log -n 20
    agentsh log --graph
    agentsh log --json | jq '.entries[] | select(.kind == "commit")'
    agentsh log --export audit.jsonl
    """,
)
@click.option("-n", "--limit", type=click.IntRange(min=1), default=None, help="The newest N entries alone.")
@click.option("--graph", is_flag=True, help="Actions, commits and your own edits as a graph; parents with --json.")
@click.option("--export", "file", metavar="FILE", help="Write the whole journal to FILE ('-': stdout) as JSON lines.")
@workspace_option
@json_option
def log(
    *, limit: int | None, graph: bool, file: str | None, directory: str, data_dir: Path | None, as_json: bool
) -> None:
    """Show what happened in this workspace, newest last."""
    with opened(directory, data_dir) as workspace:
        if file is not None:
            from agentsh.cli.audit import export  # noqa: PLC0415 - see agentsh.cli

            export(workspace, file)
            return
        try:
            workspace.catch_up()
        except AgentshError as e:
            say(f"What you have changed since the last snapshot is not in it: {e.what}")
        entries = workspace.timeline(limit=limit) if graph else workspace.log(limit=limit)
    if as_json:
        data_json({"entries": [encode.log_entry(e) for e in entries]})
        return
    if not entries:
        say("Nothing happened here yet.")
        return
    from agentsh.cli.paint import Page, show  # noqa: PLC0415 - see agentsh.cli

    page = Page()
    if graph:
        from agentsh.cli.graph import draw  # noqa: PLC0415 - only for this

        draw(page, entries)
    else:
        _log(page, entries)
    show(page, pager=True)


def _log(page: Page, entries: list[LogEntry]) -> None:
    from agentsh.cli.paint import Span  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.words import moment, one_line, status_style  # noqa: PLC0415

    rows = []
    for ids, e in _answers_together(entries):
        rows.append(
            (
                Span(moment(e.at), "dim"),
                Span(ids[0], "bold"),
                Span(visible_line(e.status) or e.kind.value, status_style(e.status)),
                Span(one_line(_news(ids, e))),
            )
        )
    page.table(rows, clip=True)


def _news(ids: list[str], entry: LogEntry) -> str:
    """What an entry's title says beyond its id and its status."""
    if len(ids) > 1:
        return " ".join(ids)
    said = f"{entry.status} {entry.id}"
    return entry.title.removeprefix(said).strip() if entry.kind.value == "review" else entry.title


def _answers_together(entries: list[LogEntry]) -> Iterator[tuple[list[str], LogEntry]]:
    """The entries with the ids that they are about: one answer to several actions is one line."""
    from agentsh.core.report import LogKind  # noqa: PLC0415 - see agentsh.cli

    # Asking for a revert is approving it: its approval is no news.
    undone = {e.id for e in entries if e.kind is LogKind.ACTION and e.details.get("kind") in ("revert", "restore")}
    entries = [e for e in entries if not (e.kind is LogKind.REVIEW and e.id in undone)]
    together: list[str] = []
    for at, e in enumerate(entries):
        together.append(e.id)
        following = entries[at + 1] if at + 1 < len(entries) else None
        if (
            following is None
            or not e.kind is following.kind is LogKind.REVIEW
            or e.title.replace(e.id, "") != following.title.replace(following.id, "")
        ):
            yield together, e
            together = []


@click.command(
    cls=Command,
    examples="""
    agentsh show a3
    agentsh show a3 --output stderr
    agentsh show a3 --json
    """,
)
@click.argument("action")
@click.option(
    "--output",
    "stream",
    type=click.Choice(["stdout", "stderr"]),
    default=None,
    help="Print what it wrote to this stream, and nothing else.",
)
@workspace_option
@json_option
def show(*, action: str, stream: str | None, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Show one ACTION: what was asked, what was decided, how it ended, what it changed."""
    with opened(directory, data_dir) as workspace:
        record = workspace.show(action)
        if stream is not None and not as_json:
            content = workspace.output(action, "stderr" if stream == "stderr" else "stdout")
            if on_terminal():
                from agentsh.core.sanitise import visible  # noqa: PLC0415 - see agentsh.cli

                content = visible(content.decode("utf-8", "surrogateescape")).encode()
            write_bytes(content)
            return
        if as_json:
            out = {s: encode.text_fields("text", workspace.output(action, s)) for s in ("stdout", "stderr")}
            data_json({"action": encode.action(record), "output": out})
            return
        from agentsh.cli.paint import Page  # noqa: PLC0415 - see agentsh.cli
        from agentsh.cli.paint import show as show_page  # noqa: PLC0415

        page = Page()
        _show(page, record, workspace)
        show_page(page, pager=True)


def _show(page: Page, record: ActionRecord, workspace: Workspace) -> None:
    from agentsh.cli import diffs as render  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.paint import Span  # noqa: PLC0415
    from agentsh.cli.words import clock, status_style, title  # noqa: PLC0415
    from agentsh.core.sanitise import visible, visible_line  # noqa: PLC0415

    page.add(Span(record.id, "bold"), "  ", Span(title(record)))
    word = record.status.value + (f" in {record.commit}" if record.commit else "")
    rows = [
        (Span("status", "dim"), Span(word, status_style(record.status.value))),
        (Span("asked by", "dim"), Span(record.spec.origin.value + (f", {record.session}" if record.session else ""))),
        (Span("started", "dim"), Span(f"{clock(record.started_at)}, took {record.duration:.2f} s")),
    ]
    if record.decision is not None:
        d = record.decision
        rows.append((Span("policy", "dim"), Span(visible_line(f"{d.verdict.value} by rule {d.rule}: {d.reason}"))))
    if record.exit_code is not None:
        rows.append((Span("exit code", "dim"), Span(str(record.exit_code), "red" if record.exit_code else "")))
    if record.stopped:
        rows.append((Span("stopped by", "dim"), Span(f"limit {record.stopped}", "red")))
    if record.note:
        rows.append((Span("note", "dim"), Span(visible_line(record.note))))
    page.table(rows, indent="  ")
    for stream, output in (("stdout", record.stdout), ("stderr", record.stderr)):
        if not output.size:
            continue
        content = workspace.output(record.id, "stderr" if stream == "stderr" else "stdout")
        page.add()
        page.add(Span(stream, "dim"), Span(" (cut by the output limit)" if output.truncated else "", "yellow"))
        for line in visible(content.decode("utf-8", "surrogateescape")).splitlines()[:200]:
            page.add(f"  {line}")
    if record.changes.effects:
        page.add()
        render.full(page, workspace.diff(record.id))
    if record.changes.requests:
        from agentsh.cli.requests import full  # noqa: PLC0415 - few actions have some

        page.add()
        full(page, workspace, record.changes.requests, fold=False)
