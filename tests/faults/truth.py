"""What must be true of the database, whatever has happened."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from sentinelweb.db import db
from sentinelweb.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    HeartbeatCheck,
    Monitor,
    MonitorCount,
    Ping,
    StatusChange,
)
from tests.faults.clients import Clients
from tests.support.receiver import Call


def check_pings(clients: Clients, *, exactly_once: bool = True) -> None:
    """Whatever was acknowledged is stored, and whatever is stored was counted.

    A COMMIT of which the answer was lost is tried again, so that PostgreSQL may store a ping twice.
    """
    db.session.rollback()
    stored = Counter(db.session.scalars(sa.select(Ping.user_agent)))
    lost = clients.acknowledged - stored.keys()
    assert not lost, f"{len(lost)} of {len(clients.acknowledged)} acknowledged pings are not stored"
    if exactly_once:
        twice = [token for token in clients.sent if stored[token] > 1]
        assert not twice, f"{len(twice)} pings are stored twice"
    check_counters()


def check_counters() -> None:
    """The counters of heartbeats and of statuses are what they count."""
    db.session.rollback()
    pings = dict(
        db.session.execute(
            sa.select(Ping.monitor_id, sa.func.count())
            .where(Ping.counted)
            .group_by(Ping.monitor_id)
        ).all()
    )
    heartbeats = db.session.scalars(sa.select(HeartbeatCheck)).all()
    assert {item.id: item.total_pings for item in heartbeats if item.total_pings} == pings
    counted: dict[str, int] = defaultdict(int)
    for status, count in db.session.execute(sa.select(MonitorCount.status, MonitorCount.count)):
        counted[status] += count
    statuses = Counter(db.session.scalars(sa.select(Monitor.status)))
    assert {status: count for status, count in counted.items() if count} == statuses


def unfinished() -> int:
    """How many deliveries are still to be sent, or to be recorded as sent."""
    db.session.remove()
    return db.session.scalar(sa.select(sa.func.count()).where(Delivery.due_at.is_not(None))) or 0


def check_alerts(calls: Sequence[Call]) -> None:
    """Every change is told, once or with the same id again, and in its order.

    `calls` are what the receiver got, at a path of its own for each channel: `/<channel id>`.
    """
    db.session.rollback()
    told = _told(calls)
    promised: dict[tuple[int, int | None], list[Delivery]] = defaultdict(list)
    for delivery in db.session.scalars(sa.select(Delivery).order_by(Delivery.id)):
        promised[delivery.channel_id, delivery.monitor_id].append(delivery)
    for heartbeat in db.session.scalars(sa.select(HeartbeatCheck)).all():
        alerts = _alerts_of_history(heartbeat)
        assert heartbeat.missed_pings == alerts.count("down"), heartbeat.name
        for channel in heartbeat.channels:
            deliveries = promised.pop((channel.id, heartbeat.id), [])
            assert [item.event for item in deliveries] == alerts, f"{heartbeat.name}: {alerts}"
            assert {item.state for item in deliveries} <= {DeliveryState.SENT}
            uids = {item.uid for item in deliveries}
            first_told = [uid for uid in told[channel.id] if uid in uids]
            assert first_told == [item.uid for item in deliveries], f"{heartbeat.name}: order"
    assert not promised, "deliveries without a change"
    _check_tries(told)


def _alerts_of_history(heartbeat: HeartbeatCheck) -> list[str]:
    """The alerts that its history calls for, after a look at whether that is whole."""
    changes = db.session.scalars(
        sa.select(StatusChange)
        .where(StatusChange.monitor_id == heartbeat.id)
        .order_by(StatusChange.id)
    ).all()
    for before, after in pairwise(changes):
        assert before.new_status == after.prev_status, heartbeat.name
        assert before.created_at <= after.created_at, heartbeat.name
    if changes:
        assert changes[-1].new_status == heartbeat.status
    return [
        "down" if change.new_status == "down" else "up"
        for change in changes
        if "down" in (change.new_status, change.prev_status)
    ]


def _told(calls: Sequence[Call]) -> dict[int, dict[str, Any]]:
    """By channel: what was told under each id, in the order in which it was first heard."""
    told: dict[int, dict[str, Any]] = defaultdict(dict)
    for call in calls:
        assert call.headers["Idempotency-Key"] == call.json["id"]
        heard = told[int(call.path.removeprefix("/"))]
        for message in [call.json, *call.json.get("events", [])]:
            facts = {name: message.get(name) for name in ("event", "occurred_at", "monitor")}
            assert heard.setdefault(message["id"], facts) == facts, "a repeat tells something else"
    return told


def _check_tries(told: dict[int, dict[str, Any]]) -> None:
    """Each delivery was accepted once, as far as we know: what is repeated was not recorded."""
    accepted = Counter(
        db.session.scalars(
            sa.select(DeliveryAttempt.delivery_id).where(DeliveryAttempt.error == "")
        )
    )
    assert set(accepted.values()) <= {1}
    known = set(db.session.scalars(sa.select(Delivery.uid)))
    heard = {
        uid
        for messages in told.values()
        for uid, facts in messages.items()
        if facts["event"] != "digest"
    }
    assert heard == known
