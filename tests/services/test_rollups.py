"""Every result and every cycle is in the sums exactly once."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.core.uids import time_ordered_uuid
from sentinelweb.db import Base, db, writing
from sentinelweb.models import (
    Host,
    HostRollup,
    MonitoringCycle,
    RollupMark,
    Service,
    ServiceCheck,
    ServiceRollup,
    TeamRollup,
    User,
)
from sentinelweb.services import rollups
from tests.conftest import Clock
from tests.support.factories import NOW, make_host, make_service
from tests.support.parallel import python, together

NOON = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(clock: Clock) -> Clock:
    clock.advance(hours=1)
    return clock


@pytest.fixture
def service(app: Flask, user: User) -> Service:
    return make_service(user)


def check_row(
    service_id: int, at: datetime, status: str = "healthy", **values: Any
) -> dict[str, Any]:
    return {
        "service_id": service_id,
        "created_at": at,
        "status": status,
        "latency_ms": None,
        **values,
    }


def add_checks(*rows: dict[str, Any]) -> None:
    with writing() as session:
        session.execute(sa.insert(ServiceCheck), list(rows))


def add_cycle(host: Host, at: datetime, **values: Any) -> None:
    id_ = str(time_ordered_uuid(at, values.pop("chance", 0)))
    with writing() as session:
        session.add(MonitoringCycle(id=id_, host_id=host.id, created_at=at, **values))


def sums(model: type[Base], resolution: int) -> list[Any]:
    db.session.rollback()
    table = model.__table__
    query = sa.select(table).where(table.c.resolution == resolution).order_by(*table.primary_key)
    return list(db.session.execute(query))


def total(model: type[Base], column: str = "healthy", resolution: int = 60) -> int:
    return sum(getattr(row, column) for row in sums(model, resolution))


def test_results_are_counted_by_kind_and_latency_is_measured(service: Service) -> None:
    words = ("healthy", "healthy", "down", "error", "timeout", "unknown")
    latencies = (10, 30, None, 5, None, None)
    add_checks(
        *(
            check_row(service.id, NOON + timedelta(seconds=9 * number), word, latency_ms=latency)
            for number, (word, latency) in enumerate(zip(words, latencies, strict=True))
        )
    )
    assert rollups.run() == {"results": 6, "cycles": 0}
    for model in (ServiceRollup, TeamRollup):
        for resolution in rollups.LEVELS:
            [row] = sums(model, resolution)
            assert (row.healthy, row.down, row.error, row.timeout, row.unknown) == (2, 1, 1, 1, 1)
            assert (row.latency_count, row.latency_sum) == (3, 45)
            assert (row.latency_min, row.latency_max) == (5, 30)


def test_buckets_begin_where_the_clock_of_utc_says(service: Service) -> None:
    add_checks(check_row(service.id, datetime(2026, 1, 7, 23, 59, 59, 999_999, tzinfo=UTC)))
    add_checks(check_row(service.id, datetime(2026, 1, 8, tzinfo=UTC)))
    rollups.run()
    starts = {
        resolution: [row.bucket_at for row in sums(ServiceRollup, resolution)]
        for resolution in rollups.LEVELS
    }
    midnight = datetime(2026, 1, 8, tzinfo=UTC)
    assert starts == {
        60: [midnight - timedelta(minutes=1), midnight],
        600: [midnight - timedelta(minutes=10), midnight],
        3_600: [midnight - timedelta(hours=1), midnight],
        86_400: [midnight - timedelta(days=1), midnight],
    }


def test_what_comes_later_is_added_to_the_same_buckets(service: Service) -> None:
    add_checks(check_row(service.id, NOON, "down"))
    rollups.run()
    add_checks(check_row(service.id, NOON + timedelta(seconds=10), latency_ms=7))
    rollups.run()
    add_checks(check_row(service.id, NOON + timedelta(seconds=20), latency_ms=3))
    rollups.run()
    rollups.run()
    [row] = sums(ServiceRollup, 60)
    assert (row.down, row.healthy, row.latency_sum) == (1, 2, 10)
    assert (row.latency_min, row.latency_max) == (3, 7)


def test_an_old_result_that_comes_late_lands_in_its_own_bucket(service: Service) -> None:
    add_checks(check_row(service.id, NOON))
    rollups.run()
    add_checks(check_row(service.id, NOON - timedelta(days=3)))
    rollups.run()
    found = [(row.bucket_at, row.healthy) for row in sums(ServiceRollup, 60)]
    assert found == [(NOON - timedelta(days=3), 1), (NOON, 1)]


def test_a_team_has_sums_for_each_host_and_others_have_their_own(
    user: User, other_user: User, service: Service
) -> None:
    host = make_host(user)
    agents = make_service(user, name="Agent's", probe="agent", host_id=host.id, reported_as="api")
    others = make_service(other_user)
    add_checks(*(check_row(item.id, NOON) for item in (service, service, agents, others)))
    rollups.run()
    found = {(row.team_id, row.host_id): row.healthy for row in sums(TeamRollup, 86_400)}
    team, other_team = service.team_id, others.team_id
    assert found == {(team, 0): 2, (team, host.id): 1, (other_team, 0): 1}


def test_a_stretch_is_summed_up_in_pieces_of_whole_services(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "STRETCH", 50)
    monkeypatch.setattr(rollups, "PIECE", 10)
    services = [make_service(user, name=f"Website {number}") for number in range(7)]
    add_checks(
        *(
            check_row(services[number % 7].id, NOON + timedelta(seconds=number))
            for number in range(140)
        )
    )
    assert rollups.run()["results"] == 140
    assert {row.healthy for row in sums(ServiceRollup, 3_600)} == {20}
    assert total(TeamRollup) == 140


def test_a_worker_that_dies_between_two_pieces_leaves_nothing_out_and_nothing_twice(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "PIECE", 5)
    services = [make_service(user, name=f"Website {number}") for number in range(6)]
    add_checks(*(check_row(services[number % 6].id, NOON) for number in range(30)))
    done = rollups._add
    calls = []

    def dies_in_the_middle(*args: Any) -> None:
        calls.append(args)
        if len(calls) % 5 == 0:
            raise InterruptedError
        done(*args)

    monkeypatch.setattr(rollups, "_add", dies_in_the_middle)
    for _ in range(20):
        try:
            rollups.run()
        except InterruptedError:
            add_checks(check_row(services[0].id, NOON))  # and more comes meanwhile
        else:
            break
    assert len(calls) > 12
    wanted = db.session.scalar(sa.select(sa.func.count()).select_from(ServiceCheck))
    assert total(ServiceRollup) == total(TeamRollup) == total(TeamRollup, resolution=600) == wanted


def test_processes_that_are_killed_leave_nothing_out_and_nothing_twice(
    app: Flask, user: User
) -> None:
    services = [make_service(user, name=f"Website {number}") for number in range(20)]
    code = """
from sentinelweb.services import rollups
rollups.STRETCH, rollups.PIECE = 200, 7
print("ready", flush=True)
while True:
    rollups.run()
"""
    for lifetime in (0.05, 0.15, 0.3):
        add_checks(*(check_row(services[number % 20].id, NOON) for number in range(2_000)))
        with python(code, app) as worker, python(code, app) as other:
            for process in (worker, other):
                assert process.stdout
                assert process.stdout.readline() == "ready\n"
            time.sleep(lifetime)
    rollups.run()
    assert total(ServiceRollup) == total(TeamRollup) == total(TeamRollup, resolution=600) == 6_000


def test_workers_at_once_add_nothing_twice(
    app: Flask, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "STRETCH", 100)
    monkeypatch.setattr(rollups, "PIECE", 10)
    services = [make_service(user, name=f"Website {number}") for number in range(20)]
    host = make_host(user)
    add_checks(*(check_row(services[number % 20].id, NOON) for number in range(1_000)))
    for number in range(20):
        add_cycle(host, NOON + timedelta(seconds=number))
    found = together(app, [rollups.run] * 4)
    assert total(ServiceRollup) == total(TeamRollup) == 1_000
    assert total(HostRollup, "cycles") == 20
    assert sum(result["results"] for result in found) == 1_000


def test_results_that_are_committed_after_younger_ones_are_not_passed_over(
    app: Flask, service: Service, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only PostgreSQL lets two write at once; there the first id may be committed last."""
    if database == "sqlite":
        add_checks(check_row(service.id, NOON))
        add_checks(check_row(service.id, NOON))
        rollups.run()
    else:
        waits, look = threading.Event(), rollups._writers

        def looked() -> set[str]:
            found = look()
            waits.set()
            return found

        monkeypatch.setattr(rollups, "_writers", looked)
        with db.engine.connect() as slow:
            slow.execute(sa.insert(ServiceCheck.__table__), check_row(service.id, NOON))
            add_checks(check_row(service.id, NOON))

            def commit_once_it_waits() -> dict[str, int]:
                waits.wait(10)
                assert total(ServiceRollup) == 0
                slow.commit()
                return {}

            together(app, [rollups.run, commit_once_it_waits])
    assert total(ServiceRollup) == 2


def test_one_who_does_not_commit_holds_up_the_sums_and_no_longer(
    app: Flask, service: Service, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "PATIENCE", 0.05)
    add_checks(check_row(service.id, NOON))
    rollups.run()
    if database == "postgresql":
        slow = db.engine.connect()
        slow.execute(sa.insert(ServiceCheck.__table__), check_row(service.id, NOON))
        add_checks(check_row(service.id, NOON))
        assert rollups.run()["results"] == 0
        slow.rollback()
        slow.close()
        assert rollups.run()["results"] == 1


def test_the_id_of_a_deleted_result_is_not_used_again(service: Service, user: User) -> None:
    other = make_service(user, name="Shop")
    add_checks(check_row(service.id, NOON), check_row(other.id, NOON))
    rollups.run()
    with writing() as session:
        session.delete(session.get(Service, other.id))
    add_checks(check_row(service.id, NOON))
    rollups.run()
    assert total(ServiceRollup) == 2


def test_a_service_that_is_deleted_in_the_middle_of_a_stretch_is_no_trouble(
    user: User, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_service(user, name="Shop")
    add_checks(check_row(service.id, NOON), check_row(other.id, NOON))
    stretch = rollups._open_stretch(rollups._settled_id())
    with writing() as session:
        session.delete(session.get(Service, other.id))
    assert rollups._sum_piece(stretch, 0, None)
    assert total(ServiceRollup) == 1


@pytest.mark.usefixtures("app")
def test_nothing_new_is_nothing_written(service: Service) -> None:
    add_checks(check_row(service.id, NOON))
    rollups.run()
    commits: list[object] = []
    sa.event.listen(db.engine, "begin", lambda c: commits.append(c.get_execution_options()))
    assert rollups.run() == {"results": 0, "cycles": 0}
    assert not any(options.get("writes") for options in commits)
    assert db.session.scalar(sa.select(RollupMark.last_id)) == rollups.summed_upto()


def test_figures_of_a_host_are_summed_up(user: User) -> None:
    host = make_host(user)
    add_cycle(
        host,
        NOON,
        cpu_percent=10,
        ram_percent=40,
        disk_percent=70,
        internet_status=True,
        ping_ms=20,
        worker_status=200,
        cycle_duration_ms=100,
        container_count=3,
    )
    add_cycle(
        host,
        NOON + timedelta(seconds=10),
        cpu_percent=30,
        internet_status=False,
        worker_status=None,
        cycle_duration_ms=300,
        container_count=5,
    )
    assert rollups.run() == {"results": 0, "cycles": 2}
    assert rollups.run() == {"results": 0, "cycles": 0}
    for resolution in rollups.LEVELS:
        [row] = sums(HostRollup, resolution)
        assert (row.cycles, row.cpu_count, row.cpu_sum, row.cpu_max) == (2, 2, 40, 30)
        assert (row.ram_count, row.ram_sum, row.ram_max) == (1, 40, 40)
        assert (row.internet_known, row.internet_ok) == (2, 1)
        assert (row.ping_count, row.ping_min, row.ping_max) == (1, 20, 20)
        assert (row.duration_sum, row.duration_min, row.duration_max) == (400, 100, 300)
        assert (row.relay_200, row.relay_none, row.relay_other) == (1, 1, 0)
        assert row.container_max == 5


@pytest.mark.parametrize(
    ("code", "column"),
    [
        (200, "relay_200"),
        (220, "relay_220"),
        (221, "relay_221"),
        (500, "relay_500"),
        (404, "relay_other"),
        (None, "relay_none"),
    ],
)
def test_each_answer_to_the_relay_has_a_count(user: User, code: int | None, column: str) -> None:
    add_cycle(make_host(user), NOON, worker_status=code)
    rollups.run()
    [row] = sums(HostRollup, 60)
    counts = {name: value for name, value in row._mapping.items() if name.startswith("relay_")}
    assert [name for name, count in counts.items() if count] == [column]


def test_a_cycle_that_still_runs_waits_and_one_without_an_end_does_not_wait_for_ever(
    user: User, clock: Clock
) -> None:
    host = make_host(user)
    add_cycle(host, clock.now, batches_left=2)
    assert rollups.run()["cycles"] == 0
    clock.advance(minutes=9)
    assert rollups.run()["cycles"] == 0
    clock.advance(minutes=2)
    assert rollups.run()["cycles"] == 1


def test_a_cycle_that_has_just_ended_waits_for_what_the_relay_is_answered(
    user: User, clock: Clock
) -> None:
    host = make_host(user)
    add_cycle(host, clock.now - timedelta(seconds=40), cycle_duration_ms=39_000)
    assert rollups.run()["cycles"] == 0
    clock.advance(seconds=30)
    assert rollups.run()["cycles"] == 1


def test_an_old_cycle_that_an_agent_kept_lands_in_its_own_bucket(user: User) -> None:
    host = make_host(user)
    add_cycle(host, NOON, cpu_percent=1)
    rollups.run()
    add_cycle(host, NOON - timedelta(days=2), cpu_percent=1)
    rollups.run()
    assert [row.bucket_at for row in sums(HostRollup, 60)] == [NOON - timedelta(days=2), NOON]


def test_many_cycles_take_several_transactions(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "CYCLES", 10)
    host = make_host(user)
    for number in range(25):
        add_cycle(host, NOW + timedelta(seconds=number), chance=number)
    assert rollups.run()["cycles"] == 25
    assert total(HostRollup, "cycles", 86_400) == 25
