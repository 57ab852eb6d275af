"""Acting: ``exec`` for one shell line, ``run`` for a task given to a model."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from agentsh.cli.options import Command, json_option, limit_flag, limit_options, opened, policy_option, workspace_option
from agentsh.cli.output import Passage, data_json, say
from agentsh.core.action import ActionStatus
from agentsh.core.errors import AgentshError, Interrupted, LimitExceeded, PolicyDenied, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agentsh import Workspace
    from agentsh.core.action import ActionRecord
    from agentsh.core.report import CommitResult

_STAGED = (ActionStatus.PENDING, ActionStatus.APPROVED)
_NOTHING_STAGED = "Nothing of it is staged; your files are unchanged."


@contextmanager
def interruptible(workspace: Workspace) -> Iterator[None]:
    """Ctrl-C stops the running action; a second one, when the first did not help, ends the command."""
    asked = False

    def stop(_signal: int, _frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        workspace.interrupt()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@click.command(
    "exec",
    cls=Command,
    examples="""
    agentsh exec 'grep -rn TODO . | head'
    agentsh exec 'sed -i s/colour/color/ README.md' --commit
    agentsh exec - < script.sh
    """,
)
@click.argument("line")
@click.option("--commit", is_flag=True, help="Approve the effect and commit it.")
@click.option("--discard", is_flag=True, help="Drop the effect once the line has run.")
@limit_options
@policy_option
@workspace_option
@json_option
def exec_(
    *,
    line: str,
    commit: bool,
    discard: bool,
    policy: str | None,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
    **limits: float | None,
) -> int:
    """Run one shell LINE in the sandbox ('-' reads a script from stdin).

    What it prints goes to stdout and stderr, and its exit code is the command's own. What it changed is staged: later
    commands see it, the workspace does not until 'commit'.
    """
    if line == "-":
        line = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    if commit and discard:
        raise UsageError("--commit and --discard exclude each other.", files="Nothing was run.")
    if not line.strip():
        raise UsageError("There is no command in the line.", files="Nothing was run.")
    with opened(directory, data_dir, policy=policy, limits=limits) as workspace:
        passage = None if as_json else Passage()
        with interruptible(workspace):
            record = workspace.exec(line, on_output=passage)
        if passage is not None:
            passage.close()
        after = "commit" if commit else "discard" if discard else None
        record, result, error = _afterwards(workspace, record, after)
        if as_json:
            print_outcome(workspace, record, result, error)
        else:
            tell_outcome(workspace, record, result)
            if error is not None:
                raise error
        return error.exit_code if error else exit_code(record)


def exit_code(record: ActionRecord) -> int:
    """The process's exit code for an action, by the contract."""
    if record.status is ActionStatus.DENIED:
        return PolicyDenied.exit_code
    if record.stopped:
        return LimitExceeded.exit_code
    if record.status is ActionStatus.INTERRUPTED:
        return Interrupted.exit_code
    return 1 if record.exit_code is None else record.exit_code


def _afterwards(
    workspace: Workspace, record: ActionRecord, after: str | None
) -> tuple[ActionRecord, CommitResult | None, AgentshError | None]:
    """Commit or drop what the action staged, as asked. What a limit cut short is never committed."""
    if after is None or record.status not in _STAGED or (after == "commit" and record.stopped):
        return record, None, None
    result = None
    try:
        if after == "discard":
            workspace.reject([record.id], reason="exec --discard")
        else:
            workspace.approve([record.id], comment="exec --commit")
            result = workspace.commit()
    except AgentshError as e:
        return workspace.show(record.id), None, e
    return workspace.show(record.id), result, None


def print_outcome(
    workspace: Workspace, record: ActionRecord, result: CommitResult | None = None, error: AgentshError | None = None
) -> None:
    """An action with what it printed and changed, as JSON on stdout."""
    from agentsh.cli import encode  # noqa: PLC0415 - see agentsh.cli

    data_json(
        {
            "action": encode.action(record),
            "exit_code": error.exit_code if error else exit_code(record),
            "stdout": encode.text(workspace.output(record.id, "stdout")),
            "stderr": encode.text(workspace.output(record.id, "stderr")),
            "files": [encode.file_diff(d) for d in workspace.diff(record.id)] if record.changes else [],
            "pending": [r.id for r in workspace.status().pending],
            "commit": encode.commit_result(result) if result else None,
            "error": error.to_json() if error else None,
        }
    )


def tell_outcome(workspace: Workspace, record: ActionRecord, result: CommitResult | None = None) -> None:
    """On stderr: how it ended where that is not plain, what changed, and what waits for an answer."""
    from agentsh.cli.words import limit_name  # noqa: PLC0415 - see agentsh.cli
    from agentsh.core.sanitise import visible_line  # noqa: PLC0415

    if record.status is ActionStatus.DENIED:
        decision = record.decision
        why = f": {visible_line(decision.reason)} (rule {visible_line(decision.rule)})" if decision else ""
        say(f"agentsh: {record.id} was denied by the policy{why}")
        say(f"  {_NOTHING_STAGED}")
    elif record.stopped:
        limit = limit_name(record.stopped)
        say(f"agentsh: {record.id} was stopped by the {limit}. {visible_line(record.note)}".rstrip())
        say("  " + ("What it did is staged for review." if record.status in _STAGED else _NOTHING_STAGED))
        table, _, name = record.stopped.rpartition(".")
        if table:  # of a request, which has no options for its limits
            say(f"  What can be raised, [{table}] {name} in the configuration raises.")
        else:
            say(f"  Do less at once, or raise the limit: {limit_flag(name)}, or [limits] in the configuration.")
    elif record.status is ActionStatus.INTERRUPTED:
        say(f"agentsh: {record.id} was interrupted. {visible_line(record.note)}".rstrip())
        say(f"  {_NOTHING_STAGED}")
    elif record.note and record.status is not ActionStatus.REJECTED:  # --discard: the person knows why
        say(f"agentsh: {record.id}: {visible_line(record.note)}")
    if record.changes:
        tell_changes(workspace, record, result)


def tell_changes(workspace: Workspace, record: ActionRecord, result: CommitResult | None = None) -> None:
    """What an action changed, and what to do about it."""
    from agentsh.cli import diffs as render  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.paint import Page, Span, show  # noqa: PLC0415
    from agentsh.cli.words import count, ids, status_style  # noqa: PLC0415

    page = Page()
    held = record.changes.requests
    parts = [count(len(record.changes), "path")] if record.changes.effects or not held else []
    parts += [count(len(held), "request")] if held else []
    page.add(
        Span(record.id, "bold"),
        " ",
        Span(record.status.value, status_style(record.status.value)),
        Span(f", {', '.join(parts)}", "dim"),
    )
    render.summary(page, workspace.diff(record.id))
    if held:
        from agentsh.cli.requests import full  # noqa: PLC0415 - few actions have some

        full(page, workspace, held)
    if result is not None and result.commit is not None:
        others = [a for a in result.actions if a != record.id]
        also = f", with {' '.join(others)} that had been approved before" if others else ""
        page.add(Span(f"committed as {result.commit}{also}; take it back: agentsh revert {record.id}", "dim"))
    elif record.status in _STAGED:
        pending = workspace.status().pending
        more = f"    staged: {ids(pending)}" if len(pending) > 1 else ""
        keep = f"agentsh approve {record.id} && " if record.status is ActionStatus.PENDING else ""
        page.add(Span(f"look: agentsh diff {record.id}    keep: {keep}agentsh commit{more}", "dim"))
    show(page, stream=sys.stderr)
