"""`flask worker`: real Redis, real forks, and whatever can be killed is."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from rq import Queue
from rq.job import Job, JobStatus

from config import Settings
from sentinelweb import clock, jobs
from sentinelweb.db import db, writing
from sentinelweb.models import (
    Channel,
    Component,
    Delivery,
    HeartbeatCheck,
    Service,
    StatusChange,
    User,
)
from sentinelweb.runtime.worker import STOP_GRACE
from sentinelweb.services import leases
from tests.support.patience import slowness
from tests.support.receiver import Receiver, Reply
from tests.support.stack import PrivateRedis, command, ended, runs, wait_until

# Audits, two for deliveries, housekeeping, imports, cycles, two that probe, and their keeper.
PROCESSES = 9


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    with Redis.from_url(settings.resolved_redis_url) as redis:
        yield redis


@pytest.fixture
def worker(app: Flask, settings: Settings) -> Iterator[psutil.Popen]:
    """A running `flask worker`."""
    with command(settings, "worker") as process:
        yield process


def enqueue(redis: Redis, queue: str, task: str, *arguments: Any, **options: Any) -> Job:
    return Queue(queue, connection=redis).enqueue(
        f"tests.runtime.chores.{task}", *arguments, **options
    )


def result(job: Job, within: float = 10) -> Any:
    """What the job returns, in the end."""
    wait_until(lambda: job.get_status() is JobStatus.FINISHED, within, f"{job} to finish")
    return job.return_value()


def children(process: psutil.Process, count: int) -> list[psutil.Process]:
    return wait_until(
        lambda: found if len(found := process.children()) == count else [],
        10,
        f"{count} children",
    )


def last_seen(name: str) -> Component | None:
    db.session.rollback()
    return db.session.get(Component, name, populate_existing=True)


def test_a_job_has_an_application_context_a_fresh_session_and_its_id_in_the_log(
    worker: psutil.Popen, redis: Redis
):
    for queue in (jobs.AUDITS, jobs.DELIVERIES, jobs.HOUSEKEEPING, jobs.IMPORTS):
        job = enqueue(redis, queue, "describe")
        found = result(job)
        assert found["fresh_session"]
        assert found["database_answers"]
        assert found["log_context"] == {"job_id": job.id}


def test_each_job_is_a_process_of_its_own(worker: psutil.Popen, redis: Redis):
    workers = {process.pid for process in children(worker, PROCESSES - 1)}
    first, second = (result(enqueue(redis, jobs.AUDITS, "describe")) for _ in range(2))
    assert first["pid"] != second["pid"]
    assert {first["parent"], second["parent"]} <= workers


@pytest.mark.parametrize("queue", [jobs.CYCLES, jobs.PROBES])
def test_what_comes_often_costs_no_process(worker: psutil.Popen, redis: Redis, queue: str):
    children(worker, PROCESSES - 1)
    found = [result(enqueue(redis, queue, "describe")) for _ in range(4)]
    assert {item["parent"] for item in found} == {worker.pid}
    assert len({item["pid"] for item in found}) <= 2
    assert all(item["fresh_session"] for item in found)


def test_a_relay_has_a_worker_of_its_own(app: Flask, settings: Settings, redis: Redis):
    with command(settings, "worker", heartbeat_url="http://127.0.0.1:9/api/heartbeat") as pool:
        children(pool, PROCESSES)
        for _ in range(2):
            enqueue(redis, jobs.RELAY, "linger", 30)
        result(enqueue(redis, jobs.CYCLES, "describe"))


def test_a_worker_that_forks_for_no_job_is_replaced_in_time(
    app: Flask, settings: Settings, redis: Redis
):
    code = "from sentinelweb.runtime import worker; worker.RETIRE_AFTER = 0"
    with command(settings, "worker", code=code) as pool:
        first, second = (result(enqueue(redis, jobs.CYCLES, "describe")) for _ in range(2))
        assert first["pid"] != second["pid"]
        children(pool, PROCESSES - 1)
    assert "worker_ended" not in (settings.data_dir / "worker.log").read_text()


def test_a_worker_whose_prober_hangs_is_replaced(app: Flask, settings: Settings, redis: Redis):
    code = (
        "from sentinelweb.runtime import worker; from sentinelweb.services import prober; "
        "worker.HANGS_AFTER = 5; prober.HANGS_AFTER = 0"
    )
    with command(settings, "worker", code=code) as pool:
        before = children(pool, PROCESSES - 1)
        wait_until(lambda: sum(not runs(process) for process in before) == 2, 30)
        children(pool, PROCESSES - 1)


def test_what_the_last_worker_had_in_hand_is_due_at_its_start(
    app: Flask, settings: Settings, user: User, make_service: Callable[..., Service]
):
    service = make_service(user, next_check_at=clock.now() - timedelta(minutes=1))
    with writing() as session:
        leases.claim(session, clock.now(), limit=1)
    with command(settings, "worker"):
        wait_until(lambda: db.session.rollback() or db.session.refresh(service) or
                   service.claimed_at is None, 15)  # fmt: skip
    assert service.next_check_at is not None
    assert abs(clock.now() - service.next_check_at) < timedelta(minutes=1)


def test_asked_to_stop_it_finishes_the_looks_that_it_is_at(
    worker: psutil.Popen, redis: Redis, user: User, make_service: Callable[..., Service]
):
    with Receiver() as target:
        target.default = Reply(delay=1)
        service = make_service(user, target=target.url, timeout=20)
        jobs.enqueue_checks(redis, [service.id])
        target.wait_for(1, seconds=20)
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(15) == 0
    db.session.rollback()
    db.session.refresh(service)
    assert service.last_result == "healthy"


def test_it_records_that_it_is_alive(worker: psutil.Popen):
    first = wait_until(lambda: last_seen("worker"), 10).seen_at
    assert clock.now() - first < timedelta(seconds=5)
    wait_until(lambda: last_seen("worker").seen_at > first, 5)


def test_the_audit_finds_what_is_overdue(
    worker: psutil.Popen,
    redis: Redis,
    user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
    make_channel: Callable[..., Channel],
):
    heartbeat = make_heartbeat(user, last_ping=clock.now() - timedelta(hours=1))
    heartbeat.channels = [make_channel(user)]
    db.session.commit()
    assert jobs.enqueue_once(redis, jobs.AUDITS, jobs.CHECK_HEARTBEATS)
    wait_until(lambda: last_seen("audit"), 10)
    db.session.refresh(heartbeat)
    assert heartbeat.status == "down"
    # It asks for the alert to be sent at once.
    wait_until(lambda: db.session.rollback() or delivery().attempt_count, 10)


def delivery() -> Delivery:
    return db.session.scalars(sa.select(Delivery)).one()


def test_five_audits_at_once_change_a_status_and_promise_an_alert_once(
    app: Flask,
    settings: Settings,
    redis: Redis,
    user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
    make_channel: Callable[..., Channel],
):
    channel = make_channel(user)
    for number in range(20):
        heartbeat = make_heartbeat(
            user, name=f"Job {number}", last_ping=clock.now() - timedelta(hours=1)
        )
        heartbeat.channels = [channel]
    db.session.commit()
    audits = [Queue(jobs.AUDITS, connection=redis).enqueue(jobs.CHECK_HEARTBEATS) for _ in range(5)]
    with command(settings, "worker", worker_processes=5):
        statistics = [result(job, within=20) for job in audits]
    assert sum(item["alerts_sent"] for item in statistics) == 20
    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 20
    changes = db.session.execute(
        sa.select(StatusChange.monitor_id, sa.func.count()).group_by(StatusChange.monitor_id)
    ).all()
    assert [count for _, count in changes] == [1] * 20


def test_slow_deliveries_do_not_delay_an_audit(worker: psutil.Popen, redis: Redis):
    for _ in range(4):
        enqueue(redis, jobs.DELIVERIES, "linger", 30)
    wait_until(lambda: Queue(jobs.DELIVERIES, connection=redis).count == 2, 10)
    began = time.monotonic()
    result(enqueue(redis, jobs.AUDITS, "describe"))
    assert time.monotonic() - began < 2 * slowness()


def test_a_job_that_fails_takes_nothing_with_it(worker: psutil.Popen, redis: Redis):
    failed = enqueue(redis, jobs.AUDITS, "fail")
    wait_until(lambda: failed.is_failed, 10)
    assert result(enqueue(redis, jobs.AUDITS, "describe"))["database_answers"]


def test_a_job_whose_process_is_killed_takes_nothing_with_it(worker: psutil.Popen, redis: Redis):
    doomed = enqueue(redis, jobs.AUDITS, "linger", 60)
    [victim] = wait_until(
        lambda: [
            grandchild
            for child in worker.children()
            for grandchild in child.children()
            if doomed.get_status() is JobStatus.STARTED
        ],
        10,
    )
    victim.kill()
    wait_until(lambda: doomed.is_failed, 10)
    assert result(enqueue(redis, jobs.AUDITS, "describe"))["database_answers"]


def test_a_worker_that_is_killed_is_replaced_and_its_job_ends(worker: psutil.Popen, redis: Redis):
    before = children(worker, PROCESSES - 1)
    enqueue(redis, jobs.HOUSEKEEPING, "linger", 60)
    busy = wait_until(lambda: [child for child in before if child.children()], 10)[0]
    horses = busy.children()
    busy.kill()
    assert not ended([busy, *horses], within=5)
    after = wait_until(
        lambda: found if len(found := worker.children()) == PROCESSES - 1 and busy not in found
        else [],
        5,
    )  # fmt: skip
    assert set(before) - set(after) == {busy}
    assert result(enqueue(redis, jobs.HOUSEKEEPING, "describe"))["parent"] in {
        process.pid for process in after
    }


def test_no_worker_and_no_job_outlives_a_pool_that_is_killed(worker: psutil.Popen, redis: Redis):
    children(worker, PROCESSES - 1)
    enqueue(redis, jobs.AUDITS, "linger", 60)
    family = wait_until(
        lambda: found if len(found := worker.children(recursive=True)) == PROCESSES else [], 10
    )
    worker.kill()
    assert not ended(family, within=5)


def test_a_worker_that_hangs_is_replaced(app: Flask, settings: Settings, redis: Redis):
    code = "from sentinelweb.runtime import worker; worker.HANGS_AFTER = 5"
    with command(settings, "worker", code=code) as pool:
        before = children(pool, PROCESSES - 1)
        result(enqueue(redis, jobs.AUDITS, "describe"))
        before[0].suspend()
        assert not ended([before[0]], within=10)
        result(enqueue(redis, jobs.AUDITS, "describe"))
        assert set(before) - set(children(pool, PROCESSES - 1)) == {before[0]}
    assert '"worker_hangs"' in (settings.data_dir / "worker.log").read_text()


def test_asked_to_stop_it_finishes_what_it_is_at(worker: psutil.Popen, redis: Redis):
    job = enqueue(redis, jobs.AUDITS, "linger", 1)
    wait_until(lambda: job.get_status() is JobStatus.STARTED, 10)
    family = worker.children(recursive=True)
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(60) == 0
    assert job.get_status() is JobStatus.FINISHED
    assert not ended(family, within=10)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seconds", [0.3, 8])
@pytest.mark.parametrize("keeps_data", [True, False])
def test_an_outage_of_redis_is_lived_through(
    settings: Settings, app: Flask, tmp_path: Path, seconds: float, keeps_data: bool
):
    with PrivateRedis(tmp_path) as server:
        changed = settings.model_copy(update={"redis_url": server.url})
        with command(changed, "worker") as worker, Redis.from_url(server.url) as redis:
            result(enqueue(redis, jobs.AUDITS, "describe"))
            workers = children(worker, PROCESSES - 1)
            server.stop()
            time.sleep(seconds)
            server.start(empty=not keeps_data)
            began = time.monotonic()
            for queue in (jobs.AUDITS, jobs.DELIVERIES):
                result(enqueue(redis, queue, "describe"))
            assert time.monotonic() - began < 5 * slowness()
            assert all(runs(process) for process in workers)
            assert clock.now() - last_seen("worker").seen_at < timedelta(seconds=5) * slowness()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_of_an_outage_of_redis_one_line_tells_that_it_began_and_one_that_it_is_over(
    settings: Settings, app: Flask, tmp_path: Path
):
    log = settings.data_dir / "worker.log"
    with PrivateRedis(tmp_path) as server:
        changed = settings.model_copy(update={"redis_url": server.url})
        with command(changed, "worker"), Redis.from_url(server.url) as redis:
            result(enqueue(redis, jobs.AUDITS, "describe"))
            server.stop()
            time.sleep(12)
            server.start(empty=False)
            wait_until(lambda: "redis_back" in log.read_text(), 10)
    lines = [line for line in log.read_text().splitlines() if "edis" in line]
    assert [json.loads(line)["event"] for line in lines] == ["redis_away", "redis_back"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_starts_before_redis_does(settings: Settings, app: Flask, tmp_path: Path):
    with PrivateRedis(tmp_path) as server:
        server.stop()
        changed = settings.model_copy(update={"redis_url": server.url})
        with command(changed, "worker") as worker:
            children(worker, PROCESSES - 1)
            wait_until(lambda: last_seen("worker"), 10)
            server.start()
            with Redis.from_url(server.url) as redis:
                result(enqueue(redis, jobs.AUDITS, "describe"))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("count", [1, 3, 5, 7])
def test_asked_to_stop_while_it_starts_its_workers_it_ends(
    app: Flask, settings: Settings, count: int
):
    """A signal that comes during a fork must not get lost."""
    with command(settings, "worker") as worker:
        wait_until(lambda: len(worker.children()) >= count, 20)
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(2 * STOP_GRACE * slowness()) == 0
