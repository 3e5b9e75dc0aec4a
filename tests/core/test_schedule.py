"""Deadlines: periods, and cron expressions through the nights when clocks are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentinelweb.core.schedule import (
    MAX_GRACE,
    MAX_PERIOD,
    CronSchedule,
    PeriodSchedule,
    Problem,
    ScheduleError,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
# Zones, each with an instant close before a change of its clocks.
NIGHTS = (
    ("Europe/Berlin", "2026-03-29T00:00Z"),
    ("Europe/Berlin", "2026-10-25T00:00Z"),
    ("America/New_York", "2026-03-08T06:00Z"),
    ("America/New_York", "2026-11-01T05:00Z"),
    ("America/Sao_Paulo", "2018-11-04T02:00Z"),  # at midnight, until 2019
    ("America/Sao_Paulo", "2019-02-17T01:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:00Z"),  # by half an hour
    ("Australia/Lord_Howe", "2026-04-04T14:00Z"),
    ("Pacific/Apia", "2011-12-30T09:00Z"),  # left out a whole day
)
ZONES = ("UTC", "Asia/Kolkata", *dict(NIGHTS))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# A zone and a moment in it: during the two hours around a change, or any time.
zone_and_moment = st.one_of(
    st.builds(
        lambda night, minutes, seconds: (
            night[0],
            instant(night[1]) + timedelta(minutes=minutes, seconds=seconds),
        ),
        st.sampled_from(NIGHTS),
        st.sampled_from(range(-30, 180)),  # evenly: integers() prefers small ones
        st.sampled_from([0, 1, 59.999999]),
    ),
    st.tuples(
        st.sampled_from(ZONES),
        st.integers(0, 60 * 365).map(lambda d: datetime(1975, 1, 1, 2, 30, tzinfo=UTC) + d * DAY),
    ),
)


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    return st.one_of(
        number.map(str),
        st.lists(number, min_size=2, max_size=3).map(lambda many: ",".join(map(str, many))),
        st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}"),
    )


minutes = numbers(0, 59)
hours = st.one_of(st.sampled_from("123"), numbers(0, 23))  # when clocks are changed
days = st.one_of(st.just("*"), numbers(1, 28))
weekdays = st.one_of(st.just("*"), numbers(0, 7), st.sampled_from(["MON", "FRI#1", "5L"]))
fixed_time = st.tuples(minutes, hours, days, st.just("*"), weekdays).map(" ".join)
all_the_time = st.tuples(
    st.one_of(st.sampled_from(["*", "*/5", "*/7", "*/15"]), minutes),
    st.sampled_from(["*", "*/2", "*/3"]),
    days,
    st.just("*"),
    weekdays,
).map(" ".join)


@given(
    period=st.integers(1, MAX_PERIOD),
    grace=st.integers(0, MAX_GRACE),
)
def test_a_period_counts_from_the_last_ping(period, grace):
    last_ping = instant("2026-01-07T03:00Z")
    deadlines = PeriodSchedule(period, grace).deadlines(last_ping)
    assert deadlines.late_at == last_ping + timedelta(seconds=period)
    assert deadlines.down_at == last_ping + timedelta(seconds=period + grace)


@settings(max_examples=1_000)
@given(
    expression=st.one_of(fixed_time, all_the_time),
    zone_and_last_ping=zone_and_moment,
    grace=st.integers(0, MAX_GRACE),
)
def test_a_cron_deadline_is_after_the_last_ping(expression, zone_and_last_ping, grace):
    zone, last_ping = zone_and_last_ping
    deadlines = CronSchedule(expression, zone, grace).deadlines(last_ping)
    assert deadlines.late_at > last_ping
    assert deadlines.late_at.tzinfo is UTC
    assert deadlines.down_at - deadlines.late_at == timedelta(seconds=grace)


@settings(max_examples=1_000)
@given(expression=st.one_of(fixed_time, all_the_time), zone_and_after=zone_and_moment)
def test_upcoming_instants_are_each_later_than_the_one_before(expression, zone_and_after):
    zone, after = zone_and_after
    upcoming = CronSchedule(expression, zone, 0).upcoming(after, 5)
    assert len(upcoming) == 5
    assert [after, *upcoming] == sorted({after, *upcoming})
    assert upcoming[1:2] == CronSchedule(expression, zone, 0).upcoming(upcoming[0], 1)


@settings(max_examples=1_000)
@given(
    minute=st.sampled_from(range(60)),
    hour=st.sampled_from([0, 1, 2, 3, 4, 12, 23]),
    zone_and_after=zone_and_moment,
)
def test_a_daily_job_runs_once_a_day_whatever_the_clocks_do(minute, hour, zone_and_after):
    """Held to a model that goes through the days: a skipped time is due when the gap ends."""
    zone, after = zone_and_after
    tz = ZoneInfo(zone)
    today = after.astimezone(tz).replace(tzinfo=None, fold=0)
    due = []
    for day in range(-2, 4):
        wall = (today + day * DAY).replace(hour=hour, minute=minute, second=0, microsecond=0)
        while wall.replace(tzinfo=tz).astimezone(UTC).astimezone(tz).replace(tzinfo=None) != wall:
            wall += MINUTE
        due.append(wall.replace(tzinfo=tz).astimezone(UTC))
    expected = min(moment for moment in due if moment > after)
    assert CronSchedule(f"{minute} {hour} * * *", zone, 0).upcoming(after, 1) == [expected]


@given(
    every=st.sampled_from([1, 5, 7, 10, 15, 30]),
    zone_and_after=zone_and_moment,
)
def test_a_frequent_job_runs_at_every_minute_that_the_clocks_show(every, zone_and_after):
    """Held to a model that goes through the minutes of real time."""
    zone, after = zone_and_after
    tz = ZoneInfo(zone)
    moment = after.replace(second=0, microsecond=0) + MINUTE
    while moment.astimezone(tz).minute % every:
        moment += MINUTE
    assert CronSchedule(f"*/{every} * * * *", zone, 0).upcoming(after, 1) == [moment]


@pytest.mark.parametrize(
    ("zone", "expression", "last_ping", "expected"),
    [
        # Spring: the skipped time is due when the gap ends, and the next day as usual.
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T01:30Z", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "30 2 * * *", "2026-03-29T01:00:05Z", "2026-03-30T00:30Z"),
        ("America/New_York", "30 2 * * *", "2026-03-07T07:30Z", "2026-03-08T07:00Z"),
        ("America/Sao_Paulo", "0 0 * * *", "2018-11-03T03:00Z", "2018-11-04T03:00Z"),
        ("America/Sao_Paulo", "0 0 * * *", "2026-01-07T03:00:05Z", "2026-01-08T03:00Z"),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-02T15:45Z", "2026-10-03T15:30Z"),
        ("Pacific/Apia", "0 12 30 12 *", "2011-12-29T00:00Z", "2011-12-30T10:00Z"),
        # Autumn: the first of the two is due, and neither a ping between them nor one after the
        # second is followed by a deadline in the past.
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T00:30Z", "2026-10-25T00:30Z"),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T00:30:05Z", "2026-10-26T01:30Z"),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T01:10Z", "2026-10-26T01:30Z"),
        ("America/New_York", "30 1 * * *", "2026-11-01T06:10Z", "2026-11-02T06:30Z"),
        ("America/Sao_Paulo", "30 23 * * *", "2019-02-17T02:10Z", "2019-02-18T02:30Z"),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T15:05Z", "2026-04-05T15:15Z"),
        # A frequent job goes on through both.
        ("Europe/Berlin", "*/30 * * * *", "2026-03-29T00:30Z", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "*/30 * * * *", "2026-10-25T00:30Z", "2026-10-25T01:00Z"),
    ],
)
def test_a_night_when_the_clocks_change(zone, expression, last_ping, expected):
    schedule = CronSchedule(expression, zone, 0)
    assert schedule.deadlines(instant(last_ping)).late_at == instant(expected)


def test_two_skipped_times_are_due_once_when_the_gap_ends():
    upcoming = CronSchedule("0,30 2 * * *", "Europe/Berlin", 0).upcoming(
        instant("2026-03-28T12:00Z"), 2
    )
    assert upcoming == [instant("2026-03-29T01:00Z"), instant("2026-03-30T00:00Z")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 29 2 *", "2028-02-29T00:00Z"),
        ("0 0 L * *", "2026-01-31T00:00Z"),
        ("0 0 LW * *", "2026-01-30T00:00Z"),
        ("0 0 * * MON#1", "2026-02-02T00:00Z"),
        ("0 0 13 * FRI", "2026-01-09T00:00Z"),
        ("0 12 * JUL sun", "2026-07-05T12:00Z"),
        ("  0   0\t1 1 * ", "2027-01-01T00:00Z"),
    ],
)
def test_what_an_expression_means(expression, expected):
    schedule = CronSchedule(expression, "UTC", 0)
    assert schedule.upcoming(instant("2026-01-07T03:00Z"), 1) == [instant(expected)]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", Problem.NOT_FIVE_FIELDS),
        ("* * * *", Problem.NOT_FIVE_FIELDS),
        ("0 * * * * *", Problem.NOT_FIVE_FIELDS),
        ("@daily", Problem.NOT_FIVE_FIELDS),
        ("60 * * * *", Problem.BAD_MINUTE),
        ("* 24 * * *", Problem.BAD_HOUR),
        ("* * 0 * *", Problem.BAD_DAY),
        ("* * * 13 *", Problem.BAD_MONTH),
        ("* * * * 8", Problem.BAD_WEEKDAY),
        ("* * * * MON#6", Problem.BAD_WEEKDAY),
        ("*/0 * * * *", Problem.BAD_MINUTE),
        ("5-1 * * * *", Problem.BAD_MINUTE),
        ("-1 * * * *", Problem.BAD_MINUTE),
        ("a b c d e", Problem.BAD_MINUTE),
        ("٣ * * * *", Problem.BAD_MINUTE),
        ("²,1 * * * ²L", Problem.BAD_MINUTE),
        ("\x00 * * * *", Problem.BAD_MINUTE),
        ("9" * 150 + " * * * *", Problem.BAD_MINUTE),
        ("9" * 10_000 + " * * * *", Problem.NOT_FIVE_FIELDS),
        ("1," * 10_000 + "1 * * * *", Problem.NOT_FIVE_FIELDS),
        ("* " * 10_000, Problem.NOT_FIVE_FIELDS),
        ("0 0 30 2 *", Problem.BAD_DAY),
        ("0 0 31 4,6,9,11 *", Problem.BAD_DAY),
        ("0 0 31 2 */2", Problem.BAD_DAY),
    ],
)
def test_a_bad_expression_is_refused(expression, problem):
    with pytest.raises(ScheduleError) as caught:
        CronSchedule(expression, "UTC", 0).deadlines(instant("2026-01-07T03:00Z"))
    assert caught.value.problem is problem


def test_an_expression_that_never_comes_due_is_refused():
    # A first day of the month that is also its fifth Monday.
    schedule = CronSchedule("0 0 */31 * MON#5", "UTC", 0)
    with pytest.raises(ScheduleError, match=Problem.NEVER_DUE):
        schedule.deadlines(instant("2026-01-07T03:00Z"))


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "America", "../etc/passwd", "/etc/localtime", "\x00", "x" * 10_000]
)
def test_a_bad_time_zone_is_refused(zone):
    with pytest.raises(ScheduleError) as caught:
        CronSchedule("0 0 * * *", zone, 0).deadlines(instant("2026-01-07T03:00Z"))
    assert caught.value.problem is Problem.UNKNOWN_ZONE


@given(expression=st.text(max_size=60), zone=st.sampled_from(ZONES))
@example(expression="0 0 */31 * MON#5", zone="UTC")
@example(expression="0 0 * * 5L/2", zone="UTC")
@example(expression="0 0 L/2 * *", zone="UTC")
@example(expression="0 0 * 2 MON#5", zone="UTC")
def test_whatever_is_typed_gives_a_deadline_or_a_schedule_error(expression, zone):
    now = instant("2026-01-07T03:00Z")
    try:
        deadlines = CronSchedule(expression, zone, 0).deadlines(now)
    except ScheduleError:
        return
    assert deadlines.late_at > now


@given(
    fields=st.lists(
        st.text("0123456789*/-,#LW MONFRI", min_size=1, max_size=8), min_size=5, max_size=5
    )
)
def test_whatever_looks_like_an_expression_gives_a_deadline_or_a_schedule_error(fields):
    test = test_whatever_is_typed_gives_a_deadline_or_a_schedule_error.hypothesis.inner_test
    test(" ".join(fields), "Europe/Berlin")
