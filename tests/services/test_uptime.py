"""The days of a monitor, on the clocks of whoever looks."""

from datetime import UTC, datetime, timedelta

from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import StatusChange
from sentinelweb.services import uptime
from tests.support.factories import NOW


def remember(heartbeat, *changes):
    for at, previous, status in changes:
        db.session.add(
            StatusChange(
                monitor_id=heartbeat.id, prev_status=previous, new_status=status, created_at=at
            )
        )
    db.session.commit()


def test_the_days_end_today_and_begin_at_the_readers_midnight(user, make_heartbeat):
    heartbeat = make_heartbeat(user, last_ping=NOW, created_at=NOW - timedelta(days=100))
    days = uptime.daily(heartbeat, NOW, days=30, timezone="America/Sao_Paulo")
    assert len(days) == 30
    assert days[-1].start == datetime(2026, 1, 7, 3, tzinfo=UTC)
    assert all(day.worst is Status.UP for day in days)


def test_a_day_on_which_clocks_change_is_as_long_as_it_is(user, make_heartbeat):
    heartbeat = make_heartbeat(user, last_ping=NOW, created_at=NOW - timedelta(days=100))
    now = datetime(2026, 3, 30, 12, tzinfo=UTC)
    spring = uptime.daily(heartbeat, now, days=2, timezone="Europe/Lisbon")[0]
    assert spring.time_in(Status.UP) == timedelta(hours=23)


def test_the_status_before_the_first_day_is_that_before_the_first_change(user, make_heartbeat):
    heartbeat = make_heartbeat(user, last_ping=NOW, created_at=NOW - timedelta(days=100))
    remember(
        heartbeat,
        (NOW - timedelta(days=50), "new", "up"),
        (NOW - timedelta(days=20), "up", "down"),
        (NOW - timedelta(days=19), "down", "up"),
    )
    days = uptime.daily(heartbeat, NOW, days=30, timezone="UTC")
    assert [day.worst for day in days[:12]] == [*[Status.UP] * 9, *[Status.DOWN] * 2, Status.UP]


def test_a_monitor_that_never_rests_is_measured_as_far_as_is_quick(
    user, make_heartbeat, monkeypatch
):
    monkeypatch.setattr(uptime, "MAX_CHANGES", 4)
    heartbeat = make_heartbeat(user, last_ping=NOW, created_at=NOW - timedelta(days=100))
    remember(
        heartbeat,
        *(
            (NOW - timedelta(hours=hours), *(("up", "down") if hours % 2 else ("down", "up")))
            for hours in range(90, 0, -1)
        ),
    )
    days = uptime.daily(heartbeat, NOW, days=5, timezone="UTC")
    assert [day.worst for day in days] == [*[None] * 4, Status.DOWN]
