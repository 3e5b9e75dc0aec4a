"""How the monitors of a status page did: their days, their uptime, and when they were down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from sentinelweb.core.public_page import PublicDay
from sentinelweb.core.reliability import Incident
from sentinelweb.core.status import Status
from sentinelweb.core.uptime import Bucket
from sentinelweb.db import among, db
from sentinelweb.models import Monitor, StatusChange
from sentinelweb.services import uptime

DAYS = 90
SPANS = {
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=DAYS),
}
INCIDENT_DAYS = 30
MAX_INCIDENTS = 100
# One that flaps must not crowd out all the others.
MAX_INCIDENTS_EACH = 10

_history = StatusChange.__table__.c


@dataclass(frozen=True, slots=True)
class Measured:
    """`uptime` has the shares of SPANS, as share_up() has them."""

    days: tuple[PublicDay, ...] = ()
    uptime: tuple[float | None, ...] = (None,) * len(SPANS)
    incidents: tuple[Incident, ...] = ()


@dataclass(frozen=True, slots=True)
class PageHistory:
    """By monitor's id. `has_all_incidents` is false if there were too many to be listed."""

    measured: dict[int, Measured] = field(default_factory=dict)
    has_all_incidents: bool = True

    def of(self, monitor_id: int) -> Measured:
        return self.measured.get(monitor_id) or Measured()


def measure(ids: Sequence[int], now: datetime, timezone: str) -> PageHistory:
    """The last DAYS by the clocks of `timezone`, and the incidents that the last of them saw."""
    monitors = db.session.scalars(sa.select(Monitor).where(among(Monitor.__table__.c.id, ids)))
    rows = monitors.all()
    if not rows:
        return PageHistory()
    daily = uptime.daily_of_all(rows, now, days=DAYS, timezone=timezone)
    shares = uptime.shares(rows, now, list(SPANS.values()))
    today = now.astimezone(ZoneInfo(timezone)).date()
    since = uptime.midnight(today - timedelta(days=INCIDENT_DAYS - 1), ZoneInfo(timezone))
    over, has_all = _over(ids, since)
    found = {}
    for row in rows:
        going_on = [Incident(row.status_since, None)] if row.status == Status.DOWN else []
        found[row.id] = Measured(
            days=tuple(map(_public_day, daily[row.id])),
            uptime=tuple(shares[row.id]),
            incidents=(*going_on, *over[row.id]),
        )
    return PageHistory(found, has_all)


def _public_day(bucket: Bucket) -> PublicDay:
    return PublicDay(bucket.start, bucket.worst, bucket.down)


def _over(ids: Sequence[int], since: datetime) -> tuple[dict[int, list[Incident]], bool]:
    """The last incidents of each monitor that ended after `since`, and whether these are all.

    They are found by their ends, because one may have begun long before. Of one whose beginning
    is no longer kept, nothing can be told.
    """
    ends = (
        sa.select(
            _history.monitor_id,
            _history.created_at.label("ended_at"),
            sa.func.row_number()
            .over(
                partition_by=_history.monitor_id,
                order_by=(_history.created_at.desc(), _history.id.desc()),
            )
            .label("place"),
        )
        .where(
            among(_history.monitor_id, ids),
            _history.created_at > since,
            _history.prev_status == Status.DOWN,
            _history.new_status != Status.DOWN,
        )
        .subquery()
    )
    # One more than are listed tells that there are more.
    newest = (
        sa.select(ends)
        .where(ends.c.place <= MAX_INCIDENTS_EACH + 1)
        .order_by(ends.c.ended_at.desc(), ends.c.monitor_id)
        .limit(MAX_INCIDENTS + 1)
        .subquery()
    )
    before = StatusChange.__table__.alias()
    began_at = (
        sa.select(before.c.created_at)
        .where(
            before.c.monitor_id == newest.c.monitor_id,
            before.c.created_at <= newest.c.ended_at,
            before.c.new_status == Status.DOWN,
            before.c.prev_status != Status.DOWN,
        )
        .order_by(before.c.created_at.desc(), before.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = sa.select(newest, began_at.label("began_at")).order_by(newest.c.ended_at.desc())
    rows = db.session.execute(query).all()
    found = defaultdict(list)
    for row in rows[:MAX_INCIDENTS]:
        if row.place <= MAX_INCIDENTS_EACH and row.began_at:
            found[row.monitor_id].append(Incident(row.began_at, row.ended_at))
    crowded = any(row.place > MAX_INCIDENTS_EACH for row in rows)
    return found, len(rows) <= MAX_INCIDENTS and not crowded
