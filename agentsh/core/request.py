"""Held requests: what an action wants to send, kept until a person has approved it and it is committed."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from agentsh.core.effect_class import EffectClass
from agentsh.core.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable

HELD_METHODS = ("POST", "PUT", "PATCH", "DELETE")
"""Methods of requests that change something: they are held. GET is sent at once; nothing else is sent at all."""

KEY_HEADER = "Idempotency-Key"
"""The header that lets a server tell a request that it has seen from a new one (draft-ietf-httpapi-idempotency-key)."""


class RequestState(StrEnum):
    """Where a request stands."""

    HELD = "held"
    """Waits for an answer; nothing of it has left."""
    APPROVED = "approved"
    """The person, or an explicit rule, said yes to exactly this; it goes out with the next commit."""
    SENDING = "sending"
    """Is about to go out, or has: while a process works on it alone."""
    SENT = "sent"
    """The server answered that it did it, or the person says that it arrived."""
    REFUSED = "refused"
    """It had no effect: the rules refused it when it was to be sent, or the server did."""
    UNKNOWN = "unknown"
    """It may have arrived. It is never sent again unless the person says so."""
    UNDONE = "undone"
    """Was sent, and its reverse call after it."""
    REJECTED = "rejected"
    DISCARDED = "discarded"


OPEN_REQUESTS = (RequestState.HELD, RequestState.APPROVED)
"""States of what can still be dropped without a trace."""

UNSETTLED = (RequestState.HELD, RequestState.APPROVED, RequestState.SENDING, RequestState.UNKNOWN)
"""States that are not the end."""


@record(frozen=True, slots=True)
class UndoCall:
    """A declared reverse call, built when the response is there.

    Attributes:
        method: how.
        url: of the call's own origin; ``{id}`` or ``{data.id}`` in its path or query stands for a value of the
            response's JSON.
    """

    method: str
    url: str


@record(frozen=True, slots=True)
class RequestEffect:
    """A request that an action wants to send.

    Attributes:
        method: in capitals.
        url: in its one spelling.
        headers: names and values, in order; never a credential.
        secret: the name of the secret that goes along; its value is in the keyring alone. Empty without.
        carried: how that secret goes along, as people see it: ``Authorization: Bearer secret:NAME``.
        body: digest of the body's content; None without a body.
        size: bytes of the body.
        key: what the server can tell a repetition by; new for each request.
        undo: the declared reverse call; None where there is none, which makes the request irreversible.
        undoes: the id of the request that this one takes back; empty for any other.
        id: ``q1``, ``q2``, ... per workspace; empty before it is recorded. From here on nothing is part of what it is.
        action: whose effect it is.
        state: where it stands.
        status: of the answer; None before there is one.
        answer: digest of the answer's body, without values of secrets; None without.
        note: one sentence about how it ended.
        commit: the commit that sent it.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    secret: str = ""
    carried: str = ""
    body: bytes | None = None
    size: int = 0
    key: str = ""
    undo: UndoCall | None = None
    undoes: str = ""
    id: str = ""
    action: str = ""
    state: RequestState = RequestState.HELD
    status: int | None = None
    answer: bytes | None = None
    note: str = ""
    commit: str | None = None

    @property
    def effect_class(self) -> EffectClass:
        """Whether it can be taken back by a call of its own."""
        return EffectClass.IRREVERSIBLE if self.undo is None else EffectClass.COMPENSABLE

    @property
    def title(self) -> str:
        """One line that names it; raw text, sanitise before showing it."""
        return f"{self.method} {self.url}"

    def encode(self) -> bytes:
        """What it is, as bytes: equal for equal requests alone, whatever has become of them."""
        undo = self.undo or UndoCall("", "")
        parts: list[bytes] = [_text(p) for p in (self.method, self.url, self.secret, self.carried, self.key)]
        parts += [self.body or b"", b"%d" % self.size, _text(undo.method), _text(undo.url), _text(self.undoes)]
        parts += [_text(part) for pair in self.headers for part in pair]
        return b"".join(len(p).to_bytes(8, "big") + p for p in parts)


def open_requests(requests: Iterable[RequestEffect]) -> list[RequestEffect]:
    """Those that wait to be approved or sent."""
    return [r for r in requests if r.state in OPEN_REQUESTS]


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
