"""The only writer of `Monitor.status`: compare-and-swap, then the history, then the outbox.

All three are written in the caller's transaction: a status that changed without its alert, or an
alert without its change, cannot be stored.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.status import Decision, Status
from sentinelweb.models import (
    Delivery,
    DeliveryState,
    Monitor,
    StatusChange,
    monitor_channels,
)
from sentinelweb.services import counts
from sentinelweb.services.counts import CountKey


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
    changing = [item for item in transitions if item.decision.status is not item.previous]
    won, shifts = _swap(session, changing, now)
    changed = [item for item in changing if item.monitor_id in won]
    if not changed:
        return Applied(frozenset(), 0)
    session.execute(
        sa.insert(StatusChange),
        [
            {
                "monitor_id": item.monitor_id,
                "prev_status": item.previous,
                "new_status": item.decision.status,
                "note": item.decision.note,
                "created_at": now,
            }
            for item in changed
        ],
    )
    deliveries = _promise(session, [item for item in changed if item.decision.alert], now)
    counts.shift(session, shifts)
    return Applied(frozenset(won), deliveries)


def _swap(
    session: Session, changing: Sequence[Transition], now: datetime
) -> tuple[set[int], Counter[CountKey]]:
    """Swap the statuses; return the ids that were swapped, and what that changes in the counts."""
    groups: dict[tuple[Status, Status], list[int]] = defaultdict(list)
    for item in changing:
        groups[item.previous, item.decision.status].append(item.monitor_id)
    won: set[int] = set()
    shifts: Counter[CountKey] = Counter()
    for (previous, status), ids in groups.items():
        swapped = session.execute(
            sa.update(Monitor.__table__)
            .where(Monitor.id.in_(ids), Monitor.status == previous)
            .values(
                status=status,
                status_since=now,
                is_active=status is not Status.PAUSED,
                updated_at=now,
            )
            .returning(Monitor.id, Monitor.team_id, Monitor.kind)
        )
        for monitor_id, team_id, kind in swapped:
            won.add(monitor_id)
            shifts[CountKey(team_id, kind, previous)] -= 1
            shifts[CountKey(team_id, kind, status)] += 1
    return won, shifts


def _promise(session: Session, alerting: Sequence[Transition], now: datetime) -> int:
    """Write a Delivery for each channel of each monitor that has something to tell."""
    if not alerting:
        return 0
    by_id = {item.monitor_id: item for item in alerting}
    pairs = session.execute(
        sa.select(monitor_channels.c.monitor_id, monitor_channels.c.channel_id)
        .where(monitor_channels.c.monitor_id.in_(by_id))
        .order_by(monitor_channels.c.monitor_id)
    )
    rows = [
        delivery_row(channel_id, str(item.decision.alert), item.facts, now, monitor_id=monitor_id)
        for monitor_id, channel_id in pairs
        for item in (by_id[monitor_id],)
    ]
    if rows:
        session.execute(sa.insert(Delivery), rows)
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
        "uid": str(uuid.uuid4()),
        "channel_id": channel_id,
        "monitor_id": monitor_id,
        "event": event,
        "facts": facts,
        "state": DeliveryState.PENDING,
        "created_at": now,
        "due_at": now,
    }
