"""Whatever process is overdue: a short-lived one has ended, a long-lived one is down (seed 003)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core import silence
from sentinelweb.core.status import Decision, Event, Status, decide
from sentinelweb.db import among, db, writing
from sentinelweb.models import Monitor, Process
from sentinelweb.services import outages, transitions
from sentinelweb.services.facts import process_facts
from sentinelweb.services.transitions import Transition

BATCH = 500
SILENT = "silent"
EXPIRED = "expired"
MAX_NAMED = 100

_monitors = Monitor.__table__
_processes = Process.__table__

Row = sa.Row[*tuple[Any, ...]]


@dataclass(slots=True)
class WatchStatistics:
    """How many processes are alive, and what this look found; `named` are the ids of the alive."""

    alive: int = 0
    expired: int = 0
    down: int = 0
    alerts: int = 0
    named: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(now: datetime) -> WatchStatistics:
    """Keep alive what the server keeps alive, judge what is overdue, count the living.

    Any number of looks may run at once.
    """
    until = outages.judged_until(now)
    statistics = WatchStatistics()
    _keep_alive(now)
    taken = BATCH
    while taken == BATCH:
        with writing() as session:
            taken = _judge_batch(session, until, statistics)
    _count(now, statistics)
    return statistics


def next_due() -> datetime | None:
    """The earliest moment at which some process becomes overdue."""
    earliest: datetime | None = db.session.scalar(
        sa.select(sa.func.min(_processes.c.overdue_at)).where(_processes.c.overdue_at.is_not(None))
    )
    return earliest


def is_due(now: datetime) -> bool:
    """Whether a look at `now` would find something to judge."""
    due = next_due()
    return due is not None and due < outages.judged_until(now)


def _keep_alive(now: datetime) -> None:
    """Renew the heartbeats of the processes that the seed's demonstration keeps alive itself."""
    kept = sa.and_(_processes.c.kept_by_server, _processes.c.overdue_at.is_not(None))
    rows = db.session.execute(sa.select(_processes.c.id, _processes.c.expiry).where(kept)).all()
    if not rows:
        return
    statement = sa.update(_processes).where(_processes.c.id == sa.bindparam("of"), kept)
    with writing() as session:
        session.connection().execute(
            statement.values(last_heartbeat=now, overdue_at=sa.bindparam("overdue")),
            [{"of": row.id, "overdue": now + timedelta(seconds=row.expiry)} for row in rows],
        )


def _judge_batch(session: Session, now: datetime, statistics: WatchStatistics) -> int:
    """Judge up to BATCH overdue processes; return how many there were."""
    rows = session.execute(
        sa.select(
            _monitors.c.id,
            _monitors.c.slug,
            _monitors.c.name,
            _monitors.c.description,
            _monitors.c.status,
            _monitors.c.status_since,
            _processes,
        )
        .join(_processes, _processes.c.id == _monitors.c.id)
        .where(_processes.c.overdue_at < now)
        .order_by(_processes.c.overdue_at)
        .limit(BATCH)
        # Another look holds what is skipped, and judges it.
        .with_for_update(skip_locked=True)
    ).all()
    if not rows:
        return 0
    deaf = outages.deaf_spans(min(row.last_heartbeat for row in rows))
    changes: list[Transition] = []
    silent: list[int] = []
    expired: list[int] = []
    for row in rows:
        overdue_at = silence.overdue_at(row.last_heartbeat, timedelta(seconds=row.expiry), deaf)
        if overdue_at >= now:
            session.execute(
                sa.update(_processes).where(_processes.c.id == row.id).values(overdue_at=overdue_at)
            )
            continue
        (silent if row.keep_alive else expired).append(row.id)
        changes.append(_transition(row, now))
    _close(session, silent)
    _close(session, expired, ended_at=now)
    applied = transitions.apply(session, changes, now)
    statistics.down += len(applied.monitor_ids.intersection(silent))
    statistics.expired += len(applied.monitor_ids.intersection(expired))
    statistics.alerts += applied.deliveries
    return len(rows)


def _transition(row: Row, now: datetime) -> Transition:
    status = Status(row.status)
    if not row.keep_alive:
        return Transition(row.id, status, Decision(Status.PAUSED, EXPIRED))
    decision = decide(status, Event.FAILED, None, now, reason=SILENT)
    facts = process_facts(row, decision.status, now, note=SILENT) if decision.alert else {}
    return Transition(row.id, status, decision, facts)


def _close(session: Session, ids: list[int], **values: Any) -> None:
    """Expect nothing more of those that have just gone down or ended."""
    if ids:
        session.execute(
            sa.update(_processes)
            .where(among(_processes.c.id, ids))
            .values(overdue_at=None, **values)
        )


def _count(now: datetime, statistics: WatchStatistics) -> None:
    alive = sa.and_(_processes.c.overdue_at >= now, _monitors.c.status == Status.UP)
    living = sa.select(_monitors.c.slug).join(_processes, _processes.c.id == _monitors.c.id)
    statistics.alive = (
        db.session.scalar(sa.select(sa.func.count()).select_from(living.where(alive).subquery()))
        or 0
    )
    named = living.where(alive).order_by(_monitors.c.id).limit(MAX_NAMED)
    statistics.named = tuple(db.session.scalars(named))
