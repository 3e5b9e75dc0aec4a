"""Signals beyond the plain ping: starts, failures, logs, exit statuses, runs, bodies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from sentinelweb.core.signals import SignalKind
from sentinelweb.db import db
from sentinelweb.models import Channel, Delivery, HeartbeatCheck, Ping, StatusChange, User
from sentinelweb.services import audit, outages, pings
from sentinelweb.services.pings import Signal
from tests.support.factories import NOW

MakeHeartbeat = Callable[..., HeartbeatCheck]
MakeChannel = Callable[..., Channel]

A, B = "c7e8a3c2-0f5b-4d7e-9a51-6f2f1f0a9b11", "00000000-0000-4000-8000-000000000000"
START, FAIL, LOG = SignalKind.START, SignalKind.FAIL, SignalKind.LOG


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def heartbeat(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> HeartbeatCheck:
    """Period 60 s, grace 30 s; up since a moment ago; one channel."""
    return make_heartbeat(user, slug="nightly", last_ping=at(-1), channels=[make_channel(user)])


def send(seconds: float, kind: SignalKind = SignalKind.SUCCESS, **values: object) -> Signal:
    return Signal("nightly", at(seconds), kind=kind, **values)  # type: ignore[arg-type]


def record(*signals: Signal) -> None:
    assert all(pings.record(signals))
    db.session.expire_all()


def history() -> list[tuple[str, str]]:
    changes = db.session.scalars(sa.select(StatusChange).order_by(StatusChange.id))
    return [(change.new_status, change.note) for change in changes]


def alerts() -> list[tuple[str, str]]:
    deliveries = db.session.scalars(sa.select(Delivery).order_by(Delivery.id))
    return [(delivery.event, delivery.facts["note"]) for delivery in deliveries]


def stored() -> list[Ping]:
    return list(db.session.scalars(sa.select(Ping).order_by(Ping.id)))


def test_a_failure_is_down_at_once_and_announced_with_its_reason(
    heartbeat: HeartbeatCheck,
) -> None:
    record(send(0, FAIL, exit_status=3))

    assert (heartbeat.status, heartbeat.failure) == ("down", "exit 3")
    assert (heartbeat.missed_pings, heartbeat.overdue_at) == (1, None)
    assert heartbeat.last_ping == at(0)
    assert history() == [("down", "exit 3")]
    assert alerts() == [("down", "exit 3")]


def test_a_success_ends_a_failure(heartbeat: HeartbeatCheck) -> None:
    record(send(0, FAIL), send(1, FAIL), send(2))

    assert (heartbeat.status, heartbeat.failure) == ("up", None)
    assert (heartbeat.missed_pings, heartbeat.total_pings) == (1, 3)
    assert history() == [("down", "failed"), ("up", "pinged")]
    assert alerts() == [("down", "failed"), ("up", "pinged")]


def test_signals_of_one_group_happen_one_after_the_other(heartbeat: HeartbeatCheck) -> None:
    record(send(0, FAIL), send(1), send(2, FAIL, exit_status=1), send(3), send(4, START))

    assert [status for status, _ in history()] == ["down", "up", "down", "up"]
    assert heartbeat.status == "up"
    assert heartbeat.runs == {"": at(4).isoformat()}


def test_a_log_is_kept_and_changes_nothing(heartbeat: HeartbeatCheck) -> None:
    record(send(0, LOG, body=b"half way", body_size=8))

    assert (heartbeat.status, heartbeat.last_ping) == ("up", at(-1))
    assert (heartbeat.overdue_at, heartbeat.total_pings) == (at(59), 1)
    [ping] = stored()
    assert (ping.kind, ping.body) == ("log", b"half way")


def test_a_run_is_timed_from_its_start_to_its_end(heartbeat: HeartbeatCheck) -> None:
    record(send(0, START))
    assert (heartbeat.run_down_at, heartbeat.overdue_at) == (at(30), at(30))
    assert (heartbeat.last_ping, heartbeat.total_pings) == (at(-1), 1)

    record(send(12.345))
    assert heartbeat.last_duration_ms == 12_345
    assert (heartbeat.runs, heartbeat.run_down_at) == (None, None)
    assert heartbeat.overdue_at == at(72.345)
    assert [(ping.kind, ping.duration_ms) for ping in stored()] == [
        ("start", None),
        ("success", 12_345),
    ]


def test_a_failure_ends_a_run_and_tells_its_duration_too(heartbeat: HeartbeatCheck) -> None:
    record(send(0, START), send(5, FAIL))
    assert heartbeat.last_duration_ms == 5_000
    assert heartbeat.run_down_at is None


def test_runs_that_overlap_are_paired_by_their_ids(heartbeat: HeartbeatCheck) -> None:
    record(send(0, START, rid=A), send(10, START, rid=B))
    record(send(15, rid=B))
    assert heartbeat.last_duration_ms == 5_000
    assert heartbeat.run_down_at == at(30)

    record(send(20, rid=A))
    assert heartbeat.last_duration_ms == 20_000
    assert heartbeat.run_down_at is None
    assert [ping.rid for ping in stored()] == [A, B, B, A]


def test_a_run_without_an_end_is_down_when_its_grace_is_over(heartbeat: HeartbeatCheck) -> None:
    record(send(0, START))
    audit.run(at(30))
    assert heartbeat.status == "up"

    audit.run(at(30.001))
    db.session.expire_all()
    assert (heartbeat.status, heartbeat.missed_pings) == ("down", 1)
    assert history() == [("down", "unfinished")]
    assert alerts() == [("down", "unfinished")]

    record(send(50))
    assert heartbeat.status == "up"
    audit.run(at(100))
    assert [status for status, _ in history()] == ["down", "up"]


def test_a_first_run_without_an_end_is_down_too(user: User, make_heartbeat: MakeHeartbeat) -> None:
    heartbeat = make_heartbeat(user, slug="nightly")
    record(send(0, START))
    assert (heartbeat.status, heartbeat.next_expected_ping) == ("new", None)
    assert heartbeat.overdue_at == at(30)

    audit.run(at(31))
    db.session.expire_all()
    assert (heartbeat.status, heartbeat.overdue_at) == ("down", None)

    record(send(40))
    assert (heartbeat.status, heartbeat.next_expected_ping) == ("up", at(100))


def test_a_job_that_begins_again_and_again_is_down_all_the_same(
    heartbeat: HeartbeatCheck,
) -> None:
    record(*(send(second, START) for second in range(0, 40, 10)))
    assert heartbeat.run_down_at == at(30)
    audit.run(at(31))
    assert history() == [("down", "unfinished")]


def test_a_late_heartbeat_whose_run_does_not_end_is_down_at_the_earlier_deadline(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, slug="nightly", last_ping=at(0), grace_period=600)
    record(send(50, START))
    audit.run(at(61))
    db.session.expire_all()
    assert (heartbeat.status, heartbeat.overdue_at) == ("late", at(650))


def test_a_run_that_may_have_ended_unheard_is_forgiven(heartbeat: HeartbeatCheck) -> None:
    record(send(0, START))
    outages.sign_of_web(at(2))
    outages.sign_of_web(at(29))
    record(send(29.5, START, rid=A))
    audit.run(at(31))
    db.session.expire_all()
    assert heartbeat.status == "up"
    assert heartbeat.runs == {A: at(29.5).isoformat()}
    assert heartbeat.run_down_at == at(59.5)


@pytest.mark.parametrize("kind", list(SignalKind))
def test_a_paused_heartbeat_records_every_signal_and_counts_none(
    user: User, make_heartbeat: MakeHeartbeat, kind: SignalKind
) -> None:
    heartbeat = make_heartbeat(user, slug="nightly", status="paused")
    record(send(0, kind))
    assert (heartbeat.status, heartbeat.total_pings, heartbeat.runs) == ("paused", 0, None)
    assert [(ping.kind, ping.counted) for ping in stored()] == [(kind, False)]


def test_an_alert_that_was_sent_stays_so_until_a_success(heartbeat: HeartbeatCheck) -> None:
    record(send(0, FAIL))
    heartbeat.alert_sent = True
    db.session.commit()
    record(send(1, FAIL), send(2, START), send(3, LOG))
    assert heartbeat.alert_sent is True
    record(send(4))
    assert heartbeat.alert_sent is False


def test_a_body_of_any_bytes_is_kept(heartbeat: HeartbeatCheck) -> None:
    body = bytes(range(256))
    record(send(0, body=body, body_size=70_000))
    [ping] = stored()
    assert (ping.body, ping.body_size) == (body, 70_000)


def test_a_cron_that_cannot_be_worked_out_costs_no_ping(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(
        user, slug="nightly", cron_expression="0 3 * * *", cron_timezone="Atlantis/Centre"
    )
    record(send(0))
    assert heartbeat.status == "up"


def test_a_ping_before_its_time_leaves_the_next_cron_instant_where_it_is(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(
        user,
        slug="nightly",
        cron_expression="0 * * * *",
        cron_timezone="UTC",
        last_ping=at(-3_600),
        grace_period=30,
    )
    record(send(0))
    assert heartbeat.next_expected_ping == at(3_600)
    record(send(60))
    assert (heartbeat.next_expected_ping, heartbeat.down_at) == (at(3_600), at(3_630))
    record(send(3_600))
    assert heartbeat.next_expected_ping == at(7_200)


def test_half_a_character_costs_no_ping(heartbeat: HeartbeatCheck) -> None:
    record(Signal("nightly", NOW, user_agent="\ud800\x00", remote_addr="\x00" * 99))
    [ping] = stored()
    assert ping.user_agent == "?\N{REPLACEMENT CHARACTER}"
