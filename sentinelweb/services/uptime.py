"""The days of a monitor, measured from its history."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from sentinelweb.core.status import Status
from sentinelweb.core.uptime import Bucket, Change, buckets
from sentinelweb.db import db
from sentinelweb.models import Monitor, StatusChange

# A monitor that changes every minute must not make its page slow: its older days stay unmeasured.
MAX_CHANGES = 5_000


def daily(monitor: Monitor, now: datetime, *, days: int, timezone: str) -> list[Bucket]:
    """The last `days` days of the clocks of `timezone`, today included, oldest first."""
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    bounds = [_midnight(today + timedelta(days=offset), zone) for offset in range(1 - days, 2)]
    return buckets(_changes(monitor, bounds[0]), bounds, now)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """In UTC: the difference of two times of one zone ignores a change of its clocks."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _changes(monitor: Monitor, since: datetime) -> list[Change]:
    """The changes since `since`, led by the status that the monitor had at the beginning."""
    rows = db.session.scalars(
        sa.select(StatusChange)
        .where(StatusChange.monitor_id == monitor.id, StatusChange.created_at > since)
        .order_by(StatusChange.created_at.desc(), StatusChange.id.desc())
        .limit(MAX_CHANGES)
    ).all()[::-1]
    changes = [Change(row.created_at, Status(row.new_status)) for row in rows]
    if len(rows) == MAX_CHANGES:
        return changes
    first = Status(rows[0].prev_status if rows else monitor.status)
    return [Change(monitor.created_at, first), *changes]
