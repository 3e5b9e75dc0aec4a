"""A service's last day: its latency as a curve, and its results counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

import sqlalchemy as sa

from sentinelweb.core.durations import round_up
from sentinelweb.core.results import Result
from sentinelweb.db import db
from sentinelweb.models import ServiceCheck, ServiceRollup

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FINE, COARSE = 60, 600  # seconds that a rollup sums up
FINE_FOR = timedelta(hours=2)  # a service so young is drawn by the minute
MAX_CHECKS = 500  # before anything was summed up


@dataclass(frozen=True, slots=True)
class Sum:
    """Results from `at` on, for `seconds`; latencies are in milliseconds, None without any."""

    at: datetime
    seconds: int
    counts: Counter[Result]
    latency_count: int = 0
    latency_sum: float = 0
    lowest: float | None = None
    highest: float | None = None

    @property
    def mean(self) -> float | None:
        return self.latency_sum / self.latency_count if self.latency_count else None

    @property
    def by_result(self) -> list[tuple[Result, int]]:
        return [(result, self.counts[result]) for result in Result if self.counts[result]]

    @property
    def worst(self) -> Result | None:
        """The failure that was most frequent; None without failures."""
        failures = {result: self.counts[result] for result in Result if result.is_failure}
        worst = max(failures, key=lambda result: failures[result])
        return worst if failures[worst] else None


@dataclass(frozen=True, slots=True)
class Day:
    """`sums` come oldest first, and there is at least one."""

    sums: Sequence[Sum]
    total: Sum = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", _together(self.sums))

    @property
    def began_at(self) -> datetime:
        return self.sums[0].at

    @property
    def ended_at(self) -> datetime:
        return self.sums[-1].at + timedelta(seconds=self.sums[-1].seconds)

    @property
    def distribution(self) -> list[tuple[Result, int, float]]:
        """Of each result that occurred its number and its share, 0 to 1."""
        everything = self.total.counts.total()
        return [(result, count, count / everything) for result, count in self.total.by_result]

    @property
    def scale(self) -> int:
        """A round latency that holds what is usual; rare peaks may go beyond."""
        means = [item.mean for item in self.sums if item.mean is not None]
        return round_up(int(max(means, default=1) * 1.2) + 1)

    def by_hour(self) -> list[Sum]:
        """The latest hour first."""
        hours = groupby(self.sums, lambda item: item.at.replace(minute=0, second=0, microsecond=0))
        return [_together(list(items), at=hour) for hour, items in hours][::-1]


def last_day(service_id: int, now: datetime) -> Day | None:
    """None while there is no result; at most some two hundred rows are read."""
    sums = _rollups(service_id, now - DAY, COARSE)
    if not sums or now - sums[0].at < FINE_FOR:
        sums = _rollups(service_id, now - FINE_FOR - HOUR, FINE) or sums
    if not sums:
        sums = _single_results(service_id, now - DAY)
    return Day(sums) if sums else None


def _rollups(service_id: int, since: datetime, seconds: int) -> list[Sum]:
    rows = db.session.scalars(
        sa.select(ServiceRollup)
        .where(
            ServiceRollup.service_id == service_id,
            ServiceRollup.resolution == seconds,
            ServiceRollup.bucket_at > since,
        )
        .order_by(ServiceRollup.bucket_at)
    )
    return [
        Sum(
            row.bucket_at,
            seconds,
            Counter({result: getattr(row, result.value) for result in Result}),
            row.latency_count,
            row.latency_sum,
            row.latency_min,
            row.latency_max,
        )
        for row in rows
    ]


def _single_results(service_id: int, since: datetime) -> list[Sum]:
    rows = db.session.scalars(
        sa.select(ServiceCheck)
        .where(ServiceCheck.service_id == service_id, ServiceCheck.created_at > since)
        .order_by(ServiceCheck.created_at.desc())
        .limit(MAX_CHECKS)
    ).all()[::-1]
    return [
        Sum(
            row.created_at,
            0,
            Counter([Result(row.status)]),
            0 if row.latency_ms is None else 1,
            row.latency_ms or 0,
            row.latency_ms,
            row.latency_ms,
        )
        for row in rows
    ]


def _together(sums: Sequence[Sum], at: datetime | None = None) -> Sum:
    counts: Counter[Result] = Counter()
    for item in sums:
        counts += item.counts
    return Sum(
        at or sums[0].at,
        sum(item.seconds for item in sums),
        counts,
        sum(item.latency_count for item in sums),
        sum(item.latency_sum for item in sums),
        min(_known(item.lowest for item in sums), default=None),
        max(_known(item.highest for item in sums), default=None),
    )


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
