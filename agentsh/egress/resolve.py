"""One look-up of a name, every answer checked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from agentsh.core.errors import ActionFailed, PolicyDenied
from agentsh.core.sanitise import visible_line
from agentsh.egress.addresses import is_metadata, why_not
from agentsh.policy.destination import is_address

if TYPE_CHECKING:
    from agentsh.egress.deadline import Deadline
    from agentsh.policy.destination import Destination

Resolver = Callable[[str, int], list[str]]
"""Gives the addresses of a name, for a port. Raises OSError where there are none."""

ADDRESS = "http.address"


def system_resolver(host: str, port: int) -> list[str]:
    """What the operating system says, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_addresses(
    destination: Destination, *, granted: bool, resolver: Resolver, deadline: Deadline
) -> tuple[str, ...]:
    """The addresses of a destination, all of them fit to be connected to.

    One bad answer is enough to refuse all: a name that leads both outside and inside is a trap. A name that was granted
    may lead inside, and still not to where a cloud hands out credentials: that takes a grant of the address itself.

    Args:
        destination: where the request goes.
        granted: whether the person granted that its address is a private one.
        resolver: looks names up; addresses are not looked up.
        deadline: when to give up.

    Raises:
        PolicyDenied: an address is not public.
        ActionFailed: the name has no address.
        LimitExceeded: it took too long.
    """
    host = destination.host
    answers = [host] if is_address(host) else _look_up(resolver, destination, deadline)
    if not answers:
        raise ActionFailed(f"The name {host} has no address.")
    for answer in answers:
        reason = why_not(answer)
        if reason and (not granted or (is_metadata(answer) and answer != host)):
            raise PolicyDenied(
                f"{host} leads to {visible_line(answer)}, which is {reason}.",
                rule=ADDRESS,
                next_step="If it is meant, the person grants that host: [http] grant_private in their configuration.",
            )
    return tuple(answers)


def _look_up(resolver: Resolver, destination: Destination, deadline: Deadline) -> list[str]:
    """Look a name up on a thread of its own: the system's resolver waits as long as it likes."""
    answers: SimpleQueue[list[str] | OSError | UnicodeError] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(destination.host, destination.port))
        except (OSError, UnicodeError) as e:
            answers.put(e)

    threading.Thread(target=ask, name="agentsh-look-up", daemon=True).start()
    while True:
        try:
            answer = answers.get(timeout=deadline.slice())
        except Empty:
            continue  # the deadline itself raises when it has come
        if isinstance(answer, list):
            return answer
        raise ActionFailed(f"The name {destination.host} cannot be looked up: {visible_line(str(answer))}.")
