"""The agent loop: a task, a model, a workspace; one step after the other until it is done or stopped."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionStatus
from agentsh.core.errors import (
    AgentshError,
    ConfigError,
    ConflictError,
    Interrupted,
    LimitExceeded,
    ModelError,
    PolicyDenied,
    UsageError,
    WorkspaceBusy,
)
from agentsh.core.sanitise import visible_title
from agentsh.llm.model import Usage
from agentsh.runtime.choosing import choose
from agentsh.runtime.conversation import DEFAULT_BOUND, INTERRUPTED, Conversation
from agentsh.runtime.events import (
    ActionFinished,
    ActionStarted,
    CallSummary,
    MessageDone,
    Notice,
    OnEvent,
    SessionEnded,
    SessionStarted,
    TextDelta,
)
from agentsh.runtime.progress import BARREN, SAME_CALL, Progress
from agentsh.runtime.prompt import system_message
from agentsh.runtime.rejected import tell_rejections
from agentsh.runtime.task_result import TaskResult
from agentsh.runtime.tell import OutputEvents, effect_summaries, request_summaries
from agentsh.runtime.tools import describe, describe_error, fingerprint, to_action, tool_schemas
from agentsh.runtime.undisturbed import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.core.action import ActionRecord
    from agentsh.core.session import SessionRecord
    from agentsh.llm import Answer, Model, ToolCall
    from agentsh.runtime.agent_workspace import AgentWorkspace
    from agentsh.runtime.choosing import Choice
    from agentsh.runtime.task_result import EndStatus

_COUNTED_EFFECTS = 50  # effects whose lines are counted; past it the names are enough
_CUT_OFF = "[Your answer was cut off by its token limit. Go on from there, in smaller pieces.]"


def run_task(
    workspace: AgentWorkspace,
    model: Model,
    task: str,
    *,
    max_steps: int = 50,
    on_event: OnEvent | None = None,
    resume: str | None = None,
    stop: threading.Event | None = None,
    context_bound: int = DEFAULT_BOUND,
    candidates: int = 1,
    on_choice: Callable[[Choice], None] | None = None,
) -> TaskResult:
    """Let ``model`` work on ``task``; its effects stay staged for review.

    Every message and action is journalled before the next begins, so a session can be resumed after anything.

    Args:
        workspace: where it works.
        model: who works.
        task: the person's words. With ``resume`` it may be empty (go on) or a further wish.
        max_steps: answers of the model at most.
        on_event: told of everything, in order, from this thread.
        resume: a session to go on with.
        stop: set by another thread to end the run (call ``workspace.interrupt()`` too); Ctrl-C does it without.
        context_bound: characters of conversation sent to the model at most.
        candidates: answers that are asked for at each turn; more than one are tried out, and the best goes on.
        on_choice: told of the candidates of a turn, with their effects as lines.

    Returns:
        The result; also for a run that failed or was interrupted.

    Raises:
        UsageError: there is no task, the step limit is not positive, or the session to resume had finished.
        NotFoundError: there is no such session.
    """
    if max_steps < 1:
        raise UsageError("The step limit must be at least 1.")
    if not task.strip() and resume is None:
        raise UsageError("There is no task.", next_step="Say what to do: agentsh run 'TASK'.")
    bound = context_bound if model.context_bound is None else min(context_bound, model.context_bound)
    return _Run(
        workspace,
        model,
        on_event=on_event,
        stop=stop,
        max_steps=max_steps,
        candidates=candidates,
        on_choice=on_choice,
    ).go(task, resume, bound)


class _Run:
    """One run of the loop."""

    def __init__(
        self,
        workspace: AgentWorkspace,
        model: Model,
        *,
        on_event: OnEvent | None,
        stop: threading.Event | None,
        max_steps: int,
        candidates: int,
        on_choice: Callable[[Choice], None] | None,
    ) -> None:
        self._candidates = candidates
        self._on_choice = on_choice
        self._task = ""
        self._workspace = workspace
        self._model = model
        self._emit: OnEvent = on_event or (lambda _: None)
        self._stop = stop or threading.Event()
        self._max_steps = max_steps
        self._session = ""
        self._steps = 0
        self._denied = 0
        self._actions: list[str] = []
        self._usage = Usage()
        self._progress = Progress()
        self._tools = workspace.user_tools()
        self._schemas = tool_schemas(self._tools, workspace.web_hosts)

    def go(self, task: str, resume: str | None, bound: int) -> TaskResult:
        """Run from the first message to the session's end."""
        record = self._resumable(resume, task) if resume is not None else None
        task = self._clean(task)
        self._task = task or (record.task if record else "")
        self._session = record.id if record else self._workspace.start_session(task, self._model.name)
        status: EndStatus = "failed"
        text = ""
        error: AgentshError | None = None
        try:
            started = SessionStarted(
                self._session,
                task=task or (record.task if record else ""),
                model=self._model.name,
                policy=self._workspace.policy_name,
                max_steps=self._max_steps,
                resumed=record is not None,
            )
            self._emit(started)
            if record is not None:
                self._workspace.end_session(self._session, "running")
            conversation = self._conversation(task, record, bound)
            if (last := conversation.last_words()) is None:
                status, text = self._loop(conversation)
            else:  # it had finished, and was stopped before it could say so
                status, text = "done", last
        except (KeyboardInterrupt, Interrupted):
            status = "interrupted"
        except AgentshError as e:
            status, error = "failed", e
        except BaseException:
            with undisturbed():
                self._workspace.end_session(self._session, "failed")
            raise
        result = TaskResult(
            self._session, status, text, self._steps, tuple(self._actions), self._denied, self._usage, error
        )
        with undisturbed():
            self._workspace.end_session(self._session, status)
            self._emit(
                SessionEnded(
                    self._session,
                    status=status,
                    exit_code=result.exit_code,
                    text=text,
                    steps=self._steps,
                    actions=result.actions,
                    denied=self._denied,
                    prompt_tokens=self._usage.prompt_tokens,
                    completion_tokens=self._usage.completion_tokens,
                    cost=self._model.cost(self._usage),
                    error=None if error is None else error.to_json(),
                )
            )
        return result

    def _resumable(self, session: str, task: str) -> SessionRecord:
        record = self._workspace.session(session)
        if record.status == "done" and not task.strip():
            raise UsageError(
                f"The session {session} is done.",
                next_step=f"Say what else to do: agentsh run --resume {session} 'TASK'.",
            )
        return record

    def _conversation(self, task: str, record: SessionRecord | None, bound: int) -> Conversation:
        conversation = Conversation(
            lambda message: self._workspace.add_message(self._session, message),
            bound=bound,
            messages=record.messages if record else (),
            clean=self._clean,
        )
        if not conversation.last_role():  # new, or stopped before its first message was journalled
            conversation.add(system_message(self._tools, web=bool(self._workspace.web_hosts)), origin="agentsh")
            task = task or (record.task if record else "")
            record = None
        elif conversation.last_role() == "system" and record is not None:
            task = task or record.task
        for call in conversation.open_calls():
            conversation.add({"role": "tool", "tool_call_id": call, "content": INTERRUPTED}, origin="agentsh")
        if task.strip() and (record is None or task != record.task or conversation.last_role() == "system"):
            conversation.add({"role": "user", "content": task}, origin="person")
        elif conversation.cut_off():
            self._go_on(conversation)
        return conversation

    def _loop(self, conversation: Conversation) -> tuple[EndStatus, str]:
        while self._steps < self._max_steps:
            if told := tell_rejections(conversation, self._workspace, self._session):
                self._notice("rejected", f"The model is told of what you rejected ({told}).")
            if shortened := conversation.fit():
                self._notice("context", f"The conversation was shortened to fit: {shortened} older messages.")
            answer = self._ask(conversation)
            if not answer.tool_calls:
                if not conversation.cut_off():
                    return "done", answer.text
                self._go_on(conversation)
            for call in answer.tool_calls:
                text, action = self._call(call, cut_off=answer.finish == "length")
                conversation.add(
                    {"role": "tool", "tool_call_id": call.id, "content": text}, origin="untrusted", action=action
                )
            if self._progress.barren >= BARREN:
                raise ModelError(
                    f"The model makes no progress: {self._progress.barren} calls in a row came to nothing.",
                    files="What it staged before is kept for review; the workspace is unchanged.",
                    next_step=f"Say more precisely what to do: agentsh run --resume {self._session} 'TASK'.",
                )
        return "step-limit", ""

    def _go_on(self, conversation: Conversation) -> None:
        self._notice("cut-off", "The model's answer was cut off by its token limit; it is asked to go on.")
        conversation.add({"role": "user", "content": _CUT_OFF}, origin="agentsh")

    def _ask(self, conversation: Conversation) -> Answer:
        if self._stop.is_set():
            raise Interrupted("The session was stopped.")
        step = self._steps + 1
        answer = self._answer(conversation.to_send(), step)
        self._steps = step
        self._usage += answer.usage
        conversation.add(answer.to_message(), origin="agent", finish=answer.finish)
        calls = tuple(
            CallSummary(c.id, c.name, dict(c.arguments) if c.arguments is not None else None) for c in answer.tool_calls
        )
        self._emit(
            MessageDone(
                self._session,
                step=step,
                text=answer.text,
                calls=calls,
                prompt_tokens=answer.usage.prompt_tokens,
                completion_tokens=answer.usage.completion_tokens,
                cost=self._model.cost(answer.usage),
            )
        )
        return answer

    def _answer(self, messages: list[dict[str, Any]], step: int) -> Answer:
        """The model's, or the best of several."""

        def on_text(piece: str) -> None:
            self._emit(TextDelta(self._session, step=step, text=piece))

        on_notice = partial(self._notice, "retry")
        if self._candidates == 1:
            return self._model.complete(messages, self._schemas, on_text=on_text, on_notice=on_notice, stop=self._stop)
        answer = choose(
            self._workspace,
            self._model,
            messages,
            self._schemas,
            self._candidates,
            session=self._session,
            step=step,
            task=self._task,
            emit=self._emit,
            on_notice=on_notice,
            on_choice=self._on_choice,
            stop=self._stop,
        )
        if answer.text:
            on_text(answer.text)
        return answer

    def _call(self, call: ToolCall, *, cut_off: bool) -> tuple[str, str]:
        """Do what a call asks for; what the model is told, and the action's id (empty when there is none)."""
        if self._stop.is_set():
            raise Interrupted("The session was stopped.")
        key = fingerprint(call)
        if cut_off and call.arguments is None:
            return self._refused(
                call, UsageError("Your answer was cut off by its token limit; write less at once.")
            ), ""
        if self._progress.repeats(key):
            what = f"You made this same call {SAME_CALL} times with the same result. Do something else, or end."
            return self._refused(call, UsageError(what)), ""
        try:
            spec = to_action(call)
        except UsageError as e:
            return self._refused(call, e), ""
        self._emit(
            ActionStarted(
                self._session, step=self._steps, call=call.id, tool=call.name, title=visible_title(spec.title)[:300]
            )
        )
        output = OutputEvents(self._session, self._emit)
        try:
            record = self._workspace.act(spec, session=self._session, on_output=output.take)
        except (ConfigError, WorkspaceBusy):
            raise
        except (UsageError, PolicyDenied, LimitExceeded, ConflictError) as e:
            output.end()
            return self._refused(call, e), ""
        output.end()
        return self._recorded(call, key, record), record.id

    def _refused(self, call: ToolCall, error: AgentshError) -> str:
        """Tell of a call that never became an action, or whose action could not run."""
        self._denied += 1
        self._progress.came_to_nothing()
        denied = isinstance(error, PolicyDenied)
        self._emit(
            ActionFinished(
                self._session,
                step=self._steps,
                call=call.id,
                action="",
                tool=call.name,
                status="refused",
                verdict="deny" if denied else "",
                rule=error.rule if isinstance(error, PolicyDenied) else "",
                reason=error.what,
            )
        )
        return describe_error(error)

    def _recorded(self, call: ToolCall, key: str, record: ActionRecord) -> str:
        """Tell of an action that the journal has."""
        self._actions.append(record.id)
        denied = record.status is ActionStatus.DENIED
        stdout = self._workspace.output(record.id, "stdout") if record.stdout.size else b""
        stderr = self._workspace.output(record.id, "stderr") if record.stderr.size else b""
        counted = not denied and 0 < len(record.changes) <= _COUNTED_EFFECTS
        diffs = self._workspace.diff(record.id) if counted else []
        if denied:
            self._denied += 1
            self._progress.came_to_nothing()
        else:
            outcome = (str(record.exit_code).encode(), record.note.encode(errors="replace"), stdout, stderr)
            self._progress.ran(key, outcome, changed=bool(record.changes))
        decision = record.decision
        self._emit(
            ActionFinished(
                self._session,
                step=self._steps,
                call=call.id,
                action=record.id,
                tool=call.name,
                status=record.status.value,
                exit_code=record.exit_code,
                stopped=record.stopped,
                verdict=decision.verdict.value if decision else "",
                rule=decision.rule if decision else "",
                reason=decision.reason if decision else "",
                note=record.note,
                duration_s=round(record.duration, 6),
                effects=effect_summaries(record, diffs),
                requests=request_summaries(record),
            )
        )
        return describe(record, stdout, stderr, diffs)

    def _clean(self, value: Any) -> Any:
        """A message as the model may see it; the person is told when something was taken out of it."""
        found: set[str] = set()
        clean = self._workspace.clean(value, found=found)
        if found:
            marks = ", ".join(f"secret:{name}" for name in sorted(found))
            self._notice("secret", f"The model is not shown {marks}.")
        return clean

    def _notice(self, code: str, text: str) -> None:
        self._emit(Notice(self._session, code=code, text=text))
