"""The application behind uvicorn, on this machine's own address."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from agentsh_models.errors import ModelFault
from agentsh_models.loading import need

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh_models.generation import Engine


def serve(engine: Engine, name: str, *, port: int, ready: Callable[[str], None]) -> None:
    """Serve on 127.0.0.1 until the process is told to stop.

    Args:
        engine: answers.
        name: what the model is called.
        port: 0 takes a free one.
        ready: gets the base URL once requests are taken.

    Raises:
        MissingPart: a package is not installed.
        ModelFault: the port is taken.
    """
    need("uvicorn", "starlette")
    import uvicorn

    from agentsh_models.serve.app import make_app
    from agentsh_models.serve.service import Service

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as e:
        listener.close()
        raise ModelFault(f"Port {port} cannot be used: {e}.", next_step="Choose another with --port.") from e
    service = Service(engine)
    try:
        config = uvicorn.Config(make_app(service, name), log_level="warning", access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        listener.listen(128)
        ready(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        server.run(sockets=[listener])
    finally:
        service.close()
        listener.close()
