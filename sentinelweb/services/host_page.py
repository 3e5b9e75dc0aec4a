"""Everything that the page of one host shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from sentinelweb import clock
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.host_reports import MAX_SERVICES
from sentinelweb.core.uptime import Bucket, share_up
from sentinelweb.db import db
from sentinelweb.models import Host, MonitoringCycle, Service
from sentinelweb.services import host_list, host_services, monitor_list, timeline, uptime
from sentinelweb.services.timeline import Position, Rank, Timeline

BAR_DAYS = 30
CHART_SPAN = timedelta(hours=1)
CHART_POINTS = 60
PAGE_SIZE = 50
# The host's own monitor is never pinged.
RANKS = (Rank.CHANGE, Rank.DELIVERY, Rank.OUTAGE)

_cycles = MonitoringCycle.__table__


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the last hour. `points` are means of a minute each, None where none was taken."""

    points: Sequence[float | None]
    latest: float | None
    mean: float | None
    most: float | None

    def lines(self, top: float) -> list[str]:
        """The points of SVG lines, 100 high for `top`, one for each stretch without a gap."""
        found: list[list[str]] = [[]]
        for number, point in enumerate(self.points):
            if point is None:
                found.append([])
            else:
                found[-1].append(f"{number},{100 - min(point, top) / top * 100:.1f}")
        # A line of one point would not be seen.
        return [" ".join(line if len(line) > 1 else line * 2) for line in found if line]


@dataclass(frozen=True, slots=True)
class HostPage:
    """`share` is the uptime of the `days`, 0 to 1. `service_pages` is how many there are."""

    host: Host
    cycle: MonitoringCycle | None
    figures: dict[str, Figure]
    services: Sequence[Service]
    service_count: int
    unreported: int
    days: Sequence[Bucket]
    share: float | None
    timeline: Timeline

    @property
    def service_pages(self) -> int:
        return max(1, -(-self.service_count // PAGE_SIZE))

    @property
    def is_full(self) -> bool:
        return self.service_count >= MAX_SERVICES


def build(host: Host, *, before: Position | None, page: int, timezone: str) -> HostPage:
    """The page for a reader whose days are those of `timezone`; `page` is that of the services."""
    now = clock.now()
    cycle = host_list.latest_cycles([host.id]).get(host.id)
    days = uptime.daily(host, now, days=BAR_DAYS, timezone=timezone)
    of_host = Service.host_id == host.id
    services = db.session.scalars(
        sa.select(Service)
        .where(of_host)
        .order_by(monitor_list.URGENCY, monitor_list.NAME, Service.id)
        .limit(PAGE_SIZE)
        .offset((page - 1) * PAGE_SIZE)
    ).all()
    return HostPage(
        host,
        cycle,
        _figures(host, cycle, now),
        services,
        host_services.count(host),
        len(host_services.unreported(host)),
        days,
        share_up(days),
        timeline.of_monitor(host.id, before=before, ranks=RANKS),
    )


def state(host: Host) -> str:
    """A text that changes when anything on the page does. Cheap: asked every few seconds."""
    columns = sa.inspect(Host).column_attrs
    latest = sa.select(_cycles.c.id).where(_cycles.c.host_id == host.id)
    services = sa.select(
        sa.func.count(), sa.func.max(Service.updated_at), sa.func.max(Service.last_check_at)
    ).where(Service.host_id == host.id)
    return fingerprint(
        *(getattr(host, column.key) for column in columns),
        [channel.id for channel in host.channels],
        db.session.scalar(latest.order_by(_cycles.c.created_at.desc()).limit(1)),
        *db.session.execute(services).one(),
        timeline.latest_ids(host.id, ranks=RANKS),
    )


def _figures(host: Host, cycle: MonitoringCycle | None, now: datetime) -> dict[str, Figure]:
    names = ("cpu_percent", "ram_percent", "disk_percent", "ping_ms")
    columns = [_cycles.c[name] for name in names]
    minute = CHART_SPAN / CHART_POINTS
    begins_at = now - CHART_SPAN
    rows = db.session.execute(
        sa.select(_cycles.c.created_at, *columns).where(
            _cycles.c.host_id == host.id, _cycles.c.created_at.between(begins_at, now)
        )
    )
    found: dict[str, dict[int, list[float]]] = {name: defaultdict(list) for name in names}
    for created_at, *values in rows:
        place = min(CHART_POINTS - 1, int((created_at - begins_at) / minute))
        for name, value in zip(names, values, strict=True):
            if value is not None:
                found[name][place].append(value)
    return {
        name: _figure(by_minute, getattr(cycle, name) if cycle else None)
        for name, by_minute in found.items()
    }


def _figure(by_minute: Mapping[int, Sequence[float]], latest: float | None) -> Figure:
    taken = [value for values in by_minute.values() for value in values]
    return Figure(
        [_mean(by_minute.get(place, ())) for place in range(CHART_POINTS)],
        latest,
        _mean(taken),
        max(taken, default=None),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
