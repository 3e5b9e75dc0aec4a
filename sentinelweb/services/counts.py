"""Counts of monitors by team, kind and status, kept in the transaction that changes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import Monitor, MonitorCount


class CountKey(NamedTuple):
    team_id: int
    kind: str
    status: str


def shift(session: Session, deltas: Mapping[CountKey, int]) -> None:
    """Add `deltas` to the counts.

    Call it last in a transaction: teams are locked in one order, and nothing is waited for after,
    so that two transactions on PostgreSQL cannot wait for each other.
    """
    rows = [
        {**key._asdict(), "count": delta} for key, delta in sorted(deltas.items()) if delta != 0
    ]
    if not rows:
        return
    dialect = session.get_bind().dialect.name
    table = MonitorCount.__table__
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    session.connection().execute(
        insert.on_conflict_do_update(
            index_elements=list(CountKey._fields),
            set_={"count": table.c.count + insert.excluded.count},
        ),
        rows,
    )


def by_status(kind: str, team_ids: Iterable[int] | None = None) -> dict[Status, int]:
    """How many monitors of `kind` have each status, in `team_ids` or in all teams."""
    return by_kind([kind], team_ids)[kind]


def by_kind(
    kinds: Collection[str], team_ids: Iterable[int] | None = None
) -> dict[str, dict[Status, int]]:
    """As `by_status`, for several kinds at once."""
    query = (
        sa.select(MonitorCount.kind, MonitorCount.status, sa.func.sum(MonitorCount.count))
        .where(MonitorCount.kind.in_(kinds))
        .group_by(MonitorCount.kind, MonitorCount.status)
    )
    if team_ids is not None:
        query = query.where(MonitorCount.team_id.in_(team_ids))
    found = {kind: dict.fromkeys(Status, 0) for kind in kinds}
    for kind, status, count in db.session.execute(query):
        found[kind][Status(status)] = int(count)
    return found


def recount() -> None:
    """Count everything anew: the remedy for rows that somebody changed by hand."""
    with writing() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(sa.text("LOCK TABLE monitors IN SHARE MODE"))
        session.execute(sa.delete(MonitorCount))
        session.execute(
            sa.insert(MonitorCount).from_select(
                [*CountKey._fields, "count"],
                sa.select(Monitor.team_id, Monitor.kind, Monitor.status, sa.func.count()).group_by(
                    Monitor.team_id, Monitor.kind, Monitor.status
                ),
            )
        )
