"""A receiver of alerts: an HTTP server on 127.0.0.1 that behaves well, or badly when told to.

    with Receiver() as receiver:
        receiver.answer_with(Reply(429, {"Retry-After": "7"}), Reply(200))
        ... something calls receiver.url ...
        assert receiver.calls[0].json["event"] == "down"

Each Reply serves one call; afterwards `default` serves all. A Reply may also be chosen by the call:
`receiver.default = lambda call: Reply(200)`.
"""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.patience import Patience


@dataclass(frozen=True)
class Reply:
    """How to answer one call.

    `delay` waits so many seconds before the answer; `drip` sends the headers and then the body byte
    by byte with such a pause; `hang` never answers; `close_after` hangs up after so many bytes.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"ok": true}'
    delay: float = 0.0
    drip: float | None = None
    hang: bool = False
    close_after: int | None = None

    @classmethod
    def json(cls, body: object, status: int = 200, **values: Any) -> Reply:
        return cls(
            status, {"Content-Type": "application/json"}, json.dumps(body).encode(), **values
        )


@dataclass(frozen=True)
class Call:
    """One request as it arrived; `at` is time.monotonic()."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def query(self) -> str:
        return urlsplit(self.path).query


class Receiver:
    """Answers any number of calls at once; `calls` holds them in the order of their arrival."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, family: int = socket.AF_INET) -> None:
        self.calls: list[Call] = []
        self.default: Reply | Callable[[Call], Reply] = Reply()
        self._replies: deque[Reply | Callable[[Call], Reply]] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = _Server(self, tls, family)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_with(self, *replies: Reply | Callable[[Call], Reply]) -> None:
        """Serve these to the next calls, one each."""
        self._replies.extend(replies)

    def wait_for(self, count: int, seconds: float = 10) -> list[Call]:
        """The calls, once there are `count`; fails when they do not come."""
        patience = Patience(seconds)
        while len(self.calls) < count:
            assert not patience.is_over, f"{len(self.calls)} of {count} calls came"
            time.sleep(0.01)
        return self.calls

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, call: Call) -> Reply:
        with self._lock:
            self.calls.append(call)
            reply = self._replies.popleft() if self._replies else self.default
        return reply if isinstance(reply, Reply) else reply(call)


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    request_queue_size = 512
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, receiver: Receiver, tls: ssl.SSLContext | None, family: int) -> None:
        self.address_family = family
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        super().__init__((host, 0), _Handler)
        self.receiver = receiver
        self.tls = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_request(self) -> None:
        super().handle_one_request()
        self.close_connection = True

    def _answer(self) -> None:
        receiver = self.server.receiver
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # its sender was killed meanwhile
            return
        call = Call(self.command, self.path, dict(self.headers), body, time.monotonic())
        reply = receiver._take(call)
        if reply.hang:
            receiver._stopping.wait(60)
            return
        receiver._stopping.wait(reply.delay)
        head = [f"HTTP/1.1 {reply.status} Reply"]
        headers = {"Content-Length": str(len(reply.body)), "Connection": "close", **reply.headers}
        head += [f"{name}: {value}" for name, value in headers.items()]
        content = "\r\n".join([*head, "", ""]).encode("latin-1")
        if self.command != "HEAD":
            content += reply.body
        if reply.drip is not None:
            for byte in content:
                self.wfile.write(bytes([byte]))
                if receiver._stopping.wait(reply.drip):
                    return
            return
        self.wfile.write(content if reply.close_after is None else content[: reply.close_after])

    do_HEAD = do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that BaseHTTPRequestHandler calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        """Say nothing."""
