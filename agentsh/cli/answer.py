"""Answering: ``approve``, ``reject``, ``commit``, ``discard``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentsh.cli import encode
from agentsh.cli.options import Command, json_option, opened, part_of, part_options, workspace_option
from agentsh.cli.output import data, data_json, say
from agentsh.core.effect import EffectState
from agentsh.core.errors import UsageError
from agentsh.core.request import RequestState
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agentsh.core.action import ActionRecord
    from agentsh.core.report import CommitResult


@click.command(
    cls=Command,
    examples="""
    agentsh approve a1 a2
    agentsh approve a3 --path src/app.py --path README.md
    agentsh approve a3 --path src/app.py --hunk 1 --hunk 3
    agentsh approve a4 --for session
    """,
)
@click.argument("actions", nargs=-1, required=True, metavar="ACTION...")
@click.option("--path", "paths", multiple=True, metavar="P", help="These paths alone, relative to the workspace.")
@part_options
@click.option("--comment", default="", help="Kept in the journal with the approval.")
@click.option(
    "--for",
    "lasting",
    type=click.Choice(["session", "always"]),
    default=None,
    help="Approve the same from now on, too: for the rest of the agent's session, or always in this workspace.",
)
@click.option("--yes", is_flag=True, help="With --for: do not ask whether the rule that is shown is meant.")
@workspace_option
@json_option
def approve(
    *,
    actions: tuple[str, ...],
    paths: tuple[str, ...],
    hunks: tuple[int, ...],
    lines: tuple[tuple[int, int], ...],
    comment: str,
    lasting: str | None,
    yes: bool,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Approve the effects of ACTIONs; 'commit' writes them.

    With --hunk or --lines, that part of the one --path: the rest of it stays pending. With --for, the rule that would
    be kept is shown first: the same commands, by the same asker, changing the same paths in the same way.
    """
    chosen = part_of(actions, paths, hunks, lines)
    if lasting is not None:
        from agentsh.cli.lasting import approve_lasting  # noqa: PLC0415 - few approvals last

        if len(set(actions)) != 1 or hunks or lines:
            raise UsageError("--for is about one ACTION, and about whole paths of it.")
        with opened(directory, data_dir) as workspace:
            approve_lasting(
                workspace, actions[0], lasting, paths=chosen["paths"], comment=comment, yes=yes, as_json=as_json
            )
        return
    if yes:
        raise UsageError("--yes belongs to --for: without it nothing is asked.")
    with opened(directory, data_dir) as workspace:
        records = workspace.approve(actions, comment=comment, **chosen)
    _told(records, "approved", as_json=as_json)
    if not as_json:
        if any(e.part and e.state is EffectState.PENDING for r in records for e in r.changes):
            say("the rest of it stays pending: agentsh diff " + " ".join(r.id for r in records))
        sends = any(q.state is RequestState.APPROVED for r in records for q in r.changes.requests)
        say("write and send it: agentsh commit" if sends else "write it: agentsh commit")
        if any(q.state is RequestState.HELD for r in records for q in r.changes.requests):
            say("what it wants to send stays held: approve the whole action, without --path")


@click.command(
    cls=Command,
    examples="""
    agentsh reject a2 --reason 'edit the template, not the generated file'
    agentsh reject a3 --path src/app.py --hunk 2
    """,
)
@click.argument("actions", nargs=-1, required=True, metavar="ACTION...")
@click.option("--path", "paths", multiple=True, metavar="P", help="These paths alone, and what is below them.")
@part_options
@click.option("--reason", default="", help="Kept in the journal; an agent that goes on is told it.")
@workspace_option
@json_option
def reject(
    *,
    actions: tuple[str, ...],
    paths: tuple[str, ...],
    hunks: tuple[int, ...],
    lines: tuple[tuple[int, int], ...],
    reason: str,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Reject ACTIONs, or parts of them: their effects leave the staging view.

    With --hunk or --lines, that part of the one --path: the rest of it stays.
    """
    chosen = part_of(actions, paths, hunks, lines)
    with opened(directory, data_dir) as workspace:
        records = workspace.reject(actions, reason=reason, **chosen)
    _told(records, "rejected", as_json=as_json)


@click.command(
    cls=Command,
    examples="""
    agentsh commit
    agentsh commit --json | jq -r .commit
    """,
)
@workspace_option
@json_option
def commit(*, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Write everything that is approved to the workspace, as one unit, and then send the approved requests.

    Those that can be taken back go first. When one does not go well, the exit code is 1 and nothing is sent after it;
    what can be taken back is, and you are told exactly what stands.
    """
    with opened(directory, data_dir) as workspace:
        tell_commit(workspace.commit(), "committed", as_json=as_json)


@click.command(
    cls=Command,
    examples="""
    agentsh discard
    """,
)
@workspace_option
@json_option
def discard(*, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Drop every effect that is not committed; the workspace stays as it is."""
    with opened(directory, data_dir) as workspace:
        records = workspace.discard()
    _told(records, "discarded", as_json=as_json)


def _told(records: Sequence[ActionRecord], verb: str, *, as_json: bool) -> None:
    """One line an action, on stdout."""
    if as_json:
        data_json({"actions": [encode.action(r) for r in records]})
        return
    from agentsh.cli.words import names  # noqa: PLC0415 - see agentsh.cli

    if not records:
        say("Nothing is staged.")
    for r in records:
        of = [e.path for e in r.changes if e.state.value == verb] or [e.path for e in r.changes]
        sends = [q for q in r.changes.requests if q.state.value == verb]
        parts = [names(of)] if of else [] if sends else ["no paths"]
        data(f"{verb} {r.id}: {', '.join([*parts, *(f'{q.id} {visible_line(q.title)}' for q in sends)])}")
        unknown = " ".join(q.id for q in r.changes.requests if q.state is RequestState.UNKNOWN)
        if unknown:
            say(f"{unknown} may have been sent, and stays: agentsh outbox {unknown.split()[0]}")


def tell_commit(result: CommitResult, verb: str, *, as_json: bool) -> None:
    """What was written, on stdout."""
    if as_json:
        data_json(encode.commit_result(result))
        return
    from agentsh.cli.words import count, names  # noqa: PLC0415 - see agentsh.cli

    if result.commit is None:
        nothing = verb == "committed" and not result.actions
        say("Nothing is staged." if nothing else "Nothing to write: the workspace already is that way.")
        return
    after = f" (snapshot {result.snapshot})" if result.snapshot else ""
    of = f" {' '.join(result.actions)}" if result.actions and verb == "committed" else ""
    paths = f"{': ' if result.paths else ''}{names(result.paths, most=3)}"
    data(f"{verb}{of} as {result.commit}{after}, {count(len(result.paths), 'path')}{paths}")
    for request in result.requests:
        data(f"{request.state.value} {request.id}: {visible_line(request.title)} ({visible_line(request.note)})")
    for request in result.stands:
        say(f"{request.id} stands: {visible_line(request.title)}. {visible_line(request.note)}")
