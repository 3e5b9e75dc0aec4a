"""The list of hosts that a person sees, each with its latest figures and its services counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import Host, Monitor, MonitoringCycle, Service, User
from sentinelweb.services import counts, monitor_list, scoping
from sentinelweb.services.hosts import KIND
from sentinelweb.services.monitor_list import ListQuery, MonitorList

Counts = Mapping[Status, int]


@dataclass(frozen=True, slots=True)
class HostSummary:
    """A host of the list. `cycle` is its latest; `services` counts those that it looks at."""

    host: Host
    cycle: MonitoringCycle | None
    services: Counts

    @property
    def total(self) -> int:
        return sum(self.services.values())


@dataclass(frozen=True, slots=True)
class HostList:
    found: MonitorList[Host]
    summaries: Sequence[HostSummary]

    @property
    def state(self) -> str:
        """A text that changes when anything in the list does."""
        return fingerprint(
            self.found.counts,
            self.found.matching,
            [
                (
                    item.host.id,
                    item.host.updated_at,
                    item.host.status,
                    item.host.last_report_at,
                    item.host.agent,
                    item.cycle and item.cycle.id,
                    item.services,
                )
                for item in self.summaries
            ],
        )


def find(user: User, query: ListQuery) -> HostList:
    teams = scoping.team_ids(user)
    found = monitor_list.find(Host, KIND, teams, query)
    cycles = latest_cycles(host.id for host in found.monitors)
    services = _count_services(teams)
    return HostList(
        found,
        [
            HostSummary(
                host, cycles.get(host.id), services.get(None if host.is_local else host.id, {})
            )
            for host in found.monitors
        ],
    )


def latest_cycles(host_ids: Iterable[int]) -> dict[int, MonitoringCycle]:
    """The latest cycle of each host that had one: a step into the index for each."""
    latest = (
        sa.select(MonitoringCycle.id)
        .where(MonitoringCycle.host_id == Host.__table__.c.id)
        .order_by(MonitoringCycle.created_at.desc())
        .limit(1)
        .correlate(Host.__table__)
        .scalar_subquery()
    )
    query = (
        sa.select(MonitoringCycle)
        .select_from(Host.__table__)
        .join(MonitoringCycle, MonitoringCycle.id == latest)
        .where(Host.__table__.c.id.in_(list(host_ids)))
    )
    return {cycle.host_id: cycle for cycle in db.session.scalars(query)}


def _count_services(teams: Sequence[int]) -> Mapping[int | None, Counts]:
    """Services by status for each host; for None those that SentinelWeb looks at itself.

    Of these there may be thousands: they are what the agents' services leave of all.
    """
    own = counts.by_status("service", teams)
    found: dict[int | None, dict[Status, int]] = {None: own}
    services = Service.__table__
    query = (
        sa.select(services.c.host_id, Monitor.status, sa.func.count())
        .join(Monitor, Monitor.id == services.c.id)
        .where(services.c.host_id.is_not(None), Monitor.team_id.in_(teams))
        .group_by(services.c.host_id, Monitor.status)
    )
    for host_id, status, count in db.session.execute(query):
        found.setdefault(host_id, {})[Status(status)] = count
        own[Status(status)] -= count
    return found
