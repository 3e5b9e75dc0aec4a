"""The SSRF rule: which addresses a call may connect to, so that nobody reaches them through us."""

from __future__ import annotations

import ipaddress
from enum import Enum


class Reach(Enum):
    """Which addresses a call may connect to.

    Only ANYWHERE, for addresses that the operator set, includes link-local ones (clouds give out
    credentials there), multicast and the unspecified one.
    """

    PUBLIC = "public"
    PRIVATE = "public and private"
    ANYWHERE = "anywhere"

    def includes(self, address: str) -> bool:
        """Whether the IP `address` may be connected to; its IPv6 scope is of no account."""
        if self is Reach.ANYWHERE:
            return True
        ip = ipaddress.ip_address(address)
        if isinstance(ip, ipaddress.IPv6Address):
            ip = _inner(ip) or ip
        if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _CREDENTIALS:
            return False
        return ip.is_global or self is Reach.PRIVATE


# Where clouds give out credentials, beside the link-local 169.254.169.254.
_CREDENTIALS = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192"))
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052


def _inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that the system or a gateway makes of an IPv6 one."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour
