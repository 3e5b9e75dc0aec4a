"""A cycle: this host's figures, what is due in batches, and when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.job import Job

from config import Settings
from sentinelweb import jobs
from sentinelweb.db import db, writing
from sentinelweb.models import Host, MonitoringCycle, Service, User
from sentinelweb.services import cycles, leases
from sentinelweb.services.cycles import Statistics
from tests.conftest import Clock
from tests.support.receiver import Receiver

pytestmark = pytest.mark.settings(ping_url="none", docker_host="unix:///nowhere.sock")

MakeService = Callable[..., Service]


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    with Redis.from_url(settings.resolved_redis_url) as redis:
        yield redis


def batches(redis: Redis) -> list[Job]:
    return Queue(jobs.PROBES, connection=redis).jobs


def cycle() -> MonitoringCycle:
    """The latest one."""
    query = sa.select(MonitoringCycle).order_by(MonitoringCycle.created_at.desc()).limit(1)
    return db.session.scalars(query, execution_options={"populate_existing": True}).one()


def end_batch(cycle_id: str) -> bool:
    with writing() as session:
        return cycles.batch_ended(session, cycle_id)


def test_without_an_administrator_there_is_no_cycle(app: Flask, redis: Redis, clock: Clock):
    assert cycles.run(clock.now, redis) is None


def test_it_holds_the_figures_of_this_host(admin: User, redis: Redis, clock: Clock):
    assert cycles.run(clock.now, redis) == Statistics()
    found = cycle()
    host = db.session.get_one(Host, found.host_id)
    assert (host.is_local, host.status, host.last_report_at) == (True, "up", clock.now)
    assert found.created_at == clock.now
    for figure in ("cpu_percent", "ram_percent", "ram_used_mb", "disk_percent", "uptime_seconds"):
        assert getattr(found, figure) is not None
    assert (found.internet_status, found.ping_ms, found.container_count) == (None, None, None)


def test_it_asks_whether_there_is_internet(app: Flask, admin: User, redis: Redis, clock: Clock):
    with Receiver() as receiver:
        chosen = app.config["SETTINGS"].model_copy(update={"ping_url": receiver.url})
        app.config["SETTINGS"] = chosen
        cycles.run(clock.now, redis)
    assert cycle().internet_status is True
    assert cycle().ping_ms is not None


def test_one_without_services_has_ended_at_once(admin: User, redis: Redis, clock: Clock):
    cycles.run(clock.now, redis)
    assert (cycle().batches_left, cycle().cycle_duration_ms) == (0, 0)


def test_what_is_due_is_enqueued_in_batches(
    admin: User,
    redis: Redis,
    clock: Clock,
    make_service: MakeService,
    monkeypatch: pytest.MonkeyPatch,
):
    services = {make_service(admin, next_check_at=clock.now).id for _ in range(7)}
    make_service(admin, next_check_at=clock.now + timedelta(seconds=1))
    monkeypatch.setattr(leases, "BATCH", 3)
    assert cycles.run(clock.now, redis) == Statistics(services_due=7, batches=3)
    found = cycle()
    assert (found.services_due, found.batches_left) == (7, 3)
    assert found.cycle_duration_ms is None
    enqueued = batches(redis)
    assert {job.func_name for job in enqueued} == {jobs.CHECK_SERVICES}
    assert {job.args[1] for job in enqueued} == {found.id}
    assert [len(job.args[0]) for job in enqueued] == [3, 3, 1]
    assert {id_ for job in enqueued for id_ in job.args[0]} == services
    assert cycles.token_of(found.id) == clock.now


def test_the_last_batch_ends_it(admin: User, redis: Redis, clock: Clock, make_service: MakeService):
    make_service(admin, next_check_at=clock.now)
    cycles.run(clock.now, redis)
    clock.advance(seconds=2.5)
    assert end_batch(cycle().id)
    assert (cycle().batches_left, cycle().cycle_duration_ms) == (0, 2_500)
    assert not end_batch("no such cycle")


def test_one_that_overruns_is_not_begun_twice(
    admin: User, redis: Redis, clock: Clock, make_service: MakeService
):
    make_service(admin, next_check_at=clock.now)
    cycles.run(clock.now, redis)
    unfinished = cycle().id
    clock.advance(seconds=10)
    make_service(admin, next_check_at=clock.now)
    assert cycles.run(clock.now, redis) == Statistics(services_due=1, services_late=1, batches=1)
    assert len(batches(redis)) == 2
    assert db.session.get_one(MonitoringCycle, unfinished).cycle_duration_ms is None
    assert cycle().services_late == 1


def test_late_are_those_that_were_due_before_the_previous_cycle(
    admin: User, redis: Redis, clock: Clock, make_service: MakeService
):
    make_service(admin, next_check_at=clock.now - timedelta(seconds=9))
    make_service(admin, next_check_at=clock.now - timedelta(minutes=5))
    assert cycles.run(clock.now, redis) == Statistics(services_due=2, services_late=1, batches=1)


def test_after_an_outage_of_ours_nothing_is_late(
    admin: User, redis: Redis, clock: Clock, make_service: MakeService
):
    make_service(admin, next_check_at=clock.now + timedelta(seconds=5))
    cycles.run(clock.now, redis)
    clock.advance(minutes=10)
    assert cycles.run(clock.now, redis) == Statistics(services_due=1, batches=1)
    assert cycle().services_late == 0


def test_batches_that_redis_has_lost_are_due_again(
    admin: User, redis: Redis, clock: Clock, make_service: MakeService
):
    make_service(admin, next_check_at=clock.now)
    cycles.run(clock.now, redis)
    clock.advance(seconds=40)
    assert cycles.run(clock.now, redis) == Statistics(services_late=1), "it waits in its queue"
    redis.flushall()
    clock.advance(seconds=10)
    found = cycles.run(clock.now, redis)
    assert found is not None
    assert found.services_due == 1


def test_what_cannot_be_enqueued_is_given_back(
    settings: Settings, admin: User, clock: Clock, make_service: MakeService
):
    service = make_service(admin, next_check_at=clock.now)

    class Full(Redis):
        """Answers questions, and takes nothing."""

        def pipeline(self, *_: object, **__: object) -> None:
            raise RedisError("OOM command not allowed")

    with Full.from_url(settings.resolved_redis_url) as redis, pytest.raises(RedisError):
        cycles.run(clock.now, redis)
    db.session.refresh(service)
    assert (service.claimed_at, service.next_check_at) == (None, clock.now)


def test_what_a_person_asks_for_waits_behind_nobody(redis: Redis):
    jobs.enqueue_checks(redis, [1, 2], "a cycle")
    jobs.enqueue_checks(redis, [3], "a cycle")
    jobs.enqueue_checks(redis, [4])
    assert [job.args for job in batches(redis)] == [
        ([4], None),
        ([1, 2], "a cycle"),
        ([3], "a cycle"),
    ]


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9/api/heartbeat"])
def test_a_cycle_that_has_ended_is_relayed_where_there_is_a_relay(
    app: Flask, admin: User, redis: Redis, clock: Clock, url: str | None
):
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"heartbeat_url": url})
    for _ in range(2):
        cycles.run(clock.now, redis)
    waiting = Queue(jobs.RELAY, connection=redis).jobs
    assert [job.func_name for job in waiting] == ([jobs.RELAY_CYCLE] if url else [])
