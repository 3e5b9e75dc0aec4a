"""Instants as programs write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Since 1970, exactly: a float of seconds would lose some."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(number: int) -> datetime:
    """Raise OverflowError for what no datetime can hold."""
    return _EPOCH + number * _MICROSECOND


def iso(moment: datetime, timespec: str = "seconds") -> str:
    """ISO 8601 in UTC, as `2026-01-07T09:55:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
