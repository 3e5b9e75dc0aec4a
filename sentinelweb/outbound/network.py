"""The network of the probes: one for the life of a process that probes.

It keeps HTTP connections, remembers names for a few seconds, and lets no probe connect to an
address that the SSRF rule forbids.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
import time
import weakref
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from sentinelweb.outbound import certificates, tls
from sentinelweb.outbound.addresses import Reach
from sentinelweb.outbound.failures import AddressNotAllowedError, from_os_error
from sentinelweb.outbound.http import HttpClient
from sentinelweb.outbound.names import Names

# Looks under way, of which most wait: as many time out within a cycle when a whole site is away.
AT_ONCE = 1_500
MOST_FILES = 65_536
PROXY_PORT = 80
OTHER_FILES = 200  # the database, Redis, look-ups of names


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection; leave its `with` block to close it at once."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def certificate_expires_at(self) -> datetime | None:
        """Of the other end's certificate; None without TLS."""
        return certificates.expires_at(self.writer.get_extra_info("ssl_object"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Not close(): it waits for a TLS server's farewell, which some never send.
        self.writer.transport.abort()


class Network:
    """What probes look through. Enter it with `async with`, and use it in that event loop alone.

    `reach` is the SSRF rule for what people typed. `ipv4_only` leaves out the IPv6 addresses of
    names. `override_ip`, which the operator set, stands for every name in HTTP probes.
    `docker_host` is the Docker Engine's address, if it is not the usual one.

    `places` bounds how many looks are under way, and `turn` is held by the one who begins next: all
    crowds of a process share them.
    """

    def __init__(
        self,
        reach: Reach,
        *,
        ipv4_only: bool = False,
        override_ip: str | None = None,
        docker_host: str | None = None,
    ) -> None:
        self.reach = reach
        self.override_ip = override_ip
        self.docker_host = docker_host
        tls.save_memory()
        files = _allow_many_files()
        at_once = min(AT_ONCE, files * 2 // 5)
        self.places = asyncio.Semaphore(at_once)
        self.turn = asyncio.Lock()
        self._names = Names(ipv4_only=ipv4_only)
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._most_sockets = files - at_once - OTHER_FILES

    async def __aenter__(self) -> Self:
        self.http = HttpClient(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        self._names.close()

    @cached_property
    def verifying(self) -> ssl.SSLContext:
        """For servers that must show who they are."""
        return tls.verifying_context()

    @cached_property
    def trusting(self) -> ssl.SSLContext:
        """For servers whose certificate is not looked at."""
        return tls.trusting_context()

    @property
    def has_room(self) -> bool:
        """Whether another connection may be kept open."""
        return len(self._sockets) < self._most_sockets

    async def addresses(self, host: str) -> list[str]:
        """The addresses of `host` that may be connected to, IPv4 first.

        Raise HostNotFoundError, or AddressNotAllowedError if it has none that may.
        """
        found = await self._names.addresses(host)
        allowed = [address for address in found if self.reach.includes(address)]
        if not allowed:
            raise AddressNotAllowedError
        return allowed

    def make_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket that is about to be connected to the address in `info`, as of `getaddrinfo`.

        Every connection of every probe begins here: what a name meant before does not count.
        """
        family, kind, protocol, _name, address = info
        if not (self._is_proxy(*address[:2]) or self.reach.includes(address[0])):
            raise AddressNotAllowedError
        made = socket.socket(family, kind, protocol)
        self._sockets.add(made)
        return made

    def _is_proxy(self, address: str, port: int) -> bool:
        """Whether it is there for all: strangers get no other port of the operator's machine."""
        is_open = port == PROXY_PORT or self.reach is not Reach.PUBLIC
        return address == self.override_ip and is_open

    async def connect(
        self,
        host: str,
        port: int,
        *,
        seconds: float,
        verify: ssl.SSLContext | None = None,
        server_name: str | None = None,
    ) -> Connection:
        """A connection to the first address of `host` that answers, within `seconds` in all.

        With `verify` it speaks TLS, for `server_name` or else `host`. Raise NetworkError or
        TimeoutError.
        """
        async with asyncio.timeout(seconds):
            give_up = time.monotonic() + seconds
            addresses = await self.addresses(host)
            for tried, address in enumerate(addresses):
                # The last one may use up the time; no other may take its share.
                left = (give_up - time.monotonic()) / (len(addresses) - tried)
                try:
                    async with asyncio.timeout(left):
                        made = await self._open(address, port)
                    break
                except (OSError, TimeoutError) as error:
                    if tried == len(addresses) - 1:
                        raise from_os_error(error) from None
            try:
                reader, writer = await asyncio.open_connection(
                    sock=made, ssl=verify, server_hostname=(server_name or host) if verify else None
                )
            except BaseException as error:
                made.close()
                if isinstance(error, OSError):
                    raise from_os_error(error) from None
                raise
            return Connection(reader, writer)

    async def _open(self, address: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = self.make_socket((family, socket.SOCK_STREAM, 0, "", (address, port)))
        try:
            made.setblocking(False)
            await asyncio.get_running_loop().sock_connect(made, (address, port))
        except BaseException:
            made.close()
            raise
        return made


def _allow_many_files() -> int:
    """Raise the limit of open files as far as we may, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if soft == resource.RLIM_INFINITY else min(soft, MOST_FILES)
