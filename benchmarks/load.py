"""A load generator: clients that keep their connections, in processes of their own, for a set time.

As fast as they are answered, or at a set rate: then a request counts from when it was due, so that
a server which stalls is not flattered by clients that wait for it.
"""

from __future__ import annotations

import multiprocessing
import random
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

TIMEOUT = 30.0  # seconds without any answer


class Load(NamedTuple):
    """`rate` is in answers a second, the latencies in milliseconds; `failed` were no success."""

    rate: float
    p50: float
    p99: float
    answers: int
    failed: int


@dataclass(frozen=True)
class Plan:
    """`paths` are asked for in turn, beginning somewhere; `rate` is in requests a second.

    `headers` go with every request, and each of `own_headers`, if there are any, with its path.
    """

    port: int
    paths: Sequence[str]
    seconds: float
    clients: int = 64
    rate: float | None = None
    headers: str = ""
    own_headers: Sequence[str] = ()
    method: str = "GET"
    processes: int = 2


def run(plan: Plan) -> Load:
    with multiprocessing.get_context("spawn").Pool(plan.processes) as pool:
        shares = pool.map(_share, [plan] * plan.processes)
    latencies = sorted(latency for share in shares for latency in share[0])
    if not latencies:
        raise RuntimeError("nothing was answered")
    return Load(
        rate=sum(len(share[0]) / plan.seconds for share in shares),
        p50=_percentile(latencies, 0.50),
        p99=_percentile(latencies, 0.99),
        answers=len(latencies),
        failed=sum(share[1] for share in shares),
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1_000


def _share(plan: Plan) -> tuple[list[float], int]:
    """One process's part: latencies in seconds, and how many answers were no success."""
    requests = [
        f"{plan.method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8.5.0\r\n"
        f"Accept: */*\r\n{plan.headers}{own}\r\n".encode()
        for path, own in zip(plan.paths, plan.own_headers or [""] * len(plan.paths), strict=True)
    ]
    poll = select.epoll()
    clients: dict[int, _Client] = {}
    for _ in range(max(1, plan.clients // plan.processes)):
        client = _Client(plan.port)
        clients[client.socket.fileno()] = client
        poll.register(client.socket.fileno(), select.EPOLLIN)
    latencies: list[float] = []
    failed = 0
    index = random.randrange(len(requests))
    interval = plan.processes / plan.rate if plan.rate else 0.0
    idle = list(clients.values())
    now = heard_at = time.perf_counter()
    due, end = now, now + plan.seconds
    while now < end:
        while idle and due <= now:
            idle.pop().send(requests[index % len(requests)], due if interval else now)
            index += 1
            due += interval
        for number, _event in poll.poll(max(0.0, due - now) if interval and idle else 1.0):
            client = clients[number]
            ok = client.receive()
            if ok is not None:
                heard_at = time.perf_counter()
                latencies.append(heard_at - client.asked_at)
                failed += not ok
                idle.append(client)
        now = time.perf_counter()
        if now - heard_at > TIMEOUT:
            raise RuntimeError("the server does not answer")
    return latencies, failed


class _Client:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked_at = 0.0
        self._received = b""
        self._missing = 0

    def send(self, request: bytes, asked_at: float) -> None:
        self.asked_at = asked_at
        self._received, self._missing = b"", 0
        self.socket.sendall(request)

    def receive(self) -> bool | None:
        """None until the whole answer is there; then whether it is a success."""
        data = self.socket.recv(262_144)
        if not data:
            raise RuntimeError("the server closed a connection")
        if self._missing:
            self._missing -= len(data)
        else:
            self._received += data
            head, end, body = self._received.partition(b"\r\n\r\n")
            if not end:
                return None
            length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            self._missing = int(length or 0) - len(body)  # a 204 has none
        return None if self._missing else self._received[9:10] == b"2"
