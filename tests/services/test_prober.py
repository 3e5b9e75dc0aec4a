"""The prober: batches looked at side by side, recorded together, their leases kept meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis
from rq import Queue

from config import Settings
from sentinelweb import clock, jobs
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, MonitoringCycle, Service, ServiceCheck, User
from sentinelweb.services import cycles, leases, local_host, prober, probing
from sentinelweb.services.prober import Prober
from tests.support.receiver import Receiver, Reply
from tests.support.stack import wait_until

MakeService = Callable[..., Service]


@pytest.fixture
def target() -> Iterator[Receiver]:
    with Receiver() as target:
        yield target


@pytest.fixture
def running(app: Flask) -> Iterator[Prober]:
    prober = Prober(app)
    prober.start()
    prober.install()
    yield prober
    prober.close()


@pytest.fixture
def make_due(user: User, make_service: MakeService, target: Receiver) -> MakeService:
    def make_due(**values: object) -> Service:
        return make_service(
            user, **{"target": target.url, "next_check_at": clock.now(), "threshold": 1} | values
        )

    return make_due


@pytest.fixture
def claim(admin: User) -> Callable[[], tuple[list[int], str]]:
    """Claims what is due for a new cycle; returns the ids and the cycle."""

    def claim() -> tuple[list[int], str]:
        now = clock.now()
        with writing() as session:
            host_id = local_host.ensure(session)
            assert host_id is not None
            id_ = f"{now.timestamp():036.6f}"
            session.add(MonitoringCycle(id=id_, host_id=host_id, created_at=now, batches_left=1))
            return leases.claim(session, now, limit=500), id_

    return claim


def fresh(service: Service) -> Service:
    db.session.rollback()
    db.session.refresh(service)
    return service


def cycle(id_: str) -> MonitoringCycle:
    db.session.rollback()
    return db.session.get_one(MonitoringCycle, id_, populate_existing=True)


def test_a_batch_is_looked_at_recorded_and_ends_its_cycle(
    running: Prober, make_due: MakeService, claim: Callable[[], tuple[list[int], str]]
):
    services = [make_due() for _ in range(3)]
    ids, cycle_id = claim()
    prober.take(ids, cycle_id)
    assert running.drain(20)
    for service in services:
        assert (fresh(service).status, service.claimed_at) == ("up", None)
        assert service.next_check_at == leases.next_slot(cycle(cycle_id).created_at, 60)
    assert cycle(cycle_id).cycle_duration_ms is not None
    assert set(db.session.scalars(sa.select(ServiceCheck.cycle_id))) == {cycle_id}


def test_without_a_prober_a_batch_is_probed_at_once(make_due: MakeService):
    service = make_due()
    prober.take([service.id], None)
    assert fresh(service).last_result == "healthy"


def test_a_batch_that_has_lost_its_leases_is_not_looked_at(
    running: Prober,
    target: Receiver,
    make_due: MakeService,
    claim: Callable[[], tuple[list[int], str]],
):
    make_due()
    ids, cycle_id = claim()
    leases.release_leases(clock.now())
    prober.take(ids, cycle_id)
    assert running.drain(20)
    assert target.calls == []
    assert cycle(cycle_id).batches_left == 0


def test_a_batch_of_an_unknown_cycle_is_not_looked_at(
    running: Prober, target: Receiver, make_due: MakeService
):
    prober.take([make_due().id], "no such cycle")
    assert running.drain(20)
    assert target.calls == []


def test_a_slow_service_holds_up_neither_its_batch_nor_the_next(
    running: Prober,
    target: Receiver,
    make_due: MakeService,
    claim: Callable[[], tuple[list[int], str]],
):
    target.default = Reply(hang=True)
    slow = make_due(timeout=30)
    with Receiver() as quick_target:
        quick = make_due(target=quick_target.url)
        ids, cycle_id = claim()
        prober.take(ids, cycle_id)
        wait_until(lambda: fresh(quick).last_result == "healthy", 20)
        other = make_due(target=quick_target.url)
        prober.take(*claim())
        wait_until(lambda: fresh(other).last_result == "healthy", 20)
    assert fresh(slow).last_result is None
    assert cycle(cycle_id).batches_left == 1


def test_the_lease_of_a_slow_service_is_renewed(
    running: Prober,
    target: Receiver,
    make_due: MakeService,
    claim: Callable[[], tuple[list[int], str]],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(prober, "RENEW_SECONDS", 0.2)
    target.default = Reply(hang=True)
    slow = make_due(timeout=30)
    prober.take(*claim())
    until = fresh(slow).next_check_at
    assert until is not None
    wait_until(lambda: fresh(slow).next_check_at > until + timedelta(seconds=1), 20)
    assert fresh(slow).claimed_at is not None


def test_a_batch_waits_until_there_is_room(
    app: Flask,
    target: Receiver,
    make_due: MakeService,
    claim: Callable[[], tuple[list[int], str]],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(prober, "ROOM", 1)
    waited = threading.Event()
    running = Prober(app)
    running.start(waits=waited.set)
    running.install()
    try:
        target.default = Reply(delay=5)
        first = make_due(timeout=30)
        prober.take(*claim())
        second = make_due()
        prober.take(*claim())
        assert waited.is_set()
        assert fresh(first).last_result == "healthy"
        # Whoever asks waits for no room.
        prober.take([second.id], None)
        assert running.drain(20)
    finally:
        running.close()


def test_results_wait_for_a_database_that_is_away(
    running: Prober,
    make_due: MakeService,
    claim: Callable[[], tuple[list[int], str]],
    monkeypatch: pytest.MonkeyPatch,
):
    service = make_due()
    record, fails = probing.record, threading.Event()
    fails.set()

    def away(*arguments: object, **options: object) -> object:
        if fails.is_set():
            raise sa.exc.OperationalError("COMMIT", {}, Exception("the server is away"))
        return record(*arguments, **options)

    monkeypatch.setattr(probing, "record", away)
    monkeypatch.setattr(prober, "RETRY_SECONDS", 0.1)
    ids, cycle_id = claim()
    prober.take(ids, cycle_id)
    assert not running.drain(2)
    assert running.shows_life
    fails.clear()
    assert running.drain(20)
    assert fresh(service).last_result == "healthy"
    assert cycle(cycle_id).batches_left == 0


def test_results_that_the_database_refuses_end_their_batch_all_the_same(
    running: Prober,
    make_due: MakeService,
    claim: Callable[[], tuple[list[int], str]],
    monkeypatch: pytest.MonkeyPatch,
):
    make_due()

    def refuses(*_: object, **__: object) -> None:
        raise sa.exc.DataError("INSERT", {}, Exception("what it never takes"))

    monkeypatch.setattr(probing, "record", refuses)
    monkeypatch.setattr(prober, "RETRY_SECONDS", 0.1)
    ids, cycle_id = claim()
    prober.take(ids, cycle_id)
    assert running.drain(20)
    assert cycle(cycle_id).batches_left == 0


def test_an_alert_wakes_those_who_send_it(
    settings: Settings,
    running: Prober,
    user: User,
    target: Receiver,
    make_due: MakeService,
    make_channel: Callable[..., Channel],
):
    target.default = Reply(500)
    service = make_due(last_check_at=clock.now() - timedelta(minutes=1))
    service.channels = [make_channel(user)]
    db.session.commit()
    prober.take([service.id], None)
    assert running.drain(20)
    assert (fresh(service).status, service.last_error) == ("down", "HTTP 500")
    with Redis.from_url(settings.resolved_redis_url) as redis:
        waiting = wait_until(lambda: Queue(jobs.DELIVERIES, connection=redis).jobs, 10)
    assert [job.func_name for job in waiting] == [jobs.SEND_DELIVERIES]


def test_closed_it_leaves_what_is_in_hand(
    app: Flask,
    target: Receiver,
    make_due: MakeService,
    claim: Callable[[], tuple[list[int], str]],
):
    target.default = Reply(hang=True)
    slow = make_due(timeout=30)
    running = Prober(app)
    running.start()
    ids, cycle_id = claim()
    running.take(ids, cycle_id)
    assert not running.drain(0.2)
    running.close()
    assert fresh(slow).claimed_at is not None, "it comes due again when the lease is over"
    assert cycles.token_of(cycle_id) == slow.claimed_at
