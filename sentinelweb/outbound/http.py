"""HTTP for probes, by aiohttp. A connection that was kept is never mistaken for the service."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
import weakref
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection as PooledConnection
from yarl import URL

from sentinelweb.outbound import certificates, failures
from sentinelweb.outbound.calls import USER_AGENT

if TYPE_CHECKING:
    from sentinelweb.outbound.network import Network

IDLE_SECONDS = 30.0  # that an unused connection is kept
# However busy, a connection ends before long: its service may have another address by now, and
# another certificate.
OLD_SECONDS = 600.0
HEADER_BYTES = 16 * 1024
# What is read of a body that nobody needs, so that its connection can be kept.
DRAINED_BYTES = 64 * 1024
DRAINED_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. `seconds` passed until its headers had come; `body` is as much as was asked for.

    `location` is where a redirect leads to, and empty without one. `lost` are the seconds before
    that were wasted on a kept connection that had died.
    """

    status: int
    location: str
    body: bytes
    seconds: float
    certificate_expires_at: datetime | None
    lost: float = 0.0


@dataclass(slots=True)
class _Exchange:
    """What is noted while a request is under way."""

    reused: bool = False
    certificate_expires_at: datetime | None = None


_exchange: ContextVar[_Exchange] = ContextVar("exchange")
# When each connection that has been used is old.
_old_at: weakref.WeakKeyDictionary[asyncio.BaseTransport, float] = weakref.WeakKeyDictionary()


class _Response(aiohttp.ClientResponse):
    """Notes what cannot be asked any more once the connection is back in the pool."""

    async def start(self, connection: PooledConnection) -> aiohttp.ClientResponse:
        transport, protocol = connection.transport, connection.protocol
        if transport is not None and protocol is not None:
            exchange = _exchange.get()
            exchange.reused = transport in _old_at
            exchange.certificate_expires_at = certificates.expires_at(
                transport.get_extra_info("ssl_object")
            )
            # Not all of an age, or thousands that began together would be replaced together.
            age = OLD_SECONDS * random.uniform(0.5, 1.0)  # noqa: S311 - nobody gains by guessing it
            if _old_at.setdefault(transport, time.monotonic() + age) <= time.monotonic():
                protocol.force_close()  # when this answer has been read
        try:
            return await super().start(connection)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            # Ours, as the session would ask once more, and leave us in the dark about it.
            raise failures.ClosedError from None


class _Resolver(AbstractResolver):
    """Answers with the addresses that the network allows, or with the operator's for every name."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - the network's own matter
    ) -> list[ResolveResult]:
        override = self._network.override_ip
        addresses = [override] if override else await self._network.addresses(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """It holds nothing."""


class HttpClient:
    """Makes requests for a Network. It has no cookies, follows no redirect and heeds no proxy."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._keeping = self._session(keepalive_timeout=IDLE_SECONDS)
        self._fresh = self._session(force_close=True)

    def _session(self, **values: Any) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,
            use_dns_cache=False,
            resolver=_Resolver(self._network),
            socket_factory=self._network.make_socket,
            **values,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            response_class=_Response,
        )

    async def close(self) -> None:
        await self._keeping.close()
        await self._fresh.close()

    async def fetch(
        self,
        method: str,
        url: URL,
        *,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        verify: bool = True,
        read: int = 0,
    ) -> Fetched:
        """Ask once and return the answer, with up to `read` bytes of its body.

        Raise NetworkError, or TimeoutError after `seconds`. A connection that was kept may have
        died unnoticed meanwhile: then the request is made again by a fresh one, with its full time.
        """
        if self._network.override_ip and not _is_address(url):
            url = _overridden(url)
        arguments = {
            "headers": headers,
            "data": body or None,
            "ssl": self._network.verifying if verify else self._network.trusting,
            "allow_redirects": False,
        }
        exchange = _Exchange()
        _exchange.set(exchange)
        session = self._keeping if self._network.has_room else self._fresh
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                return await _ask(session, method, url, arguments, read, exchange)
        except (failures.NetworkError, TimeoutError):
            if not exchange.reused:
                raise
        lost = time.monotonic() - began
        async with asyncio.timeout(seconds):
            answer = await _ask(self._fresh, method, url, arguments, read, exchange)
        return replace(answer, lost=lost)


async def _ask(
    session: aiohttp.ClientSession,
    method: str,
    url: URL,
    arguments: dict[str, Any],
    read: int,
    exchange: _Exchange,
) -> Fetched:
    began = time.perf_counter()
    try:
        async with session.request(method, url, **arguments) as response:
            seconds = time.perf_counter() - began
            content = await _read(response, read) if read else await _drain(response)
            return Fetched(
                status=response.status,
                location=response.headers.get("Location", ""),
                body=content,
                seconds=seconds,
                certificate_expires_at=exchange.certificate_expires_at,
            )
    except aiohttp.ClientError as error:
        raise _failure(error) from None


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Up to `limit` bytes of the body; what is longer is left where it is."""
    chunks = []
    while limit > 0 and (chunk := await response.content.read(limit)):
        limit -= len(chunk)
        chunks.append(chunk)
    return b"".join(chunks)


async def _drain(response: aiohttp.ClientResponse) -> bytes:
    """Throw away a body that is short and comes soon; the answer is known, whatever happens."""
    if not response.content.is_eof():
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(DRAINED_SECONDS):
                await _read(response, DRAINED_BYTES)
    return b""


def _overridden(url: URL) -> URL:
    """Plain HTTP for the operator's address, whose proxy tells services apart by their name."""
    return url.with_scheme("http").with_port(None if url.is_default_port() else url.port)


def _is_address(url: URL) -> bool:
    """Whether the host of `url` is an IP address, which no name server is asked for."""
    host = url.raw_host or ""
    return ":" in host or host.replace(".", "").isdigit()


def _failure(error: aiohttp.ClientError) -> failures.NetworkError:
    """What `error` means; raise TimeoutError if it is one."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
        return (
            failures.from_os_error(cause)
            if isinstance(cause, OSError)
            else failures.CertificateError()
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return failures.from_os_error(error.os_error)
    if isinstance(error, aiohttp.InvalidURL):
        return failures.HostNotFoundError()
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
        return failures.ClosedError()
    return failures.NotUnderstoodError()
