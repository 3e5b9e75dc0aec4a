"""One client's connection: HTTP/1.1 as it arrives, answers in their order, limits for the slow."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from sentinelweb.front_door import mending, messages
from sentinelweb.front_door.messages import UNREADABLE, Header, Request

if TYPE_CHECKING:
    from sentinelweb.front_door.door import Door

# In seconds. A client that is slower loses its connection, and nobody else loses anything.
IDLE = 75
IDLE_WHEN_CROWDED = 5
HEAD_WITHIN = 10
BODY_SILENCE = 20
REQUEST_WITHIN = 300
WRITE_WITHIN = 60
LINGER = 5

MAX_HEAD = 65_536
MAX_PIPELINED = 100
# As much of a page as is taken off gunicorn's hands for a client that reads slowly.
WRITE_BUFFER = 1_048_576


class Exchange:
    """A request and its answer, which is None while it is worked out.

    `received` is whether the whole request is there. A request that is answered sooner must be the
    connection's last, because the rest of it is never read.
    """

    __slots__ = ("answer", "connection", "received", "request")

    def __init__(
        self, connection: Connection, request: Request, answer: bytes | None = None
    ) -> None:
        self.connection = connection
        self.request = request
        self.answer = answer
        self.received = False

    def begin(self) -> None:
        """Every earlier answer is sent."""

    def receive(self, data: bytes) -> None:
        """A part of the body came."""

    def complete(self) -> None:
        """The whole request came."""

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""


class _BodyAlone:
    """What a parser calls that is at a body whose head another has read."""

    def __init__(self, connection: Connection) -> None:
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete


def _framing(request: Request) -> list[Header]:
    """The headers that tell how long the body is; none if there is no body."""
    return [
        (name, value)
        for name, value in request.headers
        if name.lower() in {b"content-length", b"transfer-encoding"}
    ]


class Connection(asyncio.Protocol):
    """`deadline` is when it is given up for being slow, on the door's clock."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.peer = ""
        self.deadline = 0.0
        self.writable = asyncio.Event()
        self.writable.set()
        self._transport: asyncio.Transport
        self._parser = self._new_parser()
        self._exchanges: deque[Exchange] = deque()
        self._receiving: Exchange | None = None
        self._whole_by = 0.0
        self._begun = 0  # requests
        self._in_head = False
        self._head_size = 0
        self._head: list[bytes] = []  # as it came, with what came behind it
        self._head_of = 0  # the number of its request
        self._mended = False
        self._unread: Exchange | None = None  # whose body the parser leaves to us
        self._target = b""
        self._headers: list[Header] = []
        self._last = False  # no request is read any more
        self._ended = False  # no answer is sent any more
        self._held = False
        self._reading = True

    # The client, as asyncio tells of it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self.peer = str(transport.get_extra_info("peername")[0]).removeprefix("::ffff:")
        if self.door.full:
            self.abort()
        self.door.connections.add(self)
        self._rest()

    def data_received(self, data: bytes) -> None:
        if self._last:
            return
        begun = self._begun
        if self._in_head:
            self._head.append(data)
        elif self._receiving is None:
            self._head, self._head_of = [data], begun + 1
        self._parse(data)
        if self._in_head and self._begun == begun:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self._refuse(431)
        elif self._receiving is not None:
            self.deadline = min(self.door.now + BODY_SILENCE, self._whole_by)
        self._regulate()

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._unread is None:
                self._last = True
            else:
                self._read_body(self._unread, data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            raise  # our own fault
        except httptools.HttpParserError:
            if self._in_head and self._begun == self._head_of and not self._mended:
                self._mend()
            else:
                self._refuse(400)

    def eof_received(self) -> bool:
        """The client sends nothing more, but may still read what it asked for."""
        self._last = True
        return bool(self._exchanges) and self._receiving is None and not self._in_head

    def connection_lost(self, _error: Exception | None) -> None:
        self.door.connections.discard(self)
        self._ended = self._last = True
        self.writable.set()
        while self._exchanges:
            self._exchanges.popleft().abandon()

    def pause_writing(self) -> None:
        self.writable.clear()
        self.deadline = self.door.now + WRITE_WITHIN
        self._regulate()

    def resume_writing(self) -> None:
        self.writable.set()
        self.deadline = math.inf
        self.flush()

    # The request, as the parser tells of it

    def on_message_begin(self) -> None:
        self._begun += 1
        self._in_head, self._head_size = True, 0
        self._target, self._headers = b"", []
        self._whole_by = self.door.now + REQUEST_WITHIN
        self.deadline = self.door.now + HEAD_WITHIN

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # later ones are trailers, which mean nothing to us
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        self._in_head = False
        self.deadline = self.door.now + BODY_SILENCE
        request = Request(
            method=parser.get_method().decode("ascii"),
            target=self._target,
            version=parser.get_http_version(),
            headers=self._headers,
            keep_alive=parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self._mended
            and not self.door.stopping,
        )
        if request.version == "1.0" and request.header(b"transfer-encoding"):
            # An old proxy in front may see the end of the body elsewhere (RFC 9112, 6.1).
            request.keep_alive = False
        exchange = self._receiving = self.door.exchange(self, request)
        if parser.should_upgrade() and _framing(request):
            self._unread = exchange
        self._exchanges.append(exchange)
        if exchange is self._exchanges[0]:
            if request.method != "GET" and request.expects_continue:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            exchange.begin()
        if exchange.answer is not None:
            self.flush()

    def on_body(self, data: bytes) -> None:
        if self._receiving is not None:
            self._receiving.receive(data)

    def on_message_complete(self) -> None:
        if self._unread is not None:
            return
        exchange, self._receiving = self._receiving, None
        if exchange is None:
            return
        self.deadline = math.inf
        if not exchange.request.keep_alive:
            self._last = True
        exchange.received = True
        exchange.complete()
        if exchange.answer is not None:
            self.flush()

    # What the parser cannot read alone

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # A NUL in a header is no reason to lose a ping. Pages refuse such a request (pages.py).
        parser.set_dangerous_leniencies(lenient_headers=True)
        return parser

    def _mend(self) -> None:
        """Read a ping again without what no parser takes, as soon as its head is there."""
        head = b"".join(self._head)
        if not mending.is_ping(head):
            self._refuse(400)
        elif parts := mending.split(head):
            mended = mending.mend(parts[0])
            if mended is None:
                self._refuse(400)
                return
            self._mended, self._in_head = True, False
            self._parser = self._new_parser()
            self.data_received(mended + parts[1])

    def _read_body(self, exchange: Exchange, data: bytes) -> None:
        """Read the body of a request that offers an upgrade, at which the parser stops.

        We never accept, and then the request means what it means without (RFC 9110, 7.8). `curl
        --http2` sends every ping so.
        """
        self._unread = None
        self._parser = httptools.HttpRequestParser(_BodyAlone(self))
        framing = messages.header_lines(_framing(exchange.request))
        self._parse(b"POST / HTTP/1.1\r\n%s\r\n" % framing)
        if data:
            self._parse(data)

    # The answers

    def write(self, data: bytes) -> None:
        if not self._ended:
            self._transport.write(data)

    def flush(self) -> None:
        """Send the answers whose turn it is."""
        exchanges = self._exchanges
        while exchanges and exchanges[0].answer is not None and not self._ended:
            exchange = exchanges.popleft()
            if exchange.answer:
                self._transport.write(exchange.answer)
            if not exchange.request.keep_alive or not exchange.received:
                self._end(exchange.received)
                return
            if exchanges:
                exchanges[0].begin()
        if not exchanges and self._receiving is None and not self._in_head:
            self._rest()
        self._regulate()

    def hold(self, held: bool) -> None:
        """Read no more from the client until what it sent has gone on."""
        self._held = held
        self._regulate()

    def abort(self) -> None:
        """End in the middle, so that the client sees that something is missing."""
        self._ended = True
        self._transport.abort()

    # The limits

    def time_out(self) -> None:
        """`deadline` has passed."""
        if self._ended or not self.writable.is_set():
            self._transport.abort()
        elif self._in_head or self._receiving is not None:
            self._refuse(408)
        else:
            self._end(True)

    def stop(self) -> None:
        """End as soon as what was asked is answered."""
        if not self._exchanges and not self._in_head:
            self._end(True)

    def _rest(self) -> None:
        """Wait for the next request, if there may be one."""
        if self._last or self.door.stopping:
            self._end(True)
        else:
            self.deadline = self.door.now + (IDLE_WHEN_CROWDED if self.door.crowded else IDLE)

    def _refuse(self, status: int) -> None:
        """Answer a request that cannot be read, or not in time, when it is its turn."""
        if self._last:
            return
        self._last, self._in_head = True, False
        exchange, self._receiving = self._receiving, None
        if exchange is None:
            exchange = Exchange(self, UNREADABLE)
            self._exchanges.append(exchange)
        exchange.abandon()
        exchange.answer = messages.answer(UNREADABLE, status, b"", b"", self.door.date)
        self.flush()

    def _regulate(self) -> None:
        """Read on or not: no client may make us keep more than a little for it."""
        reading = not self._held and self.writable.is_set() and len(self._exchanges) < MAX_PIPELINED
        if reading is not self._reading:
            self._reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _end(self, received: bool) -> None:
        """Close, when what is written is sent.

        To close while the client still sends would let its system throw the answer away: then only
        our side ends, and the rest is read and dropped for a moment.
        """
        self._ended = self._last = True
        self._receiving = None
        while self._exchanges:
            self._exchanges.popleft().abandon()
        if received:
            self.deadline = self.door.now + WRITE_WITHIN
            self._transport.close()
        else:
            self.deadline = self.door.now + LINGER
            self._transport.write_eof()
