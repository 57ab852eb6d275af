"""The ASGI application: chat completions and the list of models."""

from __future__ import annotations

import asyncio
import hmac
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agentsh_models.errors import BadRequest, ModelFault, OutOfMemory, PromptTooLong
from agentsh_models.request import Generation, Request, Token
from agentsh_models.serve.protocol import Ask, Splitter, logprobs_json, parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from starlette.requests import Request as HttpRequest

    from agentsh_models.serve.service import Service

_T = TypeVar("_T")
MAX_BODY = 8 << 20
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def make_app(service: Service, name: str, *, token: str = "", in_process: bool = False) -> Starlette:
    """The application.

    Args:
        service: answers; the application does not close it.
        name: the model's, in answers and in the list.
        token: what requests must bear, for a server that others reach; empty for none.
        in_process: nobody but this process can reach it. Otherwise requests without a token must name this machine as
            host, and those of web pages are refused: a page of any site can make a browser send requests to this
            machine.
    """
    chat = _Chat(service, name)

    def guarded(inner: Any) -> Any:
        async def endpoint(request: HttpRequest) -> Response:
            if not in_process and (refused := _stranger(request, token)) is not None:
                return refused
            response: Response = await inner(request)
            return response

        return endpoint

    async def models(_: HttpRequest) -> Response:
        about = {"id": name, "object": "model", "created": 0, "owned_by": "local"}
        return JSONResponse({"object": "list", "data": [about]})

    return Starlette(
        routes=[
            Route("/v1/models", guarded(models), methods=["GET"]),
            Route("/v1/chat/completions", guarded(chat.answer), methods=["POST"]),
        ]
    )


def _stranger(request: HttpRequest, token: str) -> Response | None:
    """The refusal of a request that is not to be trusted."""
    if token:
        borne = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(borne, b"Bearer " + token.encode()):
            return _error(401, "The request bears no valid token.", "invalid_api_key")
    host = request.headers.get("host", "").lower()
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    if not token and name not in _LOOPBACK:
        return _error(403, "The Host of the request does not name this machine.", "forbidden")
    if "origin" in request.headers:
        return _error(403, "Requests of web pages are refused.", "forbidden")
    return None


def _error(status: int, message: str, code: str) -> JSONResponse:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": message, "type": kind, "code": code}}, status)


def _fault_json(fault: ModelFault) -> tuple[int, dict[str, Any]]:
    status, code = 500, "model_failed"
    if isinstance(fault, PromptTooLong):
        status, code = 400, "context_length_exceeded"
    elif isinstance(fault, BadRequest):
        status, code = 400, "invalid_request"
    elif isinstance(fault, OutOfMemory):
        status, code = 507, "out_of_memory"
    message = " ".join(filter(None, (fault.what, fault.next_step)))
    kind = "invalid_request_error" if status < 500 else "server_error"
    return status, {"error": {"message": message, "type": kind, "code": code}}


def _refusal(fault: ModelFault) -> JSONResponse:
    status, about = _fault_json(fault)
    return JSONResponse(about, status)


async def _unless_gone(request: HttpRequest, work: Coroutine[Any, Any, _T]) -> _T:
    """What ``work`` gives.

    Raises:
        ClientDisconnect: whoever asked went away first.
    """
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        gone.cancel()


class _Chat:
    """The endpoint of chat completions."""

    def __init__(self, service: Service, name: str) -> None:
        self._service, self._name = service, name
        self._tokenizer = service.engine.loaded.tokenizer

    async def answer(self, request: HttpRequest) -> Response:  # noqa: PLR0911 - one for each way to refuse
        """Answer one request."""
        raw = bytearray()
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > MAX_BODY:
                return _error(413, f"The request is larger than {MAX_BODY >> 20} MiB.", "too_large")
        try:
            body = json.loads(bytes(raw))
        except (ValueError, RecursionError):
            return _error(400, "The request is no JSON.", "invalid_json")
        try:
            ask = parse(body)
            running = _Running(self._service, ask)
        except ModelFault as fault:
            return _refusal(fault)
        if not running.submitted:
            return _error(429, "Too many requests wait.", "busy")
        try:
            if not ask.stream:
                return await _unless_gone(request, self._whole(ask, running))
            first = await _unless_gone(request, running.next())
        except ClientDisconnect:
            running.give_up()
            return Response(status_code=499)
        # A refusal gets a status of its own; once the stream has begun it is too late for one.
        if isinstance(first, ModelFault):
            return _refusal(first)
        return StreamingResponse(self._stream(ask, running, first), media_type="text/event-stream")

    async def _whole(self, ask: Ask, running: _Running) -> Response:
        answers: dict[int, Generation] = {}
        while len(answers) < ask.n:
            event = await running.next()
            if isinstance(event, ModelFault):
                return _refusal(event)
            number, what = event
            if isinstance(what, Generation):
                answers[number] = what
        choices = []
        for number, answer in sorted(answers.items()):
            splitter = Splitter()
            words = splitter.feed(answer.text)
            rest, calls = splitter.end()
            message: dict[str, Any] = {"role": "assistant", "content": (words + rest) or None, "refusal": None}
            if calls:
                message["tool_calls"] = calls
            told = logprobs_json(answer.tokens, self._tokenizer) if ask.logprobs else None
            finish = "tool_calls" if calls else answer.finish
            choices.append({"index": number, "message": message, "logprobs": told, "finish_reason": finish})
        return JSONResponse(
            {**self._about(ask, "chat.completion"), "choices": choices, "usage": running.usage(answers.values())}
        )

    async def _stream(self, ask: Ask, running: _Running, event: _Event) -> AsyncIterator[bytes]:
        splitters = [Splitter() for _ in range(ask.n)]
        answers: dict[int, Generation] = {}
        async with running.giving_up():
            for number in range(ask.n):
                yield self._chunk(ask, number, {"role": "assistant", "content": ""})
            while True:
                if isinstance(event, ModelFault):
                    yield _event(_fault_json(event)[1])
                    return
                number, what = event
                if isinstance(what, Token):
                    words = splitters[number].feed(what.text)
                    if words or ask.logprobs:
                        told = logprobs_json([what], self._tokenizer) if ask.logprobs else None
                        yield self._chunk(ask, number, {"content": words}, logprobs=told)
                else:
                    answers[number] = what
                    words, calls = splitters[number].end()
                    if words:
                        yield self._chunk(ask, number, {"content": words})
                    for index, call in enumerate(calls):
                        yield self._chunk(ask, number, {"tool_calls": [{"index": index, **call}]})
                    yield self._chunk(ask, number, {}, finish="tool_calls" if calls else what.finish)
                    if len(answers) == ask.n:
                        break
                event = await running.next()
        if ask.usage:
            about = self._about(ask, "chat.completion.chunk")
            yield _event({**about, "choices": [], "usage": running.usage(answers.values())})
        yield b"data: [DONE]\n\n"

    def _about(self, ask: Ask, kind: str) -> dict[str, Any]:
        return {"id": ask.id, "object": kind, "created": ask.created, "model": self._name}

    def _chunk(
        self, ask: Ask, number: int, delta: dict[str, Any], *, finish: str | None = None, logprobs: Any = None
    ) -> bytes:
        choice = {"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return _event({**self._about(ask, "chat.completion.chunk"), "choices": [choice]})


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=True).encode() + b"\n\n"


_Event = ModelFault | tuple[int, Token | Generation]


class _Running:
    """A request at the service; its events arrive in this event loop.

    Raises:
        ModelFault: the conversation cannot become a prompt, or no grammar can be kept to.
    """

    def __init__(self, service: Service, ask: Ask) -> None:
        engine, loop = service.engine, asyncio.get_running_loop()
        self._events: asyncio.Queue[_Event] = asyncio.Queue()

        def tell(event: _Event) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._events.put_nowait, event)

        self._request = Request(
            engine.loaded.tokenizer.chat(ask.messages, ask.tools),
            ask.sampling,
            ask.n,
            _first_that_compiles(service, ask.grammars),
            on_token=lambda number, token: tell((number, token)),
            on_end=lambda number, answer: tell((number, answer)),
            on_fault=tell,
        )
        self.submitted = service.submit(self._request)

    async def next(self) -> _Event:
        """The next event."""
        return await self._events.get()

    def give_up(self) -> None:
        """Stop the model, when it still works on this."""
        self._request.stop.set()

    @asynccontextmanager
    async def giving_up(self) -> AsyncIterator[None]:
        """Whoever leaves before the end has given up."""
        try:
            yield
        finally:
            self.give_up()

    def usage(self, answers: Any) -> dict[str, Any]:
        """What it cost, in tokens."""
        prompt, said = len(self._request.prompt), sum(len(a.ids) for a in answers)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": said,
            "total_tokens": prompt + said,
            "prompt_tokens_details": {"cached_tokens": self._request.prefix},
        }


def _first_that_compiles(service: Service, grammars: tuple[str, ...]) -> str:
    """The first grammar that can be kept to; empty when none is asked for."""
    for n, grammar in enumerate(grammars):
        try:
            service.engine.grammars.matcher(grammar)
        except BadRequest:
            if n == len(grammars) - 1:
                raise
        else:
            return grammar
    return ""
