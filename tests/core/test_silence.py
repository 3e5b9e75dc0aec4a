"""When silence becomes an alarm."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core import silence

HEARD = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE = timedelta(seconds=30)

spans = st.lists(st.tuples(st.integers(-100, 300), st.integers(0, 100)), max_size=5).map(
    lambda found: sorted(
        (HEARD + timedelta(seconds=start), HEARD + timedelta(seconds=start + length))
        for start, length in found
    )
)


def after(seconds):
    return HEARD + timedelta(seconds=seconds)


def test_it_is_an_alarm_when_patience_ends():
    assert silence.overdue_at(HEARD, PATIENCE, []) == after(30)


def test_after_we_heard_nobody_patience_begins_anew():
    assert silence.overdue_at(HEARD, PATIENCE, [(after(10), after(100))]) == after(130)
    assert silence.overdue_at(HEARD, PATIENCE, [(after(-50), after(5))]) == after(35)


def test_each_time_counts_that_began_before_the_end_of_patience():
    deaf = [(after(10), after(20)), (after(45), after(60)), (after(100), after(200))]
    assert silence.overdue_at(HEARD, PATIENCE, deaf) == after(90)


def test_what_was_over_before_the_last_sign_counts_for_nothing():
    assert silence.overdue_at(HEARD, PATIENCE, [(after(-50), after(0))]) == after(30)


@given(spans)
def test_nobody_is_overdue_sooner_for_it_nor_within_their_patience_after_it(deaf):
    overdue = silence.overdue_at(HEARD, PATIENCE, deaf)
    assert overdue >= HEARD + PATIENCE
    for began_at, ended_at in deaf:
        assert not began_at <= overdue < ended_at or ended_at <= HEARD
