"""Many alerts at once: what goes as a message of its own, what in a digest, what is flapping.

Judged when a channel's deliveries are taken, from the outbox and the history alone:

- Up to ALERTS_PER_MINUTE alerts a minute go one by one. What is beyond goes as one digest, at once
  or at most DIGEST_EVERY later.
- A monitor that went down or up more than FLAPPING_CHANGES times within FLAPPING_WINDOW is
  announced as flapping: the alert at hand becomes that announcement, and a `calm` delivery is
  promised. While that promise is open the monitor's further alerts are merged into it. It comes due
  again and again until the monitor was quiet for the whole window, and then tells how things are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import Settings
from sentinelweb.core.status import Alert, Status
from sentinelweb.models import Delivery, DeliveryState, Monitor, StatusChange
from sentinelweb.services.parcels import Parcel, QueuedDelivery
from sentinelweb.services.transitions import delivery_row

FLAPPING = "flapping"
CALM = "calm"

MINUTE = timedelta(minutes=1)
DIGEST_EVERY = timedelta(seconds=10)
FLAPPING_WINDOW = timedelta(minutes=15)
SINGLES = 50  # in one batch, where no limit is set

_ALERTS = {Alert.DOWN.value, Alert.UP.value}
# Facts of the alert at which the flapping began; when it is over they are no longer true.
_PASSING = {"note", "result", "latency_ms", "status_code", "failures", "late_by", "down_for"}
_deliveries = Delivery.__table__
_history = StatusChange.__table__

Queues = Mapping[int, Sequence[QueuedDelivery]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send to a channel now; or nothing, but to look again at `wait_until`."""

    parcels: Sequence[Parcel] = ()
    wait_until: datetime | None = None


def plan(session: Session, queues: Queues, now: datetime, settings: Settings) -> dict[int, Plan]:
    """What to do with the due deliveries of each channel.

    Finishes the deliveries that are merged, and puts off those that come too early.
    """
    queues = _without_flapping(session, queues, now, settings.flapping_changes)
    if not settings.alerts_per_minute:
        return {channel: Plan(_singles(queue[:SINGLES])) for channel, queue in queues.items()}
    recent = _recent_messages(session, queues, now)
    return {
        channel: _pace(queue, recent[channel], now, settings.alerts_per_minute)
        for channel, queue in queues.items()
    }


# Digests


def _pace(
    queue: Sequence[QueuedDelivery], recent: Mapping[datetime, int], now: datetime, limit: int
) -> Plan:
    """`recent` are the messages of the last minute: when each was sent, and for how many alerts."""
    tests = [item for item in queue if item.event == "test"]
    alerts = [item for item in queue if item.event != "test"]
    if len(recent) + len(alerts) <= limit:
        return Plan(_singles(queue))
    # A burst goes as a digest at once. Only then, or when the minute's share is used up, must the
    # next wait.
    last = max(
        (at for at, count in recent.items() if count > 1 or len(recent) >= limit), default=None
    )
    if last is None or now - last >= DIGEST_EVERY:
        return Plan([*_singles(tests), Parcel(tuple(alerts))])
    if tests:  # somebody waits for it
        return Plan(_singles(tests))
    return Plan(wait_until=last + DIGEST_EVERY)


def _singles(queue: Sequence[QueuedDelivery]) -> list[Parcel]:
    return [Parcel((item,)) for item in queue]


def _recent_messages(
    session: Session, channel_ids: Queues, now: datetime
) -> dict[int, dict[datetime, int]]:
    """The last minute's messages by channel. The alerts of a digest share one `finished_at`."""
    rows = session.execute(
        sa.select(_deliveries.c.channel_id, _deliveries.c.finished_at, sa.func.count())
        .where(
            _deliveries.c.channel_id.in_(list(channel_ids)),
            # For the index: what is older waited so long that the minute hardly matters.
            _deliveries.c.created_at > now - 60 * MINUTE,
            # After `now`: the clock was set back, and when that was nobody knows.
            _deliveries.c.finished_at.between(now - MINUTE, now),
            _deliveries.c.state == DeliveryState.SENT,
        )
        .group_by(_deliveries.c.channel_id, _deliveries.c.finished_at)
    )
    recent: dict[int, dict[datetime, int]] = defaultdict(dict)
    for channel_id, finished_at, count in rows:
        recent[channel_id][finished_at] = count
    return recent


# Flapping


def _without_flapping(session: Session, queues: Queues, now: datetime, limit: int) -> Queues:
    """The queues without the alerts of monitors whose flapping is or was announced.

    With a `limit` of 0 nothing is flapping any more, but what was announced is still ended.
    """
    changes = _changes(session, queues)
    open_promises = _open_promises(session, queues)
    merged: list[int] = []
    promised: list[dict[str, Any]] = []
    kept: dict[int, list[QueuedDelivery]] = {}
    for channel_id, queue in queues.items():
        kept[channel_id] = []
        for item in queue:
            monitor_id = item.monitor_id
            key = (channel_id, monitor_id)
            times = changes.get(monitor_id, []) if monitor_id else []
            if item.event == CALM:
                _keep_promise(session, item, times, now, kept[channel_id], merged)
            elif item.event not in _ALERTS or monitor_id is None:
                kept[channel_id].append(item)
            elif key in open_promises:
                merged.append(item.id)
            elif limit and (count := _count(times, item.created_at)) > limit:
                facts = {
                    **item.facts,
                    "changes": count,
                    "window": int(FLAPPING_WINDOW.total_seconds()),
                }
                kept[channel_id].append(_rewrite(session, item, FLAPPING, facts))
                open_promises.add(key)
                promised.append(
                    delivery_row(channel_id, CALM, facts, now, monitor_id=monitor_id)
                    | {"due_at": now + FLAPPING_WINDOW}
                )
            else:
                kept[channel_id].append(item)
    if merged:
        session.execute(
            sa.update(_deliveries)
            .where(_deliveries.c.id.in_(merged))
            .values(state=DeliveryState.MERGED, due_at=None, finished_at=now)
        )
    if promised:
        session.execute(sa.insert(_deliveries), promised)
    return {channel_id: queue for channel_id, queue in kept.items() if queue}


def _keep_promise(
    session: Session,
    item: QueuedDelivery,
    changes: Sequence[datetime],
    now: datetime,
    kept: list[QueuedDelivery],
    merged: list[int],
) -> None:
    """Say that a monitor is calm, if it is; else put the promise off until it may be."""
    quiet_at = changes[-1] + FLAPPING_WINDOW if changes else now
    if quiet_at > now:
        session.execute(
            sa.update(_deliveries).where(_deliveries.c.id == item.id).values(due_at=quiet_at)
        )
        return
    monitor = session.execute(
        sa.select(Monitor.name, Monitor.description, Monitor.status, Monitor.status_since).where(
            Monitor.id == item.monitor_id
        )
    ).one_or_none()
    if monitor is None:  # deleted meanwhile
        merged.append(item.id)
        return
    facts = {
        **{name: value for name, value in item.facts.items() if name not in _PASSING},
        "name": monitor.name,
        "description": monitor.description,
        "previous": item.facts["status"],
        "status": monitor.status,
        "occurred_at": monitor.status_since.isoformat(),
    }
    kept.append(_rewrite(session, item, CALM, facts))


def _rewrite(
    session: Session, item: QueuedDelivery, event: str, facts: dict[str, Any]
) -> QueuedDelivery:
    session.execute(
        sa.update(_deliveries).where(_deliveries.c.id == item.id).values(event=event, facts=facts)
    )
    return item._replace(event=event, facts=facts)


def _changes(session: Session, queues: Queues) -> dict[int, list[datetime]]:
    """When each monitor went down, or up again: the changes that people are told of."""
    items = [item for queue in queues.values() for item in queue if item.monitor_id]
    if not items:
        return {}
    down = Status.DOWN.value
    rows = session.execute(
        sa.select(_history.c.monitor_id, _history.c.created_at)
        .where(
            _history.c.monitor_id.in_({item.monitor_id for item in items}),
            _history.c.created_at > min(item.created_at for item in items) - FLAPPING_WINDOW,
            sa.or_(
                _history.c.new_status == down,
                sa.and_(
                    _history.c.prev_status == down, _history.c.new_status != Status.PAUSED.value
                ),
            ),
        )
        .order_by(_history.c.created_at)
    )
    changes: dict[int, list[datetime]] = defaultdict(list)
    for monitor_id, created_at in rows:
        changes[monitor_id].append(created_at)
    return changes


def _count(changes: Sequence[datetime], at: datetime) -> int:
    """How many of `changes` lie in the window that ends at `at`."""
    return bisect_right(changes, at) - bisect_left(changes, at - FLAPPING_WINDOW)


def _open_promises(session: Session, queues: Queues) -> set[tuple[int, int | None]]:
    """The channels and monitors for which a "calm again" is still to come."""
    rows = session.execute(
        sa.select(_deliveries.c.channel_id, _deliveries.c.monitor_id).where(
            _deliveries.c.channel_id.in_(list(queues)),
            _deliveries.c.due_at.is_not(None),
            _deliveries.c.event == CALM,
        )
    )
    return {(channel_id, monitor_id) for channel_id, monitor_id in rows}
