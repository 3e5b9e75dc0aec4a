"""A request for a page: handed to gunicorn over its Unix socket, and its answer handed back.

A request is gathered before gunicorn hears of it, and an answer is taken off it at once, both up to
a size, and the rest is streamed: a page worker has better things to do than to wait for the slow.
"""

from __future__ import annotations

import asyncio

import httptools
import structlog

from sentinelweb.front_door import forwarding
from sentinelweb.front_door.apology import apology
from sentinelweb.front_door.connection import Connection, Exchange
from sentinelweb.front_door.messages import Header, Request

log = structlog.get_logger(__name__)

GATHERED = 65_536  # bytes of a request's body before gunicorn hears of it
PART = 65_536  # bytes that are read from gunicorn at a time
# In seconds.
RESTART_PATIENCE = 3.0
ANSWER_WITHIN = 60.0


class PagesError(Exception):
    """gunicorn did not answer, or not in full; `status` is for the client."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Page(Exchange):
    __slots__ = ("_gathered", "_news", "_parts", "_relaying", "_streaming", "_task")

    def __init__(self, connection: Connection, request: Request) -> None:
        super().__init__(connection, request)
        self._parts: list[bytes] = []
        self._gathered = 0
        self._streaming = False
        self._relaying = False
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        if self.answer is None:
            self._task = asyncio.create_task(self._run())

    def receive(self, data: bytes) -> None:
        self._parts.append(data)
        self._gathered += len(data)
        if self._gathered >= GATHERED:
            self.connection.hold(True)
        if self._gathered >= GATHERED or self._streaming:
            self._news.set()

    def complete(self) -> None:
        self._news.set()

    def abandon(self) -> None:
        if self._task:
            self._task.cancel()
        if self._relaying:
            self.connection.abort()

    async def _run(self) -> None:
        request = self.request
        try:
            await self._news.wait()
            reader, writer = await _connect(self.connection.door.pages_socket)
            sending = asyncio.create_task(self._send(request, writer))
            try:
                await self._relay(request, reader)
            finally:
                sending.cancel()
                writer.transport.abort()
            self.answer = b""
        except PagesError as error:
            log.warning("pages_do_not_answer", status=error.status)
            if self._relaying:
                self.connection.abort()
                return
            request.keep_alive = request.keep_alive and self.received
            self.answer = apology(request, error.status, self.connection.door.date)
        self._relaying = False
        self.connection.flush()

    async def _send(self, request: Request, writer: asyncio.StreamWriter) -> None:
        connection = self.connection
        client = forwarding.client(
            request.headers, connection.peer, connection.door.settings.trusted_proxies
        )
        headers = forwarding.for_pages(request.headers, client)
        length = b"%d" % self._gathered if self.received else request.header(b"content-length")
        if length:
            headers.append((b"Content-Length", length))
        else:
            headers.append((b"Transfer-Encoding", b"chunked"))
        headers.append((b"Connection", b"close"))
        writer.write(
            b"%s %s HTTP/1.1\r\n" % (request.method.encode(), request.target) + _head(headers)
        )
        self._streaming = True
        try:
            while True:
                data, self._parts, self._gathered = b"".join(self._parts), [], 0
                connection.hold(False)
                if data:
                    writer.write(data if length else _chunk(data))
                await writer.drain()
                if not self._parts:
                    if self.received:
                        break
                    self._news.clear()
                    await self._news.wait()
            if not length:
                writer.write(_chunk(b""))
                await writer.drain()
        except ConnectionError:
            pass  # gunicorn has heard enough; what it said of it is there to be read

    async def _relay(self, request: Request, reader: asyncio.StreamReader) -> None:
        connection = self.connection
        response = _Response(request)
        while not response.complete:
            data = await self._read(reader)
            request.keep_alive = request.keep_alive and self.received
            out = response.feed(data)
            if out:
                self._relaying = True
                connection.write(out)
                await connection.writable.wait()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        while True:
            try:
                async with asyncio.timeout(ANSWER_WITHIN):
                    return await reader.read(PART)
            except TimeoutError:
                if self.received:  # else it is the client that takes its time
                    raise PagesError(504) from None
            except ConnectionError as error:
                raise PagesError(502) from error


class _Response:
    """What gunicorn answers, made into what the client gets."""

    def __init__(self, request: Request) -> None:
        self.complete = False
        self._request = request
        self._parser = httptools.HttpResponseParser(self)
        self._reason = b""
        self._headers: list[Header] = []
        self._chunked = False
        self._out: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """What there is to send on after `data`, which is empty at the end of the connection."""
        if not data:
            raise PagesError(502)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self.complete:
                raise PagesError(502) from error
        out, self._out = b"".join(self._out), []
        return out

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status, request = self._parser.get_status_code(), self._request
        headers = [item for item in forwarding.end_to_end(self._headers) if item[0] != b"Server"]
        length = next(
            (value for name, value in self._headers if name.lower() == b"content-length"), None
        )
        without_body = request.method == "HEAD" or status in {204, 304}
        self._chunked = length is None and not without_body and request.version == "1.1"
        if length is not None:
            headers.append((b"Content-Length", length))
        if self._chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
        if not request.keep_alive:
            headers.append((b"Connection", b"close"))
        self._out.append(b"HTTP/1.1 %d %s\r\n" % (status, self._reason) + _head(headers))
        # The parser cannot know that no body follows an answer to HEAD.
        self.complete = without_body

    def on_body(self, data: bytes) -> None:
        if not self.complete:
            self._out.append(_chunk(data) if self._chunked else data)

    def on_message_complete(self) -> None:
        if self._chunked and not self.complete:
            self._out.append(_chunk(b""))
        self.complete = True


async def _connect(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raise PagesError if gunicorn does not listen, nor begins to within RESTART_PATIENCE."""
    loop = asyncio.get_running_loop()
    until = loop.time() + RESTART_PATIENCE
    while True:
        try:
            return await asyncio.open_unix_connection(path, limit=PART)
        except OSError as error:
            if loop.time() > until:
                raise PagesError(502) from error
        await asyncio.sleep(0.05)


def _head(headers: list[Header]) -> bytes:
    return b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n"


def _chunk(data: bytes) -> bytes:
    """As RFC 9112, 7.1 has it; the empty one is the last."""
    return b"%x\r\n%s\r\n" % (len(data), data)
