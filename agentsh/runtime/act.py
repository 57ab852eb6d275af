"""Run one action: policy, sandbox, capture, record. What the runtime does between a wish and a reviewable effect."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus, Output
from agentsh.core.decision import Decision, Verdict
from agentsh.core.effect import ChangeSet, EffectState
from agentsh.core.errors import AgentshError, ConflictError, LimitExceeded, PolicyDenied, UsageError
from agentsh.core.request import RequestState
from agentsh.runtime.capture import capture
from agentsh.runtime.lasting import with_grants
from agentsh.runtime.pending import STAGED, restage, staged_states
from agentsh.runtime.provenance import traced
from agentsh.runtime.redaction import CleanRun, clean_spec
from agentsh.sandbox import Job, Outcome
from agentsh.shell import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.config import Config
    from agentsh.core.action import OutputSink
    from agentsh.core.limits import Limits
    from agentsh.core.session import SessionRecord
    from agentsh.core.tree import Tree
    from agentsh.policy import Policy
    from agentsh.redact import Redactor
    from agentsh.runtime.web import Web
    from agentsh.sandbox import Sandbox, StagingView
    from agentsh.shell import Script, Summary
    from agentsh.store import Store

_INTERRUPTED_EXIT = 130
# Files are stamped by the kernel's coarse clock; compare with the same one where it can be read.
_STAMP_CLOCK = getattr(time, "CLOCK_REALTIME_COARSE", time.CLOCK_REALTIME)


def job_for(spec: ActionSpec, limits: Limits) -> Job:
    """What the sandbox has to run for ``spec``.

    Raises:
        UsageError: the kind cannot be run, or an argument is missing or of the wrong type.
    """
    given = spec.arguments
    match spec.kind:
        case ActionKind.SHELL:
            return Job(script=_text(spec, "line"), limits=limits)
        case ActionKind.READ:
            span = [_number(spec, name) for name in ("offset", "limit") if given.get(name) is not None]
            if len(span) == 1 and given.get("offset") is None:
                span.insert(0, "1")
            return Job(argv=("view", _path(spec), *span), limits=limits)
        case ActionKind.WRITE:
            return Job(argv=("put", _path(spec)), stdin=_encode(_text(spec, "content")), limits=limits)
        case ActionKind.EDIT:
            parts = [_encode(_text(spec, "old")), _encode(_text(spec, "new"))]
            flags = ("--all",) if given.get("replace_all") else ()
            stdin = b"".join(b"%d\n%s" % (len(p), p) for p in parts)
            return Job(argv=("edit", _path(spec), *flags), stdin=stdin, limits=limits)
        case ActionKind.SEARCH:
            where = _path(spec) if given.get("path") else "."
            only = (f"--include={_word(spec, 'glob')}",) if given.get("glob") else ()
            return Job(argv=("grep", "-rnE", *only, "-e", _word(spec, "pattern"), "--", where), limits=limits)
        case _:
            raise UsageError(f"A {spec.kind.value} is not something that runs in the sandbox.")


def _text(spec: ActionSpec, name: str) -> str:
    value = spec.arguments.get(name)
    if not isinstance(value, str):
        raise UsageError(f"A {spec.kind.value} action needs '{name}' as text.")
    return value


def _word(spec: ActionSpec, name: str) -> str:
    """Text that becomes an argument of a command: WASI takes nothing but Unicode."""
    value = _text(spec, name)
    try:
        value.encode()
    except UnicodeEncodeError as e:
        raise UsageError(f"'{name}' of a {spec.kind.value} action is not valid Unicode.") from e
    return value


def _path(spec: ActionSpec) -> str:
    value = _word(spec, "path")
    return f"./{value}" if value.startswith("-") else value


def _number(spec: ActionSpec, name: str) -> str:
    value = spec.arguments[name]
    if not isinstance(value, int):
        raise UsageError(f"'{name}' of a {spec.kind.value} action must be a whole number.")
    return str(int(value))


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as e:
        raise UsageError("The text of an action is not valid Unicode.") from e


class Actor:
    """Runs actions on one workspace. The caller holds the workspace's lock.

    Args:
        redactor: keeps values of secrets out of what is recorded; None where there are none.
        open_web: gives what sends requests, when one is asked for.
        config: what holds here; among others whether actions may read the time.
    """

    def __init__(
        self,
        *,
        store: Store,
        tree: Tree,
        staging: StagingView,
        sandbox: Sandbox,
        policy: Policy,
        redactor: Redactor | None,
        open_web: Callable[[], Web],
        config: Config,
    ) -> None:
        self._open_web = open_web
        self._web: Web | None = None
        self._config = config
        self._redactor = redactor
        self._store = store
        self._tree = tree
        self._staging = staging
        self._sandbox = sandbox
        self._policy = policy
        self._judging = policy

    def run(
        self,
        spec: ActionSpec,
        *,
        limits: Limits,
        session: str | None = None,
        on_output: OutputSink | None = None,
    ) -> ActionRecord:
        """Run ``spec`` and record it. Its effects are staged, or it is as if it had never run.

        Raises:
            ShellSyntaxError: the line cannot be parsed; nothing is recorded.
            ConflictError: the person changed what the action was changing, while it did.
            SandboxError: the sandbox broke; the action is recorded as interrupted.
            SealedError: content is to be sealed, and there is no key; nothing is recorded.
        """
        self._store.ready_to_seal()
        grants = self._store.grants(session) if session is not None else []
        self._judging = with_grants(self._policy, [g.rules for g in grants])
        if session is not None:
            spec = traced(spec, lambda: self._store.session(session).messages, self._config)
        if spec.kind is ActionKind.HTTP:
            return self._request(spec, limits=limits, session=session, on_output=on_output)
        job = job_for(spec, limits)
        # Its process comes up, or wakes and reads the script, while this one decides and records.
        self._sandbox.announce(job.script)
        if not self._config.clock:
            job = replace(job, clock=False)
        wanted = self._judging.judge_action(spec, self._summary(parse(job.script)) if job.script else None)
        action = self._store.begin_action(clean_spec(spec, self._redactor), session=session, decision=wanted)
        if wanted.verdict is Verdict.DENY:
            denied = Outcome(exit_code=3, note=wanted.reason)
            return self._finish(action, ActionStatus.DENIED, denied, decision=wanted)
        return self._stage(
            action,
            spec,
            wanted,
            limits,
            lambda: CleanRun(self._redactor, on_output)(lambda sink: self._sandbox.run(job, on_output=sink)),
        )

    def _request(
        self, spec: ActionSpec, *, limits: Limits, session: str | None, on_output: OutputSink | None
    ) -> ActionRecord:
        """Send a request and record its answer; with an ``output``, stage its body as the content of that path."""
        if self._web is None:
            self._web = self._open_web()
        web, path = self._web, spec.arguments.get("output")
        name = _word(spec, "output") if path else ""
        asking = None if session is None else self._store.session(session)
        if web.holds(spec):
            return self._hold(web, spec, session, asking)
        wanted = web.judge(spec, asking)
        action = self._store.begin_action(clean_spec(spec, self._redactor), session=session, decision=wanted)
        if wanted.verdict is Verdict.DENY:
            return self._finish(action, ActionStatus.DENIED, Outcome(exit_code=3, note=wanted.reason), decision=wanted)
        try:
            answer = web.send(spec, asking, limits=limits, on_output=on_output)
        except PolicyDenied as e:
            decision = Decision(Verdict.DENY, e.rule, f"{e.what} {e.next_step}".rstrip())
            return self._finish(action, ActionStatus.DENIED, Outcome(exit_code=3, note=e.what), decision=decision)
        except (AgentshError, OSError, KeyboardInterrupt) as e:
            self._finish(action, ActionStatus.INTERRUPTED, Outcome(exit_code=_INTERRUPTED_EXIT, note=str(e)))
            raise
        if answer.stopped or answer.interrupted:
            return self._finish(action, ActionStatus.INTERRUPTED, answer)
        if not name or answer.exit_code:
            return self._finish(action, ActionStatus.DONE, answer, decision=wanted)
        put = Job(argv=("put", f"./{name}" if name.startswith("-") else name), stdin=answer.stdout, limits=limits)

        def keep() -> Outcome:
            kept = self._sandbox.run(put)
            return replace(kept, stderr=answer.stderr + kept.stderr, note=f"{answer.note} {kept.note}".strip())

        return self._stage(action, spec, wanted, limits, keep)

    def _hold(self, web: Web, spec: ActionSpec, session: str | None, asking: SessionRecord | None) -> ActionRecord:
        """Record a request that would change something. Nothing of it leaves before it is approved and committed."""
        wanted, request, body = web.judge(spec, asking), None, b""
        if wanted.verdict is not Verdict.DENY:
            try:
                request, body = web.hold(spec)
            except PolicyDenied as e:
                wanted = Decision(Verdict.DENY, e.rule, f"{e.what} {e.next_step}".rstrip())
        told = {**spec.arguments, "body_bytes": len(str(spec.arguments.get("body", "")).encode(errors="replace"))}
        told.pop("body", None)  # it is content, kept once and named by its digest
        kept = web.clean(replace(spec, arguments=told))
        action = self._store.begin_action(kept, session=session, decision=wanted)
        if request is None:
            return self._finish(action, ActionStatus.DENIED, Outcome(exit_code=3, note=wanted.reason), decision=wanted)
        allowed = wanted.verdict is Verdict.ALLOW
        state = RequestState.APPROVED if allowed else RequestState.HELD
        digest = self._store.put_bytes(body) if body else None
        changes = ChangeSet((), (replace(request, body=digest, state=state),))
        outcome = Outcome(exit_code=0, note="Nothing was sent: it is held, and goes out when it is committed.")
        status = ActionStatus.APPROVED if allowed else ActionStatus.PENDING
        record = self._finish(action, status, outcome, changes=changes, decision=wanted)
        if allowed:
            said = f"policy: {wanted.rule}"
            self._store.approve(action, change_set_digest=changes.digest, comment=said, requests=True)
        return replace(record, changes=self._store.action(action).changes)

    def interrupt(self) -> None:
        """Stop what runs, from another thread or a signal handler."""
        if self._web is None or not self._web.interrupt():
            self._sandbox.interrupt()

    def _stage(
        self, action: str, spec: ActionSpec, wanted: Decision, limits: Limits, run: Callable[[], Outcome]
    ) -> ActionRecord:
        """Run something on the staging view, and record what it changed there."""
        started_ns = time.clock_gettime_ns(_STAMP_CLOCK)
        try:
            self._staging.prepare()
            if self._staging.needs_rebuild:
                self.restage()
            outcome = run()
            if outcome.stopped or outcome.interrupted:
                return self._drop(action, outcome)
            paths = self._staging.changed()
            if not paths:
                return self._finish(action, ActionStatus.DONE, outcome, decision=wanted)
            changes = capture(
                paths,
                staged=self._staging,
                workspace=self._tree,
                pending=staged_states(self._store.actions(status=STAGED)),
                store=self._store,
                started_ns=started_ns,
                most_bytes=limits.staged_bytes,
            )
            return self._record(action, spec, wanted, outcome, changes)
        except LimitExceeded as e:
            return self._drop(action, Outcome(exit_code=e.exit_code, stopped=e.limit, note=e.what))
        except ConflictError as e:
            self._drop(action, Outcome(exit_code=e.exit_code, note=e.what))
            raise
        except (AgentshError, OSError, KeyboardInterrupt) as e:
            self._drop(action, Outcome(exit_code=_INTERRUPTED_EXIT, note=str(e) or "The person stopped it."))
            raise

    def _summary(self, script: Script) -> Summary | None:
        """What a line runs, where the policy has rules about that."""
        if not self._policy.reads_commands:
            return None
        from agentsh.shell import summarise  # noqa: PLC0415 - few policies ask

        return summarise(script)

    def restage(self) -> None:
        """Make the staging view show the workspace and the uncommitted effects, and nothing else."""
        restage(self._store, self._staging)

    def _record(
        self, action: str, spec: ActionSpec, wanted: Decision, outcome: Outcome, changes: ChangeSet
    ) -> ActionRecord:
        if not changes:
            self._staging.settle()
            return self._finish(action, ActionStatus.DONE, outcome, decision=wanted)
        decision = self._judging.judge_effects(spec, changes)
        if decision.verdict is Verdict.DENY:
            # Drop first: a process that dies in between leaves a running action, whose effects are dropped again.
            self.restage()
            return self._finish(action, ActionStatus.DENIED, outcome, changes=changes, decision=decision)
        self._staging.settle()
        if wanted.verdict is Verdict.ASK and (decision.verdict is Verdict.ALLOW or decision == self._judging.land):
            decision = wanted
        if decision.verdict is Verdict.ASK:
            return self._finish(action, ActionStatus.PENDING, outcome, changes=changes, decision=decision)
        approved = ChangeSet(tuple(replace(e, state=EffectState.APPROVED) for e in changes))
        record = self._finish(action, ActionStatus.APPROVED, outcome, changes=approved, decision=decision)
        self._store.approve(action, change_set_digest=changes.digest, paths=None, comment=f"policy: {decision.rule}")
        return record

    def _drop(self, action: str, outcome: Outcome) -> ActionRecord:
        """End an action that did not run to its end: nothing of it stays staged."""
        self.restage()
        return self._finish(action, ActionStatus.INTERRUPTED, outcome)

    def _finish(
        self,
        action: str,
        status: ActionStatus,
        outcome: Outcome,
        *,
        changes: ChangeSet | None = None,
        decision: Decision | None = None,
    ) -> ActionRecord:
        # What it printed and how it ended: one wait for the disk, and none for an action that changed nothing. Its
        # record survives the death of the process; a power cut may take it, whole, and nothing hangs on it.
        with self._store.batch(durable=status is not ActionStatus.DONE):
            return self._store.finish_action(
                action,
                status=status,
                exit_code=outcome.exit_code,
                stopped=outcome.stopped,
                note=outcome.note,
                duration=outcome.duration,
                stdout=self._output(outcome.stdout, truncated=outcome.stdout_truncated),
                stderr=self._output(outcome.stderr, truncated=outcome.stderr_truncated),
                changes=changes,
                decision=decision,
            )

    def _output(self, data: bytes, *, truncated: bool) -> Output:
        if not data:
            return Output(truncated=truncated)
        return Output(self._store.put_bytes(data), len(data), truncated)
