"""How well monitors did, measured from their history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from sentinelweb.core.status import Status
from sentinelweb.core.uptime import Bucket, Change, buckets, share_up
from sentinelweb.db import among, db
from sentinelweb.models import Monitor, StatusChange

# A monitor that changes every minute must not make its page slow.
MAX_CHANGES = 5_000
# Nor may fifty of them make a list slow.
MAX_LISTED_CHANGES = 300

_history = StatusChange.__table__
_NEWEST_FIRST = (_history.c.created_at.desc(), _history.c.id.desc())


def daily(monitor: Monitor, now: datetime, *, days: int, timezone: str) -> list[Bucket]:
    """The last `days` days of the clocks of `timezone`, today included, oldest first."""
    bounds = _midnights(now, days, timezone)
    return buckets(changes(monitor, bounds[0], MAX_CHANGES), bounds, now)


def daily_of_all(
    monitors: Sequence[Monitor], now: datetime, *, days: int, timezone: str
) -> dict[int, list[Bucket]]:
    """The same by monitor's id, by one query for all of them."""
    bounds = _midnights(now, days, timezone)
    found = _changes_of_all(monitors, bounds[0])
    return {monitor.id: buckets(found[monitor.id], bounds, now) for monitor in monitors}


def shares(
    monitors: Sequence[Monitor], now: datetime, spans: Sequence[timedelta]
) -> dict[int, list[float | None]]:
    """By monitor's id, the uptime within each of the `spans` that end `now`: 0 to 1, as share_up().

    `spans` ascend. One query for all of the monitors.
    """
    found = _changes_of_all(monitors, now - spans[-1])
    return {
        monitor.id: [share_up(buckets(found[monitor.id], [now - span, now], now)) for span in spans]
        for monitor in monitors
    }


def changes(monitor: Monitor, since: datetime, most: int) -> list[Change]:
    """The last `most` changes since `since`, led by the status that it had at the beginning.

    Of a monitor that changed more often, what lies before them stays unknown.
    """
    rows = db.session.execute(
        sa.select(_history.c.created_at, _history.c.prev_status, _history.c.new_status)
        .where(_history.c.monitor_id == monitor.id, _history.c.created_at > since)
        .order_by(*_NEWEST_FIRST)
        .limit(most)
    ).all()[::-1]
    return _led(monitor, rows, most)


def _led(monitor: Monitor, rows: Sequence[sa.Row[*tuple[Any, ...]]], most: int) -> list[Change]:
    found = [Change(row.created_at, Status(row.new_status)) for row in rows]
    if len(rows) == most:
        return found
    first = Status(rows[0].prev_status if rows else monitor.status)
    return [Change(monitor.created_at, first), *found]


def _changes_of_all(monitors: Sequence[Monitor], since: datetime) -> dict[int, list[Change]]:
    """For each monitor what `changes` has, of MAX_LISTED_CHANGES."""
    ranked = (
        sa.select(
            *_history.c,
            sa.func.row_number()
            .over(partition_by=_history.c.monitor_id, order_by=_NEWEST_FIRST)
            .label("place"),
        )
        .where(
            among(_history.c.monitor_id, [monitor.id for monitor in monitors]),
            _history.c.created_at > since,
        )
        .subquery()
    )
    query = sa.select(ranked).where(ranked.c.place <= MAX_LISTED_CHANGES)
    rows = defaultdict(list)
    for row in db.session.execute(query.order_by(ranked.c.created_at, ranked.c.id)):
        rows[row.monitor_id].append(row)
    return {monitor.id: _led(monitor, rows[monitor.id], MAX_LISTED_CHANGES) for monitor in monitors}


def _midnights(now: datetime, days: int, timezone: str) -> list[datetime]:
    """When each of the last `days` days began, and when today ends."""
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    return [midnight(today + timedelta(days=offset), zone) for offset in range(1 - days, 2)]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """In UTC: the difference of two times of one zone ignores a change of its clocks."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
