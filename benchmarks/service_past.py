"""Services that were watched for a while: what their list and pages read."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from benchmarks import crowds
from sentinelweb import clock
from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import Monitor, ServiceCheck, ServiceRollup, StatusChange
from sentinelweb.services import counts

_monitors = Monitor.__table__
_history = StatusChange.__table__


def add_watched_services(team_id: int, count: int, *, days: int) -> range:
    """The ids of new services that are up, have been for `days`, and failed every tenth day.

    The first one has a day of results.
    """
    now = clock.now()
    ids = crowds.add_services(
        team_id,
        [f"https://website-{number}.example.com/health" for number in range(count)],
        interval=10,
        next_check_at=None,
        last_check_at=now,
        last_result="healthy",
        last_latency_ms=12.5,
        last_status_code=200,
        recent="h" * 36 + "eeth",
    )
    new = _monitors.c.id.between(ids.start, ids.stop - 1)
    name = sa.literal("Website ").concat(sa.cast(_monitors.c.id, sa.String))
    with writing() as session:
        since = now - timedelta(days=days)
        session.execute(
            sa.update(_monitors)
            .where(new)
            .values(
                status=Status.UP,
                status_since=since,
                created_at=since,
                name=name,
                search_text=sa.func.lower(name),
                tags=["web"],
            )
        )
        for day in range(5, days, 10):
            failed_at = now - timedelta(days=day)
            for at, previous, status in (
                (failed_at, Status.UP, Status.DOWN),
                (failed_at + timedelta(minutes=7), Status.DOWN, Status.UP),
            ):
                values = {"prev_status": previous, "new_status": status, "created_at": at}
                session.execute(
                    sa.insert(_history).from_select(
                        ["monitor_id", "note", *values],
                        sa.select(
                            _monitors.c.id,
                            sa.literal("HTTP 503"),
                            *(
                                sa.literal(text, _history.c[key].type)
                                for key, text in values.items()
                            ),
                        ).where(new),
                    )
                )
        _add_results(session.connection(), ids.start, now)
    counts.recount()
    with db.engine.connect() as connection:  # as PostgreSQL's autovacuum would after a minute
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    return ids


def _add_results(connection: sa.Connection, service_id: int, now: datetime) -> None:
    """A day of checks every ten seconds, and their sums for every ten minutes."""
    healthy = {"status": "healthy", "latency_ms": 12.5, "status_code": 200}
    connection.execute(
        sa.insert(ServiceCheck.__table__),
        [
            {"service_id": service_id, "created_at": now - timedelta(seconds=10 * n)} | healthy
            for n in reversed(range(8_640))
        ],
    )
    sums = {"resolution": 600, "healthy": 59, "error": 1, "latency_count": 60}
    latencies = {"latency_sum": 750, "latency_min": 9, "latency_max": 40}
    latest = now.replace(minute=0, second=0, microsecond=0)
    connection.execute(
        sa.insert(ServiceRollup.__table__),
        [
            {"service_id": service_id, "bucket_at": latest - timedelta(minutes=10 * n)}
            | sums
            | latencies
            for n in range(144)
        ],
    )
