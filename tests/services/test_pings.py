"""What a ping does to a heartbeat (seed 000, "Rota de Ping")."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.db import db
from sentinelweb.models import Channel, Delivery, HeartbeatCheck, Ping, StatusChange, User
from sentinelweb.services import pings
from sentinelweb.services.pings import Signal
from tests.support.factories import NOW
from tests.support.parallel import together

MakeHeartbeat = Callable[..., HeartbeatCheck]
MakeChannel = Callable[..., Channel]


def record(*signals: Signal) -> list[str | None]:
    receipts = pings.record(signals)
    db.session.expire_all()
    return receipts


def stored_pings() -> list[Ping]:
    return list(db.session.scalars(sa.select(Ping).order_by(Ping.id)))


def history() -> list[tuple[str, str]]:
    changes = db.session.scalars(sa.select(StatusChange).order_by(StatusChange.id))
    return [(change.prev_status, change.new_status) for change in changes]


def test_the_first_ping_brings_a_new_heartbeat_up(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, expected_period=60, grace_period=30)

    assert record(Signal(heartbeat.slug, NOW)) == ["Nightly backup"]

    assert (heartbeat.status, heartbeat.status_since) == ("up", NOW)
    assert heartbeat.last_ping == NOW
    assert heartbeat.next_expected_ping == NOW + timedelta(seconds=60)
    assert heartbeat.down_at == NOW + timedelta(seconds=90)
    assert heartbeat.overdue_at == heartbeat.next_expected_ping
    assert (heartbeat.total_pings, heartbeat.missed_pings) == (1, 0)
    assert history() == [("new", "up")]


def test_a_ping_is_kept_with_what_is_known_of_its_sender(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user)

    record(Signal(heartbeat.slug, NOW, "POST", "2001:db8::1", "curl/8.5.0"))

    [ping] = stored_pings()
    assert (ping.monitor_id, ping.created_at, ping.counted) == (heartbeat.id, NOW, True)
    assert (ping.method, ping.remote_addr, ping.user_agent) == ("POST", "2001:db8::1", "curl/8.5.0")


def test_what_a_sender_says_is_cut_and_never_refused(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user)

    receipts = record(Signal(heartbeat.slug, NOW, "M" * 99, "1" * 999, "ü" * 9_999))

    assert receipts[0] is not None
    [ping] = stored_pings()
    assert len(ping.user_agent) == 200


def test_a_ping_while_up_moves_the_deadlines_and_is_no_history(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW - timedelta(seconds=50))

    record(Signal(heartbeat.slug, NOW))

    assert heartbeat.overdue_at == NOW + timedelta(seconds=60)
    assert heartbeat.status_since == NOW - timedelta(seconds=50)
    assert history() == []


def test_a_late_heartbeat_is_brought_up_without_an_alert(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    heartbeat = make_heartbeat(
        user,
        status="late",
        last_ping=NOW - timedelta(seconds=70),
        channels=[make_channel(user)],
    )

    record(Signal(heartbeat.slug, NOW))

    assert heartbeat.status == "up"
    assert history() == [("late", "up")]
    assert db.session.scalars(sa.select(Delivery)).all() == []


def test_a_ping_ends_an_incident_and_says_how_long_it_was(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    heartbeat = make_heartbeat(
        user,
        status="down",
        status_since=NOW - timedelta(hours=2),
        last_ping=NOW - timedelta(hours=3),
        missed_pings=1,
        alert_sent=True,
        channels=[make_channel(user)],
    )

    record(Signal(heartbeat.slug, NOW))

    assert heartbeat.status == "up"
    assert heartbeat.alert_sent is False
    assert heartbeat.missed_pings == 1
    [delivery] = db.session.scalars(sa.select(Delivery))
    assert delivery.event == "up"
    assert delivery.facts["down_for"] == 7_200
    assert delivery.facts["previous"] == "down"
    assert delivery.facts["name"] == "Nightly backup"


def test_a_paused_heartbeat_records_the_ping_but_does_not_count_it(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    heartbeat = make_heartbeat(user, status="paused", channels=[make_channel(user)])

    assert record(Signal(heartbeat.slug, NOW)) == ["Nightly backup"]

    assert heartbeat.status == "paused"
    assert heartbeat.last_ping is None
    assert (heartbeat.total_pings, heartbeat.overdue_at) == (0, None)
    [ping] = stored_pings()
    assert ping.counted is False
    assert history() == []


@pytest.mark.parametrize("slug", ["unknown", "", "x" * 5_000, "a\x00b", "ü", "' OR 1=1 --"])
def test_an_unknown_slug_gets_no_receipt_and_leaves_nothing(app: Flask, slug: str) -> None:
    assert record(Signal(slug, NOW)) == [None]
    assert stored_pings() == []


def test_an_unknown_slug_does_not_spoil_the_others_of_its_group(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user)

    receipts = record(Signal("unknown\x00", NOW), Signal(heartbeat.slug, NOW))

    assert receipts == [None, "Nightly backup"]
    assert heartbeat.total_pings == 1


def test_every_ping_of_a_group_counts_and_the_last_one_sets_the_deadlines(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(user, status="down")
    moments = [NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)]

    record(*(Signal(heartbeat.slug, moment) for moment in moments))

    assert heartbeat.total_pings == 3
    assert heartbeat.last_ping == moments[-1]
    assert heartbeat.overdue_at == moments[-1] + timedelta(seconds=60)
    assert [ping.created_at for ping in stored_pings()] == moments
    assert history() == [("down", "up")]


def test_a_cron_heartbeat_is_expected_when_its_expression_says(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    heartbeat = make_heartbeat(
        user, cron_expression="0 3 * * *", cron_timezone="America/Sao_Paulo", grace_period=3_600
    )

    record(Signal(heartbeat.slug, NOW))

    assert heartbeat.next_expected_ping is not None
    assert heartbeat.next_expected_ping.isoformat() == "2026-01-08T06:00:00+00:00"
    assert heartbeat.down_at == heartbeat.next_expected_ping + timedelta(hours=1)


def test_pings_that_arrive_at_once_are_all_counted(
    app: Flask, user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    channel = make_channel(user)
    heartbeats = [make_heartbeat(user, status="down", channels=[channel]) for _ in range(3)]
    slugs = [heartbeat.slug for heartbeat in heartbeats]

    def ping_all() -> None:
        for _ in range(5):
            # Each thread in another order: groups that locked as they come would deadlock.
            pings.record([Signal(slug, NOW) for slug in slugs])
            slugs_backwards = slugs[::-1]
            pings.record([Signal(slug, NOW) for slug in slugs_backwards])

    together(app, [ping_all] * 4)

    assert [heartbeat.total_pings for heartbeat in heartbeats] == [40, 40, 40]
    assert len(stored_pings()) == 120
    assert history() == [("down", "up")] * 3
    assert len(db.session.scalars(sa.select(Delivery)).all()) == 3
