from datetime import UTC, datetime, timedelta, timezone

import pytest

from sentinelweb.core.instants import from_microseconds, iso, microseconds

MOMENT = datetime(2026, 1, 7, 9, 55, 0, 123_457, tzinfo=UTC)


def test_microseconds_lose_nothing():
    assert microseconds(MOMENT) == 1_767_779_700_123_457
    assert from_microseconds(microseconds(MOMENT)) == MOMENT


@pytest.mark.parametrize("number", [10**18, -(10**18), 10**30])
def test_what_no_datetime_holds_is_an_error(number):
    with pytest.raises(OverflowError):
        from_microseconds(number)


def test_iso_is_in_utc_whatever_the_zone():
    assert iso(MOMENT) == "2026-01-07T09:55:00Z"
    assert iso(MOMENT, "milliseconds") == "2026-01-07T09:55:00.123Z"
    assert iso(MOMENT.astimezone(timezone(timedelta(hours=-3)))) == "2026-01-07T09:55:00Z"
