"""`make run`: runs the Procfile, and an embedded Redis where REDIS_URL is unset, on one terminal.

`release` runs once, then everything else until Ctrl-C. What dies or hangs is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from functools import partial
from pathlib import Path

from config import ConfigurationError, Settings, load_settings
from sentinelweb import lifeline
from sentinelweb.runtime import procfile, watch
from sentinelweb.runtime.embedded_redis import NOISE, EmbeddedRedis
from sentinelweb.runtime.output import Output
from sentinelweb.runtime.service import Service

REDIS = "redis"
RELEASE = "release"
SELF = "sentinel"


class Supervisor:
    def __init__(
        self, settings: Settings, commands: dict[str, str], redis: EmbeddedRedis | None
    ) -> None:
        names = [*([REDIS] if redis else []), *commands, SELF]
        self.output = Output(names)
        self._settings = settings
        self._redis = redis
        self._stop = asyncio.Event()
        environment = _environment(settings)
        make = partial(Service, say=self._say, report=self._report, environment=environment)
        self._release = None
        self._services: dict[str, Service] = {}
        if redis:
            self._services[REDIS] = make(
                REDIS,
                redis.command,
                prepare=redis.make_directory,
                on_failed_starts=self._set_redis_data_aside,
            )
        for name, command in commands.items():
            service = make(name, ["/bin/sh", "-c", procfile.shell_line(command)])
            if name == RELEASE:
                self._release = service
            else:
                self._services[name] = service

    async def run(self) -> int:
        """Run everything until a signal; return the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop, number)
        tasks = []
        try:
            if REDIS in self._services:
                tasks.append(asyncio.create_task(self._services[REDIS].keep_running()))
            if self._release and await self._run_release(self._release) != 0:
                if not self._stop.is_set():
                    self._say(SELF, "The release step failed, see above. Nothing was started.")
                return 1
            tasks += [
                asyncio.create_task(service.keep_running())
                for name, service in self._services.items()
                if name != REDIS
            ]
            tasks += self._watches()
            stopped = asyncio.create_task(self._stop.wait())
            done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # a fault of our own: show it rather than go on half blind
            return 0
        finally:
            await self._stop_all()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _watches(self) -> list[asyncio.Task[None]]:
        watches = [watch.StoppedProcesses(self._services, self._say).watch()]
        host, port = _own_address(self._settings), self._settings.port
        if "web" in self._services:
            answers = partial(watch.web_answers, host, port)
            watches.append(watch.watch_answers(self._services["web"], answers, "/health"))
            watches.append(self._announce(self._services["web"]))
        if self._redis:
            watches.append(watch.watch_answers(self._services[REDIS], self._redis.answers, "PING"))
        recorded = {
            name: service
            for name, service in self._services.items()
            if name in {"worker", "scheduler"}
        }
        if len(recorded) == 2:
            watches.append(watch.watch_records(recorded, partial(watch.parts_of_ready, host, port)))
        return [asyncio.create_task(item) for item in watches]

    async def _announce(self, web: Service) -> None:
        while web.seen_at is None:
            await asyncio.sleep(0.05)
        self._say(SELF, f"SentinelWeb runs at {self._settings.local_url} (Ctrl-C stops it)")
        await asyncio.Event().wait()

    async def _run_release(self, release: Service) -> int:
        running = asyncio.create_task(release.run())
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not running.done():
            await release.stop()
        return await running

    def _asked_to_stop(self, number: signal.Signals) -> None:
        if self._stop.is_set() and number is signal.SIGINT:  # Ctrl-C again: somebody is in a hurry
            for service in self._services.values():
                service.kill("asked to stop at once")
        self._stop.set()

    async def _stop_all(self) -> None:
        others = [service for name, service in self._services.items() if name != REDIS]
        if any(service.pid for service in others):
            self._say(SELF, "Stopping")
        await asyncio.gather(*(service.stop() for service in others))
        if REDIS in self._services:  # last, so that the others can finish what they are at
            await self._services[REDIS].stop()

    def _set_redis_data_aside(self) -> None:
        aside = self._redis.set_data_aside() if self._redis else None
        if aside:
            self._say(REDIS, f"does not start; its data is set aside as {aside}")

    def _report(self, name: str, line: bytes) -> None:
        if not (name == REDIS and NOISE in line):
            self.output.line(name, line)

    def _say(self, name: str, text: str) -> None:
        self.output.line(SELF, (text if name == SELF else f"{name} {text}").encode())


def check_port(host: str, port: int) -> None:
    """Raise ConfigurationError with a plain sentence unless `port` can be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                problem = f"port {port} is already in use. Choose another one: PORT={port + 1}"
            elif error.errno == errno.EACCES:
                problem = f"port {port} needs more rights. Choose one above 1023: PORT=8000"
            else:
                problem = f"APP_HOST={host} cannot be listened on: {error.strerror}"
            raise ConfigurationError(problem) from error


def _own_address(settings: Settings) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.app_host, settings.app_host)  # noqa: S104


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, with this interpreter's commands first. They cannot see the terminal behind pipes."""
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', os.defpath)}"
    environment["PYTHONUNBUFFERED"] = "1"
    if settings.log_format == "auto" and sys.stdout.isatty():
        environment["LOG_FORMAT"] = "console"
        environment.setdefault("FORCE_COLOR", "1")
    return environment


async def _supervise(
    settings: Settings, commands: dict[str, str], redis: EmbeddedRedis | None
) -> int:
    supervisor = Supervisor(settings, commands, redis)
    try:
        return await supervisor.run()
    finally:
        supervisor.output.close()


def main() -> int:
    if "MAKELEVEL" in os.environ:  # `make run` that is killed must not leave us behind
        lifeline.tie_to(os.getppid(), signal.SIGTERM)
    try:
        settings = load_settings()
        commands = procfile.load(Path("Procfile"))
        check_port(settings.app_host, settings.port)
        redis = None if settings.redis_url else EmbeddedRedis(settings)
        with redis.locked() if redis else contextlib.nullcontext():
            return asyncio.run(_supervise(settings, commands, redis))
    except (ConfigurationError, procfile.ProcfileError, OSError) as error:
        print(f"SentinelWeb cannot start: {error}", file=sys.stderr)  # noqa: T201 - for the operator
        return 1


if __name__ == "__main__":
    sys.exit(main())
