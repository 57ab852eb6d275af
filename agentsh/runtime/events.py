"""What a running session tells: typed events, each one JSON object.

Text in events is decoded, with U+FFFD for bytes that are no UTF-8, and not yet safe for a terminal: whoever shows it
passes it through :mod:`agentsh.core.sanitise`. The JSON form is ASCII alone, so printing it is safe.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

SCHEMA = 1
"""Version of the JSON form. It changes when a field changes its meaning or goes; new fields may come any time."""


@dataclass(frozen=True, slots=True)
class EffectSummary:
    r"""One effect of an action, for a line of text.

    Attributes:
        path: relative to the workspace; bytes that are no UTF-8 as ``\\xNN``.
        kind: create, modify, delete, mode, xattr or retype.
        flags: why it deserves a second look.
        added: lines added; None when they were not counted.
        removed: lines removed; None when they were not counted.
        state: pending, approved, ...
    """

    path: str
    kind: str
    flags: tuple[str, ...] = ()
    added: int | None = None
    removed: int | None = None
    state: str = "pending"


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """A request that an action wants to send, for a line of text; ``agentsh outbox`` has all of it.

    Attributes:
        id: its id in the journal (``q1``).
        method: POST, PUT, PATCH or DELETE.
        url: where it would go.
        size: bytes of its body.
        effect_class: compensable or irreversible.
        state: held, or approved by a rule.
    """

    id: str
    method: str
    url: str
    size: int
    effect_class: str
    state: str


@dataclass(frozen=True, slots=True)
class CallSummary:
    """A tool that the model asked for.

    Attributes:
        id: names the call in the conversation.
        tool: the tool's name as the model wrote it.
        arguments: the decoded arguments; None when they were no JSON object.
    """

    id: str
    tool: str
    arguments: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class CandidateSummary:
    """One of several answers of the model, tried out on a view that was thrown away.

    Attributes:
        text: what it says.
        titles: a line for each tool that it asks for.
        score: how good it looked; more is better.
        reasons: what the score is made of.
        exit_code: of the last action that was tried out; None when none was.
        stdout: the beginning of what was printed.
        effects: what would have changed; the first 50.
        logprob: the mean over its tokens; None when the endpoint does not say.
    """

    text: str
    titles: tuple[str, ...]
    score: float
    reasons: tuple[str, ...] = ()
    exit_code: int | None = None
    stdout: str = ""
    effects: tuple[EffectSummary, ...] = ()
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events.

    Attributes:
        session: the session's id (``r1``).
    """

    type: ClassVar[str] = ""
    session: str

    def to_json(self) -> str:
        """The event on one line of ASCII, with ``schema`` and ``type`` first."""
        body = {"schema": SCHEMA, "type": self.type, **_plain(self)}
        # DEL is ASCII, so JSON leaves it as it is; a terminal does not.
        return json.dumps(body, ensure_ascii=True, separators=(", ", ": ")).replace("\x7f", "\\u007f")


@dataclass(frozen=True, slots=True)
class SessionStarted(Event):
    """A session begins, or goes on.

    Attributes:
        task: the person's words.
        model: what ``--model`` called the model.
        policy: the policy that decides.
        max_steps: the step limit of this run.
        resumed: True when it goes on from the journal.
    """

    type: ClassVar[str] = "session-started"
    task: str
    model: str
    policy: str
    max_steps: int
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta(Event):
    """A piece of what the model says, while it says it. The ``message`` event that follows has the whole.

    Attributes:
        step: the step it belongs to, from 1.
        text: the piece.
    """

    type: ClassVar[str] = "text"
    step: int
    text: str


@dataclass(frozen=True, slots=True)
class CandidatesRanked(Event):
    """Several answers were asked for and tried out; the first goes on, and of the others nothing stays but this.

    Attributes:
        step: the step, from 1.
        candidates: the best first.
        prompt_tokens: what they cost together, as the endpoint counts; the ``message`` that follows counts it again.
        completion_tokens: likewise.
        model_s: seconds that the model took.
        trial_s: seconds that trying them out took.
    """

    type: ClassVar[str] = "candidates"
    step: int
    candidates: tuple[CandidateSummary, ...]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_s: float = 0.0
    trial_s: float = 0.0


@dataclass(frozen=True, slots=True)
class MessageDone(Event):
    """The model's turn is complete and journalled.

    Attributes:
        step: the step, from 1.
        text: all that it says.
        calls: the tools it asks for, in order.
        prompt_tokens: what the request cost, as the endpoint counts; 0 when it does not say.
        completion_tokens: what the answer cost.
        cost: both in dollars, by the prices of the model's profile; None where it names none.
    """

    type: ClassVar[str] = "message"
    step: int
    text: str
    calls: tuple[CallSummary, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class ActionStarted(Event):
    """An action is handed to the workspace.

    Attributes:
        step: the step, from 1.
        call: the id of the tool call.
        tool: shell, read, write, edit or search.
        title: one line that names it.
    """

    type: ClassVar[str] = "action-started"
    step: int
    call: str
    tool: str
    title: str


@dataclass(frozen=True, slots=True)
class OutputPiece(Event):
    """Output of the running action, as it comes.

    Attributes:
        stream: stdout or stderr.
        text: the piece.
    """

    type: ClassVar[str] = "output"
    stream: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True, slots=True)
class ActionFinished(Event):
    """An action ended.

    Attributes:
        step: the step, from 1.
        call: the id of the tool call.
        action: its id in the journal (``a1``); empty when it never became an action.
        tool: the tool.
        status: done, pending, approved, denied, interrupted; or ``refused`` when it never became an action.
        exit_code: the command's own; None when nothing ran.
        stopped: the limit that stopped it; empty otherwise.
        verdict: the policy's: allow, ask or deny; empty when it was not asked.
        rule: the rule that decided.
        reason: why, for people.
        note: how it ended, when there is more to say.
        duration_s: wall seconds.
        effects: what it changed on the staging view.
        requests: what it wants to send; nothing of it has left.
    """

    type: ClassVar[str] = "action-finished"
    step: int
    call: str
    action: str
    tool: str
    status: str
    exit_code: int | None = None
    stopped: str = ""
    verdict: str = ""
    rule: str = ""
    reason: str = ""
    note: str = ""
    duration_s: float = 0.0
    effects: tuple[EffectSummary, ...] = ()
    requests: tuple[RequestSummary, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something worth knowing that changes nothing: a request that is tried again, a conversation that was shortened.

    Attributes:
        code: a word for programs: ``retry``, ``context``, ``cut-off``, ``rejected``, ``secret``.
        text: a sentence for people.
    """

    type: ClassVar[str] = "notice"
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    """The run is over; nothing follows.

    Attributes:
        status: done, failed, interrupted or step-limit.
        exit_code: the process's, by the contract of the exit codes.
        text: the model's last words; empty when it did not finish.
        steps: answers of the model in this run.
        actions: ids of the actions of this run, in order.
        denied: how many actions were denied or refused.
        prompt_tokens: of this run, as the endpoint counts.
        completion_tokens: of this run.
        cost: of this run, in dollars; None where the model's profile names no price.
        error: what went wrong, as ``AgentshError.to_json`` gives it; None when nothing did.
    """

    type: ClassVar[str] = "session-ended"
    status: Literal["done", "failed", "interrupted", "step-limit"]
    exit_code: int
    text: str = ""
    steps: int = 0
    actions: tuple[str, ...] = ()
    denied: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    error: dict[str, Any] | None = None


OnEvent = Callable[[Event], None]

EVENTS: tuple[type[Event], ...] = (
    SessionStarted,
    CandidatesRanked,
    TextDelta,
    MessageDone,
    ActionStarted,
    OutputPiece,
    ActionFinished,
    Notice,
    SessionEnded,
)
"""Every kind of event, in the order in which a session first tells them."""


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return value


def json_schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) of one line of ``--json`` output, made from the event classes."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "agentsh event",
        "oneOf": [{"$ref": f"#/$defs/{e.type}"} for e in EVENTS],
        "$defs": {e.type: _object(e, {"schema": {"const": SCHEMA}, "type": {"const": e.type}}) for e in EVENTS},
    }


def _object(cls: type, first: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    properties = first | {f.name: _schema(hints[f.name]) for f in fields(cls)}
    # Readers must bear fields that they do not know: they come without a new schema version.
    return {"type": "object", "properties": properties, "required": list(properties)}


def _schema(hint: Any) -> dict[str, Any]:
    simple = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}
    if hint in simple:
        return {"type": simple[hint]}
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(a) for a in args]}
    if origin is Literal:
        return {"enum": list(args)}
    if origin is tuple:
        return {"type": "array", "items": _schema(args[0])}
    if origin is dict:
        return {"type": "object"}
    return _object(hint, {})
