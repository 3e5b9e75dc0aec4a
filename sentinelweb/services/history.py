"""What became of a monitor: every change of its status, and how reliable it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from sentinelweb import clock
from sentinelweb.core.reliability import Period, measure
from sentinelweb.db import db, writing
from sentinelweb.models import Monitor, StatusChange
from sentinelweb.services import monitor_records, outages, scoping, uptime
from sentinelweb.services.keyset import Page
from sentinelweb.services.scoping import Actor

PAGE_SIZE = 50
EXPORTED_AT_ONCE = 1_000
# A monitor that changes every minute must not make its page slow: what lies before is unknown.
MAX_CHANGES = 20_000
DAYS, WEEKS, MONTHS = 30, 12, 12


@dataclass(frozen=True, slots=True)
class Reliability:
    """Periods of the clocks of one time zone, the oldest first, the last of which is under way."""

    days: Sequence[Period]
    weeks: Sequence[Period]
    months: Sequence[Period]
    last_7_days: Period
    last_30_days: Period


def get(actor: Actor, monitor_id: int) -> Monitor:
    return scoping.owned(actor, Monitor, monitor_id)


def agree(actor: Actor, monitor_id: int, target: float | None) -> Monitor:
    """Set the percentage of the watched time that it ought to be up, or none."""
    with writing() as session:
        monitor = scoping.owned_for_update(actor, Monitor, monitor_id, session)
        monitor.sla_target = target
        monitor.updated_at = clock.now()
    return monitor


def changes(monitor: Monitor, before: int | None = None) -> Page[StatusChange]:
    """A page of its changes, or of those before the one with the id `before`."""
    return monitor_records.changes(monitor, before, PAGE_SIZE)


def all_changes(monitor: Monitor) -> Iterator[StatusChange]:
    """Every change, the oldest first, a part at a time: there may be a million."""
    last: tuple[datetime, int] | None = None
    while True:
        query = sa.select(StatusChange).where(StatusChange.monitor_id == monitor.id)
        if last is not None:
            place = sa.tuple_(StatusChange.created_at, StatusChange.id)
            query = query.where(place > sa.tuple_(*map(sa.literal, last)))
        rows = db.session.scalars(
            query.order_by(StatusChange.created_at, StatusChange.id).limit(EXPORTED_AT_ONCE)
        ).all()
        yield from rows
        if len(rows) < EXPORTED_AT_ONCE:
            return
        last = rows[-1].created_at, rows[-1].id
        db.session.expunge_all()


def reliability(monitor: Monitor, now: datetime, timezone: str) -> Reliability:
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    days = [today + timedelta(days=offset) for offset in range(1 - DAYS, 2)]
    weeks = [monday + timedelta(weeks=offset) for offset in range(1 - WEEKS, 2)]
    months = [_month(today, offset) for offset in range(1 - MONTHS, 2)]
    since = uptime.midnight(min(days[0], weeks[0], months[0]), zone)
    seen = uptime.changes(monitor, since, MAX_CHANGES)
    deaf = outages.deaf_spans(since)

    def by(dates: Sequence[date]) -> list[Period]:
        return measure(seen, deaf, [uptime.midnight(day, zone) for day in dates], now)

    def last(length: timedelta) -> Period:
        [period] = measure(seen, deaf, [now - length, now], now)
        return period

    return Reliability(
        by(days), by(weeks), by(months), last(timedelta(days=7)), last(timedelta(days=30))
    )


def _month(day: date, offset: int) -> date:
    """The first of the month so many months later."""
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)
