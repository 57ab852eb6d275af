"""Where a request would go: a URL read strictly, its host in one spelling, and patterns of hosts. Pure.

Programs disagree about URLs, and what one checks another then connects to (a backslash, a tab, a userinfo that looks
like a host, an address in octal). So there is one reading here, everything after it works on the parts, and what two
readers could take differently is refused. Host names are compared in the form that the DNS sees: lower case, IDNA 2008
with UTS 46's mapping (RFC 5891), without the final dot.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from agentsh.core.errors import UsageError
from agentsh.core.record import record
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_URL = 4096
"""Characters of a URL: a longer one is hardly an address, and much of something else."""

_PORTS = {"http": 80, "https": 443}
_SPLIT = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\ufeff]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_SAFE = "%/?:@!$&'()*+,;=-._~[]"  # RFC 3986's own, and what is escaped already
_WORDS = re.compile(r"\[[0-9A-Fa-f:.]{2,45}\]|[^\s/?#@\\\[\]<>\"'`(){},;|]+")
_MOST_WORDS = 10_000


@record(frozen=True, slots=True)
class Destination:
    """A URL's parts.

    Attributes:
        scheme: http or https.
        host: in the one spelling; an IPv6 address without brackets.
        port: the number, also where the URL leaves it out.
        target: path and query, as they are sent.
    """

    scheme: str
    host: str
    port: int
    target: str = "/"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what a secret is sent to or not (RFC 6454)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """As the Host header has it: brackets where needed, no port that goes without saying."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address, in ASCII."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_url(text: str) -> Destination:
    """Read a URL.

    Raises:
        UsageError: it is no http or https URL, or two programs could read it differently.
    """
    if len(text) > LONGEST_URL:
        raise _refused(f"it is longer than {LONGEST_URL} characters", text)
    if _AMBIGUOUS.search(text):
        raise _refused("it has a space, a backslash or a control character in it; percent-encode those", text)
    parts = _SPLIT.fullmatch(text)
    if parts is None:
        raise _refused("it is not of the form https://HOST/PATH", text)
    scheme = parts["scheme"].lower()
    if scheme not in _PORTS:
        raise _refused(f"its scheme is '{visible_line(scheme)}', and there is http and https alone", text)
    if "@" in parts["authority"]:
        raise _refused("it has a user name before its host; credentials go into 'agentsh secrets'", text)
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise _refused("its host and port cannot be told apart", text)
    port = int(authority["port"]) if authority["port"] else _PORTS[scheme]
    if not 0 < port < 1 << 16:
        raise _refused("its port is no port", text)
    rest = parts["rest"]
    try:
        host = normal_host(authority["host"])
        target = quote(rest if rest.startswith("/") else f"/{rest}", safe=_SAFE)
    except UnicodeEncodeError as e:
        raise _refused("it is not valid Unicode", text) from e
    return Destination(scheme, host, port, target)


def _refused(why: str, text: str) -> UsageError:
    return UsageError(f"The URL '{visible_line(text[:200])}' cannot be used: {why}.", files="Nothing was sent.")


def normal_host(text: str) -> str:
    """A host in its one spelling.

    Raises:
        UsageError: it is none, or an address that is not written in the usual way.
    """
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text)
    host = text if text.isascii() else _to_ascii(text)
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _no_host(text, "it is no host name")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(host, text)
    if any(label.startswith("xn--") for label in labels) and _round_trip(host) != host:
        raise _no_host(text, "it has a label that no name encodes to")
    return host


def _ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text[1:-1] if "%" not in text else ""))
    except ValueError as e:
        raise _no_host(text, "it is no IPv6 address without a zone") from e


def _ipv4(host: str, text: str) -> str:
    # What ends in a number is an address to most programs, and 0177.1, 0x7f.1 and 2130706433 are 127.0.0.1 to some.
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError as e:
        raise _no_host(text, "an IPv4 address is written as four decimal numbers") from e


def _to_ascii(text: str) -> str:
    import idna  # noqa: PLC0415 - few names need it

    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode()
    except UnicodeError as e:  # idna.IDNAError is one
        raise _no_host(text, "it is no international domain name") from e


def _round_trip(host: str) -> str:
    import idna  # noqa: PLC0415 - as above

    try:
        return idna.encode(idna.decode(host)).decode()
    except UnicodeError:
        return ""


def _no_host(text: str, why: str) -> UsageError:
    return UsageError(f"The host '{visible_line(text[:260])}' cannot be used: {why}.", files="Nothing was sent.")


@record(frozen=True, slots=True)
class HostPattern:
    """Which hosts are meant: ``docs.example.org``, ``*.example.org`` (names below it, at any depth), ``host:8443``.

    Attributes:
        host: the name or address; for a wildcard what comes behind the star.
        port: this port alone; None stands for the usual one of the scheme.
        wildcard: whether it means the names below ``host``, and not ``host`` itself.
    """

    host: str
    port: int | None = None
    wildcard: bool = False

    def covers(self, destination: Destination) -> bool:
        """Whether a request there is meant."""
        port = _PORTS[destination.scheme] if self.port is None else self.port
        return destination.port == port and self.covers_host(destination.host)

    def covers_host(self, host: str) -> bool:
        """Whether a host in its one spelling is meant, whatever the port."""
        return host.endswith(f".{self.host}") if self.wildcard else host == self.host


def host_pattern(text: str) -> HostPattern:
    """Read a pattern of hosts.

    Raises:
        UsageError: it is none, or a wildcard over a whole top-level domain.
    """
    wildcard = text.startswith("*.")
    parts = _AUTHORITY.fullmatch(text[2:] if wildcard else text)
    if parts is None or not parts["host"] or "*" in parts["host"]:
        raise UsageError(
            f"'{visible_line(text[:260])}' is no pattern of hosts.",
            next_step="Write docs.example.org, *.example.org, or host:8443; without http:// and without a path.",
        )
    port = int(parts["port"]) if parts["port"] else None
    if port is not None and not 0 < port < 1 << 16:
        raise UsageError(f"'{visible_line(text[:260])}' has a port that is none.")
    host = normal_host(parts["host"])
    if wildcard and (is_address(host) or "." not in host):
        raise UsageError(
            f"'{visible_line(text[:260])}' is too wide: anybody can have a name there.",
            next_step="Name a domain, such as *.example.org.",
        )
    return HostPattern(host, port, wildcard)


def is_address(host: str) -> bool:
    """Whether a host in its one spelling is an address rather than a name."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def named_hosts(texts: Iterable[str]) -> frozenset[str]:
    """Every host that a text names, bare or within a URL, in the one spelling.

    What only looks like a host (``README.md``) is one too: nothing follows from it without an entry that allows it.
    """
    found: set[str] = set()
    for text in texts:
        for i, match in enumerate(_WORDS.finditer(text)):
            if i >= _MOST_WORDS:
                break
            found.update(_hosts_of(match.group()))
    return frozenset(found)


def _hosts_of(word: str) -> Iterable[str]:
    bracketed = word.startswith("[")
    pieces = [word] if bracketed else word.split(":")
    for piece in pieces[:3]:
        name = piece.strip(".*_-!") if not bracketed else piece
        if len(name) > 253 or not (bracketed or "." in name or name.lower() == "localhost"):
            continue
        try:
            yield normal_host(name)
        except UsageError:
            continue
