"""One request over HTTP, from the host, by the rules: the only way from an action to the network.

What decides is asked about each hop (:data:`Judge`); this module sees to it that nothing but what was decided about is
sent, that it goes to an address that was checked, and that what comes back is bounded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin

import httpcore2

from agentsh.core.decision import Verdict
from agentsh.core.errors import ActionFailed, Interrupted, LimitExceeded, PolicyDenied, UsageError
from agentsh.core.faults import fault_point
from agentsh.core.record import record
from agentsh.core.request import KEY_HEADER
from agentsh.core.sanitise import visible_line
from agentsh.egress.addresses import why_not
from agentsh.egress.body import MAX_BYTES, media_type, read_body, type_allowed
from agentsh.egress.deadline import Deadline
from agentsh.egress.headers import check_headers
from agentsh.egress.resolve import Resolver, checked_addresses, system_resolver
from agentsh.egress.wire import HEADERS, MAX_HEADER_BYTES, connect
from agentsh.policy.destination import host_pattern, parse_url

if TYPE_CHECKING:
    import ssl
    import threading

    from agentsh.config import SecretBinding, Web
    from agentsh.core.decision import Decision
    from agentsh.core.request import RequestEffect
    from agentsh.core.secret import Secret
    from agentsh.egress.wire import Wire
    from agentsh.policy.destination import Destination

Judge = Callable[["Destination"], "Decision"]
"""Whether a hop may be made."""

MOST_REDIRECTS = 5
DOWNGRADE = "http.downgrade"
SECRET = "http.secret"  # noqa: S105 - the name of a rule
TYPE = "http.mime"
ECHO = "http.secret-in-request"
REDIRECT = "http.redirect"

_REDIRECTS = {301, 302, 303, 307, 308}
_WITHOUT_BODY = {204, 304}
_WITH_LENGTH = {"POST", "PUT", "PATCH"}  # whose body, when it is empty, is told to be so (RFC 9110, 8.6)


@record(frozen=True, slots=True)
class Answer:
    """What a server said.

    Attributes:
        status: its number.
        reason: its word for that, as it came.
        content_type: as it came; empty without.
        body: decompressed.
        url: where it came from, after all redirects.
        hops: every URL that was asked, in order.
        notes: what was done otherwise than asked, one sentence each.
    """

    status: int
    reason: str
    content_type: str
    body: bytes
    url: str
    hops: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())


class Client:
    """Makes requests.

    Args:
        web: bounds and media types.
        bindings: where each secret may go.
        reveal: gives a secret by its name; called when it is about to be sent.
        resolver: looks names up.
        tls: which certificates are trusted; the system's, unless given.
    """

    def __init__(
        self,
        web: Web,
        *,
        bindings: Mapping[str, SecretBinding] | None = None,
        reveal: Callable[[str], Secret | None] = lambda _: None,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._web = web
        self._bindings = bindings or {}
        self._reveal = reveal
        self._resolver = resolver
        self._tls = tls

    def get(
        self,
        url: str,
        *,
        judge: Judge,
        granted: Callable[[Destination], bool] = lambda _: False,
        headers: Mapping[str, str] | None = None,
        secret: str = "",
        stop: threading.Event | None = None,
    ) -> Answer:
        """Read a URL, following redirects.

        Args:
            url: of the first hop.
            judge: asked about each hop before anything of it is done, its name not yet looked up.
            granted: whether the address of a hop may be a private one.
            headers: further ones; not sent to another origin than the first.
            secret: the name of one to send, as its binding says; not sent to another origin than the first.
            stop: set to give up.

        Raises:
            UsageError: the URL or a header cannot be used; nothing was sent.
            PolicyDenied: a hop may not be made, or what came back is of a type that is not taken.
            LimitExceeded: it took too long, or brought too much.
            ActionFailed: the server cannot be reached, or does not speak HTTP as it should.
        """
        first = here = parse_url(url)
        given = check_headers(headers or {})
        if secret:
            self.check_binding(secret, first)
        deadline = Deadline(self._web.timeout_s, stop)
        own = True
        hops: list[str] = []
        notes: list[str] = []
        while True:
            _allowed(judge(here), here, hops)
            own = own and here.origin == first.origin  # once away, whoever leads back chose what is asked
            if hops and not own:
                notes += _dropped(here, given, secret)
            hops.append(here.url)
            addresses = checked_addresses(here, granted=granted(here), resolver=self._resolver, deadline=deadline)
            with contextlib.closing(connect(here, addresses, deadline=deadline, tls=self._tls)) as wire:
                sent = [*(given.items() if own else ())]
                if secret and own:
                    sent.append(self._credential(secret, here, wire))
                response = _ask(wire, here, sent)
                _no_echo(response, sent[-1][1] if secret and own else "", here, secret)
                if (goal := _location(response, here)) is None:
                    return self._answer(response, wire, here, tuple(hops), tuple(notes))
            if len(hops) > MOST_REDIRECTS:
                raise ActionFailed(f"The server redirects more than {MOST_REDIRECTS} times; at last to {goal.url}.")
            here = goal

    def send(
        self,
        request: RequestEffect,
        body: bytes,
        *,
        judge: Judge,
        granted: Callable[[Destination], bool] = lambda _: False,
        before: Callable[[], None] = lambda: None,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Send a request that changes something, once: nothing is tried again, no redirect is followed.

        Args:
            request: what is sent.
            body: its content.
            judge: asked before anything of it is done.
            granted: whether the address may be a private one.
            before: called when the connection stands and nothing has been written to it. What is raised before that,
                or by it, means that nothing has left; what is raised after it, that something may have.
            stop: set to give up.

        Returns:
            The answer, also one of a type or size that is not taken: then without its body, and a note says so.

        Raises:
            UsageError: the URL or a header cannot be used.
            PolicyDenied: it may not be sent.
            LimitExceeded: it took too long.
            Interrupted: the person stopped it.
            ActionFailed: the server cannot be reached, or does not speak HTTP as it should.
        """
        here = parse_url(request.url)
        given = check_headers(dict(request.headers))
        if request.secret:
            self.check_binding(request.secret, here, method=request.method)
        deadline = Deadline(self._web.timeout_s, stop)
        _allowed(judge(here), here, [])
        addresses = checked_addresses(here, granted=granted(here), resolver=self._resolver, deadline=deadline)
        with contextlib.closing(connect(here, addresses, deadline=deadline, tls=self._tls)) as wire:
            sent = [*given.items(), (KEY_HEADER, request.key)]
            if request.secret:
                sent.append(self._credential(request.secret, here, wire))
            before()
            response = _ask(wire, here, sent, method=request.method, body=body)
            fault_point("outbox.answered")
            goal = _header(response, b"location") if response.status in _REDIRECTS else ""
            notes: tuple[str, ...] = (f"It redirects to {_quoted(goal)}, which was not followed.",) if goal else ()
            try:
                return self._answer(response, wire, here, (here.url,), notes)
            except (ActionFailed, LimitExceeded, PolicyDenied, Interrupted) as e:
                notes += (f"The body of the answer was not taken: {e.what}",)
                bare = Answer(response.status, "", "", b"", here.url, (here.url,))
                return replace(bare, notes=notes)

    def check_binding(self, name: str, first: Destination, *, method: str = "GET") -> None:
        """Refuse a secret that is not bound to a host, for a method.

        Raises:
            PolicyDenied: it is not.
        """
        binding = self._bindings.get(name)
        if binding is None:
            raise _no_secret(f"secret:{visible_line(name[:140])} is bound to no host, so it is sent nowhere.", name)
        if not any(host_pattern(h).covers(first) for h in binding.hosts):
            raise _no_secret(f"secret:{name} is not bound to {first.authority}.", name)
        if method not in binding.methods:
            raise _no_secret(f"secret:{name} is not bound to {visible_line(method[:20])}.", name)

    def _credential(self, name: str, here: Destination, wire: Wire) -> tuple[str, str]:
        """The header that carries a secret: its value leaves the keyring here, and is kept nowhere."""
        peer = str(wire.get_extra_info("socket").getpeername()[0])
        if here.scheme != "https" and why_not(peer) != "loopback":
            clear = f"secret:{name} would go to {here.authority} in clear text; it is sent over https alone."
            raise PolicyDenied(clear, rule=SECRET)
        secret = self._reveal(name)
        if secret is None:
            raise ActionFailed(f"There is no secret {name}.", next_step=f"Store it: 'agentsh secrets set {name}'.")
        binding = self._bindings[name]
        value = f"{binding.prefix}{secret.reveal().strip()}"
        if not value.isascii() or not value.isprintable():
            raise ActionFailed(f"The value of secret:{name} has characters that no header can carry.")
        return binding.header, value

    def _answer(
        self, response: httpcore2.Response, wire: Wire, here: Destination, hops: tuple[str, ...], notes: tuple[str, ...]
    ) -> Answer:
        content_type = _header(response, b"content-type")
        most = self._web.max_bytes
        body = b""
        if response.status not in _WITHOUT_BODY:
            if (
                not type_allowed(media_type(content_type), self._web.mime)
                and _header(response, b"content-length") != "0"
            ):
                raise PolicyDenied(
                    f"{here.authority} answers with {_quoted(content_type) or 'no type'}, which is not among the types "
                    "that are taken.",
                    rule=TYPE,
                    next_step="The person names the types that are in their configuration: [http] mime.",
                )
            length = _header(response, b"content-length")
            if length.isdecimal() and int(length[:20]) > most:
                raise LimitExceeded(f"The body is {length[:20]} bytes, and {most} are taken.", limit=MAX_BYTES)
            wire.expect_body(8 * most + MAX_HEADER_BYTES, MAX_BYTES)  # chunks of one byte take six on the wire
            with _speaking(here):
                body = read_body(response.iter_stream(), encoding=_header(response, b"content-encoding"), most=most)
        reason = response.extensions.get("reason_phrase", b"").decode("latin-1")
        return Answer(response.status, reason, content_type, body, here.url, hops, notes)


def _no_secret(what: str, name: str) -> PolicyDenied:
    return PolicyDenied(
        what,
        rule=SECRET,
        next_step=f"The person binds it in their configuration: [secrets.{visible_line(name[:140])}] hosts = [...].",
    )


def _allowed(decision: Decision, here: Destination, hops: list[str]) -> None:
    if decision.verdict is not Verdict.ALLOW:
        from_ = f" {hops[-1]} redirects to {here.url}." if hops else ""
        raise PolicyDenied(f"{decision.reason}{from_}", rule=decision.rule)


def _dropped(here: Destination, given: Mapping[str, str], secret: str) -> list[str]:
    left = [*([f"secret:{secret}"] if secret else []), *given]
    return [f"{here.authority} is another origin: it did not get {', '.join(left)}."] if left else []


def _ask(
    wire: Wire, here: Destination, headers: list[tuple[str, str]], *, method: str = "GET", body: bytes = b""
) -> httpcore2.Response:
    ours = {
        "host": here.authority,
        "accept": "*/*",
        "accept-encoding": "gzip",
        "user-agent": "agentsh",
        "connection": "close",
    }
    for name, value in headers:
        ours[name.lower()] = value
    if body or method in _WITH_LENGTH:
        ours["content-length"] = str(len(body))
    origin = httpcore2.Origin(here.scheme.encode(), here.host.encode(), here.port)
    request = httpcore2.Request(
        method,
        httpcore2.URL(scheme=here.scheme, host=here.host, port=here.port, target=here.target),
        headers=[(n.encode(), v.encode()) for n, v in ours.items()],
        content=body,
    )
    with _speaking(here):
        response = httpcore2.HTTP11Connection(origin, wire).handle_request(request)
    if sum(len(n) + len(v) + 4 for n, v in response.headers) > MAX_HEADER_BYTES:
        raise LimitExceeded(f"The headers are larger than {MAX_HEADER_BYTES} bytes.", limit=HEADERS)
    if response.status < 200:
        raise ActionFailed(f"{here.authority} wants to speak another protocol (status {response.status}).")
    return response


@contextlib.contextmanager
def _speaking(here: Destination) -> Iterator[None]:
    try:
        yield
    except (httpcore2.ProtocolError, httpcore2.NetworkError, httpcore2.TimeoutException) as e:
        raise ActionFailed(f"{here.authority} does not speak HTTP as it should ({type(e).__name__}).") from e


def _quoted(text: str) -> str:
    """What a server said, whole or not at all: half of a secret's value would not be found and taken out."""
    return visible_line(text) if len(text) <= 200 else f"something of {len(text)} characters"


def _header(response: httpcore2.Response, name: bytes) -> str:
    """A header's value; of several the first, and the contradiction is the server's."""
    return next((v.decode("latin-1") for n, v in response.headers if n.lower() == name), "")


def _no_echo(response: httpcore2.Response, sent: str, here: Destination, name: str) -> None:
    """Refuse a redirect that holds the secret which was sent: a host's name, say, has no capitals to find it by later.

    Raises:
        PolicyDenied: it does.
    """
    value = sent.rpartition(" ")[2].casefold()
    goal = unquote(_header(response, b"location")).casefold()
    if value and value in goal:
        raise PolicyDenied(f"{here.authority} redirects to a URL with the value of secret:{name} in it.", rule=ECHO)


def _location(response: httpcore2.Response, here: Destination) -> Destination | None:
    """Where an answer redirects to; None where it does not.

    Raises:
        PolicyDenied: from https to http, or to what is no URL that can be used.
    """
    if response.status not in _REDIRECTS:
        return None
    raw = next((v for n, v in response.headers if n.lower() == b"location"), None)
    if raw is None:
        return None
    text = raw.decode("utf-8", "backslashreplace")
    goal = None
    if not any(ch <= " " or ch == "\\" for ch in text):  # urljoin would take some of them away
        with contextlib.suppress(UsageError, ValueError):
            goal = parse_url(urljoin(here.url, text))
    if goal is None:
        raise PolicyDenied(f"{here.authority} redirects to what cannot be used: {_quoted(text)}.", rule=REDIRECT)
    if here.scheme == "https" and goal.scheme == "http":
        raise PolicyDenied(f"{here.authority} redirects from https to http: {goal.url}.", rule=DOWNGRADE)
    return goal
