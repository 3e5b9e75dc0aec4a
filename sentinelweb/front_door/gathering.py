"""What is answered by the recording process: a short request and a short JSON answer."""

from __future__ import annotations

from sentinelweb.front_door import messages
from sentinelweb.front_door.connection import Connection, Exchange
from sentinelweb.front_door.messages import Request


class Gathering(Exchange):
    """Keeps `room` bytes of the body, and reads and drops the rest."""

    __slots__ = ("_body", "_room", "size")

    def __init__(self, connection: Connection, request: Request, room: int) -> None:
        super().__init__(connection, request)
        self._body: list[bytes] = []
        self._room = room
        self.size = 0

    def receive(self, data: bytes) -> None:
        self.size += len(data)
        if self._room > 0:
            self._body.append(data[: self._room])
            self._room -= len(data)

    @property
    def body(self) -> bytes:
        """As much of it as was kept; `size` is all of it."""
        return b"".join(self._body)

    def reply(self, status: int, body: bytes, headers: bytes = b"") -> None:
        """Answer with `headers`, which are lines, beside those of every ping."""
        door = self.connection.door
        headers += door.ping_headers
        self.answer = messages.answer(self.request, status, body, headers, door.date)
        self.connection.flush()
