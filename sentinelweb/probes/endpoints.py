"""Hosts and ports as people type them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from yarl import URL

# Underscores are in use, in the names of containers and in DNS.
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`host` is an IP address or a name in its ASCII form (IDNA); `shown` is as people write it."""

    host: str
    port: int | None
    shown: str


def parse_endpoint(text: str) -> Endpoint:
    """The host and port of `host[:port]`, an IPv6 address in brackets; raise ValueError."""
    if any(char in text for char in "/?#@%\\"):
        raise ValueError("more than a host and a port")
    url = URL(f"probe://{text}")
    host, port = url.raw_host or "", url.explicit_port
    if not is_host(host) or port == 0 or text.endswith(":"):
        raise ValueError("no host")
    shown = f"[{host}]" if ":" in host else url.host or host
    return Endpoint(host, port, shown)


def is_host(host: str) -> bool:
    """Whether `host`, in its ASCII form, can be looked up or connected to from anywhere."""
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host).scope_id is None
        except ValueError:
            return False
    labels = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(map(_LABEL.fullmatch, labels))
