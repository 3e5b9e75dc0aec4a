"""What the home page shows: what is wrong now, how many of each kind, hosts, what changed last.

Every query is bounded, so that ten thousand monitors of which half are down cost no more than ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from sentinelweb import clock
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.status import Status
from sentinelweb.db import db
from sentinelweb.models import (
    Channel,
    HeartbeatCheck,
    Host,
    Monitor,
    MonitoringCycle,
    Outage,
    Process,
    Service,
    User,
)
from sentinelweb.services import counts, outages, scoping

KINDS = ("service", "heartbeat", "process", "host")
CALM = (Status.UP, Status.NEW, Status.PAUSED)
WORST = 50
LATEST = 8
FAILING = 1_000  # that are looked through for those of the user that are still up
HOSTS = 12
OUTAGES_SHOWN_FOR = timedelta(days=1)
RECENT = timedelta(minutes=1)

Row = sa.Row[Any]
Key = tuple[str, int]  # the kind and id of a monitor

_COMMON = (
    Monitor.kind,
    Monitor.id,
    Monitor.team_id,
    Monitor.name,
    Monitor.environment,
    Monitor.status,
    Monitor.status_since,
)
_DETAILS: dict[str, tuple[type[Monitor], Sequence[Any]]] = {
    "heartbeat": (
        HeartbeatCheck,
        (
            HeartbeatCheck.last_ping,
            HeartbeatCheck.next_expected_ping,
            HeartbeatCheck.down_at,
            HeartbeatCheck.failure,
        ),
    ),
    "service": (
        Service,
        (
            Service.last_check_at,
            Service.last_result,
            Service.last_latency_ms,
            Service.last_error,
            Service.failures,
            Service.threshold,
        ),
    ),
    "process": (
        Process,
        (
            Process.last_heartbeat,
            Process.ended_at,
            Process.exit_status,
            Process.progress,
            Process.message,
        ),
    ),
    "host": (Host, (Host.last_report_at,)),
}


@dataclass(frozen=True, slots=True)
class Overview:
    """Rows of columns: all that they hold is shown, and `state` changes when any of it does.

    `wrong` are the WORST: what is down before what is late, the latest first. `services` begins
    with those whose last checks failed, though not often enough to count as down. `processes` are
    those under way.
    """

    counts: Mapping[str, Mapping[Status, int]]
    wrong: Sequence[Row]
    hosts: Sequence[Row]
    services: Sequence[Row]
    heartbeats: Sequence[Row]
    processes: Sequence[Row]
    outages: Sequence[Outage]
    has_channel: bool

    @property
    def state(self) -> str:
        return fingerprint(
            self.counts,
            self.wrong,
            self.hosts,
            self.services,
            self.heartbeats,
            self.processes,
            [(outage.id, outage.extended_count, outage.settled_at) for outage in self.outages],
            self.has_channel,
        )

    def total(self, *statuses: Status | str, kind: str | None = None) -> int:
        """How many monitors have one of `statuses`, or any: of `kind`, or of all kinds."""
        return sum(
            self.counts[one][Status(status)]
            for one in ([kind] if kind else KINDS)
            for status in (statuses or Status)
        )

    @property
    def is_empty(self) -> bool:
        """Nothing was ever added: our own machine is there by itself."""
        return self.total() == len([host for host in self.hosts if host.is_local])

    @property
    def paused(self) -> int:
        """How many are paused; the processes of this status have ended."""
        return sum(self.counts[kind][Status.PAUSED] for kind in KINDS if kind != "process")

    @property
    def unseen(self) -> dict[str, int]:
        """How many of each kind are wrong and found no room in `wrong`."""
        shown = [row.kind for row in self.wrong]
        left = {
            kind: self.total(Status.DOWN, Status.LATE, kind=kind) - shown.count(kind)
            for kind in KINDS
        }
        return {kind: count for kind, count in left.items() if count > 0}


def find(user: User) -> Overview:
    """What concerns `user`. Cheap: asked every few seconds by every open page."""
    teams = scoping.team_ids(user)
    by_kind = counts.by_kind(KINDS, teams)

    def latest(kinds: Iterable[str], statuses: Iterable[Status], limit: int) -> list[Key]:
        there = [(kind, status) for kind in kinds for status in statuses if by_kind[kind][status]]
        return _latest(teams, there, limit)

    wrong = latest(KINDS, [Status.DOWN], WORST)
    wrong += latest(KINDS, [Status.LATE], WORST - len(wrong))
    failing = _failing(teams) if any(by_kind["service"].values()) else []
    services = [*dict.fromkeys(failing + latest(["service"], CALM, LATEST))][:LATEST]
    heartbeats = latest(["heartbeat"], CALM, LATEST)
    processes = latest(["process"], [Status.UP, Status.NEW], LATEST)
    rows = _details([*wrong, *services, *heartbeats, *processes])
    return Overview(
        counts=by_kind,
        wrong=_known(rows, wrong),
        hosts=_hosts(teams) if any(by_kind["host"].values()) else [],
        services=_known(rows, services),
        heartbeats=_known(rows, heartbeats),
        processes=_known(rows, processes),
        outages=outages.recent(clock.now() - OUTAGES_SHOWN_FOR),
        has_channel=bool(
            db.session.scalar(sa.select(Channel.id).where(Channel.team_id.in_(teams)).limit(1))
        ),
    )


def _latest(teams: Sequence[int], of: Sequence[tuple[str, Status]], limit: int) -> list[Key]:
    """The monitors of these kinds and statuses whose status changed last, the latest first.

    The index has each kind and status in this order: `limit` rows of each are all that is read.
    """
    if not of or limit <= 0:
        return []
    parts = [
        sa.select(
            sa.select(Monitor.kind, Monitor.id, Monitor.status_since)
            .where(Monitor.team_id.in_(teams), Monitor.kind == kind, Monitor.status == status)
            .order_by(Monitor.status_since.desc(), Monitor.id.desc())
            .limit(limit)
            .subquery()
        )
        for kind, status in of
    ]
    found = db.session.execute(sa.union_all(*parts)).all()
    found = sorted(found, key=lambda row: (row.status_since, row.id), reverse=True)
    return [(row.kind, row.id) for row in found[:limit]]


def _failing(teams: Sequence[int]) -> list[Key]:
    """Services that are still up and failed when they were looked at last.

    Those with few failures come first in the index, and they alone can be up still.
    """
    services = Service.__table__.c
    none: sa.ColumnElement[int] = sa.literal_column("0")  # SQLite matches no index with a parameter
    few = sa.select(services.id, services.failures).where(services.failures > none)
    few_first = few.order_by(services.failures).limit(FAILING).subquery()
    query = (
        sa.select(few_first.c.id)
        .join(Monitor, Monitor.id == few_first.c.id)
        .where(Monitor.team_id.in_(teams), Monitor.status.in_([Status.UP, Status.NEW]))
        .order_by(few_first.c.failures.desc(), few_first.c.id)
        .limit(LATEST)
    )
    return [("service", id_) for id_ in db.session.scalars(query)]


def _details(keys: Iterable[Key]) -> dict[Key, Row]:
    """What is shown of these monitors; one that was deleted meanwhile is missing."""
    ids: dict[str, list[int]] = {}
    for kind, id_ in keys:
        ids.setdefault(kind, []).append(id_)
    found: dict[Key, Row] = {}
    for kind, wanted in ids.items():
        model, columns = _DETAILS[kind]
        query = sa.select(*_COMMON, *columns).select_from(model).where(model.id.in_(wanted))
        found |= {(row.kind, row.id): row for row in db.session.execute(query)}
    return found


def _known(rows: Mapping[Key, Row], keys: Iterable[Key]) -> list[Row]:
    return [rows[key] for key in keys if key in rows]


def _hosts(teams: Sequence[int]) -> Sequence[Row]:
    """The hosts with the figures of their last cycle: what is wrong first, then our own machine."""
    order = (
        sa.case({Status.DOWN: 0, Status.LATE: 1}, value=Monitor.status, else_=2),
        Host.is_local.desc(),
        sa.func.lower(Monitor.name),
        Monitor.id,
    )
    some = (
        sa.select(
            *_COMMON,
            Host.is_local,
            Host.last_report_at,
            sa.func.row_number().over(order_by=order).label("place"),
        )
        .select_from(Host)
        .where(Monitor.team_id.in_(teams), Monitor.kind == "host")
        .order_by(*order)
        .limit(HOSTS)
        .subquery()
    )
    latest_cycle = (
        sa.select(MonitoringCycle.id)
        .where(MonitoringCycle.host_id == some.c.id)
        .order_by(MonitoringCycle.created_at.desc())
        .limit(1)
        .correlate(some)
        .scalar_subquery()
    )
    # It takes a cycle a moment to find out: until then the answer of the one before stands.
    internet = (
        sa.select(MonitoringCycle.internet_status)
        .where(
            MonitoringCycle.host_id == some.c.id,
            MonitoringCycle.created_at > clock.now() - RECENT,
            MonitoringCycle.internet_status.is_not(None),
        )
        .order_by(MonitoringCycle.created_at.desc())
        .limit(1)
        .correlate(some)
        .scalar_subquery()
    )
    query = sa.select(
        some,
        MonitoringCycle.created_at.label("cycle_at"),
        MonitoringCycle.cpu_percent,
        MonitoringCycle.ram_percent,
        MonitoringCycle.disk_percent,
        MonitoringCycle.services_late,
        internet.label("internet_status"),
    ).outerjoin_from(some, MonitoringCycle, MonitoringCycle.id == latest_cycle)
    return db.session.execute(query.order_by(some.c.place)).all()
