"""Who may see the interface in a browser.

Any page that the person has open can send requests to this machine, any other user of it can connect, and whoever
gets through can approve and commit. So a request passes only when all of this holds:

- it names this server as the person's link does (a name that was rebound to this address by DNS does not);
- it does not come from a page of another origin, and a WebSocket says that it comes from ours;
- it bears the cookie of a session, which was given once, for the token of a link that only the person has seen.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LINK_SECONDS = 600.0
"""How long a link can be opened."""

SESSION_SECONDS = 12 * 3600.0
"""How long a session may be, whatever it does."""

MOST_SESSIONS = 8
"""Browsers that are let in by one server."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered.

    Attributes:
        status: the HTTP status.
        what: what happened.
        then: what the person can do.
    """

    status: int
    what: str
    then: str


_AGAIN = "Press Enter where 'agentsh serve --web' runs: it prints a new link."
NO_SESSION = Refusal(403, "This browser has not been let in.", "Open the link that 'agentsh serve --web' printed.")
BAD_LINK = Refusal(403, "This link has been used, or is too old.", _AGAIN)
WRONG_NAME = Refusal(403, "This is not the name of this server.", "Open the link that 'agentsh serve --web' printed.")
OTHER_PAGE = Refusal(
    403, "Another page asked for this.", "Copy the link that 'agentsh serve --web' printed into the address bar."
)
WRONG_METHOD = Refusal(405, "Nothing here is sent to.", "Open the link that 'agentsh serve --web' printed.")
TOO_MANY = Refusal(503, "The interface is open too many times.", "Close one of the others, and load this page again.")


class Guard:
    """The links, the sessions, and the checks of one server.

    Args:
        origin: scheme, name and port as a browser has them: ``http://name.localhost:8000``.
        now: a clock that never goes back, in seconds.
    """

    def __init__(self, origin: str, *, now: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(origin)
        self.origin = origin
        self.authority = parts.netloc
        self.secure = parts.scheme == "https"
        # Cookies know no ports. Over TLS the prefix keeps other servers of the name from setting ours.
        self.cookie = "__Host-agentsh" if self.secure else "agentsh"
        self._now = now
        self._link: tuple[bytes, float] | None = None
        self._sessions: dict[bytes, float] = {}

    def link(self) -> str:
        """A link that lets one browser in, once; the one before it is void."""
        token = secrets.token_urlsafe(32)
        self._link = (_digest(token), self._now() + LINK_SECONDS)
        return f"{self.origin}/enter?token={token}"

    def enter(self, token: str) -> str | Refusal:
        """A session's cookie for the token of a link, which is spent with it."""
        link = self._link
        if link is None or not hmac.compare_digest(link[0], _digest(token)) or self._now() > link[1]:
            return BAD_LINK
        self._link = None
        self._sessions = {d: end for d, end in self._sessions.items() if self._now() < end}
        if len(self._sessions) >= MOST_SESSIONS:
            return TOO_MANY
        value = secrets.token_urlsafe(32)
        self._sessions[_digest(value)] = self._now() + SESSION_SECONDS
        return value

    def refusal(self, method: str, headers: Mapping[str, Sequence[str]], *, websocket: bool = False) -> Refusal | None:
        """Why a request is not answered whoever sends it; None when it may be.

        Args:
            method: of the request.
            headers: all values of each header, by its name in lower case.
            websocket: whether it is to become a WebSocket, which no browser keeps to its own origin by itself.
        """
        if list(headers.get("host", ())) != [self.authority]:
            return WRONG_NAME
        if method not in ("GET", "HEAD"):
            return WRONG_METHOD
        origins = list(headers.get("origin", ()))
        if origins != [self.origin] and (origins or websocket):
            return OTHER_PAGE
        if any(site not in ("same-origin", "none") for site in headers.get("sec-fetch-site", ())):
            return OTHER_PAGE
        return None

    def known(self, cookie: str | None) -> bool:
        """Whether a cookie is that of a session."""
        if not cookie:
            return False
        end = self._sessions.get(_digest(cookie))
        return end is not None and self._now() < end


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
