"""Who the client is, and which headers go on to the pages."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import NamedTuple

Headers = Sequence[tuple[bytes, bytes]]

# RFC 9110, 7.6.1: they concern one connection. The others here are written anew.
_NOT_PASSED_ON = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate",
        b"proxy-authorization", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect",
        b"content-length", b"forwarded",
    }
)  # fmt: skip
_TOKEN = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z_-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Client(NamedTuple):
    """Who asks, as far as our trusted proxies may be believed."""

    address: str
    scheme: bytes
    host: bytes


def client_address(headers: Headers, peer: str, trusted_proxies: int) -> str:
    """The address that the outermost trusted proxy saw; garbage in its place is not believed."""
    if not trusted_proxies:
        return peer
    said = _said_by_proxy(headers, b"x-forwarded-for", trusted_proxies)
    try:
        return str(ipaddress.ip_address(said.decode("ascii")))
    except ValueError:
        return peer


def client(headers: Headers, peer: str, trusted_proxies: int) -> Client:
    host = next((value for name, value in headers if name.lower() == b"host"), b"")
    scheme = b"http"
    if trusted_proxies:
        host = _said_by_proxy(headers, b"x-forwarded-host", trusted_proxies) or host
        if _said_by_proxy(headers, b"x-forwarded-proto", trusted_proxies).lower() == b"https":
            scheme = b"https"
    return Client(client_address(headers, peer, trusted_proxies), scheme, host)


def _said_by_proxy(headers: Headers, name: bytes, trusted_proxies: int) -> bytes:
    """The value that the outermost of the trusted proxies added; empty if it added none."""
    values = b",".join(value for other, value in headers if other.lower() == name).split(b",")
    return values[-trusted_proxies].strip() if len(values) >= trusted_proxies else b""


def is_sound(headers: Headers) -> bool:
    """Whether these headers mean the same to everybody who reads them, gunicorn included."""
    return (
        all(_TOKEN.fullmatch(name) and not _CONTROL.search(value) for name, value in headers)
        and sum(name.lower() == b"host" for name, _value in headers) <= 1
    )


def for_pages(headers: Headers, client: Client) -> list[tuple[bytes, bytes]]:
    """The headers that go on. What the client says of its own origin is replaced by what we know.

    Names with an underscore are left out: in WSGI they could pass for the ones with a hyphen.
    """
    return [
        *(
            (name, value)
            for name, value in end_to_end(headers)
            if b"_" not in name and not name.lower().startswith(b"x-forwarded-")
        ),
        (b"X-Forwarded-For", client.address.encode()),
        (b"X-Forwarded-Proto", client.scheme),
        (b"X-Forwarded-Host", client.host),
    ]


def end_to_end(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Without those that concern one connection, and those that `Connection` names."""
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    return [
        (name, value)
        for name, value in headers
        if (lower := name.lower()) not in _NOT_PASSED_ON and lower not in named
    ]
