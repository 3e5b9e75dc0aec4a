"""Clients that ping, and remember what they were told."""

from __future__ import annotations

import http.client
import random
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Self

ANSWER_WITHIN = 15.0  # seconds

_SIGNALS = ("", "", "", "/start", "/fail", "/log", "/0", "/3")


class Clients:
    """Threads that ping until the end of the `with` block, on connections that they keep.

    Each ping bears a token of its own as its `User-Agent`, which is stored. `sent` holds all
    tokens, `acknowledged` those of pings that were answered 2xx, and `answers` counts what came: a
    status, or None for a connection that broke. `serving` is set whenever a ping is acknowledged.
    `pause` is in seconds.
    """

    def __init__(
        self,
        port: int,
        slugs: Sequence[str],
        chance: random.Random,
        count: int = 6,
        pause: float = 0,
    ) -> None:
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()
        self.answers: Counter[int | None] = Counter()
        self.serving = threading.Event()
        self._port = port
        self._slugs = slugs
        self._pause = pause
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(chance.random()),))
            for _ in range(count)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, chance: random.Random) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_WITHIN)
        while not self._stop.is_set():
            token = str(uuid.UUID(int=chance.getrandbits(128)))
            try:
                status = self._ping(connection, token, chance)
            except (OSError, http.client.HTTPException):
                status = None
                connection.close()
                self._stop.wait(0.02)
            with self._lock:
                self.sent.add(token)
                self.answers[status] += 1
                if status is not None and 200 <= status < 300:
                    self.acknowledged.add(token)
                    self.serving.set()
            if chance.random() < 0.05:
                connection.close()
            if self._pause:
                self._stop.wait(self._pause)
        connection.close()

    def _ping(
        self, connection: http.client.HTTPConnection, token: str, chance: random.Random
    ) -> int:
        path = f"/ping/{chance.choice(self._slugs)}{chance.choice(_SIGNALS)}"
        body = b"x" * chance.choice((0, 0, 100, 20_000))
        connection.request("POST" if body else "GET", path, body, {"User-Agent": token})
        response = connection.getresponse()
        response.read()
        return response.status
