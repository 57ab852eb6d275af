"""Answering: ``approve``, ``reject``, ``commit``, ``discard``; and undoing: ``revert``, ``restore``, ``undo``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from agentsh.cli import encode
from agentsh.cli.options import Command, json_option, opened, workspace_option
from agentsh.cli.output import data, data_json, on_terminal, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agentsh import Workspace
    from agentsh.core.action import ActionRecord
    from agentsh.core.report import CommitResult


@click.command(
    cls=Command,
    examples="""
    agentsh approve a1 a2
    agentsh approve a3 --path src/app.py --path README.md
    """,
)
@click.argument("actions", nargs=-1, required=True, metavar="ACTION...")
@click.option("--path", "paths", multiple=True, metavar="P", help="These paths alone, relative to the workspace.")
@click.option("--comment", default="", help="Kept in the journal with the approval.")
@workspace_option
@json_option
def approve(
    *,
    actions: tuple[str, ...],
    paths: tuple[str, ...],
    comment: str,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Approve the effects of ACTIONs; 'commit' writes them."""
    with opened(directory, data_dir) as workspace:
        records = workspace.approve(actions, paths=[os.fsencode(p) for p in paths], comment=comment)
    _told(records, "approved", as_json=as_json)
    if not as_json:
        say("write it: agentsh commit")


@click.command(
    cls=Command,
    examples="""
    agentsh reject a2 --reason 'edit the template, not the generated file'
    """,
)
@click.argument("actions", nargs=-1, required=True, metavar="ACTION...")
@click.option("--reason", default="", help="Kept in the journal; an agent that goes on is told it.")
@workspace_option
@json_option
def reject(*, actions: tuple[str, ...], reason: str, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Reject ACTIONs: their effects leave the staging view."""
    with opened(directory, data_dir) as workspace:
        records = workspace.reject(actions, reason=reason)
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
    """Write everything that is approved to the workspace, as one unit."""
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


@click.command(
    cls=Command,
    examples="""
    agentsh revert a3 --dry-run
    agentsh revert a3
    """,
)
@click.argument("actions", nargs=-1, required=True, metavar="ACTION...")
@click.option("--dry-run", is_flag=True, help="Show what it would change, and write nothing.")
@workspace_option
@json_option
def revert(*, actions: tuple[str, ...], dry_run: bool, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Undo committed ACTIONs in the workspace, keeping what came later.

    Where a later change touched the same file, both are merged; where they touch the same lines it is a conflict, exit
    code 5, and nothing is written. A revert is an action itself and can be reverted.
    """
    with opened(directory, data_dir) as workspace:
        result = workspace.revert(actions, dry_run=dry_run)
        _tell_undo(workspace, result, f"reverted {' '.join(actions)}", as_json=as_json)


@click.command(
    cls=Command,
    examples="""
    agentsh restore s2 --dry-run
    agentsh restore s2 --path src
    """,
)
@click.argument("snapshot")
@click.option("--path", "paths", multiple=True, metavar="P", help="These paths alone, relative to the workspace.")
@click.option("--dry-run", is_flag=True, help="Show what it would change, and write nothing.")
@workspace_option
@json_option
def restore(
    *,
    snapshot: str,
    paths: tuple[str, ...],
    dry_run: bool,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Bring the workspace, or some paths of it, back to a SNAPSHOT ('log' lists them)."""
    with opened(directory, data_dir) as workspace:
        result = workspace.restore(snapshot, paths=[os.fsencode(p) for p in paths], dry_run=dry_run)
        _tell_undo(workspace, result, f"restored {snapshot}", as_json=as_json)


@click.command(
    cls=Command,
    examples="""
    agentsh undo
    """,
)
@workspace_option
@json_option
def undo(*, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Revert the last commit."""
    with opened(directory, data_dir) as workspace:
        result = workspace.undo()
        _tell_undo(workspace, result, "undone", as_json=as_json)


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
        data(f"{verb} {r.id}: {names(of) if of else 'no paths'}")


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


def _tell_undo(workspace: Workspace, result: CommitResult, verb: str, *, as_json: bool) -> None:
    """As :func:`tell_commit`, and the diff of a dry run."""
    if as_json:
        files = [encode.file_diff(d) for d in result.diffs]
        data_json({**encode.commit_result(result), **({"files": files} if result.dry_run else {})})
        return
    if not result.dry_run:
        tell_commit(result, verb, as_json=False)
        if result.commit is not None and result.actions:
            say(f"recorded as {result.actions[-1]}; take it back: agentsh revert {result.actions[-1]}")
        return
    from agentsh.cli.see import show_diff, write_patch  # noqa: PLC0415 - see agentsh.cli

    if on_terminal():
        show_diff(list(result.diffs))
    else:
        write_patch(workspace, list(result.diffs))
    from agentsh.cli.words import count  # noqa: PLC0415

    say(f"Nothing was written; this would change {count(len(result.paths), 'path')}.")
