"""The front door's process: what its connections share, its clock, its start and its end."""

from __future__ import annotations

import asyncio
import faulthandler
import resource
import signal
import socket
from email.utils import formatdate

import httptools

from config import Settings
from sentinelweb.core.signals import PREFIX, TOKENED_PREFIX
from sentinelweb.front_door import forwarding, messages
from sentinelweb.front_door.beat import Heartbeat, process_of_request
from sentinelweb.front_door.connection import Connection, Exchange
from sentinelweb.front_door.messages import Request
from sentinelweb.front_door.pages import Page
from sentinelweb.front_door.ping import Ping
from sentinelweb.front_door.recorder import Recorder
from sentinelweb.services import ping_http

# In seconds.
TICK = 1.0
HANGS_AFTER = 4.0  # the event loop does not turn
STUCK_AFTER = 60.0  # no ping is recorded
STOP_WITHIN = 10.0

SPARE_FILES = 100  # beside connections: the database, gunicorn, logs
MAX_CONNECTIONS = 20_000

_PINGS = (PREFIX.encode(), TOKENED_PREFIX.encode())


class Door:
    """`now` is the clock of all limits, in seconds, and `date` the value of the header."""

    def __init__(self, settings: Settings, pages_socket: str) -> None:
        self.settings = settings
        self.pages_socket = pages_socket
        self.ping_headers = messages.header_lines(
            [
                (b"Content-Type", b"application/json"),
                (b"Cache-Control", b"no-store"),
                (ping_http.BODY_LIMIT_HEADER.encode(), b"%d" % settings.ping_body_limit),
            ]
        )
        self.connections: set[Connection] = set()
        self.stopping = False
        self.now = 0.0
        self.date = b""
        self._max_connections = _raise_file_limit()
        self._loop = asyncio.get_running_loop()
        self.recorder = Recorder()

    @property
    def crowded(self) -> bool:
        return len(self.connections) > self._max_connections / 2

    @property
    def full(self) -> bool:
        return len(self.connections) >= self._max_connections

    def exchange(self, connection: Connection, request: Request) -> Exchange:
        """Whatever answers `request`."""
        if not request.target.startswith(b"/"):
            request.target = _origin_form(request.target)
        if request.target.startswith(_PINGS):
            return Ping(connection, request)
        if (process_id := process_of_request(request)) is not None:
            return Heartbeat(connection, request, process_id)
        if (
            request.version in {"1.0", "1.1"}
            and request.target
            and forwarding.is_sound(request.headers)
        ):
            return Page(connection, request)
        request.keep_alive = False
        return Exchange(connection, request, messages.answer(request, 400, b"", b"", self.date))

    async def serve(self, listener: socket.socket) -> None:
        """Serve until SIGTERM or SIGINT; then answer what has arrived, and end."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, stop.set)
        self._tick()
        recording = asyncio.create_task(self.recorder.run())
        server = await self._loop.create_server(
            lambda: Connection(self), sock=listener, backlog=2048
        )
        ticking = asyncio.create_task(self._keep_time())
        await asyncio.wait(
            {asyncio.create_task(stop.wait()), recording}, return_when=asyncio.FIRST_COMPLETED
        )
        self.stopping = True
        server.close()
        await self._finish()
        self.recorder.stop()
        async with asyncio.timeout(STOP_WITHIN):
            await recording
        ticking.cancel()
        faulthandler.cancel_dump_traceback_later()

    async def _finish(self) -> None:
        until = self._loop.time() + STOP_WITHIN
        await asyncio.sleep(0.05)  # what lies in the sockets is read first
        for connection in list(self.connections):
            connection.stop()
        while self.connections and self._loop.time() < until:
            await asyncio.sleep(0.02)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._tick()

    def _tick(self) -> None:
        self.now = self._loop.time()
        self.date = formatdate(usegmt=True).encode()
        # Unless this is called again in time, the process says where it hangs, ends, and is started
        # again by its parent.
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
        if self.recorder.silent_for > STUCK_AFTER:
            self.recorder.kill()
        for connection in list(self.connections):
            if connection.deadline < self.now:
                connection.time_out()


def _origin_form(target: bytes) -> bytes:
    """`/path?query` of an absolute URL (RFC 9112, 3.2.2); empty for what is none."""
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        return b""
    if not url.schema:
        return b""
    return (url.path or b"/") + (b"?" + url.query if url.query else b"")


def _raise_file_limit() -> int:
    """Allow as many connections as the system lets us; return how many that is."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + SPARE_FILES
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit - SPARE_FILES
