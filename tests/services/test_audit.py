"""The audit: seed 000's formula on the clock, one alert an incident, whoever else is at work."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.db import db
from sentinelweb.models import Channel, Delivery, HeartbeatCheck, MonitorCount, StatusChange, User
from sentinelweb.services import audit, counts, pings
from sentinelweb.services.pings import Signal
from tests.support.factories import NOW
from tests.support.parallel import python, together

MakeHeartbeat = Callable[..., HeartbeatCheck]
MakeChannel = Callable[..., Channel]

LONG_AGO = NOW - timedelta(days=1)


def run(now: datetime = NOW) -> dict[str, int]:
    statistics = audit.run(now).as_dict()
    db.session.expire_all()
    return statistics


def history(heartbeat: HeartbeatCheck) -> list[tuple[str, str]]:
    changes = db.session.scalars(
        sa.select(StatusChange)
        .where(StatusChange.monitor_id == heartbeat.id)
        .order_by(StatusChange.id)
    )
    return [(change.prev_status, change.new_status) for change in changes]


def deliveries() -> list[Delivery]:
    return list(db.session.scalars(sa.select(Delivery).order_by(Delivery.id)))


def count_of(model: type[StatusChange] | type[Delivery]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


@pytest.mark.parametrize(
    ("seconds", "status"), [(60, "up"), (60.001, "late"), (90, "late"), (90.001, "down")]
)
def test_the_formula_of_the_seed_to_the_instant(
    user: User, make_heartbeat: MakeHeartbeat, seconds: float, status: str
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)

    run(NOW + timedelta(seconds=seconds))

    assert heartbeat.status == status


def test_an_incident_is_told_once_and_counted_once(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW, channels=[make_channel(user)])

    late = run(NOW + timedelta(seconds=61))
    assert (late["late"], late["alerts_sent"]) == (1, 0)
    assert heartbeat.overdue_at == heartbeat.down_at

    down = run(NOW + timedelta(seconds=91))
    assert (down["down"], down["alerts_sent"]) == (1, 1)
    assert heartbeat.overdue_at is None

    for hours in (1, 2, 3):
        assert run(NOW + timedelta(hours=hours))["alerts_sent"] == 0

    assert heartbeat.missed_pings == 1
    assert history(heartbeat) == [("up", "late"), ("late", "down")]
    assert [delivery.event for delivery in deliveries()] == ["down"]


def test_the_next_incident_is_told_again(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    heartbeat = make_heartbeat(user, last_ping=NOW, channels=[make_channel(user)])

    for day in (1, 2, 3):
        run(NOW + timedelta(days=day))
        pings.record([Signal(heartbeat.slug, NOW + timedelta(days=day, seconds=1))])

    db.session.expire_all()
    assert heartbeat.missed_pings == 3
    assert [delivery.event for delivery in deliveries()] == ["down", "up"] * 3


def test_an_alert_tells_the_facts_of_the_seed(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    heartbeat = make_heartbeat(
        user,
        name="Backup Diário PostgreSQL",
        description="Backup completo às 3h da manhã",
        last_ping=NOW,
        expected_period=86_400,
        grace_period=3_600,
        channels=[make_channel(user)],
    )

    run(NOW + timedelta(hours=26))

    [delivery] = deliveries()
    assert (
        delivery.facts.items()
        >= {
            "kind": "heartbeat",
            "id": heartbeat.id,
            "slug": heartbeat.slug,
            "name": "Backup Diário PostgreSQL",
            "description": "Backup completo às 3h da manhã",
            "previous": "up",
            "status": "down",
            "occurred_at": "2026-01-08T14:00:00+00:00",
            "expected_period": 86_400,
            "grace_period": 3_600,
            "cron_expression": None,
            "cron_timezone": None,
            "last_ping": "2026-01-07T12:00:00+00:00",
            "late_by": 7_200,
            "down_for": None,
        }.items()
    )


def test_every_channel_of_a_heartbeat_is_told(
    user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    channels = [make_channel(user) for _ in range(3)]
    make_heartbeat(user, last_ping=LONG_AGO, channels=channels)
    make_heartbeat(user, last_ping=LONG_AGO)

    assert run()["alerts_sent"] == 3

    assert {delivery.channel_id for delivery in deliveries()} == {c.id for c in channels}


def test_new_and_paused_heartbeats_are_left_alone(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    new = make_heartbeat(user)
    paused = make_heartbeat(user, status="paused", last_ping=LONG_AGO)

    run(NOW + timedelta(days=400))

    assert (new.status, paused.status) == ("new", "paused")


def test_the_statistics_are_the_seeds(user: User, make_heartbeat: MakeHeartbeat) -> None:
    for _ in range(3):
        make_heartbeat(user, last_ping=NOW)
    make_heartbeat(user, last_ping=NOW - timedelta(seconds=70))
    for _ in range(2):
        make_heartbeat(user, last_ping=LONG_AGO)
    make_heartbeat(user)
    make_heartbeat(user, status="paused")

    assert run() == {"total_checked": 7, "up": 3, "late": 1, "down": 2, "new": 1, "alerts_sent": 0}


def test_nothing_to_monitor_gives_zeros(app: Flask) -> None:
    assert set(run().values()) == {0}


def test_the_next_deadline_is_the_earliest_of_all(
    user: User, make_heartbeat: MakeHeartbeat
) -> None:
    assert audit.next_due() is None
    make_heartbeat(user)
    make_heartbeat(user, last_ping=NOW, expected_period=500)
    make_heartbeat(user, last_ping=NOW, expected_period=100)
    make_heartbeat(user, status="down", last_ping=LONG_AGO)

    assert audit.next_due() == NOW + timedelta(seconds=100)
    assert not audit.is_due(NOW + timedelta(seconds=100))
    assert audit.is_due(NOW + timedelta(seconds=100.001))


def test_more_than_a_batch_is_judged_in_one_audit(
    user: User, make_heartbeat: MakeHeartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH", 3)
    for _ in range(7):
        make_heartbeat(user, last_ping=LONG_AGO)

    assert run()["down"] == 7


def test_five_audits_at_once_make_one_change_and_one_alert_each(
    app: Flask,
    user: User,
    make_heartbeat: MakeHeartbeat,
    make_channel: MakeChannel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "BATCH", 4)
    channel = make_channel(user)
    heartbeats = [make_heartbeat(user, last_ping=LONG_AGO, channels=[channel]) for _ in range(40)]

    statistics = together(app, [lambda: audit.run(NOW)] * 5)

    assert sum(one.alerts_sent for one in statistics) == 40
    for heartbeat in heartbeats:
        assert history(heartbeat) == [("up", "down")]
        assert heartbeat.missed_pings == 1
    assert Counter(delivery.monitor_id for delivery in deliveries()) == dict.fromkeys(
        (heartbeat.id for heartbeat in heartbeats), 1
    )


def test_audits_in_several_processes_make_one_change_and_one_alert_each(
    app: Flask, user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    channel = make_channel(user)
    for _ in range(20):
        make_heartbeat(user, last_ping=LONG_AGO, channels=[channel])
    db.session.commit()
    code = f"""
from datetime import datetime
from sentinelweb.services import audit
audit.BATCH = 2
print(audit.run(datetime.fromisoformat({NOW.isoformat()!r})).alerts_sent)
"""
    with ExitStack() as stack:
        processes = [stack.enter_context(python(code, app)) for _ in range(3)]
        outputs = [process.communicate(timeout=60)[0] for process in processes]

    assert sum(int(alerts) for alerts in outputs) == 20
    assert count_of(StatusChange) == count_of(Delivery) == 20


def test_an_audit_that_was_killed_half_way_is_finished_by_the_next(
    app: Flask,
    user: User,
    make_heartbeat: MakeHeartbeat,
    make_channel: MakeChannel,
) -> None:
    """The first batch is committed, the second is written but not committed: then `kill -9`."""
    channel = make_channel(user)
    for _ in range(5):
        make_heartbeat(user, last_ping=LONG_AGO, channels=[channel])
    db.session.commit()
    code = f"""
import time
from datetime import datetime
import sqlalchemy as sa
from sentinelweb.models import StatusChange
from sentinelweb.services import audit

def hang(session):
    written = session.scalar(sa.select(sa.func.count()).select_from(StatusChange))
    if written == 4:
        print("half way", flush=True)
        time.sleep(600)

sa.event.listen(db.session, "before_commit", hang)
audit.BATCH = 2
audit.run(datetime.fromisoformat({NOW.isoformat()!r}))
"""
    with python(code, app) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "half way\n"
        assert count_of(StatusChange) == count_of(Delivery) == 2
    deadline = time.monotonic() + 10  # PostgreSQL takes a moment to see that its client is gone
    while run()["down"] < 5 and time.monotonic() < deadline:
        time.sleep(0.05)

    changed = db.session.scalars(sa.select(StatusChange.monitor_id)).all()
    told = db.session.scalars(sa.select(Delivery.monitor_id)).all()
    assert len(changed) == len(set(changed)) == 5
    assert len(told) == len(set(told)) == 5


def test_pings_that_race_with_audits_leave_a_whole_history(
    app: Flask,
    user: User,
    make_heartbeat: MakeHeartbeat,
    make_channel: MakeChannel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "BATCH", 3)
    channel = make_channel(user)
    heartbeats = [make_heartbeat(user, last_ping=LONG_AGO, channels=[channel]) for _ in range(15)]
    slugs = [heartbeat.slug for heartbeat in heartbeats]

    def ping_all() -> None:
        for index in range(0, 15, 3):
            pings.record([Signal(slug, NOW) for slug in slugs[index : index + 3]])

    def audit_thrice() -> None:
        for _ in range(3):
            audit.run(NOW)

    together(app, [ping_all, audit_thrice, ping_all, audit_thrice])

    told = Counter((delivery.monitor_id, delivery.event) for delivery in deliveries())
    for heartbeat in heartbeats:
        incidents = heartbeat.missed_pings
        assert incidents in {0, 1}
        assert history(heartbeat) == [("up", "down"), ("down", "up")] * incidents
        assert told[heartbeat.id, "down"] == told[heartbeat.id, "up"] == incidents
        assert heartbeat.total_pings == 2
        assert heartbeat.status == "up"
    kept = {(row.status, row.count) for row in db.session.scalars(sa.select(MonitorCount))}
    counts.recount()
    db.session.expire_all()
    counted = {(row.status, row.count) for row in db.session.scalars(sa.select(MonitorCount))}
    assert {row for row in kept if row[1]} == counted


def test_a_heartbeat_deleted_during_an_audit_is_no_error(
    app: Flask, user: User, make_heartbeat: MakeHeartbeat, make_channel: MakeChannel
) -> None:
    channel = make_channel(user)
    ids = [make_heartbeat(user, last_ping=LONG_AGO, channels=[channel]).id for _ in range(10)]

    def delete_all() -> None:
        from sentinelweb.services import heartbeats

        owner = db.session.get_one(User, user_id)
        for heartbeat_id in ids:
            heartbeats.delete(owner, heartbeat_id)

    user_id = user.id
    together(app, [delete_all, lambda: audit.run(NOW), lambda: audit.run(NOW)])

    assert set(run().values()) == {0}
