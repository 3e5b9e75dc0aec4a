"""Time in each state, and outages."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.reliability import Part, measure
from sentinelweb.core.status import Status
from sentinelweb.core.uptime import Change

START = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = [START + timedelta(days=day) for day in range(8)]
END = WEEK[-1]
HOUR = timedelta(hours=1)


def at(days, status):
    return Change(START + timedelta(days=days), status)


def days(*changes, deaf=(), now=END):
    spans = [(START + timedelta(days=a), START + timedelta(days=b)) for a, b in deaf]
    return measure(changes, spans, WEEK, now)


def whole(*changes, deaf=(), now=END):
    spans = [(START + timedelta(days=a), START + timedelta(days=b)) for a, b in deaf]
    [period] = measure(changes, spans, [START, END], now)
    return period


def test_late_counts_as_up_and_paused_as_nothing():
    week = whole(at(0, Status.UP), at(2, Status.LATE), at(3, Status.DOWN), at(4, Status.PAUSED))
    assert week.share_up == 3 / 4
    assert week.time_in(Part.PAUSED) == timedelta(days=3)
    assert week.share_unknown == 0


def test_before_it_was_heard_of_nothing_is_known():
    week = whole(at(1, Status.NEW), at(3, Status.UP))
    assert week.time_in(Part.UNKNOWN) == timedelta(days=3)
    assert week.share_up == 1
    assert week.share_unknown == 3 / 7


def test_while_we_heard_nobody_nothing_is_known_up_or_down():
    week = whole(at(0, Status.UP), at(3, Status.DOWN), at(5, Status.UP), deaf=[(1, 2), (4, 4.5)])
    assert week.time_in(Part.UNKNOWN) == timedelta(days=1.5)
    assert week.time_in(Part.DOWN) == timedelta(days=1.5)
    assert week.share_up == 4 / 5.5


def test_what_is_paused_is_paused_whether_we_hear_or_not():
    assert whole(at(0, Status.PAUSED), deaf=[(1, 2)]).time_in(Part.PAUSED) == timedelta(days=7)


def test_what_was_never_watched_has_no_uptime():
    assert whole().share_up is None
    assert whole(at(0, Status.NEW)).share_up is None
    assert whole(at(0, Status.PAUSED)).share_up is None


def test_an_incident_counts_where_it_began():
    found = days(at(0, Status.UP), at(1.5, Status.DOWN), at(3.5, Status.UP))
    assert [len(day.incidents) for day in found] == [0, 1, 0, 0, 0, 0, 0]
    assert [day.share_up for day in found] == [1, 0.5, 0, 0.5, 1, 1, 1]


def test_repair_and_failures_are_averaged():
    week = whole(
        at(0, Status.UP),
        at(1, Status.DOWN),
        Change(WEEK[1] + HOUR, Status.UP),
        at(2, Status.DOWN),
        Change(WEEK[2] + 3 * HOUR, Status.UP),
    )
    assert week.mean_time_to_repair == 2 * HOUR
    assert week.longest(END) == 3 * HOUR
    assert week.mean_time_between_failures == (timedelta(days=7) - 4 * HOUR) / 2


def test_an_incident_that_goes_on_has_no_time_of_repair():
    week = whole(at(0, Status.UP), at(6, Status.DOWN))
    assert week.mean_time_to_repair is None
    assert week.longest(END) == timedelta(days=1)
    assert week.incidents[0].ended_at is None


def test_what_was_down_before_is_no_new_incident():
    [period] = measure([at(-1, Status.DOWN)], [], [START, END], END)
    assert period.incidents == []
    assert period.share_up == 0


def test_an_agreement_allows_so_much():
    week = whole(at(0, Status.UP), at(1, Status.DOWN), Change(WEEK[1] + HOUR, Status.UP))
    assert round(week.budget(99).left.total_seconds()) == (7 * 864 - 3600)
    assert 0.4 < week.budget(99).share_left < 0.41
    assert week.budget(99.9).left < timedelta()
    assert week.budget(99.9).share_left == 0
    assert week.budget(100).share_left == 0
    assert whole(at(0, Status.UP)).budget(100).share_left == 1


def test_what_has_not_been_yet_is_not_measured():
    found = days(at(0, Status.UP), now=START + timedelta(days=2.25))
    assert len(found) == 3
    assert found[-1].length == timedelta(hours=6)


moments = st.integers(-100_000, 800_000).map(lambda seconds: START + timedelta(seconds=seconds))
histories = st.lists(
    st.tuples(moments, st.sampled_from(list(Status))), max_size=30, unique_by=lambda pair: pair[0]
).map(lambda pairs: [Change(*pair) for pair in sorted(pairs)])
silences = st.lists(moments, max_size=10, unique=True).map(
    lambda found: list(zip(*[iter(sorted(found))] * 2, strict=False))
)


@given(histories, silences, moments)
def test_the_parts_always_add_up(changes, deaf, now):
    for period in measure(changes, deaf, WEEK, now):
        assert sum(period.spent.values(), timedelta()) == period.length
        assert all(spent > timedelta() for spent in period.spent.values())


@given(
    histories, silences, st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"])
)
def test_they_add_up_on_the_nights_when_clocks_change(changes, deaf, name):
    zone = ZoneInfo(name)
    nights = [datetime(2026, 3, day, tzinfo=zone).astimezone(UTC) for day in range(28, 32)]
    moved = [Change(change.at + timedelta(days=86), change.status) for change in changes]
    for period in measure(moved, deaf, nights, datetime(2027, 1, 1, tzinfo=UTC)):
        assert sum(period.spent.values(), timedelta()) == period.length


@given(histories, silences, moments)
def test_days_and_the_week_agree(changes, deaf, now):
    found = measure(changes, deaf, WEEK, now)
    week = measure(changes, deaf, [START, END], now)
    if not week:
        return
    for part in Part:
        assert sum((day.time_in(part) for day in found), timedelta()) == week[0].time_in(part)
    assert sum(len(day.incidents) for day in found) == len(week[0].incidents)
