"""The model of this machine: the same client as for any endpoint, and an application in this process behind it."""

from __future__ import annotations

import asyncio
import importlib
import queue
import secrets
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentsh.config import ModelProfile
from agentsh.core.errors import ModelError, UsageError
from agentsh.core.sanitise import visible_line
from agentsh.llm.endpoint import EndpointModel
from agentsh.llm.retrieve import examples_text, load_index
from agentsh.llm.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
    from types import ModuleType

    from agentsh.llm.model import Message
    from agentsh_models import Engine, Loaded
    from agentsh_models.serve.service import Service

_NEEDED = ("gguf", "jinja2", "llguidance", "safetensors", "starlette", "tokenizers", "torch")
BASE = Path("base")
"""In the place of a file: what agentsh's own weights were made from, untrained."""
_BASE_URL = "http://in-process/v1"
_CHARACTERS_A_TOKEN = 3  # cautious: shell and code are dense
_NEIGHBOURS = 4
_FOR_TOOLS_AND_ANSWER = 2048  # tokens


def open_engine(path: Path | None) -> Engine:
    """The local model, ready to answer.

    Args:
        path: weights (GGUF, a directory of safetensors, or a file of ``agentsh model train``); None for those that
            belong to agentsh.

    Raises:
        UsageError: the packages of the extra ``local`` are not installed.
        ModelError: the weights are missing, damaged, or of an unknown kind.
    """
    require_packages(*_NEEDED)
    from agentsh_models import Engine  # noqa: PLC0415 - heavy

    with told_to_people():
        return Engine(load_weights(path))


def load_weights(path: Path | None) -> Loaded:
    """Weights of any kind: agentsh's own, a GGUF file, a directory, or a file of ``agentsh model train``."""
    from agentsh_models import load, load_base, load_deltas, load_released  # noqa: PLC0415 - heavy

    if path is None:
        return load_released()
    if path == BASE:
        return load_base()
    return load_deltas(path, load_base()) if path.suffix == ".safetensors" else load(path)


def require_packages(*names: str) -> None:
    """Say which packages of the extra ``local`` are missing.

    Raises:
        UsageError: one is.
    """
    from agentsh_models import ModelFault  # noqa: PLC0415 - only for this model
    from agentsh_models.loading import need  # noqa: PLC0415

    try:
        need(*names)
    except ModelFault as e:
        raise UsageError(e.what, next_step="Add them: pip install 'agentsh[local]'") from e


@contextmanager
def told_to_people() -> Iterator[None]:
    """Faults of the model's package as errors of agentsh."""
    from agentsh_models.errors import BadRequest, ModelFault  # noqa: PLC0415 - only for this model

    try:
        yield
    except ModelFault as e:
        kind = UsageError if isinstance(e, BadRequest) else ModelError
        raise kind(visible_line(e.what), next_step=visible_line(e.next_step)) from e


def serve_model(
    path: Path | None, *, host: str, port: int, network: bool, token: str, ready: Callable[[str, str], None]
) -> None:
    """Serve the local model over HTTP until the process is told to stop.

    Args:
        path: weights; None for those that belong to agentsh.
        host: the IP address to listen at.
        port: 0 takes a free one.
        network: other machines may ask. Without it ``host`` must be this machine's own.
        token: what requests must bear when others may ask; empty makes one.
        ready: gets the base URL and the token (empty for none) once requests are taken.

    Raises:
        UsageError: packages are missing, or ``host`` is reached from elsewhere and ``network`` was not said.
        ModelError: the weights cannot be used, or the port is taken.
    """
    require_packages(*_NEEDED, "uvicorn")
    from agentsh_models.serve.run import is_loopback, listen, serve  # noqa: PLC0415 - heavy

    with told_to_people():
        if not is_loopback(host):
            if not network:
                raise UsageError(
                    f"Other machines would reach the model at {visible_line(host)}.",
                    next_step="Add --network if that is meant: requests must bear a token then.",
                )
            token = token or secrets.token_urlsafe(24)
        listener = listen(host, port)
        with closing(listener):
            name = "local" if path is None else path.stem
            serve(open_engine(path), name, listener, token=token, ready=lambda url: ready(url, token))


class LocalModel(EndpointModel):
    """The model in this process.

    Args:
        name: what ``--model`` called it.
        path: weights; None for those that belong to agentsh.
        retrieval: show it lines that did similar things as the task asks for.

    Raises:
        UsageError: the packages of the extra ``local`` are not installed, or the person's own pairs are damaged.
        ModelError: the weights are missing, damaged, or of an unknown kind.
    """

    def __init__(self, name: str, path: Path | None = None, *, retrieval: bool = True) -> None:
        profile = ModelProfile(name=name, model=name, base_url=_BASE_URL, key="")
        super().__init__(profile, None, retry=Retry(attempts=1))
        self._index = load_index() if retrieval else None
        engine = open_engine(path)
        context = engine.runner.config.context - _FOR_TOOLS_AND_ANSWER
        self.context_bound = max(context, 1024) * _CHARACTERS_A_TOKEN
        from agentsh_models.serve.app import make_app  # noqa: PLC0415 - heavy
        from agentsh_models.serve.service import Service  # noqa: PLC0415

        self._service: Service | None = Service(engine)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="agentsh-local", daemon=True)
        self._thread.start()
        self._app = make_app(self._service, name, in_process=True)

    def close(self) -> None:
        """End the model's threads."""
        super().close()
        if self._service is not None:
            self._service.close()
            self._service = None
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _request(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return super()._request(self._shown(messages), tools)

    def _shown(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The conversation with pairs that are near its first wish: the same ones each turn, so that the part of the
        prompt that was read stays read.
        """  # noqa: D205
        wish = next((m["content"] for m in messages if m.get("role") == "user"), "")
        if self._index is None or not isinstance(wish, str):
            return messages
        text = examples_text(self._index.best(wish, _NEIGHBOURS))
        return [{"role": "system", "content": text}, *messages] if text else messages

    def _transport(self, client: ModuleType) -> Any:
        return make_transport(client, self._app, self._loop)


@dataclass(slots=True)
class _Part:
    """What the application sent: a message of ASGI, or how it ended."""

    message: MutableMapping[str, Any] | None = None
    error: BaseException | None = None


class _Exchange:
    """One request to the application, which runs in the loop's thread."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop, scope: dict[str, Any], body: bytes) -> None:
        self._app, self._loop, self._scope, self._body = app, loop, scope, body
        self._parts: queue.SimpleQueue[_Part] = queue.SimpleQueue()
        self._gone = asyncio.Event()
        self._running = asyncio.run_coroutine_threadsafe(self._run(), loop)

    def next(self) -> MutableMapping[str, Any]:
        """The application's next message.

        Raises:
            ModelError: it failed or ended early.
        """
        part = self._parts.get()
        if part.message is None:
            why = "it ended early" if part.error is None else f"{type(part.error).__name__}: {part.error}"
            raise ModelError(f"The local model failed: {visible_line(why)}") from part.error
        return part.message

    def body(self) -> Iterator[bytes]:
        """The answer's body as it comes."""
        while True:
            message = self.next()
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return

    def leave(self) -> None:
        """Tell the application that nobody listens any more."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._gone.set)

    async def _run(self) -> None:
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": self._body, "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            self._parts.put(_Part(message))

        try:
            await self._app(self._scope, receive, send)
        except BaseException as e:
            self._parts.put(_Part(error=e))
            raise
        self._parts.put(_Part())


def make_transport(client: ModuleType, app: Any, loop: asyncio.AbstractEventLoop) -> Any:
    """A transport of the client's HTTP package that leads to an ASGI application instead of the network.

    Args:
        client: the package ``openai``; its HTTP package differs between versions.
        app: the application.
        loop: where it runs, in a thread of its own.
    """
    http = importlib.import_module(client.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])

    class Stream(http.SyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, exchange: _Exchange) -> None:
            self._exchange = exchange

        def __iter__(self) -> Iterator[bytes]:
            return self._exchange.body()

        def close(self) -> None:
            self._exchange.leave()

    class Transport(http.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            url = request.url
            scope = {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": request.method,
                "headers": [(k.lower(), v) for k, v in request.headers.raw],
                "scheme": url.scheme,
                "path": url.path,
                "raw_path": url.raw_path.split(b"?")[0],
                "query_string": url.query,
                "root_path": "",
                "server": (url.host, url.port),
                "client": None,
            }
            exchange = _Exchange(app, loop, scope, request.read())
            start = exchange.next()
            return http.Response(start["status"], headers=start.get("headers", []), stream=Stream(exchange))

    return Transport()
