"""Old rows go, a few at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from config import Settings
from sentinelweb.db import db, writing
from sentinelweb.models import Delivery, Ping, StatusChange

BATCH = 1_000  # rows of one transaction: more would hold up pings


@dataclass(frozen=True, slots=True)
class _Kept:
    """Rows of `table` are kept for so many days; those that `removable` excludes, for ever."""

    table: sa.Table
    days: int
    removable: sa.ColumnElement[bool]


def prune(now: datetime, settings: Settings) -> dict[str, int]:
    """Delete what is older than the settings want it kept; return how many rows, by table."""
    pings, history, deliveries = (model.__table__ for model in (Ping, StatusChange, Delivery))
    kept = (
        _Kept(pings, settings.ping_retention_days, sa.true()),
        _Kept(history, settings.history_retention_days, sa.true()),
        # Unfinished ones are promises, however old.
        _Kept(deliveries, settings.delivery_retention_days, deliveries.c.due_at.is_(None)),
    )
    return {item.table.name: _prune(item, now - timedelta(days=item.days)) for item in kept}


def _prune(kept: _Kept, before: datetime) -> int:
    """Walk up the primary key, because ids grow with time: no index on the time is needed.

    The walk ends at the first stretch of rows that holds a younger one.
    """
    table, deleted, last = kept.table, 0, 0
    while True:
        rows = db.session.execute(
            sa.select(table.c.id, table.c.created_at)
            .where(table.c.id > last)
            .order_by(table.c.id)
            .limit(BATCH)
        ).all()
        old = [row.id for row in rows if row.created_at < before]
        if old:
            last = old[-1]
            with writing() as session:
                gone = session.scalars(
                    sa.delete(table)
                    .where(table.c.id.between(old[0], last), table.c.created_at < before)
                    .where(kept.removable)
                    .returning(table.c.id)
                )
                deleted += len(gone.all())
        if len(old) < BATCH:
            db.session.commit()
            return deleted
