"""Old rows go, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from config import Settings
from sentinelweb.db import among, db, writing
from sentinelweb.models import (
    Delivery,
    EndedSession,
    HostRollup,
    MonitoringCycle,
    Outage,
    PagesOutage,
    Ping,
    ServiceCheck,
    ServiceRollup,
    StatusChange,
    TeamRollup,
)
from sentinelweb.services import processes, rollups, sessions, uploads

# At least: the deadlines of a job that runs once a year are counted from its last ping.
_OUTAGES_KEPT = timedelta(days=800)

BATCH = 1_000  # rows of one transaction: more would hold up pings
OWNERS = 50  # whose minutes are looked through at a time; of coarser sums as many more

# Each level of sums lives a little longer than the longest chart that reads it.
_SUMS_KEPT = {60: timedelta(days=2), 600: timedelta(days=8), 3_600: timedelta(days=62)}


@dataclass(frozen=True, slots=True)
class _Kept:
    """Rows of `table` are kept for so long; those that `removable` excludes, for ever.

    `since` is the column that says when a row's time began.
    """

    table: sa.Table
    age: timedelta
    removable: sa.ColumnElement[bool]
    since: str = "created_at"


def prune(now: datetime, settings: Settings) -> dict[str, int]:
    """Delete what is older than the settings want it kept; return how many rows, by table."""
    pings, history, deliveries = (model.__table__ for model in (Ping, StatusChange, Delivery))
    outages, pages_outages = Outage.__table__, PagesOutage.__table__
    outages_kept = max(timedelta(days=settings.history_retention_days), _OUTAGES_KEPT)
    checks, cycles = ServiceCheck.__table__, MonitoringCycle.__table__
    kept = (
        _Kept(pings, timedelta(days=settings.ping_retention_days), sa.true()),
        _Kept(history, timedelta(days=settings.history_retention_days), sa.true()),
        # Unfinished ones are promises, however old.
        _Kept(
            deliveries,
            timedelta(days=settings.delivery_retention_days),
            deliveries.c.due_at.is_(None),
        ),
        # What is not summed up yet is in no chart yet.
        _Kept(
            checks,
            timedelta(hours=settings.check_retention_hours),
            checks.c.id <= rollups.summed_upto(),
        ),
        _Kept(cycles, timedelta(days=settings.cycle_retention_days), cycles.c.summed),
        _Kept(EndedSession.__table__, sessions.LIFETIME + timedelta(days=1), sa.true()),
        _Kept(outages, outages_kept, outages.c.settled_at.is_not(None), since="ended_at"),
        _Kept(pages_outages, outages_kept, sa.true(), since="ended_at"),
    )
    deleted = {item.table.name: _prune(item, now - item.age) for item in kept}
    ended_before = now - timedelta(days=settings.process_retention_days)
    deleted["processes"] = processes.forget(ended_before)
    deleted["team_imports"] = uploads.prune(now)
    ages = _SUMS_KEPT | {86_400: timedelta(days=settings.rollup_retention_days)}
    for model in (ServiceRollup, TeamRollup, HostRollup):
        table = model.__table__
        deleted[table.name] = sum(
            _prune_sums(table, resolution, now - age) for resolution, age in ages.items()
        )
    return deleted


def _prune(kept: _Kept, before: datetime) -> int:
    """Walk up the primary key, because ids grow with time: no index on the time is needed.

    The walk ends at the first stretch of rows that holds a younger one.
    """
    table, since, deleted = kept.table, kept.table.c[kept.since], 0
    last = "" if isinstance(table.c.id.type, sa.String) else 0
    while True:
        rows = db.session.execute(
            sa.select(table.c.id, since.label("since"))
            .where(table.c.id > last)
            .order_by(table.c.id)
            .limit(BATCH)
        ).all()
        old = [row.id for row in rows if row.since < before]
        if old:
            last = old[-1]
            with writing() as session:
                gone = session.scalars(
                    sa.delete(table)
                    .where(table.c.id.between(old[0], last), since < before)
                    .where(kept.removable)
                    .returning(table.c.id)
                )
                deleted += len(gone.all())
        if len(old) < BATCH:
            db.session.commit()
            return deleted


def _prune_sums(table: sa.Table, resolution: int, before: datetime) -> int:
    """Delete the sums of one level that begin before then."""
    owner, deleted = next(iter(table.primary_key)), 0
    for ids in _owners(owner, OWNERS * resolution // 60):
        old = sa.and_(
            among(owner, ids), table.c.resolution == resolution, table.c.bucket_at < before
        )
        while True:
            oldest = sa.select(table.c.bucket_at).where(old).order_by(table.c.bucket_at)
            # After an outage there are more than a batch.
            bound = db.session.scalar(oldest.offset(BATCH).limit(1))
            chosen = old if bound is None else sa.and_(old, table.c.bucket_at <= bound)
            if bound is not None or db.session.scalar(oldest.limit(1)) is not None:
                with writing() as session:
                    gone = session.scalars(sa.delete(table).where(chosen).returning(owner))
                    deleted += len(gone.all())
            if bound is None:
                break
    db.session.commit()
    return deleted


def _owners(column: sa.Column[int], count: int) -> Iterator[Sequence[int]]:
    """The ids of all that may have sums, `count` at a time."""
    [key] = column.foreign_keys
    query, last = sa.select(key.column).order_by(key.column).limit(min(count, BATCH)), 0
    while ids := db.session.scalars(query.where(key.column > last)).all():
        yield ids
        last = ids[-1]
