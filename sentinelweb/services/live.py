"""Everything that the system dashboard shows, for its page and for `GET /api/live`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from config import Settings
from sentinelweb import clock
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.masking import without_secrets
from sentinelweb.core.measures import Spread, by_result, mean, share, share_healthy, spread, total
from sentinelweb.core.ranges import DEFAULT, RANGES, Range
from sentinelweb.core.results import Result
from sentinelweb.db import db
from sentinelweb.models import Host, Monitor, MonitoringCycle, Service, User
from sentinelweb.services import figures, scoping, series
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.monitor_list import NAME, URGENCY
from sentinelweb.services.series import ByBucket

MAX_SERVICES = 50  # with a series each; those that need a look come first
MAX_HOSTS = 200  # to choose from
LAGGING_AFTER = 3  # cycles that should have begun since the last one did


@dataclass(frozen=True, slots=True)
class LiveQuery:
    """What is asked for. Without `host_id` it is the local host, or the first that there is."""

    range: Range = RANGES[DEFAULT]
    host_id: int | None = None
    service_ids: tuple[int, ...] = ()

    @classmethod
    def parse(cls, name: str | None, host: str | None, services: Sequence[str]) -> LiveQuery:
        """Raise ValueError with a sentence for what cannot be understood."""
        if (span := RANGES.get(name or DEFAULT)) is None:
            raise ValueError(f"range must be one of {', '.join(RANGES)}")
        if len(services) > MAX_SERVICES:
            raise ValueError(f"service may be given at most {MAX_SERVICES} times")
        ids = (_parse_id("service", text) for text in services)
        return cls(span, _parse_id("host", host) if host else None, tuple(dict.fromkeys(ids)))


def _parse_id(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ValueError(f"{name} must be the number of a {name}")
    return int(text)


@dataclass(frozen=True)
class ServiceFigures:
    """A service, and its results in the range by bucket."""

    row: Any
    points: ByBucket

    @cached_property
    def counts(self) -> dict[Result, int]:
        return by_result(self.points.values())

    @cached_property
    def latency(self) -> Spread | None:
        return spread(self.points.values(), "latency")

    @property
    def share(self) -> float | None:
        return share_healthy(self.counts)

    @property
    def error(self) -> str:
        """Why it is not healthy; nothing while it is."""
        if self.row.last_result in (None, Result.HEALTHY):
            return ""
        return without_secrets(self.row.last_error)


@dataclass(frozen=True)
class Panel:
    """The dashboard of a host in a range. `buckets` are the starts of the buckets of `step` s.

    `cycle` is the latest. `services` are those that need a look first, of `services_total`.
    """

    query: LiveQuery
    now: datetime
    hosts: Sequence[Host]
    host: Host | None
    cycle: MonitoringCycle | None
    step: int
    buckets: Sequence[int]
    host_points: ByBucket
    result_points: ByBucket
    services: Sequence[ServiceFigures]
    services_total: int
    lags: bool
    has_relay: bool

    def series(self, points: ByBucket, name: str) -> list[float | None]:
        """The mean of a figure in each bucket."""
        return [
            mean([points[bucket]], name) if bucket in points else None for bucket in self.buckets
        ]

    def spreads(self, points: ByBucket, name: str) -> list[Spread | None]:
        return [
            spread([points[bucket]], name) if bucket in points else None for bucket in self.buckets
        ]

    @cached_property
    def internet_share(self) -> float | None:
        """The share of cycles in which the internet could be reached."""
        rows = self.host_points.values()
        return share(total(rows, "internet_ok"), total(rows, "internet_known"))

    @cached_property
    def internet_counts(self) -> tuple[int, int]:
        """In how many cycles it could, and could not."""
        rows = self.host_points.values()
        reached = total(rows, "internet_ok")
        return reached, total(rows, "internet_known") - reached

    @cached_property
    def duration(self) -> Spread | None:
        return spread(self.host_points.values(), "duration")

    @cached_property
    def ping(self) -> Spread | None:
        return spread(self.host_points.values(), "ping")

    @cached_property
    def relay_counts(self) -> dict[str, int]:
        """How often each code was the relay's answer; `none` is no answer. Empty with no relay."""
        names = [*map(str, figures.RELAY_CODES), "other", "none"]
        counts = {name: total(self.host_points.values(), f"relay_{name}") for name in names}
        if not self.has_relay and not any(counts[name] for name in names if name != "none"):
            return {}
        return {name: count for name, count in counts.items() if count}

    @cached_property
    def relay_share(self) -> float | None:
        counts = self.relay_counts
        return share(counts.get("200", 0), sum(counts.values()))

    @cached_property
    def result_counts(self) -> dict[Result, int]:
        return by_result(self.result_points.values())

    @cached_property
    def latency(self) -> Spread | None:
        """That of all services together."""
        return spread(self.result_points.values(), "latency")

    @property
    def result_share(self) -> float | None:
        return share_healthy(self.result_counts)


def build(user: User, query: LiveQuery, settings: Settings) -> Panel:
    """Raise NotFoundError if the host or a service asked for is not the user's teams'."""
    now, teams = clock.now(), scoping.team_ids(user)
    hosts = _hosts(teams)
    host = _chosen(user, query, hosts)
    span, looker = query.range, _looker(host)
    step = span.step(settings.target_data_points, settings.loop_interval_seconds)
    buckets = span.buckets(now, step)
    scope = (span, buckets[0], step)
    rows = _services(teams, looker, query.service_ids)
    points = series.of_services([row.id for row in rows], *scope)
    cycle = _latest_cycle(host)
    return Panel(
        query,
        now,
        hosts,
        host,
        cycle,
        step,
        buckets,
        series.of_host(host.id, *scope) if host else {},
        series.of_all_services(teams, looker, *scope),
        [ServiceFigures(row, points[row.id]) for row in rows],
        _count_services(teams, looker),
        _lags(host, cycle, now, settings),
        bool(host and host.is_local and settings.heartbeat_url),
    )


def state(user: User, query: LiveQuery, settings: Settings) -> str:
    """A text that changes when anything on the panel does. Cheap: asked every few seconds."""
    teams = scoping.team_ids(user)
    hosts = _hosts(teams)
    host = _chosen(user, query, hosts)
    cycle, now = _latest_cycle(host), clock.now()
    services = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.max(Service.last_check_at),
            sa.func.max(Monitor.updated_at),
        ).where(*_of(teams, _looker(host)))
    ).one()
    step = query.range.step(settings.target_data_points, settings.loop_interval_seconds)
    return fingerprint(
        query,
        query.range.buckets(now, step)[-1],
        [(other.id, other.name, other.status) for other in hosts],
        cycle and (cycle.id, cycle.cycle_duration_ms, cycle.worker_status),
        _lags(host, cycle, now, settings),
        *services,
    )


def _hosts(teams: Sequence[int]) -> Sequence[Host]:
    """The local one first."""
    return db.session.scalars(
        sa.select(Host)
        .where(Host.team_id.in_(teams))
        .order_by(Host.is_local.desc(), NAME, Host.id)
        .limit(MAX_HOSTS)
    ).all()


def _chosen(user: User, query: LiveQuery, hosts: Sequence[Host]) -> Host | None:
    if query.host_id is not None:
        return scoping.owned(user, Host, query.host_id)
    return hosts[0] if hosts else None


def _looker(host: Host | None) -> int:
    """Who looks at the services that belong to a host's panel; see TeamRollup."""
    return figures.OWN_PROBES if host is None or host.is_local else host.id


def _latest_cycle(host: Host | None) -> MonitoringCycle | None:
    if host is None:
        return None
    return db.session.scalars(
        sa.select(MonitoringCycle)
        .where(MonitoringCycle.host_id == host.id)
        .order_by(MonitoringCycle.created_at.desc())
        .limit(1)
    ).one_or_none()


def _lags(
    host: Host | None, cycle: MonitoringCycle | None, now: datetime, settings: Settings
) -> bool:
    """Whether our own cycles begin no more, though some did."""
    if host is None or cycle is None or not host.is_local:
        return False
    age = now - cycle.created_at
    return age > timedelta(seconds=LAGGING_AFTER * settings.loop_interval_seconds + 5)


def _of(teams: Sequence[int], looker: int) -> list[sa.ColumnElement[bool]]:
    by = Service.probe != "agent" if looker == figures.OWN_PROBES else Service.host_id == looker
    return [Service.team_id.in_(teams), by]


def _services(teams: Sequence[int], looker: int, ids: Sequence[int]) -> Sequence[Any]:
    """Those of `ids`, or those that need a look first."""
    query = sa.select(
        Service.id,
        Service.name,
        Service.status,
        Service.probe,
        Service.last_result,
        Service.last_latency_ms,
        Service.last_status_code,
        Service.last_error,
        Service.last_check_at,
    ).where(*_of(teams, looker))
    if ids:
        if max(ids) > scoping.MAX_ID:
            raise NotFoundError
        query = query.where(Service.id.in_(ids))
    rows = db.session.execute(query.order_by(URGENCY, NAME, Service.id).limit(MAX_SERVICES)).all()
    if ids and len(rows) < len(ids):
        raise NotFoundError
    return rows


def _count_services(teams: Sequence[int], looker: int) -> int:
    query = sa.select(sa.func.count()).select_from(Service).where(*_of(teams, looker))
    return db.session.scalar(query) or 0
