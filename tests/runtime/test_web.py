"""The web process: the front door and the pages as one, whichever of them dies, hangs or stops."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import psutil
import pytest
import sqlalchemy as sa

from config import Settings
from sentinelweb.db import db
from sentinelweb.models import Component, HeartbeatCheck, Ping, User
from tests.support.front_door import Answer, Client, request
from tests.support.patience import slowness
from tests.support.stack import ROOT, clean_environment, ended, free_port, runs, wait_until

MakeHeartbeat = Callable[..., HeartbeatCheck]

PING = b"GET /ping/nightly HTTP/1.1\r\nHost: localhost\r\n\r\n"
DOOR, RECORDING = "sentinelweb.front_door ", "sentinelweb.front_door.recording"
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
BACK_WITHIN = 5.0 + 3.0  # seconds; the machine may be busy with other tests


class Web:
    """`python -m sentinelweb.runtime.web` on a free port."""

    def __init__(self, settings: Settings, **values: object) -> None:
        self.port = free_port()
        environment = {
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": settings.resolved_database_url,
            "REDIS_URL": settings.resolved_redis_url,
            "SECRET_KEY": "the key of all tests",
            "APP_HOST": "127.0.0.1",
            "PORT": str(self.port),
            "LOG_FORMAT": "json",
            **{name.upper(): str(value) for name, value in values.items()},
        }
        self.log = settings.data_dir / "web.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sentinelweb.runtime.web"],
                cwd=ROOT,
                env={**clean_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def ask(self, data: bytes) -> Answer:
        return request(self.port, data)

    def family(self, word: str = "") -> list[psutil.Process]:
        """The processes below it with `word` in their command."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
            return [child for child in children if word in " ".join(child.cmdline())]
        except psutil.NoSuchProcess:
            return []

    def serves(self) -> bool:
        """Whether pings and pages are answered."""
        try:
            return self.ask(PING).status == 200 and self.ask(HEALTH).status == 200
        except (OSError, AssertionError):
            return False

    def end(self) -> None:
        if self.process.poll() is None:
            family = self.family()
            self.process.kill()
            self.process.wait()
            assert ended(family, within=10) == []


@pytest.fixture
def heartbeat(user: User, make_heartbeat: MakeHeartbeat) -> HeartbeatCheck:
    return make_heartbeat(user, slug="nightly")


@pytest.fixture
def web(heartbeat: HeartbeatCheck, settings: Settings) -> Iterator[Web]:
    web = Web(settings)
    try:
        wait_until(web.serves, 30, "pings and pages")
        yield web
    finally:
        web.end()


def count_pings() -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(Ping)) or 0


def sign_of(part: str) -> datetime | None:
    db.session.rollback()
    return db.session.scalar(sa.select(Component.seen_at).where(Component.name == part))


class Jobs:
    """Jobs that ping again and again while a test does something to the servers."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.acknowledged = 0
        self.refused: list[int] = []
        self.longest = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Jobs:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                status = self.web.ask(PING).status
            except (OSError, AssertionError):
                status = 0  # the connection broke: the job may try again
            if status == 200:
                self.acknowledged += 1
            elif status:
                self.refused.append(status)
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.005)


def test_one_port_serves_pings_and_pages(web: Web) -> None:
    assert web.ask(PING).json["name"] == "Nightly backup"
    page = web.ask(b"GET /login HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n")
    assert page.status in {200, 303}
    assert "content-security-policy" in page.headers


def test_it_shows_that_pings_can_be_received(web: Web) -> None:
    def last_sign() -> object:
        db.session.rollback()
        return db.session.scalar(sa.select(Component.seen_at).where(Component.name == "web"))

    first = wait_until(last_sign, 5)
    wait_until(lambda: last_sign() != first, 5)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_pages_that_die_or_hang_come_back_and_no_ping_notices(
    web: Web, how: signal.Signals
) -> None:
    before = count_pings()
    with Jobs(web) as jobs:
        for process in web.family("gunicorn"):
            process.send_signal(how)
        began = time.monotonic()
        wait_until(web.serves, 20)
        assert time.monotonic() - began < BACK_WITHIN * slowness()
    assert jobs.refused == []
    assert jobs.longest < 1 * slowness()
    assert count_pings() - before >= jobs.acknowledged


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_front_door_that_dies_or_hangs_comes_back_with_all_it_acknowledged(
    web: Web, how: signal.Signals
) -> None:
    before = count_pings()
    with Jobs(web) as jobs:
        [door] = web.family(DOOR)
        time.sleep(0.2)
        door.send_signal(how)
        began = time.monotonic()
        wait_until(lambda: not runs(door), 10)
        wait_until(web.serves, 20)
        assert time.monotonic() - began < BACK_WITHIN * slowness()
    assert jobs.refused == []
    assert jobs.acknowledged > 3
    assert count_pings() - before >= jobs.acknowledged


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_recording_process_that_dies_or_hangs_costs_no_ping(
    web: Web, how: signal.Signals
) -> None:
    before = count_pings()
    with Jobs(web) as one, Jobs(web) as two:
        for _ in range(2):
            time.sleep(0.3)
            [recording] = wait_until(lambda: web.family(RECORDING), 5)
            recording.send_signal(how)
            wait_until(lambda process=recording: not runs(process), 10)
            wait_until(web.serves, 20)
    assert one.refused == two.refused == []
    assert one.longest < BACK_WITHIN * slowness()
    assert one.acknowledged + two.acknowledged > 6
    assert count_pings() - before >= one.acknowledged + two.acknowledged


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nothing_outlives_a_parent_that_is_killed(web: Web) -> None:
    family = web.family()
    assert len(family) >= 3  # the door and what records for it, gunicorn
    web.process.kill()
    web.process.wait()
    assert ended(family, within=5) == []
    socket.create_server(("127.0.0.1", web.port)).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_stop_is_clean(web: Web, number: signal.Signals) -> None:
    family = web.family()
    with Client(web.port) as idle:
        assert idle.send(PING).answer().status == 200
        web.process.send_signal(number)
        assert wait_until(lambda: web.process.poll() is not None, 15)
        assert web.process.returncode == 0
    assert ended(family, within=1) == []
    log = web.log.read_text()
    assert "Traceback" not in log
    assert "starting again" not in log


def test_many_front_doors_on_one_database_refuse_no_ping(
    heartbeat: HeartbeatCheck, settings: Settings
) -> None:
    web = Web(settings, ping_processes=3)
    try:
        wait_until(web.serves, 30)
        wait_until(lambda: len(web.family(DOOR)) == 3, 10)
        before = count_pings()
        with Jobs(web) as one, Jobs(web) as two, Jobs(web) as three, Jobs(web) as four:
            time.sleep(2)
        every = [one, two, three, four]
        assert all(jobs.refused == [] for jobs in every)
        assert count_pings() - before == sum(jobs.acknowledged for jobs in every)
    finally:
        web.end()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_port_that_is_taken_is_told_in_a_sentence(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "sentinelweb.runtime.web"],
            cwd=ROOT,
            env={
                **clean_environment(),
                "DATA_DIR": str(settings.data_dir),
                "APP_HOST": "127.0.0.1",
                "PORT": str(port),
            },
            capture_output=True,
            text=True,
        )
    assert result.returncode == 1
    assert result.stderr.startswith(
        f"SentinelWeb cannot start: cannot listen on 127.0.0.1, port {port}"
    )


def test_pages_that_are_away_show_no_sign_while_the_door_does(web: Web) -> None:
    wait_until(lambda: sign_of("pages"), 10, "the first sign of the pages")
    [master] = [process for process in web.family("gunicorn") if process.ppid() == web.process.pid]
    pages = [master, *master.children(recursive=True)]
    watched = psutil.Process(web.process.pid)
    try:
        watched.suspend()  # or it would start them again
        for process in pages:
            process.kill()
        assert ended(pages, within=10) == []
        stopped_at, door_at = sign_of("pages"), sign_of("web")
        wait_until(lambda: sign_of("web") != door_at, 10, "another sign of the door")
        time.sleep(3)
        assert sign_of("pages") == stopped_at
    finally:
        watched.resume()
    wait_until(lambda: sign_of("pages") != stopped_at, BACK_WITHIN + 10, "a sign of the pages")
