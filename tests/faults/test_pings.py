"""An acknowledged ping is stored, whenever the processes that receive pings are killed.

Clients ping without pause while front doors are killed with SIGKILL at random points, again and
again. `SENTINELWEB_FAULT_ROUNDS=20` makes it take minutes; see conftest.py.
"""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from config import Settings
from sentinelweb.models import HeartbeatCheck, User
from tests.faults.clients import Clients
from tests.faults.truth import check_pings
from tests.support.stack import ROOT, clean_environment

SECONDS = 10
KILLS = 4  # at least, however slow the machine is


class Doors:
    """Front doors on one listening socket, as `sentinelweb.runtime.web` starts them."""

    def __init__(self, settings: Settings, count: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._directory = settings.data_dir
        self._environment = clean_environment() | {
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": settings.resolved_database_url,
        }
        self._processes = [self._start() for _ in range(count)]

    def _start(self) -> psutil.Popen:
        descriptor = self._listener.fileno()
        with (self._directory / "doors.log").open("ab") as log:
            return psutil.Popen(
                [sys.executable, "-m", "sentinelweb.front_door", str(descriptor), "nowhere"],
                cwd=ROOT,
                env=self._environment,
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill_one(self, chance: random.Random) -> None:
        """`kill -9` one of them, and start another in its place."""
        position = chance.randrange(len(self._processes))
        self._processes[position].kill()
        self._processes[position].wait()
        self._processes[position] = self._start()

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._listener.close()


@pytest.fixture
def slugs(user: User, make_heartbeat: Callable[..., HeartbeatCheck]) -> list[str]:
    heartbeats = [make_heartbeat(user, name=f"Job {number}") for number in range(20)]
    paused = make_heartbeat(user, name="Paused job", status="paused")
    return [heartbeat.slug for heartbeat in [*heartbeats, paused]]


@pytest.mark.parametrize("count", [1, 3])
def test_pings_that_were_acknowledged_before_a_kill_are_stored(
    count: int,
    database: str,
    settings: Settings,
    slugs: list[str],
    chance: random.Random,
    rounds: int,
) -> None:
    kills = 0
    with (
        contextlib.closing(Doors(settings, count)) as doors,
        Clients(doors.port, slugs, chance) as clients,
    ):
        until = time.monotonic() + SECONDS * rounds
        while time.monotonic() < until or kills < KILLS * rounds:
            clients.serving.clear()
            assert clients.serving.wait(60), "nobody serves"
            time.sleep(chance.uniform(0, 0.4))
            doors.kill_one(chance)
            kills += 1
    assert clients.answers[None] >= kills / 2, "the kills met nobody"
    assert set(clients.answers) <= {200, None}
    assert len(clients.acknowledged) > 10 * kills
    check_pings(clients, exactly_once=database == "sqlite")
