"""The days of a monitor, on the clocks of whoever looks, and the uptime of a page of monitors."""

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


class TestShares:
    SPANS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))

    def shares(self, *monitors):
        return uptime.shares(monitors, NOW, self.SPANS)

    def test_each_monitor_is_measured_by_its_own_changes(self, user, make_heartbeat):
        born = NOW - timedelta(days=100)
        well = make_heartbeat(user, last_ping=NOW, created_at=born)
        failed = make_heartbeat(user, last_ping=NOW, created_at=born)
        remember(
            failed,
            (NOW - timedelta(days=3), "up", "down"),
            (NOW - timedelta(days=2), "down", "up"),
        )
        found = self.shares(well, failed)
        assert found[well.id] == [1.0, 1.0, 1.0]
        assert [round(share, 3) for share in found[failed.id]] == [1.0, 0.857, 0.967]

    def test_time_before_it_was_made_or_watched_does_not_count(self, user, make_heartbeat):
        young = make_heartbeat(user, status="down", created_at=NOW - timedelta(hours=12))
        remember(young, (NOW - timedelta(hours=6), "up", "down"))
        new = make_heartbeat(user)
        assert self.shares(young, new) == {young.id: [0.5, 0.5, 0.5], new.id: [None, None, None]}

    def test_one_that_never_rests_is_measured_as_far_as_is_quick(
        self, user, make_heartbeat, monkeypatch
    ):
        monkeypatch.setattr(uptime, "MAX_LISTED_CHANGES", 4)
        restless = make_heartbeat(user, last_ping=NOW, created_at=NOW - timedelta(days=100))
        remember(
            restless,
            *(
                (NOW - timedelta(hours=hours), *(("up", "down") if hours % 2 else ("down", "up")))
                for hours in range(90, 0, -1)
            ),
        )
        assert self.shares(restless)[restless.id] == [0.5, 0.5, 0.5]

    def test_no_monitors_have_none(self, app):
        assert self.shares() == {}
