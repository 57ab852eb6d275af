"""Reviewing on a terminal: the effects of a task are shown, and the person says what becomes of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from agentsh.cli import diffs as render
from agentsh.cli.output import say, write_bytes
from agentsh.cli.paint import Page, Span, show
from agentsh.cli.words import count, ids, names, title
from agentsh.core.action import ActionStatus
from agentsh.core.effect import EffectState
from agentsh.core.errors import AgentshError
from agentsh.core.sanitise import visible, visible_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh import Workspace
    from agentsh.core.action import ActionRecord
    from agentsh.core.report import CommitResult

_CHOICES = (
    "y  commit all of it",
    "n  discard all of it",
    "l  leave it staged and decide later",
    "a  decide action by action",
    "f  decide file by file",
    "d  show every line, also of long files",
)


@dataclass(slots=True)
class Reviewed:
    """What became of the effects.

    Attributes:
        commit: what was written, if anything.
        left: actions that stay staged.
        errors: what stood in the way, in the order met.
    """

    commit: CommitResult | None = None
    left: tuple[str, ...] = ()
    errors: list[AgentshError] = field(default_factory=list)


def waiting(workspace: Workspace, session: str | None = None) -> list[ActionRecord]:
    """The actions that wait for an answer, of one session or of all."""
    return [
        r
        for r in workspace.status().pending
        if r.status is ActionStatus.PENDING and (session is None or r.session == session)
    ]


def allowed(workspace: Workspace, session: str) -> bool:
    """Whether the policy itself has approved something of the session, so that it can be committed unasked."""
    return any(
        e.state is EffectState.APPROVED for r in workspace.status().pending if r.session == session for e in r.changes
    )


def commit_all(workspace: Workspace, records: Sequence[ActionRecord]) -> Reviewed:
    """Approve ``records`` as far as the policy lets, and commit."""
    done = Reviewed()
    for record in records:
        try:
            workspace.approve([record.id], seen={record.id: record.changes.digest})
        except AgentshError as e:
            done.errors.append(e)
    _commit(workspace, done)
    done.left = tuple(r.id for r in workspace.status().pending)
    return done


def ask(workspace: Workspace, records: Sequence[ActionRecord]) -> Reviewed:
    """Show what ``records`` changed and do what the person answers."""
    page = Page()
    page.add()
    page.add(Span(f"{count(len(records), 'action')} to review", "bold"), Span(f"  {ids(records)}", "dim"))
    diffs = workspace.diff(records[0].id if len(records) == 1 else None)
    render.full(page, diffs, fold=True)
    page.add()
    show(page, stream=sys.stderr)
    while True:
        match _answer("Commit? [y]es [n]o [l]eave staged, by [a]ction or [f]ile, [d]iff in full [?] "):
            case "y":
                return commit_all(workspace, records)
            case "n":
                return _reject(workspace, records)
            case "l" | None:
                return Reviewed(left=tuple(r.id for r in workspace.status().pending))
            case "a":
                return _by_action(workspace, records)
            case "f":
                return _by_file(workspace, records)
            case "d":
                page = Page()
                render.full(page, diffs)
                show(page, stream=sys.stderr, pager=True)
            case _:
                for choice in _CHOICES:
                    say(f"  {choice}")


def _reject(workspace: Workspace, records: Sequence[ActionRecord]) -> Reviewed:
    done = Reviewed()
    try:
        workspace.reject([r.id for r in records], reason="discarded in review")
    except AgentshError as e:
        done.errors.append(e)
    else:
        say(f"discarded {ids(records)}; your files are unchanged")
    done.left = tuple(r.id for r in workspace.status().pending)
    return done


def _by_action(workspace: Workspace, records: Sequence[ActionRecord]) -> Reviewed:
    done = Reviewed()
    for i, known in enumerate(records, 1):
        record = workspace.show(known.id)  # an answer about an earlier one may have changed it
        page = Page()
        page.add()
        page.add(Span(f"[{i}/{len(records)}] ", "dim"), Span(record.id, "bold"), "  ", Span(title(record)))
        render.full(page, workspace.diff(record.id), fold=True)
        show(page, stream=sys.stderr)
        match _answer(f"{record.id}: commit? [y]es, [n]o: discard; anything else leaves it staged "):
            case "y":
                _try(done, partial(workspace.approve, [record.id], seen={record.id: record.changes.digest}))
            case "n":
                _try(done, partial(workspace.reject, [record.id], reason="discarded in review"))
            case None:
                break
            case _:
                continue
    _commit(workspace, done)
    done.left = tuple(r.id for r in workspace.status().pending)
    return done


def _by_file(workspace: Workspace, records: Sequence[ActionRecord]) -> Reviewed:
    done = Reviewed()
    seen = {r.id: r.changes.digest for r in records}
    every = workspace.diff(None)
    for i, diff in enumerate(every, 1):
        of = [r for r in records if any(e.path == diff.path and e.state is EffectState.PENDING for e in r.changes)]
        if not of:
            continue
        page = Page()
        page.add()
        page.add(Span(f"[{i}/{len(every)}] from {ids(of)}", "dim"))
        render.full(page, [diff], fold=True)
        show(page, stream=sys.stderr)
        match _answer(f"{visible_path(diff.path)}: commit? [y]es; anything else leaves it staged "):
            case "y":
                # Below a directory there are files that the person has not been asked about yet.
                _try(done, partial(workspace.approve, [r.id for r in of], paths=[diff.path], below=False, seen=seen))
            case None:
                break
            case _:
                continue
    _commit(workspace, done)
    done.left = tuple(r.id for r in workspace.status().pending)
    return done


def _try(done: Reviewed, call: Callable[[], object]) -> None:
    try:
        call()
    except AgentshError as e:
        say(f"  {visible(e.what)}")
        done.errors.append(e)


def _commit(workspace: Workspace, done: Reviewed) -> None:
    """Commit what is approved, if anything is."""
    if not any(e.state is EffectState.APPROVED for r in workspace.status().pending for e in r.changes):
        return
    try:
        done.commit = workspace.commit()
    except AgentshError as e:
        done.errors.append(e)


def _answer(question: str) -> str | None:
    """The first letter of the person's answer, lower case; None at the end of input."""
    write_bytes(question.encode(), sys.stderr)
    line = sys.stdin.readline()
    if not line:
        say()
        return None
    return line.strip().lower()[:1]


def tell(done: Reviewed) -> None:
    """What became of it, on stderr."""
    if done.commit is not None and done.commit.commit is not None:
        of = f"{count(len(done.commit.paths), 'path')}: {names(done.commit.paths)}"
        say(f"committed {' '.join(done.commit.actions)} as {done.commit.commit}, {of}")
        say(f"take it back: agentsh revert {' '.join(done.commit.actions)}")
    if done.left:
        say(f"staged and waiting: {' '.join(done.left)}    look: agentsh diff    drop: agentsh discard")
