"""The application behind uvicorn, on this machine's own address unless asked otherwise."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from agentsh_models.errors import BadRequest, ModelFault
from agentsh_models.loading import need

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh_models.generation import Engine

LOOPBACK = "127.0.0.1"


def is_loopback(host: str) -> bool:
    """Whether ``host``, an IP address, is reached from this machine alone.

    Raises:
        BadRequest: it is no IP address.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError as e:
        raise BadRequest(
            f"{host!r} is no IP address.", next_step=f"Give one, such as {LOOPBACK}, ::1 or 0.0.0.0."
        ) from e


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound, not listening yet: whether the port is free is told before weights are read.

    Args:
        host: an IP address.
        port: 0 takes a free one.

    Raises:
        BadRequest: ``host`` is no IP address.
        ModelFault: the port is taken.
    """
    is_loopback(host)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as e:
        listener.close()
        raise ModelFault(
            f"The address {host} with port {port} cannot be used: {e.strerror}.",
            next_step="Choose another with --port; 0 takes a free one.",
        ) from e
    return listener


def serve(engine: Engine, name: str, listener: socket.socket, *, token: str, ready: Callable[[str], None]) -> None:
    """Serve until the process is told to stop (SIGINT, SIGTERM).

    Args:
        engine: answers.
        name: what the model is called.
        listener: of :func:`listen`; closed at the end.
        token: what requests must bear; empty for none, then only this machine may ask.
        ready: gets the base URL once requests are taken.

    Raises:
        MissingPart: a package is not installed.
    """
    need("uvicorn", "starlette")
    import uvicorn

    from agentsh_models.serve.app import make_app
    from agentsh_models.serve.service import Service

    service = Service(engine)
    try:
        app = make_app(service, name, token=token)
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        listener.listen(128)
        host, port = listener.getsockname()[:2]
        ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/v1")
        server.run(sockets=[listener])
    finally:
        service.close()
        listener.close()
