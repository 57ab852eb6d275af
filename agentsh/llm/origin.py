"""Where an endpoint is, and whether a key may go there."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agentsh.core.errors import ConfigError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from agentsh.config import ModelProfile
    from agentsh.core.secret import Secret

_KEY_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key"})


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def is_loopback(url: str) -> bool:
    """Whether ``url`` stays on this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    host = origin(url)[1]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_origin(profile: ModelProfile, key: Secret | None) -> tuple[str, str, int]:
    """The origin of a profile's ``base_url``.

    Raises:
        ConfigError: it or the headers cannot be used, or would send the key in clear text.
    """
    where = f"[models.{visible_line(profile.name)}]"
    try:
        where_to = origin(profile.base_url)
        userinfo = "@" in urlsplit(profile.base_url).netloc
    except ValueError as e:
        raise ConfigError(f"The base_url of {where} is no URL: {visible_line(str(e))}.") from e
    if where_to[0] not in ("http", "https") or not where_to[1] or userinfo:
        raise ConfigError(f"The base_url of {where} must be http(s)://HOST..., without a name or password in it.")
    if key is not None and where_to[0] == "http" and not is_loopback(profile.base_url):
        raise ConfigError(
            f"The base_url of {where} would send {key} over the network in clear text.",
            next_step="Use https://, or an address of this machine.",
        )
    for name, value in profile.headers.items():
        if name.lower() in _KEY_HEADERS:
            raise ConfigError(
                f"{where} sets the header '{visible_line(name)}': keys do not belong in the configuration.",
                next_step="Name the key with 'key' and store it: 'agentsh secrets set NAME'.",
            )
        if not (name + value).isascii() or not (name + value).isprintable():
            raise ConfigError(f"{where} has a header that is not printable ASCII: '{visible_line(name)}'.")
    return where_to
