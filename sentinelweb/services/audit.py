"""The audit: whatever heartbeat is overdue becomes late or down (seed 000, `check_heartbeats`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.schedule import Deadlines
from sentinelweb.core.status import Event, Status, decide
from sentinelweb.db import among, earliest, writing
from sentinelweb.models import HeartbeatCheck, Monitor
from sentinelweb.services import counts, outages, transitions
from sentinelweb.services.facts import MONITOR_COLUMNS, heartbeat_facts
from sentinelweb.services.transitions import Transition

# Larger batches are no faster, and hold pings up for as long as their transaction lasts.
BATCH = 300

_monitors = Monitor.__table__
_heartbeats = HeartbeatCheck.__table__
# As Deadlines.last_moment.
_LAST_MOMENT = sa.case(
    (_heartbeats.c.run_down_at < _heartbeats.c.down_at, _heartbeats.c.run_down_at),
    else_=_heartbeats.c.down_at,
)


@dataclass(slots=True)
class AuditStatistics:
    """Seed 000's statistics: active heartbeats by status, and the alerts of this audit."""

    total_checked: int = 0
    up: int = 0
    late: int = 0
    down: int = 0
    new: int = 0
    alerts_sent: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def run(now: datetime) -> AuditStatistics:
    """Judge every heartbeat that is overdue at `now`; any number of audits may run at once."""
    # In this order: if the web comes back in between, we still judge as of its last sign.
    until = outages.judged_until(now)
    outages.settle()
    alerts = 0
    while True:
        with writing() as session:
            taken, sent = _judge_batch(session, until)
        alerts += sent
        if taken < BATCH:
            break
    return _statistics(alerts)


def next_due() -> datetime | None:
    """The earliest moment at which some heartbeat becomes overdue."""
    return earliest(_heartbeats.c.overdue_at)


def is_due(now: datetime) -> bool:
    """Whether an audit at `now` would find something to judge."""
    due = next_due()
    return due is not None and due < outages.judged_until(now)


def _judge_batch(session: Session, now: datetime) -> tuple[int, int]:
    """Judge up to BATCH overdue heartbeats. Return how many there were, and the alerts written."""
    rows = session.execute(
        sa.select(
            *MONITOR_COLUMNS,
            _monitors.c.alias,
            _heartbeats.c.expected_period,
            _heartbeats.c.grace_period,
            _heartbeats.c.cron_expression,
            _heartbeats.c.cron_timezone,
            _heartbeats.c.last_ping,
            _heartbeats.c.next_expected_ping,
            _heartbeats.c.down_at,
            _heartbeats.c.run_down_at,
        )
        .join(_heartbeats, _heartbeats.c.id == _monitors.c.id)
        .where(_heartbeats.c.overdue_at < now)
        .order_by(_heartbeats.c.overdue_at)
        .limit(BATCH)
        # Another audit holds what is skipped, and judges it.
        .with_for_update(skip_locked=True)
    ).all()
    if not rows:
        return 0, 0
    changes = []
    for row in rows:
        deadlines = Deadlines.stored(row.next_expected_ping, row.down_at, row.run_down_at)
        decision = decide(Status(row.status), Event.TIME_PASSED, deadlines, now)
        facts = (
            heartbeat_facts(row, decision.status, now, note=decision.note) if decision.alert else {}
        )
        changes.append(Transition(row.id, Status(row.status), decision, facts))
    by_status = {
        status: [change.monitor_id for change in changes if change.decision.status is status]
        for status in (Status.LATE, Status.DOWN)
    }
    _move_on(session, by_status[Status.LATE], overdue_at=_LAST_MOMENT)
    _move_on(
        session,
        by_status[Status.DOWN],
        overdue_at=None,
        missed_pings=_heartbeats.c.missed_pings + 1,
    )
    applied = transitions.apply(session, changes, now)
    return len(rows), applied.deliveries


def _move_on(session: Session, ids: list[int], **values: Any) -> None:
    """Set what the audit must look at next, for those that have just become late or down."""
    if ids:
        session.execute(sa.update(_heartbeats).where(among(_heartbeats.c.id, ids)).values(**values))


def _statistics(alerts: int) -> AuditStatistics:
    by_status = counts.by_status("heartbeat")
    return AuditStatistics(
        total_checked=sum(by_status.values()) - by_status[Status.PAUSED],
        up=by_status[Status.UP],
        late=by_status[Status.LATE],
        down=by_status[Status.DOWN],
        new=by_status[Status.NEW],
        alerts_sent=alerts,
    )
