"""A request over HTTP as an action: what decides about it, and what becomes of the answer.

Three things must agree before anything is sent: the policy's rules, the allow-list of the configuration, and, for a
host that a wildcard alone allows, the person, who must have named it. All three are asked again at every redirect.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionKind, Origin
from agentsh.core.decision import Decision, Verdict
from agentsh.core.errors import ActionFailed, ConfigError, Interrupted, LimitExceeded, PolicyDenied, UsageError
from agentsh.core.sanitise import visible_line
from agentsh.policy.destination import named_hosts, parse_url
from agentsh.policy.reach import reach
from agentsh.runtime.conversation import META
from agentsh.runtime.redaction import CleanRun, open_redactor
from agentsh.sandbox import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agentsh.config import Config
    from agentsh.core.action import ActionSpec, OutputSink
    from agentsh.core.limits import Limits
    from agentsh.core.secret import Secret
    from agentsh.core.session import SessionRecord
    from agentsh.egress import Answer
    from agentsh.policy import Policy
    from agentsh.policy.destination import Destination
    from agentsh.policy.reach import Reach
    from agentsh.redact import Redactor

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

        Args:
            spec: the action.
            session: in which the model asks for it; None when the person does.

        Raises:
            UsageError: an argument is missing, of the wrong type, or cannot be sent.
        """
        from agentsh.egress import check_headers  # noqa: PLC0415 - brings the client

        url, headers = _text(spec, "url"), _headers(spec)
        destination = parse_url(url)
        if spec.arguments.get("method", "GET") == "GET":
            check_headers(headers)
        leaving = "\n".join([url, *headers.values(), *headers])
        return _leak(self._redactor, leaving) or self._decide(spec, destination, self._named(spec, session))

    def _named(self, spec: ActionSpec, session: SessionRecord | None) -> frozenset[str]:
        """The hosts that the person named: in their own request, or in what they said to the model."""
        if spec.origin is Origin.PERSON:
            return frozenset({parse_url(_text(spec, "url")).host})
        return named_hosts(_words_of_the_person(session)) if session is not None else frozenset()

    def _decide(self, spec: ActionSpec, destination: Destination, named: frozenset[str]) -> Decision:
        asked = replace(spec, arguments={**spec.arguments, "url": destination.url})
        ruled = self._policy.judge_action(asked)
        if ruled.verdict is Verdict.DENY:
            return ruled
        reached = self._reach.judge(destination, method=str(spec.arguments.get("method", "GET")), named=named)
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


def _leak(redactor: Redactor | None, leaving: str) -> Decision | None:
    """The refusal of what holds the value of a secret; a server that was sent one may put it into a redirect."""
    names = () if redactor is None else redactor.redact(leaving.encode("utf-8", "surrogateescape")).names
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
