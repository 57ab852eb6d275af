"""``run``: a task given to a model, and what becomes of its effects."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from agentsh.cli.options import Command, json_option, limit_options, opened, policy_option, workspace_option
from agentsh.cli.output import SCHEMA, can_ask, data, say
from agentsh.core.errors import ApprovalNeeded, Interrupted, UsageError
from agentsh.core.request import open_requests
from agentsh.core.sanitise import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agentsh import Workspace
    from agentsh.cli.review import Reviewed
    from agentsh.core.action import ActionRecord
    from agentsh.runtime.choosing import Choice
    from agentsh.runtime.events import Event
    from agentsh.runtime.task_result import TaskResult

DEFAULT_STEPS = 50


@click.command(
    "run",
    cls=Command,
    examples="""
    agentsh run 'rename the function load to read_config everywhere' --model openai:gpt-4.1
    agentsh run 'add a test for the parser' --model local --policy trusted --yes
    agentsh run --resume r1
    agentsh run 'fix the failing test' --json | jq -r 'select(.type == "action-finished").action'
    """,
)
@click.argument("task", required=False)
@click.option("--model", default=None, metavar="M", help="openai:NAME, a configured name, or replay.")
@click.option("--yes", is_flag=True, help="Commit without asking what the policy lets; what it denies stays denied.")
@click.option(
    "--max-steps",
    type=click.IntRange(min=1),
    default=DEFAULT_STEPS,
    show_default=True,
    metavar="N",
    help="Answers of the model at most.",
)
@click.option(
    "--candidates",
    type=click.IntRange(1, 16),
    default=None,
    metavar="N",
    help="Answers to ask for at each turn, of which the best goes on; 1 is off. The configuration says how many else.",
)
@click.option("--resume", default=None, metavar="ID", help="Go on with a session ('log' lists them).")
@limit_options
@policy_option
@workspace_option
@json_option
def run(
    *,
    task: str | None,
    model: str | None,
    yes: bool,
    max_steps: int,
    candidates: int | None,
    resume: str | None,
    policy: str | None,
    directory: str,
    data_dir: Path | None,
    as_json: bool,
    **limits: float | None,
) -> int:
    """Let a model work on TASK, then review what it did.

    Its actions run in the sandbox; the workspace stays as it is until you answer. On a terminal you are asked at the
    end; elsewhere --yes commits what the policy lets, and without it the effects stay staged (exit code 4).
    """
    if not (task or "").strip() and resume is None:
        raise UsageError("There is no task.", files="Nothing was run.", next_step="Say what to do: agentsh run 'TASK'.")
    with opened(directory, data_dir, policy=policy, limits=limits) as workspace:
        choices: list[Choice] = []
        result = _work(
            workspace,
            task or "",
            model=model,
            max_steps=max_steps,
            candidates=candidates,
            resume=resume,
            as_json=as_json,
            choices=choices,
        )
        reviewed, code = _review(workspace, result, yes=yes, as_json=as_json, choices=choices)
        if as_json:
            _last_line(workspace, result, reviewed, code)
        return code


def _work(
    workspace: Workspace,
    task: str,
    *,
    model: str | None,
    max_steps: int,
    candidates: int | None,
    resume: str | None,
    as_json: bool,
    choices: list[Choice],
) -> TaskResult:
    from agentsh.cli.progress import Progress, final_text  # noqa: PLC0415 - see agentsh.cli
    from agentsh.runtime.agent import run_task  # noqa: PLC0415
    from agentsh.runtime.models import candidates_for, model_for  # noqa: PLC0415

    if model is None and resume is not None:
        model = workspace.session(resume).model
    stopper = Stopper(workspace, _print_event if as_json else Progress())
    with model_for(model or "", workspace.config) as mind, stopper.listening():
        result = run_task(
            workspace,
            mind,
            task,
            max_steps=max_steps,
            on_event=stopper.on_event,
            resume=resume,
            stop=stopper.stop,
            candidates=candidates_for(model or "", workspace.config, candidates),
            on_choice=choices.append,
        )
    if not as_json:
        final_text(result.text)
        _tell_end(result)
    return result


def _print_event(event: Event) -> None:
    data(event.to_json())


class Stopper:
    """Ctrl-C ends the run cleanly.

    While an action runs, the sandbox is told to stop it; while the model is awaited, the wait itself is broken off. A
    second press, when the first did not help, always breaks off.
    """

    def __init__(self, workspace: Workspace, tell: Callable[[Event], None]) -> None:
        self.stop = threading.Event()
        self._workspace = workspace
        self._tell = tell
        self._acting = False

    def on_event(self, event: Event) -> None:
        """Tell the event; know by it whether an action runs."""
        if event.type in ("action-started", "action-finished"):
            self._acting = event.type == "action-started"
        self._tell(event)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Answer to Ctrl-C."""
        before = signal.signal(signal.SIGINT, self._pressed)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _pressed(self, _signal: int, _frame: Any) -> None:
        again = self.stop.is_set()
        self.stop.set()
        if again or not self._acting:
            raise KeyboardInterrupt
        self._workspace.interrupt()


def _tell_end(result: TaskResult) -> None:
    """Why it did not finish, and how to go on."""
    if result.error is not None:
        say(f"agentsh: {visible(result.error.what)}")
        for part in (result.error.files, result.error.next_step.replace("--resume ID", f"--resume {result.session}")):
            if part:
                say(f"  {visible(part)}")
    elif result.status == "step-limit":
        say("agentsh: The step limit ended the run. What it staged is kept for review.")
    elif result.status == "interrupted":
        say("agentsh: Stopped. What it staged is kept for review; your files are unchanged.")
    if result.status != "done" and (result.error is None or "--resume ID" not in result.error.next_step):
        say(f"  Go on: agentsh run --resume {result.session}")


def _review(
    workspace: Workspace, result: TaskResult, *, yes: bool, as_json: bool, choices: list[Choice]
) -> tuple[Reviewed | None, int]:
    """Answer for the session's effects as far as anyone can; the exit code."""
    from agentsh.cli import review  # noqa: PLC0415 - see agentsh.cli

    code = result.exit_code
    if code == Interrupted.exit_code:
        return None, code
    asked = review.waiting(workspace, result.session)
    done = result.status == "done"
    reviewed = None
    if asked and not (done and yes) and not as_json and can_ask():
        reviewed = review.ask(workspace, asked, choices)
    elif done and (yes or review.allowed(workspace, result.session)):
        # What would be sent was not seen by anybody: --yes is no answer to that.
        reviewed = review.commit_all(workspace, asked if yes else ())
        held = [r for r in review.waiting(workspace, result.session) if open_requests(r.changes.requests)]
        if held and not reviewed.errors and not as_json and can_ask():
            review.tell(reviewed)
            reviewed = review.ask(workspace, held)
    if reviewed is not None and not as_json:
        review.tell(reviewed)
        for error in reviewed.errors:
            say(f"agentsh: {visible(error.what)}")
            say(f"  {visible(error.files)}")
    if reviewed is not None and reviewed.errors:
        return reviewed, code or reviewed.errors[0].exit_code
    if asked and not can_ask() and (left := review.waiting(workspace, result.session)):
        if not as_json:
            _tell_staged(workspace, left)
        return reviewed, code or ApprovalNeeded.exit_code
    return reviewed, code


def _tell_staged(workspace: Workspace, left: list[ActionRecord]) -> None:
    """What waits, and what to do, when there is nobody to ask."""
    import sys  # noqa: PLC0415 - see agentsh.cli

    from agentsh.cli import diffs as render  # noqa: PLC0415
    from agentsh.cli.paint import Page, show  # noqa: PLC0415
    from agentsh.cli.words import ids  # noqa: PLC0415

    page = Page()
    page.add("staged, and nothing of it is written or sent yet:")
    render.summary(page, workspace.diff(None))
    if held := [q for r in left for q in open_requests(r.changes.requests)]:
        from agentsh.cli.requests import full  # noqa: PLC0415

        full(page, workspace, held)
    page.add(f"look: agentsh diff    keep: agentsh approve {ids(left)} && agentsh commit    drop: agentsh discard")
    show(page, stream=sys.stderr)


def _last_line(workspace: Workspace, result: TaskResult, reviewed: Reviewed | None, code: int) -> None:
    """The ``review`` event, which ends the ``--json`` stream."""
    from agentsh.cli import encode  # noqa: PLC0415 - see agentsh.cli

    committed = reviewed.commit if reviewed is not None else None
    fields = {
        "session": result.session,
        "pending": [r.id for r in workspace.status().pending],
        "commit": encode.commit_result(committed) if committed is not None else None,
        "errors": [e.to_json() for e in reviewed.errors] if reviewed is not None else [],
        "exit_code": code,
    }
    data(json.dumps({"schema": SCHEMA, "type": "review", **fields}, ensure_ascii=True))
