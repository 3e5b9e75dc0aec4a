"""The `web` process: the front door on $PORT, and behind it gunicorn with the pages.

Either is started again when it dies or hangs, and neither notices much of the other. The listening
socket is this process's: while the front door restarts, whoever connects waits instead of failing.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import sys
from functools import partial

from config import ConfigurationError, Settings, load_settings
from sentinelweb.runtime import watch
from sentinelweb.runtime.own_directory import own_directory
from sentinelweb.runtime.service import Service

BACKLOG = 2048
ANSWER_WITHIN = 3.0  # seconds


class Web:
    def __init__(self, settings: Settings, listener: socket.socket, pages_socket: str) -> None:
        self._pages_socket = pages_socket
        self._stop = asyncio.Event()
        make = partial(Service, say=_say, report=_report)
        door = [
            sys.executable,
            "-m",
            "sentinelweb.front_door",
            str(listener.fileno()),
            pages_socket,
        ]
        self._doors = [
            make(f"door.{number}", door, os.environ, descriptors=[listener.fileno()])
            for number in range(1, settings.ping_processes + 1)
        ]
        # To the pages, the front door is the one proxy that there is, and their socket is in a
        # directory that nobody else may enter.
        self._pages = make(
            "pages",
            [sys.executable, "-m", "gunicorn", "--bind", f"unix:{pages_socket}", "wsgi:app"],
            os.environ | {"TRUSTED_PROXIES": "1"},
        )

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; then let both finish what they are at."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        services = {service.name: service for service in [*self._doors, self._pages]}
        running = [
            *(service.keep_running() for service in services.values()),
            watch.StoppedProcesses(services, _say).watch(),
            watch.watch_answers(self._pages, self._pages_answer, "/health"),
        ]
        tasks = [asyncio.create_task(item) for item in running]
        stopped = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        # The pages last: what people have asked for goes through both.
        await asyncio.gather(*(door.stop() for door in self._doors))
        await self._pages.stop()
        for task in tasks:
            task.cancel()
        for task in tasks:
            if task in done:
                task.result()  # a fault of our own: show it

    def _pages_answer(self) -> bool:
        connection = http.client.HTTPConnection("localhost", timeout=ANSWER_WITHIN)
        with socket.socket(socket.AF_UNIX) as connection.sock:
            try:
                connection.sock.settimeout(ANSWER_WITHIN)
                connection.sock.connect(self._pages_socket)
                connection.request("GET", "/health")
                return connection.getresponse().status < 500
            except (OSError, http.client.HTTPException):
                return False


def listen(settings: Settings) -> socket.socket:
    """The listening socket; raise ConfigurationError if it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.app_host else socket.AF_INET
    try:
        return socket.create_server(
            (settings.app_host, settings.port),
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=settings.app_host == "::",
        )
    except OSError as error:
        address = f"{settings.app_host}, port {settings.port}"
        raise ConfigurationError(f"cannot listen on {address}: {error.strerror}") from error


def _say(name: str, text: str) -> None:
    _report(name, f"{name} {text}".encode())


def _report(_name: str, line: bytes) -> None:
    sys.stderr.buffer.write(line + b"\n")
    sys.stderr.buffer.flush()


def main() -> int:
    try:
        settings = load_settings()
        with listen(settings) as listener, own_directory() as directory:
            asyncio.run(Web(settings, listener, str(directory / "pages.sock")).run())
    except ConfigurationError as error:
        print(f"SentinelWeb cannot start: {error}", file=sys.stderr)  # noqa: T201 - for the operator
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
