"""Undoing: ``revert``, ``restore``, ``undo``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from agentsh.cli import encode
from agentsh.cli.answer import tell_commit
from agentsh.cli.options import Command, json_option, opened, part_of, part_options, workspace_option
from agentsh.cli.output import data_json, on_terminal, say
from agentsh.core.errors import ConflictError, UsageError
from agentsh.core.history import Resolution
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agentsh import Workspace
    from agentsh.core.history import Side
    from agentsh.core.report import CommitResult

CONFLICT = ConflictError.exit_code
_SIDES: dict[str, Side] = {"ours": "ours", "theirs": "theirs"}


@click.command(
    cls=Command,
    examples="""
    agentsh revert a3 --dry-run
    agentsh revert a3 a5
    agentsh revert a5 --path src/app.py --hunk 2
    agentsh revert a5 --theirs
    agentsh revert a5 --resolve ours:src/app.py --edit
    """,
)
@click.argument("actions", nargs=-1, required=True, metavar="ACTION...")
@click.option("--path", "paths", multiple=True, metavar="P", help="What they did to these paths alone.")
@part_options
@click.option("--ours", "answer", flag_value="ours", help="In conflicts, keep what is there now.")
@click.option("--theirs", "answer", flag_value="theirs", help="In conflicts, take the undone state.")
@click.option("--edit", "answer", flag_value="edit", help="In conflicts of texts, merge by hand in $EDITOR.")
@click.option("--resolve", "single", multiple=True, metavar="SIDE:P", help="ours or theirs for this path alone.")
@click.option("--dry-run", is_flag=True, help="Show what it would change and what is in the way; write nothing.")
@workspace_option
@json_option
def revert(
    *,
    actions: tuple[str, ...],
    paths: tuple[str, ...],
    hunks: tuple[int, ...],
    lines: tuple[tuple[int, int], ...],
    answer: str | None,
    single: tuple[str, ...],
    dry_run: bool,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Undo committed ACTIONs in the workspace, keeping what came later.

    Where a later change touched the same file, both are merged; where they touch the same lines it is a conflict, exit
    code 5, and nothing is written until every conflict has an answer. In a text, an answer is about the lines in
    conflict; what is in no conflict is merged all the same. A revert is an action itself and can be reverted.
    """
    chosen = part_of(actions, paths, hunks, lines)
    answers = [_resolution(text) for text in single]
    if answer in _SIDES:
        answers.append(Resolution(_SIDES[answer]))
    with opened(directory, data_dir) as workspace:
        while True:
            try:
                result = workspace.revert(actions, dry_run=dry_run, answers=answers, **chosen)
                break
            except ConflictError as e:
                if answer != "edit" or not any(c.text is not None for c in e.conflicts):
                    raise
                from agentsh.runtime.editor import edit_conflicts  # noqa: PLC0415 - only for this

                answers = [*edit_conflicts(e.conflicts), *answers]
        return _tell(workspace, result, f"reverted {' '.join(actions)}", as_json=as_json)


def _resolution(text: str) -> Resolution:
    """``SIDE:PATH`` as an answer.

    Raises:
        UsageError: it is none.
    """
    side, colon, path = text.partition(":")
    if side not in _SIDES or not colon or not path or path.startswith("/"):
        raise UsageError(
            "--resolve takes a side and a path of the workspace.", next_step="Such as --resolve ours:src/app.py"
        )
    raw = os.fsencode(path).rstrip(b"/")
    while raw.startswith(b"./"):
        raw = raw[2:].lstrip(b"/")
    return Resolution(_SIDES[side], path=b"" if raw == b"." else raw)


@click.command(
    cls=Command,
    examples="""
    agentsh restore s2 --dry-run
    agentsh restore s2 src README.md
    """,
)
@click.argument("snapshot")
@click.argument("named", nargs=-1, metavar="[PATH]...")
@click.option("--path", "paths", multiple=True, metavar="P", help="These paths alone, relative to the workspace.")
@click.option("--dry-run", is_flag=True, help="Show what it would change, and write nothing.")
@workspace_option
@json_option
def restore(
    *,
    snapshot: str,
    named: tuple[str, ...],
    paths: tuple[str, ...],
    dry_run: bool,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Bring the workspace, or some paths of it, back to a SNAPSHOT ('log' lists them)."""
    with opened(directory, data_dir) as workspace:
        result = workspace.restore(snapshot, paths=[os.fsencode(p) for p in (*named, *paths)], dry_run=dry_run)
        return _tell(workspace, result, f"restored {snapshot}", as_json=as_json)


@click.command(
    cls=Command,
    examples="""
    agentsh undo
    """,
)
@workspace_option
@json_option
def undo(*, directory: str, data_dir: Path | None, as_json: bool) -> int:
    """Revert the last commit.

    A second undo reverts the first, so the commit comes back; 'revert' takes back any action by its id.
    """
    with opened(directory, data_dir) as workspace:
        result = workspace.undo()
        return _tell(workspace, result, "undone", as_json=as_json)


def _tell(workspace: Workspace, result: CommitResult, verb: str, *, as_json: bool) -> int:
    """As :func:`tell_commit`, and of a dry run the diff and the conflicts; the exit code."""
    if as_json:
        preview = {
            "files": [encode.file_diff(d) for d in result.diffs],
            "conflicts": [encode.conflict(c) for c in result.conflicts],
        }
        data_json({**encode.commit_result(result), **(preview if result.dry_run else {})})
        return CONFLICT if result.conflicts else 0
    if result.dry_run and result.requests:
        from agentsh.cli.requests import told  # noqa: PLC0415 - see agentsh.cli

        say(f"would send: {told(result.requests)}")
    if result.dry_run:
        for request in result.stands:
            say(f"{request.id} would stand: {visible_line(request.title)}. {visible_line(request.note)}")
    if not result.dry_run:
        tell_commit(result, verb, as_json=False)
        if result.commit is not None and result.actions:
            say(f"recorded as {result.actions[-1]}; take it back: agentsh revert {result.actions[-1]}")
        _tell_stays(result.stays)
        return 0
    from agentsh.cli.see import show_diff, write_patch  # noqa: PLC0415 - see agentsh.cli

    if on_terminal():
        show_diff(list(result.diffs), workspace)
    else:
        write_patch(workspace, list(result.diffs))
    from agentsh.cli.words import count  # noqa: PLC0415

    _tell_stays(result.stays)
    if result.conflicts:
        from agentsh.cli.conflicts import sides  # noqa: PLC0415 - only for these

        say(f"{count(len(result.conflicts), 'conflict')}: nothing can be written before each has an answer.")
        for conflict in result.conflicts:
            sides(conflict)
        return CONFLICT
    say(f"Nothing was written; this would change {count(len(result.paths), 'path')}.")
    return 0


def _tell_stays(stays: Sequence[bytes]) -> None:
    """The directories that were not removed."""
    if stays:
        from agentsh.cli.words import names  # noqa: PLC0415 - see agentsh.cli

        say(f"stays, for there is something else in it: {names(stays)}")
