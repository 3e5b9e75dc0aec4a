"""The outbox's rows: which are taken, and what is recorded of each try.

The channel is the unit of order: the first unfinished delivery of a channel stands for its queue.
While that one is leased or backing off nobody takes a later one, so that "down" comes before "up"
and a receiver that hangs delays nobody else. What was due behind it is given the same `due_at`
(it is parked), which keeps `next_due()` one read of an index.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb import i18n
from sentinelweb.core.status import Status
from sentinelweb.models import (
    Channel,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    HeartbeatCheck,
    Monitor,
)
from sentinelweb.notifiers.base import PermanentError, RetryLaterError, TransientError
from sentinelweb.services import storms
from sentinelweb.services.parcels import (
    Batch,
    Destination,
    End,
    QueuedDelivery,
    Report,
    Result,
)

QUEUE = 500  # deliveries of a channel that are looked at together
# Who works on deliveries renews their lease. One who was killed gives them back when it ends; after
# a database that was away for longer another worker may send the same again.
LEASE = timedelta(seconds=20)
RENEW_AFTER = timedelta(seconds=5)

BACKOFF = (timedelta(seconds=15), timedelta(minutes=2))
MAX_ATTEMPTS = len(BACKOFF) + 1
MAX_WAIT = timedelta(hours=24)  # for a receiver that says again and again that it is busy

log = structlog.get_logger(__name__)

_channels = Channel.__table__
_deliveries = Delivery.__table__

_RECORD = (
    sa.update(_deliveries)
    .where(_deliveries.c.id == sa.bindparam("key"))
    .values(
        {name: sa.bindparam(name) for name in ("state", "attempt_count", "due_at", "finished_at")}
    )
)


@dataclass(slots=True)
class Statistics:
    """What became of deliveries that were tried."""

    sent: int = 0
    failed: int = 0
    postponed: int = 0

    def add(self, other: Statistics) -> None:
        self.sent += other.sent
        self.failed += other.failed
        self.postponed += other.postponed

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def lease(session: Session, room: int, now: datetime, settings: Settings) -> list[Batch]:
    """Take the due deliveries of up to `room` channels that nobody else works on."""
    destinations = _lock(session, _due_channels(session, room, now))
    ready: dict[int, list[QueuedDelivery]] = {}
    for channel_id, queue in _queues(session, destinations, now).items():
        if queue[0].due_at > now:
            _park(session, [channel_id], now, until=queue[0].due_at)
        else:
            ready[channel_id] = list(takewhile(lambda item: item.due_at <= now, queue))
    until, batches = now + LEASE, []
    for channel_id, plan in storms.plan(session, ready, now, settings).items():
        if plan.wait_until:
            _park(session, [channel_id], now, until=plan.wait_until)
            continue
        destination = destinations[channel_id]
        reader = i18n.Reader(
            destination.locale or i18n.DEFAULT_LOCALE, destination.timezone or settings.tz
        )
        batches.append(Batch(destination, plan.parcels, reader, until, time.monotonic()))
    _park(session, [batch.destination.id for batch in batches], now, until=until)
    return batches


def _due_channels(session: Session, room: int, now: datetime) -> list[int]:
    """Up to `room` channels with due deliveries, those that have waited longest first."""
    rows = session.scalars(
        sa.select(_deliveries.c.channel_id)
        .where(_deliveries.c.due_at <= now)
        .order_by(_deliveries.c.due_at, _deliveries.c.id)
        # Many of one channel hide others for this turn only: they are taken or parked.
        .limit(QUEUE)
    )
    return list(dict.fromkeys(rows))[:room]


def _lock(
    session: Session, channel_ids: Iterable[int], *, wait: bool = False
) -> dict[int, Destination]:
    """Lock the queues of these channels until the commit; skip those in other hands, or wait.

    The channel's row is the lock of its queue. NO KEY UPDATE does not hold up those who promise new
    deliveries, yet keeps the channel from being deleted.
    """
    query = (
        sa.select(*(_channels.c[name] for name in Destination._fields))
        .where(_channels.c.id.in_(list(channel_ids)))
        .order_by(_channels.c.id)
        .with_for_update(key_share=True, skip_locked=not wait)
    )
    return {row.id: Destination(*row) for row in session.execute(query)}


def _queues(
    session: Session, channel_ids: Iterable[int], now: datetime
) -> dict[int, list[QueuedDelivery]]:
    """The head of each channel's queue: what is unfinished, the oldest first."""
    place = sa.func.row_number().over(
        partition_by=_deliveries.c.channel_id, order_by=_deliveries.c.id
    )
    unfinished = (
        sa.select(_deliveries.c.id, place.label("place"))
        .where(
            _deliveries.c.channel_id.in_(list(channel_ids)),
            _deliveries.c.due_at.is_not(None),
            # That a monitor is calm again is said later, and holds nothing up until then.
            sa.or_(_deliveries.c.event != storms.CALM, _deliveries.c.due_at <= now),
        )
        .subquery()
    )
    rows = session.execute(
        sa.select(*(_deliveries.c[name] for name in QueuedDelivery._fields))
        .join(unfinished, unfinished.c.id == _deliveries.c.id)
        .where(unfinished.c.place <= QUEUE)
        .order_by(_deliveries.c.id)
    )
    queues: dict[int, list[QueuedDelivery]] = {}
    for row in rows:
        queues.setdefault(row.channel_id, []).append(QueuedDelivery(*row))
    return queues


def _park(session: Session, channel_ids: Sequence[int], now: datetime, *, until: datetime) -> None:
    """Let nothing in the queues of these channels be due before `until`."""
    session.execute(
        sa.update(_deliveries)
        .where(_deliveries.c.channel_id.in_(channel_ids), _deliveries.c.due_at <= now)
        .values(due_at=until)
    )


def shorten_waits(session: Session, now: datetime) -> int:
    """Let no delivery wait for longer than a lease. Return how many would have.

    Who sends one just now still has that time. That a monitor is calm again may wait.
    """
    shortened = session.scalars(
        sa.update(_deliveries)
        .where(_deliveries.c.due_at > now + LEASE, _deliveries.c.event != storms.CALM)
        .values(due_at=now + LEASE)
        .returning(_deliveries.c.id)
    )
    return len(shortened.all())


def record(session: Session, reports: Sequence[Report], now: datetime) -> Statistics:
    """Store what became of each parcel, and let the queues of ended batches go on."""
    # A channel that was deleted meanwhile has taken its deliveries along.
    destinations = _lock(session, {item.batch.destination.id for item in reports}, wait=True)
    results = [
        item
        for item in reports
        if isinstance(item, Result) and item.batch.destination.id in destinations
    ]
    statistics = _record_tries(session, results)
    _record_channels(session, destinations, results)
    _resume(session, [item.batch for item in reports if isinstance(item, End)], now)
    return statistics


def _record_tries(session: Session, results: Sequence[Result]) -> Statistics:
    statistics = Statistics()
    rows = _unfinished(session, results)
    attempts, updates, announced = [], [], []
    for item in results:
        for delivery in item.parcel.deliveries:
            row = rows.get(delivery.id)
            if row is None:  # its lease ran out, and another worker has finished it
                continue
            attempts.append(
                {
                    "delivery_id": row.id,
                    "created_at": item.at,
                    "duration_ms": item.duration_ms,
                    "error": item.error.reason[:500] if item.error else "",
                }
            )
            update = _judge(session, row, item)
            updates.append(update)
            if item.error is None:
                statistics.sent += 1
                # "Calm again" tells the status of the moment when it is sent.
                of = item.at if delivery.event == storms.CALM else row.created_at
                announced.append({"key": row.monitor_id, "of": of, "at": item.ended_at})
            elif update["due_at"]:
                statistics.postponed += 1
            else:
                statistics.failed += 1
    if updates:
        connection = session.connection()
        connection.execute(sa.insert(DeliveryAttempt.__table__), attempts)
        connection.execute(_RECORD, updates)
        _note_announced(session, announced)
    return statistics


def _unfinished(session: Session, results: Sequence[Result]) -> dict[int, sa.Row[Any]]:
    ids = [delivery.id for item in results for delivery in item.parcel.deliveries]
    columns = (_deliveries.c[name] for name in ("id", "attempt_count", "monitor_id", "created_at"))
    query = sa.select(*columns).where(_deliveries.c.id.in_(ids), _deliveries.c.due_at.is_not(None))
    return {row.id: row for row in session.execute(query)}


def _judge(session: Session, row: sa.Row[Any], item: Result) -> dict[str, Any]:
    """The new values of a delivery; and, in its batch, when the queue may go on."""
    count, due_at, ended_at = row.attempt_count + 1, None, item.ended_at
    if isinstance(item.error, RetryLaterError):
        # The receiver is there and has asked for it, so that no try is used up.
        count = row.attempt_count
        give_up_at = (_first_try(session, row.id) or item.at) + MAX_WAIT
        if ended_at < give_up_at:
            wait = timedelta(seconds=min(max(1.0, item.error.seconds), MAX_WAIT.total_seconds()))
            due_at = min(ended_at + wait, give_up_at)
    elif isinstance(item.error, TransientError) and count < MAX_ATTEMPTS:
        due_at = ended_at + BACKOFF[count - 1]
    if due_at is not None:
        item.batch.resume_at = max(due_at, item.batch.resume_at or due_at)
        state = DeliveryState.PENDING
    else:
        state = DeliveryState.FAILED if item.error else DeliveryState.SENT
    return {
        "key": row.id,
        "state": state,
        "attempt_count": count,
        "due_at": due_at,
        "finished_at": None if due_at else ended_at,
    }


def _first_try(session: Session, delivery_id: int) -> datetime | None:
    return session.scalar(
        sa.select(sa.func.min(DeliveryAttempt.created_at)).where(
            DeliveryAttempt.delivery_id == delivery_id
        )
    )


def _note_announced(session: Session, announced: Iterable[dict[str, Any]]) -> None:
    """Note on heartbeats that are down that people know (seed 000's `alert_sent`).

    An alert of an earlier incident, sent late, says nothing about the present one.
    """
    # In the order of the ids, as pings and audits lock them.
    rows = sorted(
        (row for row in announced if row["key"] is not None),
        key=lambda row: (row["key"], row["of"]),
    )
    if not rows:
        return
    heartbeats, monitors = HeartbeatCheck.__table__, Monitor.__table__
    goes_on = sa.exists().where(
        monitors.c.id == heartbeats.c.id,
        monitors.c.status == Status.DOWN,
        monitors.c.status_since <= sa.bindparam("of", type_=monitors.c.status_since.type),
    )
    session.connection().execute(
        sa.update(heartbeats)
        .where(heartbeats.c.id == sa.bindparam("key"), goes_on)
        .values(alert_sent=True, alert_sent_at=sa.bindparam("at")),
        rows,
    )


def _record_channels(
    session: Session, destinations: Mapping[int, Destination], results: Iterable[Result]
) -> None:
    """What the tries told about the channels: which work, which are refused, what has moved."""
    faults: dict[int, dict[str, Any] | None] = {}
    for item in results:
        id_ = item.batch.destination.id
        if isinstance(item.error, PermanentError):
            faults[id_] = {"fault": item.error.reason[:500], "fault_at": item.at}
            log.warning("channel_refused", channel_id=id_, reason=item.error.reason)
        elif item.error is None:
            faults[id_] = None
        if item.changed:
            _change_settings(session, destinations[id_], item)
    for id_, fault in faults.items():
        if fault:
            session.execute(sa.update(_channels).where(_channels.c.id == id_).values(fault))
    working = [id_ for id_, fault in faults.items() if not fault]
    session.execute(
        sa.update(_channels)
        .where(_channels.c.id.in_(working), _channels.c.fault.is_not(None))
        .values(fault=None, fault_at=None)
    )


def _change_settings(session: Session, destination: Destination, item: Result) -> None:
    """Store what the receiver changed, unless somebody has edited the same meanwhile."""
    used = item.batch.destination.settings
    if all(destination.settings.get(name) == used.get(name) for name in item.changed):
        session.execute(
            sa.update(_channels)
            .where(_channels.c.id == destination.id)
            .values(settings={**destination.settings, **item.changed})
        )


def renew(session: Session, batches: Iterable[Batch], now: datetime) -> datetime:
    """Hold these batches, and what is parked behind them, for another lease. Return its end.

    It is theirs once that is committed.
    """
    until = now + LEASE
    _put_off(session, ((batch, until) for batch in batches))
    return until


def _resume(session: Session, batches: Iterable[Batch], now: datetime) -> None:
    """Free what is left of these batches and what was parked behind them."""
    _put_off(session, ((batch, batch.resume_at or now) for batch in batches))


def _put_off(session: Session, batches: Iterable[tuple[Batch, datetime]]) -> None:
    """Give another `due_at` to what is left of each batch and what was parked behind it.

    All of that has the end of its batch's lease as `due_at`.
    """
    groups: dict[tuple[datetime, datetime], list[int]] = defaultdict(list)
    for batch, until in batches:
        groups[batch.lease, until].append(batch.destination.id)
    for (lease_end, until), channel_ids in groups.items():
        session.execute(
            sa.update(_deliveries)
            .where(_deliveries.c.channel_id.in_(channel_ids), _deliveries.c.due_at == lease_end)
            .values(due_at=until)
        )
