"""The HTTP client of the channels: every call goes through `request()`.

It never waits longer than it says, reads no more than it says, follows no redirect, listens to no
proxy variable, and refuses addresses that a person must not reach through us (the SSRF rule). Its
errors are sentences for people and hold no URL: a URL may carry a token.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from sentinelweb.i18n import gettext as _
from sentinelweb.outbound.addresses import Reach
from sentinelweb.outbound.tls import verifying_context

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
BODY_BYTES = 64 * 1024
USER_AGENT = "SentinelWeb"

# At DEBUG urllib3 logs the path of every request, and Telegram's holds the bot's token.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class OutboundError(Exception):
    """The call failed; the message is a sentence for the person who reads the log of deliveries."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. `body` is as much as fitted the limits of size and time."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request(
    method: str,
    url: str,
    *,
    reach: Reach,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    max_body: int = BODY_BYTES,
) -> Answer:
    """Call `url` once and return its answer, whatever its status; raise OutboundError for none.

    There is no requests.Session: its cookies, its proxies from the environment and its redirects
    (it reads the whole body of one, even when told not to follow it) are what must not be here.
    """
    exchange = _Exchange(reach)
    sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **(headers or {})}
    try:
        prepared = requests.Request(method, url, headers=sent, data=body or None).prepare()
        with (
            contextlib.closing(_Adapter(exchange)) as adapter,
            adapter.send(prepared, stream=True) as response,
        ):
            content = b"".join(_read(response.raw, max_body))
            return Answer(response.status_code, response.headers, content)
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        # From None: the chain of a library's exception spells the URL out.
        raise OutboundError(_sentence(error, exchange)) from None


class _Exchange:
    """The limits of one call: whom it may reach, and until when."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.deadline = time.monotonic() + TOTAL_SECONDS

    def remaining(self) -> float:
        return self.deadline - time.monotonic()

    def check(self, address: str) -> None:
        """Raise OutboundError unless `address` may be connected to."""
        if not self.reach.includes(address):
            raise OutboundError(_("Calls to the address %(ip)s are not allowed.", ip=address))


class _TimedSocket(socket.socket):
    """A socket on which no byte is awaited after the deadline.

    An ordinary timeout starts anew with every byte, so that a server which drips them holds on for
    hours.
    """

    deadline = float("inf")

    def _limit(self) -> None:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self.settimeout(min(remaining, TOTAL_SECONDS))

    def recv_into(self, *args: Any) -> int:
        self._limit()
        return super().recv_into(*args)

    def send(self, *args: Any) -> int:
        self._limit()
        return super().send(*args)

    def sendall(self, *args: Any) -> None:
        self._limit()
        super().sendall(*args)


class _TimedTLSSocket(_TimedSocket, ssl.SSLSocket):
    """The same over TLS; its SSLContext makes it, so the deadline is set after the handshake."""


_loading = threading.Lock()


def _tls_context() -> ssl.SSLContext:
    """One for all calls."""
    with _loading:  # or many threads that begin together load one each
        return _load_tls_context()


@lru_cache
def _load_tls_context() -> ssl.SSLContext:
    context = verifying_context()
    context.sslsocket_class = _TimedTLSSocket
    return context


class _Connection(HTTPConnection):
    def __init__(self, *args: Any, exchange: _Exchange, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._exchange = exchange

    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port or self.default_port, self._exchange)


class _TLSConnection(HTTPSConnection):
    def __init__(self, *args: Any, exchange: _Exchange, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._exchange = exchange

    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port or self.default_port, self._exchange)

    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, _TimedTLSSocket):
            self.sock.deadline = self._exchange.deadline


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def _tls_pool(*args: Any, **kwargs: Any) -> _TLSPool:
    return _TLSPool(*args, ssl_context=_tls_context(), **kwargs)


class _Adapter(HTTPAdapter):
    """Makes the connections of one exchange."""

    def __init__(self, exchange: _Exchange) -> None:
        super().__init__()
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_Pool, exchange=exchange),
            "https": partial(_tls_pool, exchange=exchange),
        }

    def cert_verify(self, *args: Any) -> None:
        """Leave it to the shared context: here requests would name a CA bundle to load again."""


def _connect(host: str, port: int, exchange: _Exchange) -> socket.socket:
    """A connection to the first address of `host` that may be reached and answers."""
    addresses = _look_up(host, port, exchange.remaining())
    give_up = time.monotonic() + min(CONNECT_SECONDS, exchange.remaining())
    last_error: OSError = TimeoutError()
    for tried, (family, address) in enumerate(addresses):
        exchange.check(address[0])
        share = (give_up - time.monotonic()) / (len(addresses) - tried)
        if share <= 0:
            break
        connection = _TimedSocket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(share)
            connection.connect(address)
            # The word of the kernel, not of the name server, and before a byte is sent.
            exchange.check(connection.getpeername()[0])
        except OSError as error:
            connection.close()
            last_error = error
            continue
        except BaseException:
            connection.close()
            raise
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.deadline = exchange.deadline
        connection.settimeout(max(0.001, exchange.remaining()))
        return connection
    if isinstance(last_error, TimeoutError):
        raise OutboundError(_("No connection within %(n)s seconds.", n=f"{CONNECT_SECONDS:g}"))
    if isinstance(last_error, ConnectionRefusedError):
        raise OutboundError(_("The connection was refused: nothing listens there."))
    raise OutboundError(_("No connection: the host cannot be reached."))


def _look_up(host: str, port: int, seconds: float) -> list[tuple[int, Any]]:
    """The addresses of `host`, IPv4 first, as hosts without an IPv6 route are many.

    The resolver knows no time limit (two tries of 5 s for each name server are usual), so it runs
    in a thread that is left to itself when the time is over.
    """
    results: queue.SimpleQueue[list[tuple[int, Any]] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            results.put([(family, address) for family, _type, _protocol, _name, address in infos])
        except (OSError, ValueError) as error:
            results.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        found = results.get(timeout=max(0.001, seconds))
    except queue.Empty:
        raise OutboundError(_("The name server did not answer.")) from None
    if isinstance(found, Exception):
        raise OutboundError(_("The host name %(host)s was not found.", host=host[:100]))
    return sorted(found, key=lambda item: item[0] != socket.AF_INET)


def _read(raw: Any, limit: int) -> Iterator[bytes]:
    """Up to `limit` bytes; fewer when the server is too slow or hangs up: it has answered."""
    try:
        while limit > 0 and (chunk := raw.read1(limit)):
            limit -= len(chunk)
            yield chunk
    except (HTTPError, OSError):
        return


def _sentence(error: BaseException, exchange: _Exchange) -> str:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message.rstrip(".")
            return _("The server's certificate was not accepted: %(reason)s.", reason=reason)
    if any(isinstance(cause, TimeoutError) for cause in causes) or exchange.remaining() <= 0:
        return _("No answer within %(n)s seconds.", n=f"{TOTAL_SECONDS:g}")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return _("No secure connection could be agreed on with the server.")
    if isinstance(error, InvalidURL | InvalidSchema | MissingSchema):
        return _("The address cannot be called: it is not a valid URL.")
    if isinstance(error, ValueError):
        return _("The call cannot be made: it holds characters that HTTP does not allow.")
    return _("The server closed the connection without an answer.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
