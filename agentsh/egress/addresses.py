"""Which addresses a request may go to. Pure.

Not the standard library's ``is_global``, which answers differently in different versions: the tables of IANA's
special purpose registries (RFC 6890) are here, with what they are called, and of IPv6 what is handed out (2000::/3).
An IPv6 address that carries an IPv4 address is refused as what it is, wherever the inner one leads: a gateway decides
about that, and nobody asked it.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_V4 = {
    IPv4Network(network): name
    for network, name in {
        "0.0.0.0/8": "unspecified",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "shared (carrier-grade NAT)",
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "a cloud's metadata service",
        "169.254.0.0/16": "link-local, where clouds keep their metadata service",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "reserved",
        "192.0.2.0/24": "for documentation",
        "192.52.193.0/24": "a relay",
        "192.88.99.0/24": "a relay",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "for benchmarks",
        "198.51.100.0/24": "for documentation",
        "203.0.113.0/24": "for documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
    }.items()
}
_V6 = {
    IPv6Network(network): name
    for network, name in {
        "::/128": "unspecified",
        "::1/128": "loopback",
        "::ffff:0:0/96": "an IPv4 address within IPv6",
        "::ffff:0:0:0/96": "an IPv4 address within IPv6",
        "::/96": "an IPv4 address within IPv6",
        "64:ff9b::/96": "an IPv4 address within IPv6 (NAT64)",
        "64:ff9b:1::/48": "an IPv4 address within IPv6 (NAT64)",
        "2001::/32": "an IPv4 address within IPv6 (Teredo)",
        "2001::/23": "reserved",
        "2001:db8::/32": "for documentation",
        "2002::/16": "an IPv4 address within IPv6 (6to4)",
        "3fff::/20": "for documentation",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "private",
        "ff00::/8": "multicast",
    }.items()
}
_HANDED_OUT = IPv6Network("2000::/3")


_METADATA_V4 = [IPv4Network(n) for n in ("169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32")]
_METADATA_V6 = [IPv6Network(n) for n in ("fe80::/10", "fd00:ec2::254/128")]


def is_metadata(address: str) -> bool:
    """Whether a cloud hands out credentials at an address, to whoever asks from inside."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if isinstance(found, IPv4Address):
        return any(found in network for network in _METADATA_V4)
    return any(found in network for network in _METADATA_V6)


def why_not(address: str) -> str:
    """What is wrong with an address as the goal of a request; empty when it is a public one.

    Args:
        address: as a resolver gives it, IPv4 in four decimal numbers.
    """
    if "%" in address:
        return "link-local"
    try:
        found = ip_address(address)
    except ValueError:
        return "no address"
    if isinstance(found, IPv4Address):
        return next((name for network, name in _V4.items() if found in network), "")
    return _why_not_v6(found)


def _why_not_v6(address: IPv6Address) -> str:
    name = next((name for network, name in _V6.items() if address in network), "")
    return name or ("" if address in _HANDED_OUT else "reserved")
