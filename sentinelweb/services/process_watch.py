"""Whatever process is overdue: a short-lived one has ended, a long-lived one is down (seed 003)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.status import Decision, Event, Status, decide
from sentinelweb.db import db, writing
from sentinelweb.models import Monitor, Process
from sentinelweb.services import transitions
from sentinelweb.services.facts import process_facts
from sentinelweb.services.overdue import Row, Watch
from sentinelweb.services.transitions import Transition

SILENT = "silent"
EXPIRED = "expired"
MAX_NAMED = 100

_monitors = Monitor.__table__
_processes = Process.__table__
_watch = Watch(
    _processes,
    _processes.c.expiry,
    (
        _processes.c.last_heartbeat,
        _processes.c.keep_alive,
        _processes.c.host,
        _processes.c.progress,
        _processes.c.message,
    ),
)

is_due = _watch.is_due
shorten_waits = _watch.shorten_waits


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
    statistics = WatchStatistics()

    def judge(session: Session, rows: list[Row], until: datetime) -> None:
        silent = [row.id for row in rows if row.keep_alive]
        expired = [row.id for row in rows if not row.keep_alive]
        _watch.stop_waiting(session, silent)
        _watch.stop_waiting(session, expired, ended_at=until)
        applied = transitions.apply(session, [_transition(row, until) for row in rows], until)
        statistics.down += len(applied.monitor_ids.intersection(silent))
        statistics.expired += len(applied.monitor_ids.intersection(expired))
        statistics.alerts += applied.deliveries

    _keep_alive(now)
    _watch.look(now, judge)
    _count(now, statistics)
    return statistics


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


def _transition(row: Row, now: datetime) -> Transition:
    status = Status(row.status)
    if not row.keep_alive:
        return Transition(row.id, status, Decision(Status.PAUSED, EXPIRED))
    decision = decide(status, Event.FAILED, None, now, reason=SILENT)
    facts = process_facts(row, decision.status, now, note=SILENT) if decision.alert else {}
    return Transition(row.id, status, decision, facts)


def _count(now: datetime, statistics: WatchStatistics) -> None:
    alive = sa.and_(_processes.c.overdue_at >= now, _monitors.c.status == Status.UP)
    living = sa.select(_monitors.c.slug).join(_processes, _processes.c.id == _monitors.c.id)
    statistics.alive = (
        db.session.scalar(sa.select(sa.func.count()).select_from(living.where(alive).subquery()))
        or 0
    )
    named = living.where(alive).order_by(_monitors.c.id).limit(MAX_NAMED)
    statistics.named = tuple(db.session.scalars(named))
