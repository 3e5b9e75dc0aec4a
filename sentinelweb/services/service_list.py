"""The list of services that a person sees."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Self

import sqlalchemy as sa

from sentinelweb import clock, probes
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.db import among, db
from sentinelweb.models import Membership, Monitor, MonitorCount, Service, User
from sentinelweb.services import monitor_list, scoping, uptime
from sentinelweb.services.monitor_list import NAME, URGENCY, MonitorList, Sorts
from sentinelweb.services.services import KIND

UPTIME_SPANS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
AGENT = "agent"  # the kind of what an agent looks at

_monitors = Monitor.__table__
_services = Service.__table__


@dataclass(frozen=True)
class ListQuery(monitor_list.ListQuery):
    """`probe` is a kind of service, or empty."""

    sorts: ClassVar[Sorts] = {
        "status": URGENCY,
        "name": NAME,
        "latency": Service.last_latency_ms,
        "last": Service.last_check_at,
    }

    probe: str = ""

    @classmethod
    def parse(cls, args: Mapping[str, str]) -> Self:
        probe = args.get("probe", "")
        known = probe == AGENT or probe in probes.registered()
        return replace(super().parse(args), probe=probe if known else "")

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        conditions = super().conditions()
        if self.probe:
            conditions.append(Service.probe == self.probe)
        return conditions


@dataclass(frozen=True, slots=True)
class ServiceList:
    """One page of the list; `uptime` has shares for UPTIME_SPANS by service's id."""

    found: MonitorList[Service]
    uptime: Mapping[int, list[float | None]]


def find(user: User, query: ListQuery) -> ServiceList:
    found = monitor_list.find(Service, KIND, scoping.team_ids(user), query)
    return ServiceList(found, uptime.shares(found.monitors, clock.now(), UPTIME_SPANS))


def parse_ids(text: str) -> list[int]:
    """The ids in `1.2.3`, as an address tells which services are shown; no more than a page has."""
    most = monitor_list.PAGE_SIZE
    parts = text.split(".", most)[:most]
    return [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 10]


def state(user: User, shown: Collection[int]) -> str:
    """A text that changes when anything in the list does, of which the ids `shown` are a page.

    Asked every few seconds, so that it looks at no more than these and the ends of indexes: who has
    ten thousand services sees fifty.
    """
    latest = (
        sa.select(Monitor.updated_at)
        .where(Monitor.team_id == Membership.team_id, Monitor.kind == KIND)
        .order_by(Monitor.updated_at.desc())
        .limit(1)
        .correlate(Membership)
        .scalar_subquery()
    )
    teams = db.session.execute(
        sa.select(Membership.team_id, latest)
        .where(Membership.user_id == user.id)
        .order_by(Membership.team_id)
    ).all()
    ids = [team_id for team_id, _latest in teams]
    counts = db.session.execute(
        sa.select(MonitorCount.team_id, MonitorCount.status, MonitorCount.count)
        .where(MonitorCount.team_id.in_(ids), MonitorCount.kind == KIND)
        .order_by(MonitorCount.team_id, MonitorCount.status)
    ).all()
    checks = db.session.execute(
        sa.select(_services.c.id, _services.c.last_check_at)
        .join(_monitors, _monitors.c.id == _services.c.id)
        .where(among(_services.c.id, shown), _monitors.c.team_id.in_(ids))
        .order_by(_services.c.id)
    ).all()
    return fingerprint(*map(tuple, teams), *map(tuple, counts), *map(tuple, checks))
