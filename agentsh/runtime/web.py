"""A request over HTTP as an action: what decides about it, and what becomes of the answer.

Three things must agree before anything is sent: the policy's rules, the allow-list of the configuration, and, for a
host that a wildcard alone allows, the person, who must have named it. All three are asked again at every redirect.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionKind, ActionSpec, Origin
from agentsh.core.decision import Decision, Verdict
from agentsh.core.errors import ActionFailed, ConfigError, Interrupted, LimitExceeded, PolicyDenied, UsageError
from agentsh.core.request import HELD_METHODS, RequestEffect
from agentsh.core.sanitise import visible_line
from agentsh.policy.destination import named_hosts, parse_url
from agentsh.policy.reach import reach
from agentsh.runtime.conversation import META
from agentsh.runtime.redaction import CleanRun, clean_spec, open_redactor
from agentsh.sandbox import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agentsh.config import Config
    from agentsh.core.action import OutputSink
    from agentsh.core.limits import Limits
    from agentsh.core.secret import Secret
    from agentsh.core.session import SessionRecord
    from agentsh.egress import Answer
    from agentsh.policy import Policy
    from agentsh.policy.destination import Destination
    from agentsh.policy.reach import Reach
    from agentsh.redact import Redactor

Before = Callable[[], None]
_LEAK = "http.secret-in-request"


class Web:
    """Requests of one workspace.

    Args:
        config: the person's configuration, narrowed by the workspace's.
        policy: its rules.
        redactor: knows the values of secrets; None where there are none.

    Raises:
        ConfigError: a pattern of hosts in the configuration is none.
    """

    def __init__(self, *, config: Config, policy: Policy, redactor: Redactor | None) -> None:
        self._config = config
        self._policy = policy
        self._redactor = redactor
        self._reach = reach_of(config)
        self._stop = threading.Event()
        self._running = False

    def judge(self, spec: ActionSpec, session: SessionRecord | None) -> Decision:
        """Decide about a request that has not been sent.

        For one that changes something, 'ask' holds it, and 'allow' means that it may go out with a commit unseen.

        Args:
            spec: the action.
            session: in which the model asks for it; None when the person does.

        Raises:
            UsageError: an argument is missing, of the wrong type, or cannot be sent.
        """
        from agentsh.egress import check_headers  # noqa: PLC0415 - brings the client

        url, headers = _text(spec, "url"), _headers(spec)
        destination = parse_url(url)
        if not self.holds(spec) and (spec.arguments.get("body") or spec.arguments.get("undo")):
            raise UsageError("A request that only reads has no body and no reverse call.", files="Nothing was sent.")
        if spec.arguments.get("method", "GET") == "GET":
            check_headers(headers)
        leaving = "\n".join([url, *headers.values(), *headers, str(spec.arguments.get("body", ""))])
        held = self.holds(spec)
        redactor = open_redactor(self._config) if held else self._redactor  # a secret may have been stored since
        decision = _leak(redactor, leaving) or self._decide(spec, destination, self._named(spec, session))
        return self._policy.judge_request(spec) if held and decision.verdict is Verdict.ALLOW else decision

    def clean(self, spec: ActionSpec) -> ActionSpec:
        """An action as the journal keeps it, also without the values of secrets that were stored a moment ago."""
        return clean_spec(spec, open_redactor(self._config))

    @staticmethod
    def holds(spec: ActionSpec) -> bool:
        """Whether a request is one that is held, not sent at once."""
        return spec.arguments.get("method", "GET") in HELD_METHODS

    def hold(self, spec: ActionSpec) -> tuple[RequestEffect, bytes]:
        """A request that is to be held, and the body that it names once that is kept.

        Raises:
            UsageError: an argument is of the wrong type, or cannot be sent.
            PolicyDenied: a header may not be set, or the secret is not bound to the host.
            LimitExceeded: the body is too large.
        """
        from agentsh.egress import check_headers  # noqa: PLC0415 - brings the client
        from agentsh.policy.undo import find_undo, parse_undo  # noqa: PLC0415 - not for reading

        goal, method, given = parse_url(_text(spec, "url")), _text(spec, "method"), spec.arguments
        if given.get("output"):
            raise UsageError("'output' keeps what a GET brings: a held request has no answer yet.")
        headers = check_headers(_headers(spec))
        body = _text(spec, "body").encode("utf-8", "surrogateescape") if given.get("body") else b""
        if len(body) > self._config.http.max_bytes:
            raise LimitExceeded(f"The body has {len(body)} bytes.", limit="http.max_bytes", files="Nothing was held.")
        said, undo = find_undo(self._config.apis, method, goal)
        if not said and given.get("undo"):
            undo = parse_undo(_text(spec, "undo"), goal)
        secret = _text(spec, "secret") if given.get("secret") else ""
        carried = self.carried(secret, goal, method)
        if any(name.lower() == carried.partition(":")[0].lower() for name in headers):
            raise UsageError(f"The header {carried.partition(':')[0]} carries the secret.", files="Nothing was held.")
        key, own = secrets.token_hex(16), tuple(headers.items())
        return RequestEffect(method, goal.url, own, secret, carried, None, len(body), key, undo), body

    def carried(self, secret: str, goal: Destination, method: str) -> str:
        """How a secret goes along with a request, its name in place of the value; empty without one.

        Raises:
            PolicyDenied: it is not bound to the host, for the method.
        """
        if not secret:
            return ""
        from agentsh.egress import Client  # noqa: PLC0415 - brings the client

        Client(self._config.http, bindings=self._config.bindings).check_binding(secret, goal, method=method)
        binding = self._config.bindings[secret]
        return f"{binding.header}: {binding.prefix}secret:{secret}"

    def deliver(
        self, request: RequestEffect, body: bytes, asked: ActionSpec, session: SessionRecord | None, before: Before
    ) -> Answer:
        """Send an approved request, once; what comes back is without values of secrets.

        Everything is decided about again: the rules, the host, its address, the secret.

        Args:
            request: what is sent.
            body: its content.
            asked: the action that asked for it.
            session: in which a model asked; None when the person did.
            before: called when the connection stands and nothing has been written to it.

        Raises:
            PolicyDenied: it may not be sent; nothing was.
            UsageError: it cannot be sent.
            LimitExceeded, Interrupted, ActionFailed: as :meth:`agentsh.egress.Client.send` says.
        """
        from agentsh.egress import Client  # noqa: PLC0415 - brings the client

        redactor = open_redactor(self._config)
        spec, goal = spec_of(request, asked), parse_url(request.url)
        if self.carried(request.secret, goal, request.method) != request.carried:
            raise PolicyDenied(f"secret:{request.secret} goes along in another way than was approved.", rule=_LEAK)
        named = self._named(asked, session)
        leaving = b"\n".join([request.url.encode(), *(f"{n}: {v}".encode() for n, v in request.headers), body])

        def judge(destination: Destination) -> Decision:
            return _leak(redactor, leaving) or self._decide(spec, destination, named)

        self._stop.clear()
        self._running = True
        try:
            answer = Client(self._config.http, bindings=self._config.bindings, reveal=_reveal).send(
                request, body, judge=judge, granted=self._reach.grants_private, before=before, stop=self._stop
            )
        finally:
            self._running = False
        if redactor is None:
            return answer
        notes = tuple(map(redactor.text, answer.notes))
        return replace(answer, body=redactor.redact(answer.body).data, reason=redactor.text(answer.reason), notes=notes)

    def _named(self, spec: ActionSpec, session: SessionRecord | None) -> frozenset[str]:
        """The hosts that the person named: in their own request, or in what they said to the model."""
        if spec.origin is Origin.PERSON:  # a revert has no URL: its calls stay with hosts that were approved
            return frozenset({parse_url(str(url)).host for url in [spec.arguments.get("url")] if url})
        return named_hosts(_words_of_the_person(session)) if session is not None else frozenset()

    def _decide(self, spec: ActionSpec, destination: Destination, named: frozenset[str]) -> Decision:
        asked = replace(spec, arguments={**spec.arguments, "url": destination.url})
        ruled = self._policy.judge_action(asked)
        if ruled.verdict is Verdict.DENY:
            return ruled
        reached = self._reach.judge(destination, method=str(spec.arguments.get("method", "GET")), named=named)
        if self.holds(spec):
            return reached
        if reached.verdict is Verdict.ALLOW and ruled.verdict is Verdict.ASK and spec.origin is Origin.AGENT:
            # A request cannot be looked at afterwards: what needs a person is a person's to send.
            reason = f"{ruled.reason} It needs a person, who can send it: 'agentsh http GET URL'."
            return Decision(Verdict.DENY, ruled.rule, reason)
        return reached

    def send(
        self, spec: ActionSpec, session: SessionRecord | None, *, limits: Limits, on_output: OutputSink | None
    ) -> Outcome:
        """Send a request that was allowed, and take its answer: the body is stdout, what there is to say stderr.

        Raises:
            PolicyDenied: a redirect, an address, a secret, or a type of body is refused.
            UsageError: an argument cannot be sent.
        """
        redactor = self._redactor
        if spec.arguments.get("secret"):
            redactor = open_redactor(self._config)  # it may have been stored since, and a server can echo it
        quiet = bool(spec.arguments.get("output"))
        self._stop.clear()
        self._running = True
        try:
            outcome = CleanRun(redactor, on_output)(
                lambda sink: self._send(spec, session, limits, sink, redactor, quiet=quiet)
            )
            return replace(outcome, note=_clean(redactor, outcome.note))
        except PolicyDenied as e:  # it quotes the server, who may know a value
            raise PolicyDenied(_clean(redactor, e.what), rule=e.rule, next_step=e.next_step) from None
        finally:
            self._running = False

    def interrupt(self) -> bool:
        """Stop the request that is under way; whether there is one."""
        self._stop.set()
        return self._running

    def _send(
        self,
        spec: ActionSpec,
        session: SessionRecord | None,
        limits: Limits,
        sink: OutputSink | None,
        redactor: Redactor | None,
        *,
        quiet: bool,
    ) -> Outcome:
        from agentsh.egress import Client  # noqa: PLC0415 - brings the client

        web = self._config.http
        most = web.max_bytes if quiet else min(web.max_bytes, limits.output_bytes)
        web = replace(web, timeout_s=min(web.timeout_s, limits.wall_s), max_bytes=most)
        named = self._named(spec, session)
        started = time.monotonic()
        try:
            answer = Client(web, bindings=self._config.bindings, reveal=_reveal).get(
                _text(spec, "url"),
                judge=lambda goal: _leak(redactor, goal.url) or self._decide(spec, goal, named),
                granted=self._reach.grants_private,
                headers=_headers(spec),
                secret=_text(spec, "secret") if spec.arguments.get("secret") else "",
                stop=self._stop,
            )
            outcome = _outcome(answer)
        except LimitExceeded as e:
            outcome = Outcome(exit_code=e.exit_code, stopped=e.limit, note=e.what)
        except Interrupted as e:
            outcome = Outcome(exit_code=e.exit_code, interrupted=True, note=e.what)
        except ActionFailed as e:
            told = f"agentsh: {e.what} {e.next_step}".rstrip()
            outcome = Outcome(exit_code=1, stderr=f"{told}\n".encode())
        if sink is not None:
            if outcome.stdout and not quiet:
                sink("stdout", outcome.stdout)
            if outcome.stderr:
                sink("stderr", outcome.stderr)
        return replace(outcome, duration=time.monotonic() - started)


def reach_of(config: Config) -> Reach:
    """What requests may reach by a configuration.

    Raises:
        ConfigError: a pattern of hosts is none.
    """
    web = config.http
    try:
        found = reach(allow=web.allow, granted=web.grant_private, within=web.within, person_only=web.person_only)
        bound = [reach(allow=b.hosts) for b in config.bindings.values()]
    except UsageError as e:
        raise ConfigError(f"In the configuration of requests: {e.what}", next_step=e.next_step) from e
    if any(p.wildcard for r in (found, *bound) for p in r.granted):
        raise ConfigError("In the configuration of requests: http.grant_private names each host, without wildcards.")
    return found


def spec_of(request: RequestEffect, asked: ActionSpec) -> ActionSpec:
    """A held request as the rules look at it: what it is, not what its action once said."""
    arguments = {"method": request.method, "url": request.url, "headers": dict(request.headers)}
    return ActionSpec(ActionKind.HTTP, {**arguments, "secret": request.secret}, asked.origin)


def _leak(redactor: Redactor | None, leaving: str | bytes) -> Decision | None:
    """The refusal of what holds the value of a secret; a server that was sent one may put it into a redirect."""
    data = leaving if isinstance(leaving, bytes) else leaving.encode("utf-8", "surrogateescape")
    names = () if redactor is None else redactor.redact(data).names
    if not names:
        return None
    held = ", ".join(f"secret:{n}" for n in names)
    return Decision(Verdict.DENY, _LEAK, f"The request holds the value of {held}: it goes by its name alone.")


def _clean(redactor: Redactor | None, told: str) -> str:
    return told if redactor is None else redactor.text(told)


def _outcome(answer: Answer) -> Outcome:
    head = f"HTTP {answer.status} {answer.reason}".strip()
    lines = [f"{head}, {answer.content_type or 'no type'}, {len(answer.body)} bytes from {answer.url}", *answer.notes]
    return Outcome(
        exit_code=0 if 200 <= answer.status < 300 else 1,
        stdout=answer.body,
        stderr="".join(f"{visible_line(line)}\n" for line in lines).encode(),
    )


def _reveal(name: str) -> Secret | None:
    from agentsh.secrets import Keychain  # noqa: PLC0415 - brings the keyring package

    return Keychain().get(name)


def _words_of_the_person(session: SessionRecord) -> Iterable[str]:
    yield session.task
    for message in session.messages:
        meta: Mapping[str, Any] = message.get(META, {})
        if message.get("role") == "user" and meta.get("origin") == "person":
            yield str(message.get("content") or "")


def _text(spec: ActionSpec, name: str) -> str:
    value = spec.arguments.get(name)
    if spec.kind is not ActionKind.HTTP or not isinstance(value, str):
        raise UsageError(f"A {spec.kind.value} action needs '{name}' as text.", files="Nothing was sent.")
    return value


def _headers(spec: ActionSpec) -> dict[str, str]:
    value = spec.arguments.get("headers", {})
    if not isinstance(value, dict) or not all(isinstance(v, str) for pair in value.items() for v in pair):
        raise UsageError("The headers of a request are an object of names and texts.", files="Nothing was sent.")
    return value
