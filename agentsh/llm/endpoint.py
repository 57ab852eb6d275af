"""A model behind an OpenAI-compatible HTTP endpoint.

Decisions that keep the key where it belongs:

- The client of the ``openai`` package never holds the key. A hook puts it into each request as it leaves, and only when
  the request goes to the origin (scheme, host, port) that the profile names.
- Redirects are answers, not instructions: none is followed.
- The environment is not read: no proxy, no ``.netrc``, no ``OPENAI_*`` variable changes where a request goes or what it
  carries. Headers that the client adds about this machine are taken off.
- Bodies are read in bounds, errors too, and never compressed, so that the bounds are those of memory.
- The HTTP transport's debug log is switched off: it quotes headers.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

from agentsh.core.errors import AgentshError, Interrupted, ModelError
from agentsh.core.sanitise import visible_line
from agentsh.llm.assemble import Assembler, error_text
from agentsh.llm.model import Answer, Message, Model, OnText, Sample, Usage
from agentsh.llm.nbest import TEMPERATURE, Several
from agentsh.llm.origin import checked_origin, origin
from agentsh.llm.retry import RETRIED, Retry, retry_after, wait
from agentsh.llm.sse import MAX_STREAM_BYTES, data_events
from agentsh.redact import Redactor

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    import openai

    from agentsh.config import ModelProfile
    from agentsh.core.secret import Secret

T = TypeVar("T")

_ERROR_BYTES = 64 << 10
_ERROR_S = 10.0  # seconds for the text of an error, however slowly it drips
_TRANSPORT_LOGGERS = ("httpx", "httpx2", "httpcore", "httpcore2")  # packages too; the client brings one pair of them
_EMPTY = "The model gave an empty answer."
_RAW_HEADER = "x-stainless-raw-response"  # the client reads it back from the request to see how it was asked
_SENT_HEADERS = frozenset({"host", "accept", "connection", "content-type", "content-length", "user-agent", _RAW_HEADER})


class _Refused(Exception):
    """The endpoint answered with something else than success; carries what was read of it."""

    def __init__(self, status: int, headers: Mapping[str, str], body: object) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body


class _BrokenOff(Exception):
    """The answer ended before it was complete; another try may do better."""


class EndpointModel(Model):
    """A model at an endpoint.

    Args:
        profile: where it is and how to ask.
        key: opens the endpoint; None when it needs none.
        retry: how persistent to be.
        longest_answer_s: seconds from a request to the end of its answer, however steadily it drips.

    Raises:
        ConfigError: the profile's ``base_url`` or headers cannot be used, or would send the key in clear text.
    """

    def __init__(
        self,
        profile: ModelProfile,
        key: Secret | None,
        *,
        retry: Retry | None = None,
        longest_answer_s: float = 900.0,
    ) -> None:
        self.name = profile.name
        self._profile = profile
        self._key = key
        self._redactor = Redactor(() if key is None else (key,))
        self._retry = retry or Retry()
        self._longest_answer_s = longest_answer_s
        self._origin = checked_origin(profile, key)
        self._client: openai.OpenAI | None = None
        self._unwanted: set[str] = set()  # request fields that this endpoint has refused

    def __repr__(self) -> str:
        return f"<model {self.name}: {self._profile.model} at {self._profile.base_url}>"

    def cost(self, usage: Usage) -> float | None:
        """See :meth:`Model.cost`: by the prices of the profile."""
        prices = self._profile.input_price, self._profile.output_price
        if prices == (None, None):
            return None
        return (usage.prompt_tokens * (prices[0] or 0) + usage.completion_tokens * (prices[1] or 0)) / 1e6

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]],
        *,
        on_text: OnText | None = None,
        on_notice: OnText | None = None,
        stop: threading.Event | None = None,
    ) -> Answer:
        """See :meth:`Model.complete`."""
        return self._persist(lambda: self._ask(messages, tools, on_text, stop), on_notice, stop)

    def sample(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]],
        many: int,
        *,
        at_most: int | None = None,
        on_notice: OnText | None = None,
        stop: threading.Event | None = None,
    ) -> list[Sample]:
        """See :meth:`Model.sample`."""

        def ask() -> list[Sample]:
            request = {"temperature": TEMPERATURE, **self._request(messages, tools), "n": many, "logprobs": True}
            if at_most is not None:
                request["max_tokens"] = at_most
            return self._ask_several({k: v for k, v in request.items() if k not in self._unwanted}, many, stop)

        return self._persist(ask, on_notice, stop)

    def _persist(self, ask: Callable[[], T], on_notice: OnText | None, stop: threading.Event | None) -> T:
        """Ask until there is an answer or no hope of one."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return ask()
            except _Refused as e:
                if self._adapt(e):
                    attempt -= 1
                    continue
                error = self._status_error(e)
                wanted = retry_after(e.headers)
                delay = self._retry.delay(attempt, wanted) if e.status in RETRIED else None
            except _BrokenOff as e:
                error = ModelError(str(e))
                delay = self._retry.delay(attempt, None)
            if delay is None:
                raise error
            if on_notice is not None:
                on_notice(f"{error.what} Trying again in {delay:.1f} s ({attempt + 1} of {self._retry.attempts}).")
            wait(delay, stop)

    def _ask(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]],
        on_text: OnText | None,
        stop: threading.Event | None,
    ) -> Answer:
        """One request."""
        assembler = Assembler(self._redactor, on_text)
        self._exchange(self._request(messages, tools), assembler, stop)
        answer = assembler.answer()
        if answer.finish == "content_filter":
            raise ModelError("The endpoint's content filter stopped the answer.", next_step="Word the task otherwise.")
        if not answer.text.strip() and not answer.tool_calls:
            raise _BrokenOff(_EMPTY)
        return answer

    def _ask_several(self, request: Mapping[str, Any], many: int, stop: threading.Event | None) -> list[Sample]:
        """One request for several answers."""
        several = Several(self._redactor, many)
        self._exchange(request, several, stop)
        if not (samples := several.samples()):
            raise _BrokenOff(_EMPTY)
        return samples

    def _exchange(
        self, request: Mapping[str, Any], assembler: Assembler | Several, stop: threading.Event | None
    ) -> None:
        """Send a request, and have its answer put together."""
        deadline = time.monotonic() + self._longest_answer_s
        try:
            create = self._open().chat.completions.with_streaming_response.create
            with create(**request) as response:
                body = _timed(response.iter_bytes(), deadline, stop)
                if "event-stream" in response.headers.get("content-type", ""):
                    complete = _take_events(body, assembler)
                else:
                    assembler.feed(_decode(_bounded(body, MAX_STREAM_BYTES), "an answer"))
                    complete = True
        except (AgentshError, _Refused, _BrokenOff):
            raise
        except Exception as e:
            if (refused := _cause(e, _Refused)) is not None:
                raise refused from None
            if not _from_network(e):
                raise
            raise _BrokenOff(self._connection_text(e)) from None
        if not complete and not assembler.finish:
            raise _BrokenOff("The endpoint broke off in the middle of its answer.")

    def _request(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        request: dict[str, Any] = {"model": self._profile.model, "messages": list(messages), "stream": True}
        if "stream_options" not in self._unwanted:
            request["stream_options"] = {"include_usage": True}
        if tools:
            request["tools"] = list(tools)
        if self._profile.max_tokens is not None:
            newer = "max_tokens" in self._unwanted
            request["max_completion_tokens" if newer else "max_tokens"] = self._profile.max_tokens
        if self._profile.temperature is not None and "temperature" not in self._unwanted:
            request["temperature"] = self._profile.temperature
        return request

    def _adapt(self, refused: _Refused) -> bool:
        """Leave out an optional field that the endpoint refused; True when the request changed."""
        if refused.status not in (400, 422):
            return False
        text = error_text(refused.body, self._redactor)
        for name in ("stream_options", "logprobs", "max_tokens", "temperature"):
            in_use = name in ("stream_options", "logprobs") or getattr(self._profile, name) is not None
            if name in text and in_use and name not in self._unwanted:
                self._unwanted.add(name)
                return True
        return False

    def _open(self) -> openai.OpenAI:
        """The client, made at the first request: the package takes long to load."""
        if self._client is None:
            import openai  # noqa: PLC0415 - heavy

            _quieten_transport()
            http = openai.DefaultHttpxClient(
                transport=self._transport(openai),
                follow_redirects=False,
                trust_env=False,
                timeout=openai.Timeout(self._profile.timeout_s, connect=min(15.0, self._profile.timeout_s)),
                event_hooks={"request": [self._leaving], "response": [_arriving]},
            )
            self._client = openai.OpenAI(
                api_key="unused",  # the hook sets the header; without this the client reads the environment
                organization="",
                project="",
                base_url=self._profile.base_url,
                max_retries=0,
                http_client=http,
            )
        return self._client

    def _transport(self, client: ModuleType) -> Any:
        """What carries requests; None for the network. ``client`` is the package ``openai``."""
        del client

    def _leaving(self, request: Any) -> None:
        """Give a request its last shape: known headers only, and the key when it goes to the right place."""
        for name in list(request.headers):
            if name.lower() not in _SENT_HEADERS:
                del request.headers[name]
        request.headers["accept-encoding"] = "identity"
        request.headers["user-agent"] = "agentsh"
        for name, value in self._profile.headers.items():
            request.headers[name] = value
        if self._key is not None and origin(str(request.url)) == self._origin:
            request.headers["authorization"] = f"Bearer {self._key.reveal()}"

    def _status_error(self, refused: _Refused) -> ModelError:
        profile = self._profile
        said = error_text(refused.body, self._redactor)
        model = visible_line(profile.model)
        match refused.status:
            case 401 | 403 if self._key is None:
                return ModelError(
                    f"The endpoint {profile.base_url} wants a key (HTTP {refused.status}: {said}).",
                    next_step=f"Set 'key' in [models.{profile.name}] and store it: 'agentsh secrets set NAME'.",
                )
            case 401 | 403:
                return ModelError(
                    f"The endpoint {profile.base_url} refused {self._key} (HTTP {refused.status}: {said}).",
                    next_step=f"Store the right key: 'agentsh secrets set {profile.key}'.",
                )
            case 404:
                return ModelError(f"The endpoint {profile.base_url} has no model '{model}' (HTTP 404: {said}).")
            case status if 300 <= status < 400:
                where = visible_line(self._redactor.text(refused.headers.get("location", "")))[:200]
                return ModelError(
                    f"The endpoint {profile.base_url} redirects to '{where}' (HTTP {status}); the key stays here.",
                    next_step="If that address is right, make it the profile's base_url.",
                )
            case 429 if (wanted := retry_after(refused.headers)) is not None:
                return ModelError(f"The endpoint asks to wait {wanted:.0f} s (HTTP 429: {said}).")
            case status:
                return ModelError(f"The endpoint {profile.base_url} failed (HTTP {status}: {said}).")

    def _connection_text(self, e: BaseException) -> str:
        deepest = e
        while (inner := deepest.__cause__ or deepest.__context__) is not None:
            deepest = inner
        why = visible_line(self._redactor.text(str(deepest) or type(deepest).__name__))[:200]
        kind = "did not answer in time" if "timeout" in type(e).__name__.lower() else "cannot be reached"
        return f"The endpoint {self._profile.base_url} {kind}: {why}."


def _quieten_transport() -> None:
    """Keep the HTTP transport's debug log off: it quotes response headers, and those may quote the key."""
    for name in _TRANSPORT_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))


def _arriving(response: Any) -> None:
    """Read anything but success here, in bounds: the client would read all of it.

    Raises:
        _Refused: the status is not 2xx, or the body is compressed although that was declined.
    """
    headers = {k.lower(): v for k, v in response.headers.items()}
    encoded = headers.get("content-encoding", "identity").lower() not in ("identity", "")
    if 200 <= response.status_code < 300 and not encoded:
        return
    body: object = None
    if encoded:
        body = {"error": "it compresses its answer, which was declined"}
    else:
        raw = bytearray()
        deadline = time.monotonic() + _ERROR_S
        for chunk in response.iter_raw():
            raw += chunk
            if len(raw) >= _ERROR_BYTES or time.monotonic() > deadline:
                break
        body = _error_body(bytes(raw[:_ERROR_BYTES]))
    response.close()
    raise _Refused(response.status_code, headers, body)


def _error_body(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return {"error": raw.decode("utf-8", "replace")} if raw.strip() else None


def _timed(chunks: Iterable[bytes], deadline: float, stop: threading.Event | None) -> Iterator[bytes]:
    for chunk in chunks:
        if stop is not None and stop.is_set():
            raise Interrupted("The model's answer was given up.")
        if time.monotonic() > deadline:
            raise ModelError("The endpoint takes too long over one answer.", next_step="Try again, or another model.")
        yield chunk


def _bounded(chunks: Iterable[bytes], most: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise ModelError(f"The endpoint's answer is larger than {most >> 20} MiB.")
    return bytes(body)


def _take_events(body: Iterable[bytes], assembler: Assembler | Several) -> bool:
    """Feed a stream's events; True when the endpoint said that it was the end."""
    for data in data_events(body):
        if data.strip() == b"[DONE]":
            return True
        assembler.feed(_decode(data, "an event"))
    return False


def _decode(data: bytes, what: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as e:
        raise _BrokenOff(f"The endpoint sent {what} that is not JSON ({visible_line(str(e))[:120]}).") from None


def _cause(e: BaseException, kind: type[_Refused]) -> _Refused | None:
    at: BaseException | None = e
    while at is not None:
        if isinstance(at, kind):
            return at
        at = at.__cause__ or at.__context__
    return None


def _from_network(e: Exception) -> bool:
    """Whether the HTTP stack raised it; its packages and classes differ between versions of the client."""
    package = type(e).__module__.partition(".")[0]
    return isinstance(e, OSError) or package in {"openai", *_TRANSPORT_LOGGERS}
