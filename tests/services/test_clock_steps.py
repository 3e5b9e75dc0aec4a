"""A clock that is set back: what waits for an instant does not wait for it twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.core.signals import SignalKind
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Delivery, HeartbeatCheck, Host, Process, Service, User
from sentinelweb.services import audit, clock_steps, outages, pings, probing, storms
from sentinelweb.services.clock_steps import ClockWatch
from sentinelweb.services.outbox import LEASE
from sentinelweb.services.probing import Found
from sentinelweb.services.transitions import delivery_row
from tests.support.factories import NOW
from tests.support.messages import FACTS

MakeHeartbeat = Callable[..., HeartbeatCheck]

BACK = NOW - timedelta(hours=1)  # what a clock shows a moment later than NOW


@pytest.fixture
def watch(app: Flask) -> ClockWatch:
    """One that has seen NOW, when its other clock showed 50 s."""
    watch = ClockWatch()
    watch.look(NOW, 50)
    return watch


def seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


def promise(channel: Channel, due_at: datetime, event: str = "down") -> Callable[[], datetime]:
    """Put an alert into the outbox; what is returned tells when it is due."""
    row = delivery_row(channel.id, event, FACTS, NOW, monitor_id=None) | {"due_at": due_at}
    with writing() as session:
        id_ = session.scalar(sa.insert(Delivery).values(row).returning(Delivery.id))

    def due() -> datetime:
        db.session.rollback()
        found: datetime = db.session.scalars(
            sa.select(Delivery.due_at).where(Delivery.id == id_)
        ).one()
        return found

    return due


def fresh(row: Any) -> Any:
    db.session.refresh(row)
    return row


def test_services_are_looked_at_at_once(
    watch: ClockWatch, user: User, make_service: Callable[..., Service]
) -> None:
    waiting = make_service(user, next_check_at=NOW + seconds(10))
    claimed = make_service(user, next_check_at=NOW + timedelta(minutes=10), claimed_at=NOW)
    paused = make_service(user, status="paused")

    watch.look(BACK, 51)

    assert fresh(waiting).next_check_at == BACK
    assert fresh(claimed).next_check_at == BACK
    assert claimed.claimed_at is None
    assert fresh(paused).next_check_at is None


def test_results_of_services_are_taken(
    watch: ClockWatch, user: User, make_service: Callable[..., Service]
) -> None:
    service = make_service(user, last_check_at=NOW, failures=0, threshold=1)

    watch.look(BACK, 51)
    result = ProbeResult(Result.DOWN, reason="refused")
    probing.record([Found(service.id, result, BACK + seconds(10))])

    assert fresh(service).status == "down"


def test_an_alert_that_was_put_off_waits_no_longer_than_a_lease(
    watch: ClockWatch, user: User, make_channel: Callable[..., Channel]
) -> None:
    channel = make_channel(user)
    again = promise(channel, NOW + timedelta(minutes=2))
    due = promise(channel, BACK - seconds(1))
    calm = promise(channel, NOW + timedelta(minutes=15), storms.CALM)

    watch.look(BACK, 51)

    assert again() == BACK + LEASE
    assert due() == BACK - seconds(1)
    assert calm() == NOW + timedelta(minutes=15)


def test_a_job_that_died_is_missed_after_a_period(
    watch: ClockWatch, user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)

    watch.look(BACK, 51)

    audit.run(BACK + seconds(89))
    assert fresh(heartbeat).status == "late"
    audit.run(BACK + seconds(91))
    assert fresh(heartbeat).status == "down"


def test_many_jobs_are_counted_anew_over_several_looks(
    watch: ClockWatch,
    user: User,
    make_heartbeat: MakeHeartbeat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock_steps, "BATCH", 1)
    monkeypatch.setattr(clock_steps, "BATCHES", 2)
    heartbeats = [make_heartbeat(user, last_ping=NOW, expected_period=60) for _ in range(5)]

    for second in (0, 1):
        watch.look(BACK + seconds(second), 51 + second)
    assert sum(fresh(item).next_expected_ping < NOW for item in heartbeats) == 4
    watch.look(BACK + seconds(2), 53)
    assert all(fresh(item).next_expected_ping < NOW for item in heartbeats)


def test_a_run_that_does_not_end_is_missed_after_its_grace(
    watch: ClockWatch, user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, expected_period=86_400, grace_period=30)
    pings.record([pings.Signal(heartbeat.slug, NOW, kind=SignalKind.START)])

    watch.look(BACK, 51)

    audit.run(BACK + seconds(31))
    assert fresh(heartbeat).status == "down"


def test_a_host_and_a_process_that_fell_silent_are_missed_after_their_patience(
    watch: ClockWatch,
    user: User,
    make_host: Callable[..., Host],
    make_process: Callable[..., Process],
) -> None:
    host = make_host(user, silent_after=60, last_report_at=NOW, overdue_at=NOW + seconds(60))
    process = make_process(user, expiry=30, overdue_at=NOW + seconds(30))
    older = make_process(user, name="Older", expiry=7_200, overdue_at=BACK + seconds(10))

    watch.look(BACK, 51)

    assert fresh(host).overdue_at == BACK + seconds(60)
    assert fresh(process).overdue_at == BACK + seconds(30)
    assert fresh(older).overdue_at == BACK + seconds(10)


def test_a_job_that_was_pinged_before_all_that_keeps_its_deadline(
    watch: ClockWatch, user: User, make_heartbeat: MakeHeartbeat
) -> None:
    long_ago = BACK - timedelta(hours=3)
    heartbeat = make_heartbeat(user, last_ping=long_ago, expected_period=86_400)

    watch.look(BACK, 51)

    assert fresh(heartbeat).next_expected_ping == long_ago + timedelta(days=1)


@pytest.mark.parametrize("step", [seconds(-4), timedelta(hours=1)])
def test_a_correction_and_a_leap_forward_are_none(
    watch: ClockWatch, user: User, make_service: Callable[..., Service], step: timedelta
) -> None:
    service = make_service(user, next_check_at=NOW + timedelta(days=1))
    watch.look(NOW + step, 50)
    watch.look(NOW + step + seconds(1), 51)
    assert fresh(service).next_check_at == NOW + timedelta(days=1)


def test_one_that_happened_while_nothing_ran_is_noticed_too(
    app: Flask, user: User, make_service: Callable[..., Service]
) -> None:
    outages.sign_of_web(NOW)
    service = make_service(user, next_check_at=NOW + seconds(10))
    ClockWatch().look(BACK, 3)
    assert fresh(service).next_check_at == BACK
