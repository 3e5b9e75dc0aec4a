"""The hot path: signals from jobs, recorded in groups, acknowledged after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.schedule import CronSchedule, PeriodSchedule, Schedule
from sentinelweb.core.status import Event, Status, decide, overdue_at
from sentinelweb.db import writing
from sentinelweb.models import HeartbeatCheck, Monitor, Ping
from sentinelweb.services import transitions
from sentinelweb.services.facts import heartbeat_facts
from sentinelweb.services.transitions import Transition

_monitors = Monitor.__table__
_heartbeats = HeartbeatCheck.__table__


@dataclass(frozen=True, slots=True)
class Signal:
    """One ping as it arrived."""

    slug: str
    received_at: datetime
    method: str = "GET"
    remote_addr: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender is told."""

    name: str
    received_at: datetime


def record(signals: Sequence[Signal]) -> list[Receipt | None]:
    """Store `signals` in one transaction; return a receipt for each, None for an unknown slug."""
    with writing() as session:
        rows = _lock(session, {signal.slug for signal in signals})
        known = [signal for signal in signals if signal.slug in rows]
        if known:
            _store(session, known, rows)
    return [
        Receipt(rows[signal.slug].name, signal.received_at) if signal.slug in rows else None
        for signal in signals
    ]


def _lock(session: Session, slugs: set[str]) -> dict[str, sa.Row]:  # type: ignore[type-arg]
    """The heartbeats with these slugs. Locked in the order of their ids, so that groups cannot deadlock."""
    query = (
        sa.select(
            _monitors.c.id,
            _monitors.c.slug,
            _monitors.c.name,
            _monitors.c.description,
            _monitors.c.status,
            _monitors.c.status_since,
            _heartbeats.c.expected_period,
            _heartbeats.c.grace_period,
            _heartbeats.c.cron_expression,
            _heartbeats.c.cron_timezone,
            _heartbeats.c.last_ping,
            _heartbeats.c.next_expected_ping,
        )
        .join(_heartbeats, _heartbeats.c.id == _monitors.c.id)
        .where(_monitors.c.slug.in_(slugs))
        .order_by(_monitors.c.id)
        .with_for_update()
    )
    return {row.slug: row for row in session.execute(query)}


def _store(session: Session, signals: list[Signal], rows: dict[str, sa.Row]) -> None:  # type: ignore[type-arg]
    updates, changes = {}, {}
    for signal in signals:
        row = rows[signal.slug]
        status = Status(row.status)
        if status is Status.PAUSED:
            continue
        deadlines = _schedule(row).deadlines(signal.received_at)
        decision = decide(status, Event.PINGED, deadlines, signal.received_at)
        update = updates.setdefault(row.id, {"key": row.id, "count": 0})
        update.update(
            last_ping=signal.received_at,
            next_expected_ping=deadlines.late_at,
            down_at=deadlines.down_at,
            overdue_at=overdue_at(decision.status, deadlines),
        )
        update["count"] += 1
        facts = heartbeat_facts(row, decision.status, signal.received_at)
        changes.setdefault(row.id, Transition(row.id, status, decision, facts))
    session.execute(
        sa.insert(Ping),
        [
            {
                "monitor_id": rows[signal.slug].id,
                "created_at": signal.received_at,
                "counted": rows[signal.slug].status != Status.PAUSED,
                "method": signal.method[:10],
                "remote_addr": signal.remote_addr[:45],
                "user_agent": signal.user_agent[:200],
            }
            for signal in signals
        ],
    )
    if not updates:
        return
    session.connection().execute(
        sa.update(_heartbeats)
        .where(_heartbeats.c.id == sa.bindparam("key"))
        .values(
            last_ping=sa.bindparam("last_ping"),
            next_expected_ping=sa.bindparam("next_expected_ping"),
            down_at=sa.bindparam("down_at"),
            overdue_at=sa.bindparam("overdue_at"),
            total_pings=_heartbeats.c.total_pings + sa.bindparam("count"),
            alert_sent=sa.false(),
        ),
        list(updates.values()),
    )
    transitions.apply(session, changes.values(), signals[-1].received_at)


def _schedule(row: sa.Row) -> Schedule:  # type: ignore[type-arg]
    if row.cron_expression:
        return CronSchedule(row.cron_expression, row.cron_timezone or "UTC", row.grace_period)
    return PeriodSchedule(row.expected_period, row.grace_period)
