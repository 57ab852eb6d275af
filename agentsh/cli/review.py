"""Reviewing on a terminal: the effects of a task are shown, and the person says what becomes of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from agentsh.cli import diffs as render
from agentsh.cli import requests as sends
from agentsh.cli.lasting import may_last, preview
from agentsh.cli.output import say, write_bytes
from agentsh.cli.paint import Page, Span, show
from agentsh.cli.words import count, ids, names, title
from agentsh.core.action import ActionStatus
from agentsh.core.effect import EffectState
from agentsh.core.errors import AgentshError, ConflictError
from agentsh.core.lasting import Lasting
from agentsh.core.request import RequestState, open_requests
from agentsh.core.sanitise import visible, visible_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentsh import Workspace
    from agentsh.core.action import ActionRecord
    from agentsh.core.report import CommitResult
    from agentsh.runtime.choosing import Choice

_CHOICES = (
    "y  commit all of it",
    "n  discard all of it",
    "l  leave it staged and decide later",
    "a  decide action by action",
    "f  decide file by file",
    "d  show every line, also of long files",
)
_OTHERS = "o  look at what else the model proposed, and what it would have changed"


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
    return any(_approved(r) for r in workspace.status().pending if r.session == session)


def _approved(record: ActionRecord) -> bool:
    requests = any(r.state is RequestState.APPROVED for r in record.changes.requests)
    return requests or any(e.state is EffectState.APPROVED for e in record.changes)


def commit_all(workspace: Workspace, records: Sequence[ActionRecord], *, shown: bool = False) -> Reviewed:
    """Approve ``records`` as far as the policy lets, and commit.

    Args:
        workspace: the workspace.
        records: the actions.
        shown: the person has seen what they want to send; otherwise that stays held.
    """
    done = Reviewed()
    for record in records:
        try:
            workspace.approve([record.id], seen={record.id: record.changes.digest}, requests=shown)
        except AgentshError as e:
            done.errors.append(e)
    _commit(workspace, done)
    done.left = tuple(r.id for r in workspace.status().pending)
    return done


def ask(workspace: Workspace, records: Sequence[ActionRecord], choices: Sequence[Choice] = ()) -> Reviewed:
    """Show what ``records`` changed and do what the person answers.

    Args:
        workspace: the workspace.
        records: the actions.
        choices: turns of the model for which others were tried out, to page through.
    """
    others = ", [o]thers that were tried" * bool(choices)
    question = f"Commit? [y]es [n]o [l]eave staged, by [a]ction or [f]ile, [d]iff in full{others} [?] "
    page = Page()
    page.add()
    page.add(Span(f"{count(len(records), 'action')} to review", "bold"), Span(f"  {ids(records)}", "dim"))
    diffs = workspace.diff(records[0].id if len(records) == 1 else None)
    render.full(page, diffs, fold=True)
    _sends(page, workspace, records)
    page.add()
    show(page, stream=sys.stderr)
    while True:
        match _answer(question):
            case "y":
                return commit_all(workspace, records, shown=True)
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
                _sends(page, workspace, records, fold=False)
                show(page, stream=sys.stderr, pager=True)
            case "o" if choices:
                from agentsh.cli.candidates import page_through  # noqa: PLC0415 - few look

                page_through(choices, _answer)
            case _:
                _tell_choices(others=bool(choices))


def _tell_choices(*, others: bool) -> None:
    for choice in (*_CHOICES, *(_OTHERS,) * others):
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
        _sends(page, workspace, [record])
        show(page, stream=sys.stderr)
        more = ", [s]: also for this session, [w]: also always" if may_last(record) else ""
        match _answer(f"{record.id}: commit? [y]es{more}, [n]o: discard; anything else leaves it staged "):
            case "y":
                _try(done, partial(workspace.approve, [record.id], seen={record.id: record.changes.digest}))
            case "s" | "w" as how if more:
                _try(done, partial(_lasting, workspace, record, Lasting.SESSION if how == "s" else Lasting.ALWAYS))
            case "n":
                _try(done, partial(workspace.reject, [record.id], reason="discarded in review"))
            case None:
                break
            case _:
                continue
    _commit(workspace, done)
    done.left = tuple(r.id for r in workspace.status().pending)
    return done


def _lasting(workspace: Workspace, record: ActionRecord, lasting: Lasting) -> None:
    """Approve an action for longer than once, when the person means the rule that they are shown."""
    offer = workspace.offer(record.id, lasting)
    if offer.digest != record.changes.digest:
        raise ConflictError(f"The effects of {record.id} are not the ones that were shown; nothing was approved.")
    preview(offer)
    if _answer("Is that meant? [y]es; anything else leaves it staged ") == "y":
        workspace.approve_for(offer)


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
    if waiting := [r for r in map(workspace.show, seen) if open_requests(r.changes.requests)]:
        say(f"what {ids(waiting)} would send stays held: it goes with a whole action (agentsh approve)")
    _commit(workspace, done)
    done.left = tuple(r.id for r in workspace.status().pending)
    return done


def _sends(page: Page, workspace: Workspace, records: Sequence[ActionRecord], *, fold: bool = True) -> None:
    """What ``records`` want to send, after what they change."""
    requests = [q for r in records for q in open_requests(r.changes.requests)]
    if requests:
        page.add()
        page.add(Span(f"and {count(len(requests), 'request')} to send with the commit:", "bold"))
        sends.full(page, workspace, requests, fold=fold)


def _try(done: Reviewed, call: Callable[[], object]) -> None:
    try:
        call()
    except AgentshError as e:
        say(f"  {visible(e.what)}")
        done.errors.append(e)


def _commit(workspace: Workspace, done: Reviewed) -> None:
    """Commit what is approved, if anything is."""
    if not any(map(_approved, workspace.status().pending)):
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
        for request in done.commit.requests:
            say(f"{request.state.value} {request.id}: {sends.one_line(request)} ({visible(request.note)})")
        say(f"take it back: agentsh revert {' '.join(done.commit.actions)}")
    if done.left:
        say(f"staged and waiting: {' '.join(done.left)}    look: agentsh diff    drop: agentsh discard")
