"""Messages between the parent and its worker: a length, then JSON, with descriptors alongside."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import time
from typing import Any

_LENGTH = struct.Struct("<I")
_MAX_FDS = 4
_MAX_MESSAGE = 256 * 1024 * 1024
JOB = struct.Struct("<Q")
"""On the control socket, the number of a job: from the parent, one to stop; from the worker, one that it has taken."""

AWAKE_S = 0.001 if len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()) > 1 else 0.0
"""How long either side looks again and again for what is due at any moment, before it sleeps: waking costs 0.05 to 0.1
ms, a tenth of a short action. Never where it would keep the other side from its only processor."""


class WireError(OSError):
    """The other side closed, or sent what is no message."""


def send(sock: socket.socket, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send one message; the other side gets duplicates of ``fds``.

    Raises:
        OSError: the other side is gone.
    """
    body = json.dumps(message).encode()
    data = _LENGTH.pack(len(body)) + body
    if fds:
        sent = socket.send_fds(sock, [data], list(fds))
        data = data[sent:]
    if data:
        sock.sendall(data)


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Wait for one message.

    Raises:
        WireError: the other side closed, or sent no message.
    """
    head, fds, _, _ = socket.recv_fds(sock, _LENGTH.size, _MAX_FDS)
    head += _exactly(sock, _LENGTH.size - len(head)) if head else b""
    if not head:
        raise WireError("the other side closed")
    (length,) = _LENGTH.unpack(head)
    if length > _MAX_MESSAGE:
        raise WireError(f"a message of {length} bytes")
    message = json.loads(_exactly(sock, length))
    if not isinstance(message, dict):
        raise WireError("no message")
    return message, fds


def stay_awake(sock: socket.socket) -> None:
    """Return as soon as there is something to read, and in :data:`AWAKE_S` at the latest."""
    until = time.monotonic() + AWAKE_S
    while time.monotonic() < until and not select.select([sock], [], [], 0)[0]:
        pass


def _exactly(sock: socket.socket, count: int) -> bytes:
    parts = []
    while count:
        part = sock.recv(min(count, 1 << 20))
        if not part:
            raise WireError("the other side closed within a message")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
