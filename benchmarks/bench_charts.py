"""The system dashboard in every range, and how quickly results are summed up.

`make bench-charts` fills each database with a month of sums of 500 services and takes about two
minutes. Each answer is set beside a bare read, by the index, of as many rows as it needs. Results
are those of 10,000 services that are checked every ten seconds, beside a bare INSERT … SELECT that
sums up the same at one level.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import crowds
from benchmarks.common import Report, median
from config import Settings
from sentinelweb import clock, create_app
from sentinelweb.core.ranges import RANGES, Range
from sentinelweb.db import db, writing
from sentinelweb.models import (
    Host,
    HostRollup,
    Membership,
    Monitor,
    MonitoringCycle,
    Role,
    Service,
    ServiceCheck,
    ServiceRollup,
    Team,
    TeamRollup,
    User,
)
from sentinelweb.services import counts, live, live_answer, rollups
from sentinelweb.services.live import LiveQuery

DAY = 86_400
KEPT = {60: 2 * DAY, 600: 8 * DAY, 3_600: 30 * DAY, 86_400: 30 * DAY}
ROUNDS = 9
SUMMED_SERVICES, SUMMED_CHECKS = 10_000, 6  # a minute of them, a check every ten seconds
MINUTES = 3

_monitors, _services, _hosts = (model.__table__ for model in (Monitor, Service, Host))
_checks: sa.Table = ServiceCheck.__table__
_sums: sa.Table = ServiceRollup.__table__


def fill(count: int) -> User:
    """One person's host and `count` services, with a month of sums and the latest rows."""
    now = clock.now()
    with writing() as session:
        user = User(
            email="bench@example.com", name="", password_hash="", session_nonce="", created_at=now
        )
        team = Team(name="Crowd", created_at=now)
        session.add_all([user, team, Membership(user=user, team=team, role=Role.OWNER)])
        session.flush()
        _add_monitors(session, team.id, "host", 1)
        host_id = session.scalar(sa.select(sa.func.max(_monitors.c.id)))
        session.execute(sa.insert(_hosts).values(id=host_id, is_local=True, key_hint="", agent=""))
        _add_services(session, team.id, count)
    counts.recount()
    results = {"healthy": 5, "down": 1, "latency_count": 5, "latency_sum": 250.0}
    results |= {"latency_min": 20.0, "latency_max": 90.0}
    figures: dict[str, Any] = {"cycles": 6, "internet_known": 6, "internet_ok": 6, "relay_200": 6}
    for name in ("cpu", "ram", "disk", "ping", "duration"):
        figures |= {f"{name}_count": 6, f"{name}_sum": 240.0, f"{name}_max": 60.0}
    figures |= {f"{name}_min": 20.0 for name in ("ping", "duration")}
    ids = sa.select(_services.c.id)
    for resolution, kept in KEPT.items():
        _add_sums(_sums, "service_id", ids, resolution, kept, results)
        _add_sums(TeamRollup.__table__, "team_id", sa.select(Team.id), resolution, kept, results)
        _add_sums(
            HostRollup.__table__, "host_id", sa.select(_hosts.c.id), resolution, kept, figures
        )
    _add_rows(now, host_id)
    _analyze()
    return user


def _add_monitors(session: Any, team_id: int, kind: str, count: int) -> None:
    now = clock.now()
    before = session.scalar(sa.select(sa.func.max(_monitors.c.id))) or 0
    values = {"kind": kind, "team_id": team_id, "status": "up", "status_since": now}
    values |= {"created_at": now, "updated_at": now, "is_active": True, "position": 0}
    rows = [
        {**values, "name": f"{kind} {before + number}", "slug": f"{kind}-{before + number}"}
        for number in range(1, count + 1)
    ]
    session.connection().execute(sa.insert(_monitors), rows)


def _add_services(session: Any, team_id: int, count: int) -> None:
    now = clock.now()
    _add_monitors(session, team_id, "service", count)
    known = sa.select(_services.c.id)
    ids = session.scalars(
        sa.select(_monitors.c.id).where(_monitors.c.kind == "service", _monitors.c.id.not_in(known))
    )
    values = {"target": "http://example.com/", "probe": "http", "last_check_at": now}
    values |= {"last_result": "healthy", "last_latency_ms": 50.0, "next_check_at": now}
    session.connection().execute(sa.insert(_services), [values | {"id": id_} for id_ in ids])


def _add_sums(
    table: sa.Table, key: str, ids: Any, resolution: int, kept: int, values: dict[str, Any]
) -> None:
    """A row a bucket for each of `ids`."""
    last = int(clock.now().timestamp()) // resolution * resolution
    buckets = [
        datetime.fromtimestamp(last - n * resolution, clock.now().tzinfo)
        for n in range(kept // resolution)
    ]
    with writing() as session:
        owners = session.scalars(ids).all()
        defaults = {column.name: 0 for column in table.c if not column.nullable}
        for owner in owners:
            rows = [
                {**defaults, **values, key: owner, "resolution": resolution, "bucket_at": bucket}
                for bucket in buckets
            ]
            session.connection().execute(sa.insert(table), rows)


def _add_rows(now: datetime, host_id: int | None) -> None:
    """The last five minutes one by one, summed up already."""
    instants = [now - timedelta(seconds=10 * number) for number in range(30)]
    with writing() as session:
        ids = session.scalars(sa.select(_services.c.id)).all()
        for number, at in enumerate(reversed(instants)):
            row = {"created_at": at, "status": "healthy", "latency_ms": 50.0}
            session.connection().execute(
                sa.insert(_checks), [row | {"service_id": id_} for id_ in ids]
            )
            cycle = {"id": f"{number:036}", "host_id": host_id, "created_at": at, "summed": True}
            session.execute(
                sa.insert(MonitoringCycle), {**cycle, "cpu_percent": 5.0, "cycle_duration_ms": 90}
            )


def _analyze() -> None:
    """As PostgreSQL's autovacuum would after a minute."""
    with db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")


def milliseconds(function: Callable[[], object]) -> float:
    """The median of several calls."""
    taken = []
    for _ in range(ROUNDS):
        db.session.remove()
        began = time.perf_counter()
        function()
        taken.append((time.perf_counter() - began) * 1_000)
    return median(taken)


def bare_read(span: Range) -> int:
    """The rows that the services of an answer need, as they stand; return how many they are."""
    start = clock.now() - timedelta(seconds=span.seconds)
    ids = db.session.scalars(sa.select(_services.c.id).limit(live.MAX_SERVICES)).all()
    table, at = (_sums, _sums.c.bucket_at) if span.resolution else (_checks, _checks.c.created_at)
    query = sa.select(table.c.service_id, at).where(table.c.service_id.in_(ids), at >= start)
    if span.resolution:
        query = query.where(_sums.c.resolution == span.resolution)
    return len(db.session.execute(query).all())


def measure_ranges(
    report: Report, database: str, user: User, settings: Settings, size: int
) -> None:
    report.section(f"{database}, {size:,} services, 30 days")
    for name, span in RANGES.items():
        query = LiveQuery(span)

        def answer(query: LiveQuery = query) -> object:
            return live_answer.answer(live.build(user, query, settings))

        taken = milliseconds(answer)
        unchanged = milliseconds(lambda query=query: live.state(user, query, settings))
        rows = bare_read(span)
        bare = milliseconds(lambda span=span: bare_read(span))
        report.figure(
            name,
            ms=taken,
            unchanged_ms=unchanged,
            bare_read_ms=bare,
            rows=rows,
            of_bare=taken / bare,
        )
        report.target(f"{database}: ms, {name}", taken, "100", met=taken < 100)
        report.target(
            f"{database}: ms when nothing changed, {name}", unchanged, "10", met=unchanged < 10
        )


@contextmanager
def timed_transactions() -> Iterator[list[float]]:
    """Milliseconds of each transaction that writes."""
    taken: list[float] = []
    began: dict[int, float] = {}

    def begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("writes"):
            began[id(connection)] = time.perf_counter()

    def commit(connection: sa.Connection) -> None:
        if (since := began.pop(id(connection), None)) is not None:
            taken.append((time.perf_counter() - since) * 1_000)

    sa.event.listen(db.engine, "begin", begin)
    sa.event.listen(db.engine, "commit", commit)
    yield taken
    sa.event.remove(db.engine, "begin", begin)
    sa.event.remove(db.engine, "commit", commit)


def measure_summing(report: Report, database: str) -> None:
    report.section(f"{database}, results of {SUMMED_SERVICES:,} services every ten seconds")
    with writing() as session:
        team_id = session.scalar(sa.select(Team.id))
        have = session.scalar(sa.select(sa.func.count()).select_from(_services)) or 0
        _add_services(session, team_id, SUMMED_SERVICES - have)
    rollups.run()
    # As the workers do: what this process has gathered is not looked through in a transaction.
    gc.collect()
    gc.freeze()
    now, rates, transactions, bare = clock.now().replace(second=0), [], [], []
    for minute in range(MINUTES):
        _add_minute(now + timedelta(minutes=minute))
        bare.append(_bare_sums())
        with timed_transactions() as taken:
            began = time.perf_counter()
            results = rollups.run()["results"]
            rates.append(results / (time.perf_counter() - began))
        transactions += taken
    rate, bare_rate = median(rates), median(bare)
    report.figure(
        "summed up at four levels",
        per_second=rate,
        median_transaction_ms=median(transactions),
        longest_transaction_ms=max(transactions),
        bare_per_second=bare_rate,
        of_bare=rate / bare_rate,
    )
    report.target(f"{database}: results summed up a second", rate, "10000", met=rate >= 10_000)
    longest = max(transactions)
    report.target(f"{database}: longest transaction, ms", longest, "100", met=longest < 100)


def _add_minute(start: datetime) -> None:
    with writing() as session:
        ids = session.scalars(sa.select(_services.c.id)).all()
    for number in range(SUMMED_CHECKS):
        row = {"created_at": start + timedelta(seconds=10 * number), "status": "healthy"}
        rows = [{**row, "latency_ms": 50.0, "service_id": id_} for id_ in ids]
        with writing() as session:
            session.connection().execute(sa.insert(_checks), rows)
    _analyze()


def _bare_sums() -> float:
    """Results a second, counted by service and minute into a new table."""
    new = _checks.c.id > rollups.summed_upto()
    query = (
        sa.select(
            _checks.c.service_id,
            sa.func.count().label("results"),
            sa.func.sum(_checks.c.latency_ms).label("latency"),
        )
        .where(new)
        .group_by(_checks.c.service_id)
    )
    text = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    with writing() as session:
        count = session.scalar(sa.select(sa.func.count()).where(new)) or 0
        session.execute(sa.text("CREATE TABLE bare (id integer PRIMARY KEY, n integer, s float)"))
        began = time.perf_counter()
        session.execute(sa.text(f"INSERT INTO bare {text}"))
        taken = time.perf_counter() - began
        session.execute(sa.text("DROP TABLE bare"))
    return count / taken


def measure(report: Report, database: str, directory: Path, url: str, size: int) -> None:
    values = crowds.migrated(directory / f"charts-{database}", url)
    settings = Settings(_env_file=None, **values)
    with create_app(settings).app_context():
        measure_ranges(report, database, fill(size), settings, size)
        measure_summing(report, database)
        db.session.remove()
        db.engine.dispose()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=500, help="services")
    parser.add_argument("--only", choices=crowds.KINDS)
    arguments = parser.parse_args()
    report = Report("charts")
    with crowds.databases(arguments.only) as found:
        for database, url, directory in found:
            measure(report, database, directory, url, arguments.size)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
