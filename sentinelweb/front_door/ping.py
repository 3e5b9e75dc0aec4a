"""A ping at the door."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import unquote

from sentinelweb import clock
from sentinelweb.core.signals import Outcome, read_target
from sentinelweb.front_door import messages
from sentinelweb.front_door.connection import Connection
from sentinelweb.front_door.forwarding import client_address
from sentinelweb.front_door.gathering import Gathering
from sentinelweb.front_door.messages import Request
from sentinelweb.front_door.recorder import Waiting
from sentinelweb.services import ping_http

_ALLOW = messages.header_lines([(b"Allow", ", ".join(ping_http.METHODS).encode())])


class Ping(Gathering):
    __slots__ = ("_received_at",)

    def __init__(self, connection: Connection, request: Request) -> None:
        super().__init__(connection, request, connection.door.settings.ping_body_limit)
        self._received_at: datetime

    def complete(self) -> None:
        request, door = self.request, self.connection.door
        if request.method not in ping_http.METHODS:
            self.reply(405, b'{"ok": false, "error": "GET, HEAD or POST, please"}', _ALLOW)
            return
        self._received_at = clock.now()
        path, _, query = request.target.decode("latin-1").partition("?")
        target = read_target(unquote(path), query)
        if target is None:
            self.settle(None)
            return
        signal = ping_http.signal(
            target,
            self._received_at,
            method=request.method,
            remote_addr=client_address(
                request.headers, self.connection.peer, door.settings.trusted_proxies
            ),
            user_agent=request.header(b"user-agent").decode("utf-8", "replace"),
            body=self.body,
            body_size=self.size,
        )
        door.recorder.record(Waiting(signal, self.settle))

    def settle(self, outcome: Outcome) -> None:
        """The ping is recorded, or is not; see Recorder."""
        self.reply(*ping_http.answer(outcome, self._received_at))
