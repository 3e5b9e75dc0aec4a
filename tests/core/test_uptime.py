"""Changes of status, measured."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.status import Status
from sentinelweb.core.uptime import Change, buckets, share_up

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = [START + timedelta(days=day) for day in range(8)]


def at(days, status):
    return Change(START + timedelta(days=days), status)


def measured(*changes, now=7.0):
    return buckets(changes, DAYS, START + timedelta(days=now))


def test_a_day_is_told_by_its_worst_status():
    days = measured(
        at(0, Status.UP), at(2.5, Status.LATE), at(2.6, Status.DOWN), at(3.1, Status.UP)
    )
    worst = [day.worst for day in days]
    assert worst == [Status.UP, Status.UP, Status.DOWN, Status.DOWN, *[Status.UP] * 3]


def test_before_the_monitor_was_made_there_is_nothing():
    days = measured(at(1.5, Status.NEW))
    assert [day.worst for day in days[:2]] == [None, Status.NEW]
    assert days[1].time_in(Status.NEW) == timedelta(hours=12)


def test_what_has_not_been_yet_is_not_measured():
    days = measured(at(0, Status.UP), now=2.25)
    assert len(days) == 3
    assert days[2].time_in(Status.UP) == timedelta(hours=6)


def test_uptime_is_the_share_of_watched_time():
    days = measured(
        at(0, Status.NEW),
        at(1, Status.UP),
        at(2, Status.LATE),
        at(3, Status.DOWN),
        at(4, Status.PAUSED),
    )
    assert share_up(days) == 2 / 3


def test_what_was_never_watched_has_no_uptime():
    assert share_up(measured(at(0, Status.NEW))) is None
    assert share_up([]) is None


@given(
    st.lists(
        st.tuples(st.floats(0, 7), st.sampled_from(list(Status))), min_size=1, max_size=30
    ).map(sorted),
    st.floats(0, 7),
)
def test_every_moment_of_its_life_is_counted_once(changes, now):
    made = min(changes[0][0], now)
    seen = [at(min(days, now), status) for days, status in changes]
    total = sum(
        (spent for day in measured(*seen, now=now) for spent in day.spent.values()), timedelta()
    )
    assert abs(total - timedelta(days=now - made)) < timedelta(milliseconds=1)
