"""The outbox: approved requests go out one after the other, each once; and what stands afterwards is told.

A request is marked as 'sending' on disk when the connection stands and before anything is written to it, and its end is
recorded after the answer. Whatever happens in between leaves it 'unknown', and nothing but the person's own word sends
it again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus
from agentsh.core.decision import Verdict
from agentsh.core.effect import ChangeSet, EffectClass
from agentsh.core.errors import AgentshError, Interrupted, PolicyDenied, RequestsStopped, UsageError
from agentsh.core.faults import fault_point
from agentsh.core.ids import IdKind, parse_id
from agentsh.core.record import record
from agentsh.core.request import UNSETTLED, RequestEffect, RequestState
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agentsh.core.action import ActionRecord
    from agentsh.core.session import SessionRecord
    from agentsh.egress import Answer
    from agentsh.runtime.web import Web
    from agentsh.store import Store

_DONE = {303}  # 'see other': it was done, and the result is elsewhere (RFC 9110, 15.4.4)
_TRY_ELSEWHERE = {304, 305, 307, 308}


@record(frozen=True, slots=True)
class _Stop:
    """Why sending ended before its end.

    Attributes:
        request: the one that did not go well, as it stands now.
        why: one sentence.
        interrupted: the person stopped it.
    """

    request: RequestEffect
    why: str
    interrupted: bool = False


class Sender:
    """Sends what was approved. The caller holds the workspace's lock.

    Args:
        store: the store.
        open_web: gives what sends requests, when there are some.
    """

    def __init__(self, store: Store, open_web: Callable[[], Web]) -> None:
        self._store = store
        self._open_web = open_web
        self._web: Web | None = None

    def check(self, requests: Iterable[RequestEffect]) -> None:
        """Ask the rules that hold now about requests, before anything of them is done.

        Raises:
            PolicyDenied: one may not be sent.
        """
        from agentsh.runtime.web import spec_of  # noqa: PLC0415 - for requests alone

        for request in requests:
            asked, session = self._asked(request)
            decision = self._opened().judge(spec_of(request, asked), session)
            if decision.verdict is Verdict.DENY:
                raise PolicyDenied(
                    f"{request.action} may not send {_named(request)}: {decision.reason}", rule=decision.rule
                )

    def send(
        self, requests: Sequence[RequestEffect], commit: str, withdraw: Callable[[], bool] | None = None
    ) -> tuple[RequestEffect, ...]:
        """Send the requests of a commit: those that can be taken back first, each kind in its order.

        When one does not go well, nothing more is sent, what can be taken back is, and when nothing of it stands then,
        the files of the commit are taken back too.

        Args:
            requests: approved ones.
            commit: their commit; its files have landed.
            withdraw: takes the files back, so that they are staged again; whether it did. None where there are none.

        Raises:
            RequestsStopped: one of them did not go well; it says exactly what stands.
            Interrupted: the person stopped it; likewise.
        """
        todo = sorted(requests, key=lambda r: (r.effect_class is EffectClass.IRREVERSIBLE, _number(r)))
        sent: list[RequestEffect] = []
        for request in todo:
            stop = self._try(request, commit)
            if stop is not None:
                raise self._stopped(stop, sent, todo, commit, withdraw)
            sent.append(self._store.request(request.id))
        return tuple(sent)

    def again(self, id_: str) -> RequestEffect:
        """Send a request once more of which nobody knows whether it arrived. The server can tell it by its key.

        Raises:
            UsageError: its state is known.
            PolicyDenied: it may not be sent any more.
            RequestsStopped: it did not go well this time either.
        """
        request = self._unknown(id_)
        self.check([request])
        stop = self._try(request, None, again=True)
        if stop is None:
            return self._store.request(id_)
        raise RequestsStopped(stop.why, files="Your files are as they were.", requests=[stop.request])

    def resolve(self, id_: str, state: RequestState) -> RequestEffect:
        """Record what the person has found out about a request of which nobody knew.

        Raises:
            UsageError: its state is known.
        """
        request = self._unknown(id_)
        said = "that it arrived" if state is RequestState.SENT else "that it did not arrive"
        note = f"The person says {said}."
        return self._store.end_request(id_, state, status=request.status, answer=request.answer, note=note)

    def reversing(self, requests: Iterable[RequestEffect]) -> tuple[list[RequestEffect], list[RequestEffect]]:
        """The calls that take requests back, newest first, and the requests that stand because nothing can."""
        from agentsh.policy.undo import build_undo  # noqa: PLC0415 - only for undoing

        under_way = {r.undoes: r.id for r in self._store.requests(UNSETTLED) if r.undoes}
        calls: list[RequestEffect] = []
        stands: list[RequestEffect] = []
        for request in sorted(requests, key=_number, reverse=True):
            if request.state is not RequestState.SENT:
                continue
            try:
                if request.undo is None:
                    raise UsageError("It has no reverse call.")
                if request.id in under_way:
                    raise UsageError(f"Its reverse call {under_way[request.id]} has no end yet.")
                answer = b"" if request.answer is None else self._store.read_blob(request.answer)
                calls.append(_reverse(request, build_undo(request.undo, answer)))
            except AgentshError as e:
                stands.append(replace(request, note=e.what))
        return calls, stands

    # -- one request ------------------------------------------------------------------------------------------------

    def _try(self, request: RequestEffect, commit: str | None, *, again: bool = False) -> _Stop | None:
        """Send one; None when it went well."""
        left = False

        def before() -> None:
            nonlocal left
            fault_point("outbox.before-sending")
            self._store.begin_request(request.id, commit, again=again)
            left = True
            fault_point("outbox.sending")

        name = f"{request.id} ({_named(request)})"
        try:
            asked, session = self._asked(request)
            body = b"" if request.body is None else self._store.read_blob(request.body)
            answer = self._opened().deliver(request, body, asked, session, before)
        except PolicyDenied as e:
            if not again:
                self._store.begin_request(request.id, commit)
                self._store.end_request(request.id, RequestState.REFUSED, note=f"It was not sent: {e.what}")
            return self._stop(request, f"{name} was not sent, the rules refuse it: {e.what}")
        except (AgentshError, OSError, KeyboardInterrupt) as e:
            why = e.what if isinstance(e, AgentshError) else str(e) or "The person stopped it."
            interrupted = isinstance(e, (KeyboardInterrupt, Interrupted))
            if not left:
                return self._stop(request, f"{name} was not sent: {why}", interrupted=interrupted)
            self._store.end_request(request.id, RequestState.UNKNOWN, status=request.status, note=visible_line(why))
            said = f"Whether {name} arrived is unknown: {why}"
            return self._stop(request, said, interrupted=interrupted)
        state, note = _outcome(answer)
        digest = self._store.put_bytes(answer.body) if answer.body else None
        fault_point("outbox.before-record")
        self._store.end_request(request.id, state, status=answer.status, answer=digest, note=note)
        fault_point("outbox.recorded")
        if state is RequestState.SENT:
            return None
        word = "was refused" if state is RequestState.REFUSED else "may have had an effect or not"
        return self._stop(request, f"{name} {word}: {note}")

    def _stop(self, request: RequestEffect, why: str, *, interrupted: bool = False) -> _Stop:
        return _Stop(self._store.request(request.id), why, interrupted)

    # -- when it does not go well -----------------------------------------------------------------------------------

    def _stopped(
        self,
        stop: _Stop,
        sent: Sequence[RequestEffect],
        todo: Sequence[RequestEffect],
        commit: str,
        withdraw: Callable[[], bool] | None,
    ) -> AgentshError:
        """Take back what can be, and say what stands."""
        trouble = "" if stop.interrupted else self._compensate(sent)
        now = [self._store.request(r.id) for r in todo]
        stands = [r for r in now if r.state in (RequestState.SENT, RequestState.UNKNOWN)]
        files = f"The files of {commit} stand."
        if not stands and not stop.interrupted and (withdraw is None or withdraw()):
            files = f"The files of {commit} were taken back and are staged again."
            self._look_again(now)
            now = [self._store.request(r.id) for r in todo]
        if withdraw is None:
            files = "Your files are as they were."
        told = [f"{r.id} {r.state.value}" for r in now]
        said = f"{files} Of its requests: {', '.join(told)}.{trouble}"
        step = "'agentsh outbox' shows each of them."
        if any(r.state is RequestState.UNKNOWN for r in now):
            how = f"'agentsh outbox {stop.request.id} --sent', or --not-sent, or --again"
            step = f"Find out whether it arrived, then {how}."
        elif any(r.state is RequestState.APPROVED for r in now):
            step += " 'agentsh commit' sends what is approved, 'agentsh reject ACTION' drops it."
        if stop.interrupted:
            return Interrupted(stop.why, files=said, next_step=step)
        return RequestsStopped(stop.why, files=said, next_step=step, requests=now, commit=commit)

    def _compensate(self, sent: Sequence[RequestEffect]) -> str:
        """Run the reverse calls of what was sent, newest first; what stood in the way, as a sentence."""
        calls, _ = self.reversing(sent)
        if not calls:
            return ""
        actions = list(dict.fromkeys(r.action for r in sent))
        spec = ActionSpec(ActionKind.REVERT, {"actions": actions, "requests": [c.undoes for c in calls]})
        for call in self.record(spec, calls):
            if (stop := self._try(call, None)) is not None:
                return f" Taking back ended early: {stop.why}"
        return ""

    def record(self, spec: ActionSpec, calls: Sequence[RequestEffect]) -> list[RequestEffect]:
        """Record reverse calls as an action of their own, approved with what they take back."""
        approved = tuple(replace(c, state=RequestState.APPROVED) for c in calls)
        action = self._store.begin_action(spec)
        changes = ChangeSet((), approved)
        self._store.finish_action(action, status=ActionStatus.APPROVED, exit_code=0, changes=changes)
        said = "declared with what it takes back"
        self._store.approve(action, change_set_digest=changes.digest, comment=said, requests=True)
        return list(self._store.action(action).changes.requests)

    def _look_again(self, requests: Sequence[RequestEffect]) -> None:
        """An action of which a request was refused or taken back is not what was approved any more."""
        ended = (RequestState.REFUSED, RequestState.UNDONE)
        for id_ in dict.fromkeys(r.action for r in requests if r.state in ended):
            action = self._store.action(id_)
            if action.status is ActionStatus.APPROVED:
                self._store.replace_changes(id_, action.changes)

    # -- what it needs to know --------------------------------------------------------------------------------------

    def _opened(self) -> Web:
        if self._web is None:
            self._web = self._open_web()
        return self._web

    def _asked(self, request: RequestEffect) -> tuple[ActionSpec, SessionRecord | None]:
        """What asked for a request, and in which session; for a reverse call, what asked for the call itself."""
        of = self._store.request(request.undoes).action if request.undoes else request.action
        action: ActionRecord = self._store.action(of)
        return action.spec, self._store.session(action.session) if action.session else None

    def _unknown(self, id_: str) -> RequestEffect:
        request = self._store.request(id_)
        if request.state is not RequestState.UNKNOWN:
            raise UsageError(
                f"{id_} is {request.state.value}: there is nothing to find out about it.",
                next_step="'agentsh outbox' lists the requests and how they stand.",
            )
        return request


def _outcome(answer: Answer) -> tuple[RequestState, str]:
    """What an answer says about its request, in the strictest reading: what it does not say is unknown."""
    status = answer.status
    if 200 <= status < 300 or status in _DONE:
        state = RequestState.SENT
    elif 400 <= status < 500 or status in _TRY_ELSEWHERE:
        state = RequestState.REFUSED
    else:
        state = RequestState.UNKNOWN  # a server that failed may have done it before it did
    head = f"HTTP {status} {answer.reason}".strip()
    return state, visible_line(". ".join([head, *answer.notes]))


def _reverse(request: RequestEffect, url: str) -> RequestEffect:
    """The call that takes a request back."""
    import secrets  # noqa: PLC0415 - only for undoing

    assert request.undo is not None  # noqa: S101 - the caller has looked
    headers = tuple(h for h in request.headers if not h[0].lower().startswith("content-"))
    return RequestEffect(
        request.undo.method,
        url,
        headers,
        request.secret,
        request.carried,
        key=secrets.token_hex(16),
        undoes=request.id,
    )


def _named(request: RequestEffect) -> str:
    return visible_line(request.title if len(request.title) <= 200 else f"{request.title[:200]}…")


def _number(request: RequestEffect) -> int:
    return parse_id(request.id, IdKind.REQUEST)
