"""How well monitors did, measured from their history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from sentinelweb.core.status import Status
from sentinelweb.core.uptime import Bucket, Change, buckets, share_up
from sentinelweb.db import among, db
from sentinelweb.models import Monitor, StatusChange

# A monitor that changes every minute must not make its page slow: its older days stay unmeasured.
MAX_CHANGES = 5_000
# Nor may fifty of them make a list slow.
MAX_LISTED_CHANGES = 300

_history = StatusChange.__table__


def daily(monitor: Monitor, now: datetime, *, days: int, timezone: str) -> list[Bucket]:
    """The last `days` days of the clocks of `timezone`, today included, oldest first."""
    bounds = _midnights(now, days, timezone)
    return buckets(_changes(monitor, bounds[0]), bounds, now)


def daily_of_all(
    monitors: Sequence[Monitor], now: datetime, *, days: int, timezone: str
) -> dict[int, list[Bucket]]:
    """The same by monitor's id, by one query for all of them."""
    bounds = _midnights(now, days, timezone)
    changes = _changes_of_all(monitors, bounds[0])
    return {monitor.id: buckets(changes[monitor.id], bounds, now) for monitor in monitors}


def shares(
    monitors: Sequence[Monitor], now: datetime, spans: Sequence[timedelta]
) -> dict[int, list[float | None]]:
    """By monitor's id, the uptime within each of the `spans` that end `now`: 0 to 1, as share_up().

    `spans` ascend. One query for all of the monitors.
    """
    changes = _changes_of_all(monitors, now - spans[-1])
    return {
        monitor.id: [
            share_up(buckets(changes[monitor.id], [now - span, now], now)) for span in spans
        ]
        for monitor in monitors
    }


def _changes_of_all(monitors: Sequence[Monitor], since: datetime) -> dict[int, list[Change]]:
    """For each monitor what `_changes` has, of MAX_LISTED_CHANGES."""
    newest_first = (_history.c.created_at.desc(), _history.c.id.desc())
    ranked = (
        sa.select(
            *_history.c,
            sa.func.row_number()
            .over(partition_by=_history.c.monitor_id, order_by=newest_first)
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
    found = {}
    for monitor in monitors:
        own = rows[monitor.id]
        changes = [Change(row.created_at, Status(row.new_status)) for row in own]
        if len(own) < MAX_LISTED_CHANGES:
            first = Status(own[0].prev_status if own else monitor.status)
            changes.insert(0, Change(monitor.created_at, first))
        found[monitor.id] = changes
    return found


def _midnights(now: datetime, days: int, timezone: str) -> list[datetime]:
    """When each of the last `days` days began, and when today ends."""
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    return [midnight(today + timedelta(days=offset), zone) for offset in range(1 - days, 2)]


def midnight(day: date, zone: ZoneInfo) -> datetime:
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
