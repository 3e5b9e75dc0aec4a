"""A heartbeat that only moves on: the short way must end where the long one does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.schedule import MAX_GRACE, MAX_PERIOD
from sentinelweb.core.signals import Signal
from sentinelweb.core.status import Status
from sentinelweb.services.ping_effects import Heartbeat, Steady
from sentinelweb.services.ping_statements import DATABASES

# Those of a hundred years, to the microsecond.
moments = st.integers(0, 100 * 365 * 86_400 * 10**6).map(
    lambda microseconds: datetime(1971, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


def heartbeat_that_is_up(
    period: int, grace: int, failure: str | None, last_ping: datetime
) -> Heartbeat:
    return Heartbeat(
        id=7,
        slug="backup",
        name="Nightly backup",
        description="",
        status=Status.UP,
        status_since=last_ping,
        expected_period=period,
        grace_period=grace,
        cron_expression=None,
        cron_timezone=None,
        last_ping=last_ping,
        next_expected_ping=last_ping + timedelta(seconds=period),
        down_at=last_ping + timedelta(seconds=period + grace),
        runs={},
        run_down_at=None,
        last_duration_ms=1_500,
        failure=failure,
        alert_sent=failure is not None,
        alias=None,
    )


@pytest.mark.parametrize("name", DATABASES)
@given(
    period=st.integers(1, MAX_PERIOD),
    grace=st.integers(0, MAX_GRACE),
    failure=st.sampled_from([None, "failed", "exit 3"]),
    times=st.lists(moments, min_size=1, max_size=4),
)
def test_a_steady_heartbeat_is_left_as_the_rules_leave_it(
    name: str, period: int, grace: int, failure: str | None, times: list[datetime]
) -> None:
    database = DATABASES[name]
    whole = heartbeat_that_is_up(period, grace, failure, times[0])
    steady = Steady(7, "Nightly backup", period, grace)

    for moment in times:
        signal = Signal("backup", moment)
        assert whole.take(signal) is None
        steady.take(signal)

    assert not whole.transitions
    *moved, counted, monitor_id = database.move_values(steady)
    cleared = None, None, None, None, False  # both about runs, the duration, the failure, the alert
    assert database.heartbeat_values(whole) == (*moved, *cleared, counted, 0, monitor_id)


@given(moments)
def test_times_are_written_for_sqlite_so_that_they_sort(moment: datetime) -> None:
    written, *_ = DATABASES["sqlite"].move_values(steady_at(moment))
    assert written == moment.isoformat(" ", "microseconds").removesuffix("+00:00")


def steady_at(moment: datetime) -> Steady:
    steady = Steady(7, "Nightly backup", 60, 30)
    steady.take(Signal("backup", moment))
    return steady
