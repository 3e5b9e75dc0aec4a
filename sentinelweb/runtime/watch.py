"""Finds and kills processes that hang: alive, but stopped or idle. Their parents start new ones.

Being stopped (SIGSTOP) shows in the process table. For the rest: the web process must answer
`/health` or pings, Redis a PING, and `/ready` tells when worker and scheduler were last seen.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import psutil

from sentinelweb.runtime.service import Service

LOOK_EVERY = 1.0  # seconds
STOPPED_FOR = 2.0  # a process found stopped for as long is killed
START_GRACE = 60.0  # until the first sign of life
SILENT_FOR = 8.0  # web and Redis: since the last answer
ANSWER_WITHIN = 3.0
STALE_FOR = 20.0  # worker and scheduler: since they were last recorded


class StoppedProcesses:
    """Kills processes of the services that are stopped, whichever depth they are at.

    One stopped in the middle of a transaction would hold up every writer.
    """

    def __init__(self, services: Mapping[str, Service], say: Callable[[str, str], None]) -> None:
        self._services = services
        self._say = say
        self._since: dict[psutil.Process, float] = {}

    async def watch(self) -> None:
        while True:
            self.look(time.monotonic())
            await asyncio.sleep(LOOK_EVERY)

    def look(self, now: float) -> None:
        since = {}
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                if process.status() != psutil.STATUS_STOPPED:
                    continue
                since[process] = self._since.get(process, now)
                if now - since[process] >= STOPPED_FOR:
                    name = self._service_of(process.pid)
                    self._say(name, f"hangs: process {process.pid} is stopped; killing it")
                    process.send_signal(signal.SIGKILL)
        self._since = since

    def _service_of(self, pid: int) -> str:
        """The service that started the process, or whatever started that."""
        line = {pid, *(parent.pid for parent in psutil.Process(pid).parents())}
        return next((name for name, item in self._services.items() if item.pid in line), "?")


async def watch_answers(service: Service, answers: Callable[[], bool], what: str) -> None:
    """Kill `service` when it has not answered for SILENT_FOR seconds."""
    while True:
        if service.pid is not None:
            if await asyncio.to_thread(answers):
                service.seen()
            else:
                limit = START_GRACE if service.seen_at is None else SILENT_FOR
                if service.quiet_for > limit:
                    service.kill(f"hangs: no answer to {what} for {service.quiet_for:.0f} s")
        await asyncio.sleep(LOOK_EVERY if service.seen_at else 0.1)


async def watch_records(
    services: Mapping[str, Service], ready: Callable[[], Mapping[str, Any] | None]
) -> None:
    """Kill those of `services` that have not been recorded for STALE_FOR seconds.

    If none was, it is the database that takes no records. Twice in a row, because a clock that was
    set forward makes everything look stale until the next record.
    """
    suspects: set[str] = set()
    while True:
        await asyncio.sleep(STALE_FOR / 5)
        parts = await asyncio.to_thread(ready) or {}
        ages = {name: parts[name].get("age") for name in services if name in parts}
        stale = {name for name, age in ages.items() if age is None or age > STALE_FOR}
        if len(stale) == len(services):
            stale = set()
        for name in stale & suspects:
            service = services[name]
            if time.monotonic() - service.started_at > STALE_FOR:
                service.kill(f"hangs: no sign of it for {ages[name] or STALE_FOR:.0f} s")
        suspects = stale


def web_answers(host: str, port: int) -> bool:
    """Whether `/health` is answered; or at least pings are, while the pages are away.

    The front door answers those, and its process starts the pages again by itself: to kill that
    would only stop the pings.
    """
    return answers_http(host, port, "/health") or answers_http(host, port, "/ping/")


def answers_http(host: str, port: int, path: str) -> bool:
    """Whether GET `path` is answered with a status below 500 in time."""
    status, _body = _get(host, port, path)
    return 0 < status < 500


def parts_of_ready(host: str, port: int) -> Mapping[str, Any] | None:
    """The parts that `/ready` reports, ready or not; None if it says nothing."""
    with suppress(ValueError, KeyError, TypeError):
        parts: Mapping[str, Any] = json.loads(_get(host, port, "/ready")[1])["parts"]
        return parts
    return None


def _get(host: str, port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN)
    try:
        connection.request("GET", path, headers={"User-Agent": "SentinelWeb supervisor"})
        response = connection.getresponse()
        return response.status, response.read(100_000)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
