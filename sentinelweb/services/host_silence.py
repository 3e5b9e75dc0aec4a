"""Whatever host has not reported for too long is down; its next report brings it up at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core import silence
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.db import among, db, writing
from sentinelweb.models import Host, Monitor
from sentinelweb.services import outages, transitions
from sentinelweb.services.facts import host_facts
from sentinelweb.services.transitions import Transition

BATCH = 500
SILENT = "silent"

_monitors = Monitor.__table__
_hosts = Host.__table__


@dataclass(slots=True)
class SilenceStatistics:
    """How many hosts were overdue, how many of them are down since, and the alerts of that."""

    overdue: int = 0
    down: int = 0
    alerts: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def run(now: datetime) -> SilenceStatistics:
    """Judge every host that is overdue at `now`; any number of audits may run at once."""
    # Before the outages are read: if the web comes back in between, we still judge as of its last
    # sign.
    until = outages.judged_until(now)
    statistics = SilenceStatistics()
    taken = BATCH
    while taken == BATCH:
        with writing() as session:
            taken = _judge_batch(session, until, statistics)
    return statistics


def next_due() -> datetime | None:
    """The earliest moment at which some host becomes overdue."""
    earliest: datetime | None = db.session.scalar(
        sa.select(sa.func.min(_hosts.c.overdue_at)).where(_hosts.c.overdue_at.is_not(None))
    )
    return earliest


def is_due(now: datetime) -> bool:
    """Whether an audit at `now` would find something to judge."""
    due = next_due()
    return due is not None and due < outages.judged_until(now)


def _judge_batch(session: Session, now: datetime, statistics: SilenceStatistics) -> int:
    """Judge up to BATCH overdue hosts; return how many there were."""
    rows = session.execute(
        sa.select(
            _monitors.c.id,
            _monitors.c.slug,
            _monitors.c.name,
            _monitors.c.description,
            _monitors.c.status,
            _monitors.c.status_since,
            _hosts.c.silent_after,
            _hosts.c.last_report_at,
            _hosts.c.overdue_at,
        )
        .join(_hosts, _hosts.c.id == _monitors.c.id)
        .where(_hosts.c.overdue_at < now)
        .order_by(_hosts.c.overdue_at)
        .limit(BATCH)
        # Another audit holds what is skipped, and judges it.
        .with_for_update(skip_locked=True)
    ).all()
    if not rows:
        return 0
    reports = [row.last_report_at for row in rows if row.last_report_at]
    deaf = outages.deaf_spans(min(reports)) if reports else []
    changes, judged = [], []
    for row in rows:
        patience = timedelta(seconds=row.silent_after)
        overdue_at = silence.overdue_at(row.overdue_at - patience, patience, deaf)
        if overdue_at >= now:
            session.execute(
                sa.update(_hosts).where(_hosts.c.id == row.id).values(overdue_at=overdue_at)
            )
            continue
        judged.append(row.id)
        decision = decide(Status(row.status), Event.FAILED, None, now, reason=SILENT)
        facts = host_facts(row, decision.status, now, note=SILENT) if decision.alert else {}
        changes.append(Transition(row.id, Status(row.status), decision, facts))
    if judged:
        session.execute(sa.update(_hosts).where(among(_hosts.c.id, judged)).values(overdue_at=None))
    applied = transitions.apply(session, changes, now)
    statistics.overdue += len(rows)
    statistics.down += len(applied.monitor_ids)
    statistics.alerts += applied.deliveries
    return len(rows)
