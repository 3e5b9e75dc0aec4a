"""The agent as a process, against the application as a server."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import make_server

from sentinelweb.agent.spool import Spool
from sentinelweb.db import db
from sentinelweb.models import Host, MonitoringCycle, Service, ServiceCheck, User
from sentinelweb.services import hosts
from sentinelweb.services.hosts import HostValues, NewKey
from tests.support.receiver import Receiver, Reply
from tests.support.stack import ROOT, clean_environment, free_port, wait_until

PATIENCE = 30.0


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def serve(app: Flask, port: int) -> Callable[[], Any]:
    """`with serve():` is the time in which the application can be reached."""

    @contextmanager
    def serve() -> Iterator[None]:
        db.session.commit()
        server = make_server("127.0.0.1", port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return serve


@pytest.fixture
def new(user: User) -> NewKey:
    return hosts.create(user, HostValues("edge"))


@pytest.fixture
def environment(new: NewKey, port: int, tmp_path: Path) -> dict[str, str]:
    return {
        **clean_environment(),
        "HEARTBEAT_URL": f"http://127.0.0.1:{port}/api/heartbeat",
        "SECRET_KEY": new.key,
        "DATA_DIR": str(tmp_path / "agent"),
        "LOOP_INTERVAL_SECONDS": "1",
        "PING_URL": "none",
        "DOCKER_HOST": f"unix://{tmp_path}/no-docker.sock",
        "SERVICE_URL_gone": f"tcp://127.0.0.1:{free_port()}",
    }


class Agent:
    def __init__(self, process: psutil.Popen, log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def output(self) -> str:
        return self._log.read_text()

    def says(self, text: str) -> None:
        wait_until(lambda: text in self.output, PATIENCE, f"{text!r} in {self.output}")


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    """`start("--once")` starts an agent; the test's end ends it."""
    with ExitStack() as running:

        def start(*arguments: str, **others: str) -> Agent:
            log = tmp_path / "agent.log"
            with log.open("ab") as output:
                process = psutil.Popen(
                    [sys.executable, "-m", "sentinelweb", "agent", *arguments],
                    cwd=tmp_path,
                    env=environment | others,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
            running.callback(process.wait)
            running.callback(lambda: process.poll() is None and process.kill())
            return Agent(process, log)

        yield start


def waiting(environment: dict[str, str]) -> int:
    path = Path(environment["DATA_DIR"]) / "agent.db"
    if not path.exists():
        return 0
    spool = Spool(path)
    try:
        return len(spool)
    finally:
        spool.close()


def fresh(query: sa.Select[Any]) -> list[Any]:
    """What a query finds now."""
    db.session.rollback()
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def cycles() -> list[MonitoringCycle]:
    return fresh(sa.select(MonitoringCycle).order_by(MonitoringCycle.created_at))


def test_a_single_cycle_reports_the_machine_and_its_services(
    serve: Callable[[], Any], start: Callable[..., Agent], port: int, new: NewKey
) -> None:
    url = f"http://127.0.0.1:{port}/health?token=secret"
    with serve():
        agent = start("--once", SERVICE_URL_app=url, PING_URL=f"http://127.0.0.1:{port}/health")
        assert agent.process.wait(PATIENCE) == 0, agent.output
    [cycle] = cycles()
    assert cycle.cpu_percent is not None
    assert cycle.ram_used_mb
    assert cycle.disk_percent
    assert cycle.uptime_seconds
    assert (cycle.internet_status, cycle.container_count) == (True, None)
    found = fresh(sa.select(Service).order_by(Service.name))
    assert [(item.name, item.last_result, item.last_error) for item in found] == [
        ("app", "healthy", ""),
        ("gone", "down", "Connection refused"),
    ]
    assert found[0].target == f"http://127.0.0.1:{port}/health"
    [host] = fresh(sa.select(Host))
    assert (host.status, host.agent) == ("up", "0.1.0")
    assert new.key not in agent.output


def test_what_a_server_that_was_away_did_not_hear_arrives_in_order(
    serve: Callable[[], Any], start: Callable[..., Agent], environment: dict[str, str]
) -> None:
    agent = start()
    agent.says("reports_do_not_arrive")
    wait_until(lambda: waiting(environment) >= 3, PATIENCE, "reports that wait")
    with serve():
        agent.says("reports_arrive_again")
        wait_until(lambda: waiting(environment) == 0, PATIENCE, "an empty spool")
    times = [cycle.created_at for cycle in cycles()]
    assert len(times) >= 3
    assert all(earlier < later for earlier, later in pairwise(times))
    assert len(fresh(sa.select(ServiceCheck))) >= len(times) - 1
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(PATIENCE) == 0
    assert "Traceback" not in agent.output


def test_what_a_killed_agent_had_not_sent_is_sent_by_the_next(
    serve: Callable[[], Any], start: Callable[..., Agent], environment: dict[str, str]
) -> None:
    agent = start()
    wait_until(lambda: waiting(environment) >= 2, PATIENCE, "reports that wait")
    agent.process.send_signal(signal.SIGKILL)
    agent.process.wait()
    left = waiting(environment)
    with serve():
        assert start("--once").process.wait(PATIENCE) == 0
    assert waiting(environment) == 0
    assert len(cycles()) == left + 1


def test_a_key_that_the_server_does_not_know_is_told(
    serve: Callable[[], Any], start: Callable[..., Agent], environment: dict[str, str]
) -> None:
    with serve():
        agent = start("--once", SECRET_KEY="sw_wrong")
        assert agent.process.wait(PATIENCE) == 1
    assert "The server does not know the key." in agent.output
    assert waiting(environment) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_the_middle_of_a_look(
    start: Callable[..., Agent], number: signal.Signals
) -> None:
    with Receiver() as slow:
        slow.default = Reply(hang=True)
        agent = start(SERVICE_URL_slow=slow.url, SERVICE_TIMEOUT_SECONDS="60")
        slow.wait_for(1, PATIENCE)
        agent.process.send_signal(number)
        assert agent.process.wait(PATIENCE) == 0
    assert "agent_stopped" in agent.output


class TestSettings:
    """These need no server and no database."""

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sentinelweb", "agent", *arguments],
            env={**clean_environment(), **environ},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def test_what_is_wrong_is_said_in_sentences(self) -> None:
        ended = self.run()
        assert ended.returncode == 1
        first, second = ended.stderr.splitlines()
        assert first.startswith("The agent cannot start: HEARTBEAT_URL is missing: ")
        assert second.startswith("The agent cannot start: SECRET_KEY is missing: ")

    def test_a_file_may_hold_the_variables_and_the_environment_comes_first(
        self, tmp_path: Path
    ) -> None:
        file = tmp_path / "agent.env"
        file.write_text("HEARTBEAT_URL=http://127.0.0.1:9/\nSECRET_KEY='sw_key'\nPING_URL=none\n")
        ended = self.run("--once", "--env-file", str(file), DATA_DIR=str(tmp_path))
        assert "The connection was refused" in ended.stdout
        ended = self.run("--env-file", str(file), HEARTBEAT_URL="nonsense")
        assert "HEARTBEAT_URL must be an address" in ended.stderr
        ended = self.run("--env-file", str(tmp_path / "missing"))
        assert ended.stderr.startswith("The agent cannot start: there is no file")

    def test_a_directory_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        ended = self.run(
            HEARTBEAT_URL="http://127.0.0.1:9/",
            SECRET_KEY="sw_key",
            DATA_DIR=str(tmp_path / "file"),
        )
        assert ended.returncode == 1
        assert "the reports cannot be kept in DATA_DIR" in ended.stderr

    def test_it_runs_without_flask_or_a_database(self) -> None:
        code = (
            "import sys\n"
            "for name in ('flask', 'sqlalchemy', 'redis', 'rq'): sys.modules[name] = None\n"
            "import sentinelweb.agent\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code],
            env=clean_environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr
