"""May this request leave? The allow-list, and whether it was the person who named the host. Pure.

A host of the allow-list that is named exactly is the person's own word. A wildcard stands for names that the person has
never seen; one of them that only a model or a page came up with can be a message to whoever runs the server. So such a
host is asked only when the person has named it, unless the configuration says that wildcards are enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.decision import Decision, Verdict
from agentsh.core.record import record
from agentsh.core.request import HELD_METHODS
from agentsh.policy.destination import HostPattern, host_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentsh.policy.destination import Destination

METHOD = "http.method"
ALLOW = "http.allow"
PERSON = "http.person-only"

_NEXT = "the person allows hosts with [http] allow in their configuration"


@record(frozen=True, slots=True)
class Reach:
    """What requests may reach.

    Attributes:
        allow: hosts that the person allows.
        granted: hosts, mostly with a port, whose address may be a private one; each is allowed by that, too.
        within: what the workspace narrows that to; None where it does not.
        person_only: whether a host that a wildcard alone allows must have been named by the person.
    """

    allow: tuple[HostPattern, ...] = ()
    granted: tuple[HostPattern, ...] = ()
    within: tuple[HostPattern, ...] | None = None
    person_only: bool = True

    def judge(self, destination: Destination, *, method: str = "GET", named: frozenset[str] = frozenset()) -> Decision:
        """Decide about one request, or one hop of it.

        Args:
            destination: where it goes.
            method: how.
            named: hosts that the person named, in their one spelling.
        """
        host = destination.authority
        if method not in ("GET", *HELD_METHODS):
            known = ", ".join(HELD_METHODS)
            return _deny(
                METHOD, f"{method} is not sent: GET is, and {known} are held until a person has approved them."
            )
        if self.within is not None and not any(p.covers(destination) for p in self.within):
            return _deny(ALLOW, f"The workspace's own file does not allow {host}.")
        covering = [p for p in (*self.allow, *self.granted) if p.covers(destination)]
        if not covering:
            return _deny(ALLOW, f"{host} is not allowed: {_NEXT}.")
        if any(not p.wildcard for p in covering):
            return Decision(Verdict.ALLOW, ALLOW, f"{host} is allowed by name.")
        if self.person_only and destination.host not in named:
            return _deny(
                PERSON,
                f"{host} is allowed by a wildcard alone, and the person has not named it; it may have come from a page "
                "or a file.",
            )
        return Decision(Verdict.ALLOW, ALLOW, f"{host} is allowed by a wildcard.")

    def grants_private(self, destination: Destination) -> bool:
        """Whether the address there may be a private one."""
        return any(p.covers(destination) for p in self.granted)


def _deny(rule: str, reason: str) -> Decision:
    return Decision(Verdict.DENY, rule, reason)


def reach(
    *, allow: Iterable[str], granted: Iterable[str] = (), within: Iterable[str] | None = None, person_only: bool = True
) -> Reach:
    """A reach from patterns as they are written.

    Raises:
        UsageError: one of them is none.
    """
    return Reach(
        tuple(map(host_pattern, allow)),
        tuple(map(host_pattern, granted)),
        None if within is None else tuple(map(host_pattern, within)),
        person_only,
    )
