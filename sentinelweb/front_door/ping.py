"""A ping at the door."""

from __future__ import annotations

from urllib.parse import unquote

from sentinelweb import clock
from sentinelweb.core.signals import Outcome, read_target
from sentinelweb.front_door import messages
from sentinelweb.front_door.connection import Connection, Exchange
from sentinelweb.front_door.forwarding import client_address
from sentinelweb.front_door.messages import Request
from sentinelweb.front_door.recorder import Waiting
from sentinelweb.services import ping_http


class Ping(Exchange):
    """Keeps as much of the body as is stored, and reads and drops the rest."""

    __slots__ = ("_body", "_room", "_size")

    def __init__(self, connection: Connection, request: Request) -> None:
        super().__init__(connection, request)
        self._body: list[bytes] = []
        self._room = connection.door.settings.ping_body_limit
        self._size = 0

    def receive(self, data: bytes) -> None:
        self._size += len(data)
        if self._room > 0:
            self._body.append(data[: self._room])
            self._room -= len(data)

    def complete(self) -> None:
        request, door = self.request, self.connection.door
        if request.method not in ping_http.METHODS:
            self._answer(405, b'{"ok": false, "error": "GET, HEAD or POST, please"}')
            return
        path, _, query = request.target.decode("latin-1").partition("?")
        target = read_target(unquote(path), query)
        if target is None:
            self.settle(None)
            return
        signal = ping_http.signal(
            target,
            clock.now(),
            method=request.method,
            remote_addr=client_address(
                request.headers, self.connection.peer, door.settings.trusted_proxies
            ),
            user_agent=request.header(b"user-agent").decode("utf-8", "replace"),
            body=b"".join(self._body),
            body_size=self._size,
        )
        door.recorder.record(Waiting(signal, self.settle))

    def settle(self, outcome: Outcome) -> None:
        """The ping is recorded, or is not; see Recorder."""
        self._answer(*ping_http.answer(outcome))

    def _answer(self, status: int, body: bytes) -> None:
        door = self.connection.door
        self.answer = messages.answer(self.request, status, body, door.ping_headers, door.date)
        self.connection.flush()
