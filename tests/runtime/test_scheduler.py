"""`flask scheduler`: on time, once, and through every outage; real Redis and real processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from rq import Queue
from rq.job import Job

from config import Settings
from sentinelweb import clock, jobs
from sentinelweb.db import db
from sentinelweb.models import (
    Channel,
    Component,
    Delivery,
    HeartbeatCheck,
    Host,
    StatusChange,
    User,
)
from sentinelweb.runtime.scheduler import next_due
from sentinelweb.tasks import PERIODIC
from tests.support.patience import slowness
from tests.support.receiver import Receiver
from tests.support.stack import PrivateRedis, command, runs, wait_until

SCHEDULED = "rq:scheduler:scheduled_jobs"
NAMES = {periodic.name for periodic in PERIODIC}


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    with Redis.from_url(settings.resolved_redis_url) as redis:
        yield redis


@pytest.fixture
def scheduler(app: Flask, settings: Settings) -> Iterator[psutil.Popen]:
    with command(settings, "scheduler") as process:
        yield process


def registered(redis: Redis) -> dict[str, float]:
    return {name.decode(): score for name, score in redis.zscan_iter(SCHEDULED)}


def is_registered(redis: Redis) -> bool:
    return set(registered(redis)) == NAMES


def waiting(redis: Redis, queue: str) -> list[str]:
    return Queue(queue, connection=redis).job_ids


def last_seen(name: str) -> Component | None:
    db.session.rollback()
    return db.session.get(Component, name, populate_existing=True)


def test_a_missed_deadline_is_an_alert_within_two_seconds(
    app: Flask,
    settings: Settings,
    user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
    make_channel: Callable[..., Channel],
):
    """At default settings, where the periodic audit comes but once a minute."""
    with Receiver() as receiver, command(settings, "worker"), command(settings, "scheduler"):
        wait_until(lambda: last_seen("audit") and last_seen("worker"), 15)
        heartbeat = make_heartbeat(user, expected_period=1, grace_period=1, last_ping=clock.now())
        heartbeat.channels = [make_channel(user, settings={"url": receiver.url})]
        db.session.commit()
        deadline = heartbeat.down_at
        assert deadline is not None
        wait_until(lambda: receiver.calls, 10)
        assert clock.now() - deadline < timedelta(seconds=2) * slowness()
        db.session.rollback()
        changes = db.session.scalars(sa.select(StatusChange).order_by(StatusChange.id)).all()
    assert [change.new_status for change in changes] == ["late", "down"]
    for change, due in zip(changes, (heartbeat.next_expected_ping, deadline), strict=True):
        assert timedelta(0) < change.created_at - due < timedelta(seconds=1.5) * slowness()
    assert len(receiver.calls) == 1


def test_a_delivery_that_comes_due_is_asked_for(
    scheduler: psutil.Popen, redis: Redis, user: User, make_channel: Callable[..., Channel]
):
    wait_until(lambda: waiting(redis, jobs.DELIVERIES), 10)
    redis.delete("rq:queue:deliveries")
    due_at = clock.now() + timedelta(seconds=1)
    db.session.add(
        Delivery(
            uid="1",
            channel_id=make_channel(user).id,
            event="down",
            facts={},
            created_at=clock.now(),
            due_at=due_at,
        )
    )
    db.session.commit()
    wait_until(lambda: waiting(redis, jobs.DELIVERIES), 5)
    assert timedelta(0) < clock.now() - due_at < timedelta(seconds=1) * slowness()
    time.sleep(1.5)
    assert waiting(redis, jobs.DELIVERIES) == ["send_deliveries-wake"], "and only once"


def test_a_host_that_falls_silent_is_asked_about_at_once(
    scheduler: psutil.Popen, redis: Redis, user: User, make_host: Callable[..., Host]
):
    wait_until(lambda: "check_hosts" in waiting(redis, jobs.AUDITS), 10)
    redis.delete("rq:queue:audits")
    overdue_at = clock.now() + timedelta(seconds=1)
    make_host(user, last_report_at=clock.now(), overdue_at=overdue_at)
    wait_until(lambda: "check_hosts-wake" in waiting(redis, jobs.AUDITS), 10)
    assert clock.now() > overdue_at


def test_each_periodic_job_is_registered_and_enqueued_at_once(
    scheduler: psutil.Popen, redis: Redis, settings: Settings
):
    began = time.time()
    wait_until(lambda: is_registered(redis), 30)
    for periodic in PERIODIC:
        wait_until(
            lambda periodic=periodic: periodic.name in waiting(redis, periodic.queue), 30
        )  # so that a start after an outage looks at everything
        due = registered(redis)[periodic.name]
        interval = periodic.interval(settings)
        earliest = began + (0 if periodic.aligned else interval)
        assert earliest - 30 < due <= time.time() + interval + 1
        assert Job.fetch(periodic.name, connection=redis).func_name == periodic.task


def test_the_periodic_jobs_are_registered_again_when_redis_comes_back_empty(
    scheduler: psutil.Popen, redis: Redis
):
    wait_until(lambda: is_registered(redis), 10)
    redis.flushall()
    wait_until(lambda: is_registered(redis), 3)
    wait_until(lambda: "check_heartbeats" in waiting(redis, jobs.AUDITS), 3)


def test_a_periodic_job_whose_time_alone_survived_is_registered_again(
    scheduler: psutil.Popen, redis: Redis
):
    wait_until(lambda: waiting(redis, jobs.AUDITS), 10)
    with redis.pipeline() as pipeline:  # Redis was emptied between two steps of a tick
        pipeline.flushall()
        pipeline.zadd(SCHEDULED, {"check_heartbeats": time.time() + 60})
        pipeline.execute()
    wait_until(lambda: "check_heartbeats" in waiting(redis, jobs.AUDITS), 5)


def test_the_periodic_jobs_survive_a_clock_that_is_set_back(
    scheduler: psutil.Popen, redis: Redis, settings: Settings
):
    wait_until(lambda: is_registered(redis), 10)
    redis.zadd(SCHEDULED, {"check_heartbeats": time.time() + 3_600})
    limit = settings.worker_interval_sec + 1
    wait_until(lambda: registered(redis)["check_heartbeats"] <= time.time() + limit, 3)


def test_a_changed_interval_holds_from_the_next_start(app: Flask, settings: Settings, redis: Redis):
    for seconds in (60, 300):
        with command(settings, "scheduler", worker_interval_sec=seconds):
            wait_until(
                lambda seconds=seconds: (
                    seconds - 10
                    < registered(redis).get("check_heartbeats", 0) - time.time()
                    <= seconds + 1
                ),
                10,
            )


def test_without_workers_no_job_waits_twice(app: Flask, settings: Settings, redis: Redis):
    with command(settings, "scheduler", worker_interval_sec=1):
        wait_until(lambda: waiting(redis, jobs.AUDITS), 10)
        time.sleep(4)
        assert waiting(redis, jobs.AUDITS).count("check_heartbeats") == 1
        assert registered(redis)["check_heartbeats"] > time.time() - 1


def test_without_workers_no_two_cycles_wait(app: Flask, settings: Settings, redis: Redis):
    with command(settings, "scheduler", loop_interval_seconds=1):
        wait_until(lambda: waiting(redis, jobs.CYCLES), 10)
        time.sleep(4)
        assert waiting(redis, jobs.CYCLES) == ["run_cycle"]


def test_cycles_begin_with_the_clock_and_stay_so(app: Flask, settings: Settings, redis: Redis):
    with command(settings, "scheduler", loop_interval_seconds=2):
        wait_until(lambda: is_registered(redis), 10)
        for _ in range(3):
            redis.delete("rq:queue:cycles")
            wait_until(lambda: waiting(redis, jobs.CYCLES), 10)
            # Between being enqueued and its next time it is not there.
            assert wait_until(lambda: registered(redis).get("run_cycle"), 10) % 2 == 0


@pytest.mark.parametrize(
    ("now", "interval", "expected"), [(100.0, 10, 110), (109.99, 10, 110), (1_003.2, 60, 1_020)]
)
def test_an_aligned_job_is_due_at_the_next_multiple_of_its_interval(
    now: float, interval: int, expected: float
):
    assert next_due(now, interval, aligned=True) == pytest.approx(expected)
    assert next_due(now, interval, aligned=False) == now + interval


def test_two_schedulers_enqueue_what_one_does(
    app: Flask,
    settings: Settings,
    redis: Redis,
    user: User,
    make_heartbeat: Callable[..., HeartbeatCheck],
):
    with ExitStack() as running:
        for _ in range(2):
            redis.zadd(SCHEDULED, {"check_heartbeats": time.time() + 30})
            running.enter_context(command(settings, "scheduler"))
            # Each registers its jobs anew when it begins.
            wait_until(lambda: registered(redis)["check_heartbeats"] > time.time() + 50, 10)
        redis.delete("rq:queue:audits")
        make_heartbeat(user, expected_period=1, last_ping=clock.now())
        wake = "check_heartbeats-wake"
        wait_until(lambda: wake in waiting(redis, jobs.AUDITS), 5)
        time.sleep(2)
        assert waiting(redis, jobs.AUDITS).count(wake) == 1


def test_a_dead_scheduler_does_not_hold_up_the_next(app: Flask, settings: Settings, redis: Redis):
    with command(settings, "scheduler"):
        wait_until(lambda: registered(redis), 10)
    # As if it had died in the middle of a tick.
    redis.set("rq:scheduler_lock", "the dead one", ex=3)
    redis.delete(SCHEDULED)
    with command(settings, "scheduler"):
        wait_until(lambda: is_registered(redis), 6)


def test_it_records_that_it_is_alive_but_not_at_every_tick(scheduler: psutil.Popen):
    seen = [wait_until(lambda: last_seen("scheduler"), 10).seen_at]
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if (now := last_seen("scheduler").seen_at) != seen[-1]:
            seen.append(now)
        time.sleep(0.1)
    assert 2 <= len(seen) <= 4


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seconds", [0.3, 8])
@pytest.mark.parametrize("keeps_data", [True, False])
def test_an_outage_of_redis_is_lived_through(
    app: Flask, settings: Settings, tmp_path: Path, seconds: float, keeps_data: bool
):
    with PrivateRedis(tmp_path) as server:
        changed = settings.model_copy(update={"redis_url": server.url})
        with command(changed, "scheduler") as scheduler, Redis.from_url(server.url) as redis:
            wait_until(lambda: is_registered(redis) and last_seen("scheduler"), 10)
            server.stop()
            time.sleep(seconds)
            assert clock.now() - last_seen("scheduler").seen_at < timedelta(seconds=7) * slowness()
            server.start(empty=not keeps_data)
            redis.delete("rq:queue:audits", SCHEDULED)
            wait_until(lambda: is_registered(redis), 5)
            assert runs(scheduler)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_redis_that_answers_nothing_is_lived_through(
    app: Flask, settings: Settings, tmp_path: Path
):
    with PrivateRedis(tmp_path) as server:
        changed = settings.model_copy(update={"redis_url": server.url})
        with command(changed, "scheduler") as scheduler, Redis.from_url(server.url) as redis:
            wait_until(lambda: is_registered(redis), 10)
            server.freeze()
            time.sleep(8)
            assert clock.now() - last_seen("scheduler").seen_at < timedelta(seconds=7) * slowness()
            server.stop()
            server.start(empty=True)
            wait_until(lambda: is_registered(redis), 8)
            assert runs(scheduler)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_an_outage_of_the_database_is_lived_through(scheduler: psutil.Popen, redis: Redis):
    wait_until(lambda: last_seen("scheduler"), 10)
    database = db.engine.url.database
    db.session.remove()
    db.engine.dispose()
    server = sa.create_engine(
        db.engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with server.connect() as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        try:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (database,),
            )
            time.sleep(3)
            assert runs(scheduler)
            redis.delete("rq:queue:audits", SCHEDULED)
            # Redis's part of the work goes on without the database.
            wait_until(lambda: is_registered(redis), 3)
        finally:
            connection.exec_driver_sql(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
    back_at = clock.now()
    wait_until(lambda: last_seen("scheduler").seen_at > back_at, 5)


def test_asked_to_stop_it_ends_at_once(scheduler: psutil.Popen):
    wait_until(lambda: last_seen("scheduler"), 10)
    scheduler.terminate()
    assert scheduler.wait(3) == 0
