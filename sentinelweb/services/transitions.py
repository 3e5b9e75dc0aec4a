"""The only writer of `Monitor.status`: compare-and-swap, then the history, then the outbox.

All three are written in the caller's transaction: a status that changed without its alert, or an
alert without its change, cannot be stored.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb import clock
from sentinelweb.core.status import Decision, Status
from sentinelweb.core.uids import CHANCE_BITS, time_ordered_uuid
from sentinelweb.db import among
from sentinelweb.models import (
    Delivery,
    DeliveryState,
    Monitor,
    StatusChange,
    monitor_channels,
)
from sentinelweb.services import counts
from sentinelweb.services.counts import CountKey

OVERTAKEN = timedelta(minutes=1)  # longer no ping waits for the database

_monitors = Monitor.__table__
_history = StatusChange.__table__


@dataclass(frozen=True, slots=True)
class Transition:
    """A decision for one monitor whose status was `previous` when it was made.

    `facts` is what an alert about it says (see services/facts.py); unused without an alert.
    """

    monitor_id: int
    previous: Status
    decision: Decision
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """The monitors whose status changed, and how many alerts were put into the outbox."""

    monitor_ids: frozenset[int]
    deliveries: int


def apply(session: Session, transitions: Iterable[Transition], now: datetime) -> Applied:
    """Carry out those transitions whose monitor still has its `previous` status.

    Of two workers with the same decision one wins the swap, and only the winner writes history and
    deliveries: that is what makes an alert single.
    """
    groups: dict[tuple[Status, Status, str], dict[int, Transition]] = defaultdict(dict)
    for item in transitions:
        if item.decision.status is not item.previous:
            key = item.previous, item.decision.status, item.decision.note
            groups[key][item.monitor_id] = item
    won: dict[int, Transition] = {}
    shifts: Counter[CountKey] = Counter()
    for (previous, status, note), items in groups.items():
        swapped = _swap(session, items.keys(), previous, status, now)
        _remember(session, [monitor_id for monitor_id, *_ in swapped], previous, status, note)
        for monitor_id, team_id, kind in swapped:
            won[monitor_id] = items[monitor_id]
            shifts[CountKey(team_id, kind, previous)] -= 1
            shifts[CountKey(team_id, kind, status)] += 1
    deliveries = _promise(session, [item for item in won.values() if item.decision.alert], now)
    counts.shift(session, shifts)
    return Applied(frozenset(won), deliveries)


def _swap(
    session: Session, ids: Collection[int], previous: Status, status: Status, now: datetime
) -> list[tuple[int, int, str]]:
    """Swap the status of those monitors that still have `previous`; return id, team and kind.

    A ping that waited for the database may be older than what the audit found meanwhile: no change
    is dated before the one that it follows. A clock that was set back by more is believed.
    """
    since = _monitors.c.status_since
    swapped = session.execute(
        sa.update(_monitors)
        .where(among(_monitors.c.id, ids), _monitors.c.status == previous)
        .values(
            status=status,
            status_since=sa.case((since.between(now, now + OVERTAKEN), since), else_=now),
            is_active=status is not Status.PAUSED,
            updated_at=now,
        )
        .returning(_monitors.c.id, _monitors.c.team_id, _monitors.c.kind)
    )
    return [(row.id, row.team_id, row.kind) for row in swapped]


def _remember(
    session: Session, ids: list[int], previous: Status, status: Status, note: str
) -> None:
    """Write a StatusChange for each of `ids`, all by one statement: an audit may have thousands."""
    values = {"prev_status": previous, "new_status": status, "note": note}
    session.execute(
        sa.insert(_history).from_select(
            ["monitor_id", "created_at", *values],
            sa.select(
                _monitors.c.id,
                _monitors.c.status_since,
                *(sa.literal(value, _history.c[name].type) for name, value in values.items()),
            ).where(among(_monitors.c.id, ids)),
        )
    )


def _promise(session: Session, alerting: Sequence[Transition], now: datetime) -> int:
    """Write a Delivery for each channel of each monitor that has something to tell."""
    if not alerting:
        return 0
    by_id = {item.monitor_id: item for item in alerting}
    pairs = session.execute(
        sa.select(monitor_channels.c.monitor_id, monitor_channels.c.channel_id)
        .where(among(monitor_channels.c.monitor_id, by_id))
        .order_by(monitor_channels.c.monitor_id)
    )
    rows = [
        delivery_row(channel_id, str(item.decision.alert), item.facts, now, monitor_id=monitor_id)
        for monitor_id, channel_id in pairs
        for item in (by_id[monitor_id],)
    ]
    if rows:
        session.connection().execute(sa.insert(Delivery.__table__), rows)
    return len(rows)


def delivery_row(
    channel_id: int,
    event: str,
    facts: dict[str, Any],
    now: datetime,
    *,
    monitor_id: int | None,
) -> dict[str, Any]:
    """The values of a Delivery that is due at once."""
    return {
        "uid": str(time_ordered_uuid(clock.now(), secrets.randbits(CHANCE_BITS))),
        "channel_id": channel_id,
        "monitor_id": monitor_id,
        "event": event,
        "facts": facts,
        "state": DeliveryState.PENDING,
        "created_at": now,
        "due_at": now,
    }
