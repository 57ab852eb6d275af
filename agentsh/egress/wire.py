"""A connection to an address that was checked, with a deadline and a bound on what it may deliver.

The address is what a socket connects to and what its other end is asked for again; the name is what TLS checks the
certificate against and what the server is told. Nothing looks the name up a second time, so nothing can be led
elsewhere in between. No proxy, no variable of the environment and no ``.netrc`` has a say.
"""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import ssl
from typing import TYPE_CHECKING, Any

import httpcore2

from agentsh.core.errors import ActionFailed, LimitExceeded
from agentsh.core.faults import fault_point
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.egress.deadline import Deadline
    from agentsh.policy.destination import Destination

MAX_HEADER_BYTES = 64 << 10
"""Of an answer's status line and headers, together."""

HEADERS = "http.headers"
_FEWEST = 1 << 14


class Wire(httpcore2.NetworkStream):
    """One connection.

    Args:
        sock: connected, with TLS where there is any.
        deadline: of the request.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._may_read = MAX_HEADER_BYTES
        self._limit = HEADERS

    def expect_body(self, most: int, limit: str) -> None:
        """From now on a body comes: ``most`` bytes of it on the wire, before the limit of that name is met."""
        self._may_read, self._limit = most, limit

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes, as soon as there are some; empty at the end."""
        del timeout  # the deadline is the only clock
        if self._may_read <= 0:
            raise LimitExceeded("The server sends more than is taken.", limit=self._limit)
        while True:
            self._sock.settimeout(self._deadline.slice())
            try:
                data = self._sock.recv(min(max_bytes, max(self._may_read, _FEWEST)))
            except TimeoutError:
                continue
            except OSError as e:
                raise ActionFailed(f"The connection broke: {_why(e)}.") from e
            self._may_read -= len(data)
            return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        del timeout
        try:
            self._sock.settimeout(self._deadline.left())
            self._sock.sendall(buffer)
            fault_point("outbox.written")
        except OSError as e:
            self._deadline.left()
            raise ActionFailed(f"The connection broke: {_why(e)}.") from e

    def close(self) -> None:
        """Close it; what it waits for is not waited for."""
        with contextlib.suppress(OSError):  # it may be gone already
            self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        """The socket, for whoever speaks HTTP over it."""
        if info == "is_readable":
            return bool(select.select([self._sock], [], [], 0)[0])
        return {"socket": self._sock, "ssl_object": self._sock if isinstance(self._sock, ssl.SSLSocket) else None}.get(
            info
        )


def connect(
    destination: Destination, addresses: Sequence[str], *, deadline: Deadline, tls: ssl.SSLContext | None = None
) -> Wire:
    """Connect to the first of ``addresses`` that answers.

    Args:
        destination: whose addresses they are: the name that TLS is told and checks.
        addresses: checked ones.
        deadline: when to give up.
        tls: what certificates are trusted; the system's, unless given.

    Raises:
        ActionFailed: none answers, or not with a certificate for the name.
        LimitExceeded: it took too long.
    """
    last: OSError | None = None
    for i, address in enumerate(addresses):
        share = deadline.left() / (len(addresses) - i)  # one that never answers leaves time for the others
        try:
            sock = _open(address, destination.port, share)
        except OSError as e:
            last = e
            continue
        try:
            _check_peer(sock, address)
            if destination.scheme == "https":
                sock.settimeout(deadline.left())
                sock = (tls or _system_trust()).wrap_socket(sock, server_hostname=destination.host)
        except (OSError, ValueError) as e:  # ValueError: a name that TLS has no form for
            sock.close()
            deadline.left()
            raise ActionFailed(f"{destination.authority} does not speak TLS as it should: {_why(e)}.") from e
        except BaseException:
            sock.close()
            raise
        return Wire(sock, deadline)
    deadline.left()
    raise ActionFailed(f"{destination.authority} cannot be connected to: {_why(last)}.") from last


def _open(address: str, port: int, timeout: float) -> socket.socket:
    """A connected socket. Not ``create_connection``, which would ask the resolver about the address."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _system_trust() -> ssl.SSLContext:
    context: ssl.SSLContext = httpcore2.default_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _check_peer(sock: socket.socket, address: str) -> None:
    peer = ipaddress.ip_address(str(sock.getpeername()[0]).partition("%")[0])
    if peer != ipaddress.ip_address(address.partition("%")[0]):
        raise ActionFailed(f"The connection is with {peer}, and {visible_line(address)} was checked.")


def _why(error: OSError | ValueError | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return visible_line(error.verify_message)
    if error is None:
        return "no address"
    told = error.strerror if isinstance(error, OSError) else None
    return visible_line(told or str(error) or type(error).__name__)
