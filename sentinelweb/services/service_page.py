"""Everything that the page of one service shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from sentinelweb import clock, probes
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.latency_chart import LatencyChart, latency_chart
from sentinelweb.core.uptime import Bucket, share_up
from sentinelweb.models import Service, ServiceCheck
from sentinelweb.probes.base import Option, Probe
from sentinelweb.services import monitor_records, service_history, timeline, uptime
from sentinelweb.services.keyset import Page
from sentinelweb.services.service_history import Day
from sentinelweb.services.service_list import UPTIME_SPANS
from sentinelweb.services.services import shown
from sentinelweb.services.timeline import WITHOUT_PINGS, Position, Timeline

BAR_DAYS = 90
RESULTS = 20  # of a page of the table
# What a worker changes to say that it looks now: the result comes right after.
_LEASE = {"next_check_at", "claimed_at"}


@dataclass(frozen=True, slots=True)
class ServicePage:
    """`share` is the uptime of the `days`, 0 to 1; `uptime` has those of UPTIME_SPANS.

    `probe` is None for what an agent looks at; `options` are those that are not as by default, as a
    page may show them.
    """

    service: Service
    probe: Probe | None
    options: Sequence[tuple[Option, str]]
    days: Sequence[Bucket]
    share: float | None
    uptime: Sequence[float | None]
    day: Day | None
    chart: LatencyChart | None
    timeline: Timeline
    results: Page[ServiceCheck]


def build(
    service: Service, *, before: Position | None, after_result: int | None, timezone: str
) -> ServicePage:
    """The page for a reader whose days are those of `timezone`."""
    now = clock.now()
    days = uptime.daily(service, now, days=BAR_DAYS, timezone=timezone)
    probe = probes.registered().get(service.probe)
    day = service_history.last_day(service.id, now)
    return ServicePage(
        service,
        probe,
        _options(service, probe),
        days,
        share_up(days),
        uptime.shares([service], now, UPTIME_SPANS)[service.id],
        day,
        _chart(day) if day else None,
        timeline.of_monitor(service.id, before=before, ranks=WITHOUT_PINGS),
        monitor_records.results(service, after_result, RESULTS),
    )


def state(service: Service) -> str:
    """A text that changes when anything on the page does. Cheap: asked every few seconds."""
    columns = {column.key for column in sa.inspect(Service).column_attrs} - _LEASE
    return fingerprint(
        *(getattr(service, name) for name in sorted(columns)),
        [channel.id for channel in service.channels],
        timeline.latest_ids(service.id, ranks=WITHOUT_PINGS),
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a look is that somebody asked for at `asked_at`."""

    asked_at: datetime
    is_done: bool


def progress(service: Service, asked_at: datetime) -> Progress:
    last = service.last_check_at
    return Progress(asked_at, last is not None and last >= asked_at)


def _options(service: Service, probe: Probe | None) -> list[tuple[Option, str]]:
    declared = probe.options if probe else ()
    stored = service.options or {}
    return [(option, shown(option, stored)) for option in declared if option.name in stored]


def _chart(day: Day) -> LatencyChart:
    failed = [item for item in day.sums if item.worst]
    return latency_chart(day.sums, failed, day.began_at, day.ended_at, day.scale)
