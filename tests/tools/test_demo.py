"""`make demo`: a database of its own with a month in it, and everything running on it."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from sentinelweb import create_app
from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import (
    Delivery,
    Host,
    HostRollup,
    Monitor,
    MonitorCount,
    MonitoringCycle,
    Ping,
    Process,
    Service,
    ServiceCheck,
    ServiceRollup,
    StatusChange,
)
from sentinelweb.services import rollups
from tests.support.databases import settings_for_tests
from tests.support.stack import ROOT, clean_environment, free_port, wait_until
from tests.support.visitor import Visitor
from tools.demo.fill import fill

PORTS = 6  # the mock controller's and its targets'


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application whose database is a demo's."""
    settings = settings_for_tests(tmp_path_factory.mktemp("demo"))
    fill(settings, str(ROOT / "migrations"), "http://127.0.0.1:9", range(9, 14))
    app = create_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def rows(query: sa.Select[Any]) -> list[Any]:
    return list(db.session.execute(query))


class TestTheHistory:
    def test_there_is_something_of_every_status(self, filled: Flask) -> None:
        assert set(db.session.scalars(sa.select(Monitor.status))) == set(Status)

    def test_each_change_follows_from_the_one_before(self, filled: Flask) -> None:
        changes = rows(
            sa.select(StatusChange.monitor_id, StatusChange.prev_status, StatusChange.new_status)
            .add_columns(StatusChange.created_at, Monitor.kind)
            .join(Monitor, Monitor.id == StatusChange.monitor_id)
            .order_by(StatusChange.monitor_id, StatusChange.id)
        )
        last = {}
        for monitor_id, of_monitor in groupby(changes, key=lambda row: row.monitor_id):
            chain = list(of_monitor)
            # A process registers itself, and is up from then on.
            assert chain[0].prev_status == ("up" if chain[0].kind == "process" else "new")
            for before, after in pairwise(chain):
                assert before.new_status == after.prev_status
                assert before.created_at <= after.created_at
            last[monitor_id] = chain[-1].new_status
        for id_, kind, status in rows(sa.select(Monitor.id, Monitor.kind, Monitor.status)):
            assert status == last.get(id_, "up" if kind == "process" else "new")

    @pytest.mark.parametrize("model", [StatusChange, Delivery, ServiceCheck, MonitoringCycle])
    def test_ids_grow_with_time(self, model: Any, filled: Flask) -> None:
        instants = db.session.scalars(sa.select(model.created_at).order_by(model.id)).all()
        assert instants == sorted(instants)

    def test_each_alert_tells_of_a_change(self, filled: Flask) -> None:
        changes = set(
            rows(sa.select(StatusChange.monitor_id, StatusChange.created_at, StatusChange.note))
        )
        told = rows(sa.select(Delivery.monitor_id, Delivery.created_at, Delivery.facts))
        assert len(told) > 20
        for monitor_id, at, facts in told:
            assert any(change[:2] == (monitor_id, at) for change in changes), facts

    def test_nothing_waits_to_be_sent(self, filled: Flask) -> None:
        states = dict(rows(sa.select(Delivery.state, sa.func.count()).group_by(Delivery.state)))
        assert states.keys() <= {"sent", "failed"}
        assert not db.session.scalar(sa.select(Delivery.id).where(Delivery.due_at.is_not(None)))

    def test_the_counts_are_those_of_the_monitors(self, filled: Flask) -> None:
        counted = rows(
            sa.select(MonitorCount.kind, MonitorCount.status, MonitorCount.count).where(
                MonitorCount.count != 0
            )
        )
        found = rows(
            sa.select(Monitor.kind, Monitor.status, sa.func.count()).group_by(
                Monitor.kind, Monitor.status
            )
        )
        assert sorted(counted) == sorted(found)

    @pytest.mark.parametrize("level", rollups.LEVELS)
    def test_results_and_figures_are_summed_up_at_every_level(
        self, level: int, filled: Flask
    ) -> None:
        for model, owners in ((ServiceRollup, Service), (HostRollup, Host)):
            table = model.__table__
            owner = next(iter(table.primary_key))
            of_level = sa.select(owner).where(table.c.resolution == level)
            assert set(db.session.scalars(of_level)) == set(
                db.session.scalars(sa.select(owners.id))
            )

    def test_sums_reach_back_a_month(self, filled: Flask) -> None:
        days = rows(
            sa.select(ServiceRollup.service_id, sa.func.count())
            .where(ServiceRollup.resolution == 86_400)
            .group_by(ServiceRollup.service_id)
        )
        assert min(count for _service, count in days) >= 28

    def test_single_results_are_those_of_a_day(self, filled: Flask) -> None:
        oldest, newest = rows(
            sa.select(sa.func.min(ServiceCheck.created_at), sa.func.max(ServiceCheck.created_at))
        )[0]
        assert timedelta(hours=23) < newest - oldest <= timedelta(hours=24)

    def test_processes_are_alive_ended_failed_and_lost(self, filled: Flask) -> None:
        found = list(db.session.scalars(sa.select(Process)))
        assert {process.status for process in found} == {"up", "paused", "down"}
        assert {process.status for process in found if process.overdue_at} == {"up"}
        assert any(process.exit_status for process in found)
        assert any(process.status == "down" and not process.ended_at for process in found)

    def test_a_status_page_shows_what_customers_ask_for(self, filled: Flask) -> None:
        assert "For customers" in filled.test_client().get("/status").text

    def test_runs_have_durations(self, filled: Flask) -> None:
        assert db.session.scalar(sa.select(sa.func.count()).where(Ping.duration_ms > 60_000))


def a_row_of_free_ports(count: int) -> int:
    """The first of `count` ports of which nobody uses any just now; 0 if one is used.

    They are below those that the system gives out, of which hardly any neighbours are free.
    """
    first = random.randrange(20_000, 32_000)
    with ExitStack() as listeners:
        try:
            for port in range(first, first + count):
                listeners.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError:
            return 0
    return first


@contextmanager
def running(directory: Path, log: Path, **environment: object) -> Iterator[subprocess.Popen[bytes]]:
    """`make demo` without the set-up; it prints into `log`."""
    variables = {name: str(value) for name, value in environment.items()}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.demo"],
            cwd=ROOT,
            env=clean_environment() | {"DEMO_DIR": str(directory)} | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory with so short a path that a Unix socket has room in it."""
    with tempfile.TemporaryDirectory(prefix="sw-") as directory:
        yield Path(directory)


class TestTheCommand:
    def test_it_runs_everything_ends_by_control_c_and_keeps_its_data(
        self, tmp_path: Path, short_path: Path
    ) -> None:
        directory, log = short_path / "demo", tmp_path / "log"
        foreign = tmp_path / "foreign.db"
        ports = {
            "PORT": free_port(),
            "MOCK_PORT": wait_until(lambda: a_row_of_free_ports(PORTS), 10),
            "DATABASE_URL": f"sqlite:///{foreign}",
        }
        with running(directory, log, **ports) as process:
            wait_until(
                lambda: "Log in as:" in log.read_text() or process.poll(), 400, "the greeting"
            )
            assert process.poll() is None, log.read_text()
            notes = json.loads((directory / "site" / "demo.json").read_text())
            with Visitor(f"http://127.0.0.1:{ports['PORT']}") as visitor:
                visitor.log_in(notes["email"], notes["password"])
                assert "Nightly backup" in visitor.get("/heartbeats").text
                wait_until(
                    lambda: "Price list import" in visitor.get("/processes").text,
                    60,
                    "a process that registers",
                )
            wait_until(lambda: _calls(notes["mock"], "website"), 60, "a look at a target")
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        with running(directory, log, **ports) as process:
            wait_until(lambda: log.read_text().count(notes["password"]) == 2, 60, "the password")
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        assert log.read_text().count("Making a month of history") == 1
        assert not foreign.exists()

    def test_a_directory_of_somebody_else_is_left_alone(self, tmp_path: Path) -> None:
        site = tmp_path / "demo" / "site"
        site.mkdir(parents=True)
        (site / "sentinelweb.db").write_text("mine")
        log = tmp_path / "log"
        with running(tmp_path / "demo", log) as process:
            assert process.wait(60) == 1
        assert "is not a demo's" in log.read_text()
        assert (site / "sentinelweb.db").read_text() == "mine"

    def test_a_wrong_port_is_told_in_a_sentence(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with running(tmp_path / "demo", log, MOCK_PORT="65535") as process:
            assert process.wait(60) == 1
        assert "MOCK_PORT must be a port" in log.read_text()


def _calls(mock: str, name: str) -> int:
    state = requests.get(f"{mock}/api/state", timeout=10).json()
    calls: int = state["targets"][name]["calls"]
    return calls
