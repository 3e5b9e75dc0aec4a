"""A receiver of alerts that notes when each arrived, and answers a little later or never."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from typing import NamedTuple, Self

ANSWER_AFTER = 0.05  # seconds
BLACK_HOLE = "/black-hole"

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Call(NamedTuple):
    """An alert that arrived; `at` is time.time()."""

    monitor_id: int
    at: float


class Receiver:
    """Serves in a thread of its own, as a context manager. `calls` are those that it answered."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._listener.close()

    def wait_for(self, count: int, seconds: float) -> list[Call]:
        """All calls so far, once there are `count`, or when so many seconds are over."""
        give_up = time.monotonic() + seconds
        while len(self.calls) < count and time.monotonic() < give_up:
            time.sleep(0.02)
        return self.calls

    def take(self, count: int, seconds: float) -> list[Call]:
        """As `wait_for`, and forget them."""
        self.wait_for(count, seconds)
        calls, self.calls = self.calls, []
        return calls

    def _serve(self) -> None:
        self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), sock=self._listener, backlog=1_024)
        )
        self._loop.run_forever()


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length or 0):
            return
        path = head.split(b" ", 2)[1].decode()
        if path == BLACK_HOLE:
            return
        monitor = json.loads(body).get("monitor", {"id": 0})
        self._receiver.calls.append(Call(monitor["id"], time.time()))
        asyncio.get_running_loop().call_later(ANSWER_AFTER, self._answer)

    def _answer(self) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(_ANSWER)
        self._transport.close()
