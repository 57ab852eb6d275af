"""Headers that whoever asks may add to a request. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentsh.core.errors import PolicyDenied, UsageError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "http.header"

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE = re.compile(r"[\x20-\x7e]{0,1024}")
_MOST_HEADERS = 20
# Ours to set (how the message is read, where it goes), or a credential, which goes by its name alone.
_NOT_YOURS = frozenset(
    {
        *("host", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "te"),
        *("trailer", "upgrade", "expect", "via", "accept-encoding", "authorization", "cookie", "cookie2"),
        *("api-key", "x-api-key", "x-auth-token", "forwarded", "x-forwarded-for", "x-forwarded-host"),
        *("x-forwarded-proto", "x-real-ip", "x-original-url", "x-rewrite-url"),
        *(
            "idempotency-key",
            "x-idempotency-key",
            "x-http-method",
            "x-http-method-override",
            "x-method-override",
            "metadata",
            "metadata-flavor",
        ),
    }
)
_NOT_YOURS_BEGIN = ("proxy-", "sec-", "x-aws-ec2-")


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """``headers`` themselves when they may be sent.

    Raises:
        UsageError: one would say how the message is read or where it goes, or holds something else than one line.
        PolicyDenied: one is for a credential.
    """
    if len(headers) > _MOST_HEADERS:
        raise UsageError(f"A request takes {_MOST_HEADERS} headers at most.", files="Nothing was sent.")
    seen: set[str] = set()
    for name, value in headers.items():
        shown = visible_line(name[:80])
        if not _TOKEN.fullmatch(name) or name.lower() in seen:
            raise UsageError(f"'{shown}' is no name of a header, or it is there twice.", files="Nothing was sent.")
        if not _VALUE.fullmatch(value):
            raise UsageError(
                f"The value of the header '{shown}' is not one line of printable ASCII, 1024 characters at most.",
                files="Nothing was sent.",
            )
        if name.lower() in _NOT_YOURS or name.lower().startswith(_NOT_YOURS_BEGIN):
            raise PolicyDenied(
                f"The header '{shown}' cannot be set: it says who asks, where to, or how the request is read.",
                rule=HEADER,
                files="Nothing was sent.",
                next_step="A credential goes by its name: the person binds it to a host, and the request names it.",
            )
        seen.add(name.lower())
    return dict(headers)
