"""What may befall a running SentinelWeb."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import time
from collections.abc import Callable, Sequence

import psutil

from tests.faults.site import Site
from tests.support.servers import PostgresServer
from tests.support.stack import runs

# Words of the command lines of what runs.
PARTS = {
    "web": ("sentinelweb.runtime.web",),
    "front door": ("sentinelweb.front_door",),
    "pages": ("gunicorn",),
    "worker": ("flask", "worker"),
    "scheduler": ("flask", "scheduler"),
    "redis": ("valkey-server",),
}


class Harm:
    """Does what is asked, to processes that it chooses, and prints when it did what."""

    def __init__(
        self, site: Site, chance: random.Random, postgres: PostgresServer | None = None
    ) -> None:
        self._site = site
        self._chance = chance
        self._postgres = postgres
        self._began = time.monotonic()

    def go_on(self, seconds: float, parts: Sequence[str]) -> None:
        """Do harm to these parts at random, again and again, for so long."""
        deeds: list[Callable[[], None]] = [lambda: self.strike(self._chance.choice(parts))] * 6
        if "redis" in parts:
            deeds.append(self.empty_redis)
        if self._postgres:
            deeds += [self.kill_postgres_session, self.restart_postgres]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._chance.choice(deeds)()
            time.sleep(self._chance.uniform(0.1, 1.5))

    def strike(self, part: str) -> None:
        """Kill or stop one of the processes of `part`; or stop it for no more than a moment."""
        found = self.processes(part)
        if not found:
            return
        victim = self._chance.choice(found)
        number = self._chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
        for_a_moment = number == signal.SIGSTOP and self._chance.random() < 0.5
        self._say(f"{number.name} for {part}, process {victim.pid}")
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.send_signal(number)
            if for_a_moment:
                time.sleep(self._chance.uniform(0.1, 1.5))
                victim.resume()

    def processes(self, part: str) -> list[psutil.Process]:
        """All that run now, the uppermost first."""
        return [process for process in self._site.stack.family() if part_of(process) == part]

    def empty_redis(self) -> None:
        """Kill Redis, and delete all that it has kept."""
        self._say("Redis loses its data")
        for process in self.processes("redis"):
            process.suspend()
            shutil.rmtree(self._site.stack.data_dir / "redis")
            process.kill()

    def kill_postgres_session(self) -> None:
        """PostgreSQL takes the death of one of its processes for a crash, and ends all sessions."""
        assert self._postgres
        self._say("SIGKILL for a process of PostgreSQL")
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):
            self._chance.choice(psutil.Process(self._postgres.pid).children()).kill()

    def restart_postgres(self) -> None:
        assert self._postgres
        number = self._chance.choice((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL))
        self._say(f"{number.name} for PostgreSQL")
        self._postgres.stop(number)
        time.sleep(self._chance.uniform(0, 2))
        self._postgres.start()

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.2f} {text}")  # noqa: T201 - shown if it fails


def part_of(process: psutil.Process) -> str | None:
    """The part that a process belongs to; None for what is just about to become one."""
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return None
    if "lifeline.py" in line or line.startswith("/bin/sh -c") or not runs(process):
        return None
    for part, words in PARTS.items():
        if all(word in line for word in words):
            return part
    return None
