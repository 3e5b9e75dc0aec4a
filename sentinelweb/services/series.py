"""What charts draw: figures by bucket, from sums or, for the last minutes, from single rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sentinelweb.core.ranges import RAW, Range, instant
from sentinelweb.db import among, db
from sentinelweb.models import (
    HostRollup,
    MonitoringCycle,
    Service,
    ServiceCheck,
    ServiceRollup,
    TeamRollup,
)
from sentinelweb.services import figures

# More services are not counted one by one, second after second, for a chart of all of them.
MAX_RAW_SERVICES = 500

ByBucket = Mapping[int, sa.Row[Any]]

_checks: sa.Table = ServiceCheck.__table__
_cycles: sa.Table = MonitoringCycle.__table__
_hosts: sa.Table = HostRollup.__table__
_results: sa.Table = ServiceRollup.__table__
_teams: sa.Table = TeamRollup.__table__
_services: sa.Table = Service.__table__


def of_host(host_id: int, span: Range, start: int, step: int) -> ByBucket:
    """The figures of a host's cycles, by the start of their bucket."""
    if span.resolution == RAW:
        bucket = figures.bucket_of(_cycles.c.created_at, step)
        query = sa.select(bucket.label("bucket"), *figures.of_cycles()).where(
            _cycles.c.host_id == host_id, _cycles.c.created_at >= instant(start)
        )
    else:
        bucket = figures.bucket_of(_hosts.c.bucket_at, step)
        query = _of_sums(_hosts, bucket, span, start).where(_hosts.c.host_id == host_id)
    return {row.bucket: row for row in db.session.execute(query.group_by(bucket))}


def of_all_services(
    team_ids: Collection[int], host_id: int, span: Range, start: int, step: int
) -> ByBucket:
    """The results of all services of these teams that one host looks at.

    `host_id` is OWN_PROBES for our own. The last minutes are those of MAX_RAW_SERVICES of them.
    """
    if span.resolution == RAW:
        bucket = figures.bucket_of(_checks.c.created_at, step)
        ids = db.session.scalars(
            sa.select(Service.id)
            .where(Service.team_id.in_(team_ids), figures.host_of_results() == host_id)
            .order_by(Service.id)
            .limit(MAX_RAW_SERVICES)
        ).all()
        query = _of_checks(ids, bucket, start)
    else:
        bucket = figures.bucket_of(_teams.c.bucket_at, step)
        query = _of_sums(_teams, bucket, span, start).where(
            _teams.c.team_id.in_(team_ids), _teams.c.host_id == host_id
        )
    return {row.bucket: row for row in db.session.execute(query.group_by(bucket))}


def of_services(ids: Sequence[int], span: Range, start: int, step: int) -> Mapping[int, ByBucket]:
    """The results of each of these services, by its id."""
    if span.resolution == RAW:
        owner = _checks.c.service_id
        bucket = figures.bucket_of(_checks.c.created_at, step)
        query = _of_checks(ids, bucket, start)
    else:
        owner = _results.c.service_id
        bucket = figures.bucket_of(_results.c.bucket_at, step)
        query = _of_sums(_results, bucket, span, start).where(among(owner, ids))
    found: dict[int, dict[int, sa.Row[Any]]] = {id_: {} for id_ in ids}
    for row in db.session.execute(query.add_columns(owner).group_by(owner, bucket)):
        found[row.service_id][row.bucket] = row
    return found


def _of_checks(ids: Sequence[int], bucket: sa.ColumnElement[int], start: int) -> sa.Select[Any]:
    return sa.select(bucket.label("bucket"), *figures.of_results()).where(
        among(_checks.c.service_id, ids), _checks.c.created_at >= instant(start)
    )


def _of_sums(
    table: sa.Table, bucket: sa.ColumnElement[int], span: Range, start: int
) -> sa.Select[Any]:
    return sa.select(bucket.label("bucket"), *figures.together(figures.columns(table))).where(
        table.c.resolution == span.resolution, table.c.bucket_at >= instant(start)
    )
