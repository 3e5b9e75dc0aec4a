"""What the parts of the history share: the moment, the chances, and where rows wait for their turn.

Chances come from one seed, so that two demos made at the same moment are alike.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb.core.folding import fold
from sentinelweb.core.uids import CHANCE_BITS, time_ordered_uuid
from sentinelweb.models import (
    Channel,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Monitor,
    StatusChange,
    monitor_channels,
)

HISTORY = timedelta(days=30)
REFUSED = "The receiver answered with status 502."


@dataclass
class Scene:
    """A demo in the making, as things are at `now`.

    Changes and messages of all monitors are written at the end, in the order of their time: ids
    grow with time everywhere. `cycles` are those of each host, with the ids, by its id.
    """

    session: Session
    now: datetime
    team_id: int
    channels: list[Channel]
    mock_url: str
    chances: random.Random = field(default_factory=lambda: random.Random(4))  # noqa: S311 - no secret
    cycles: dict[int | None, list[tuple[datetime, str]]] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    messages: list[tuple[datetime, int, str, dict[str, Any]]] = field(default_factory=list)

    @property
    def began_at(self) -> datetime:
        return self.now - HISTORY

    def slug(self) -> str:
        return f"{self.chances.getrandbits(128):032x}"

    def uuid(self, at: datetime) -> str:
        return str(time_ordered_uuid(at, self.chances.getrandbits(CHANCE_BITS)))

    def add(self, monitor: Monitor) -> None:
        """Store a monitor that all channels are told of."""
        monitor.team_id = self.team_id
        monitor.slug = self.slug()
        monitor.created_at = monitor.updated_at = monitor.status_since = self.began_at
        monitor.search_text = fold(monitor.name)
        self.session.add(monitor)
        self.session.flush()
        self.session.execute(
            sa.insert(monitor_channels),
            [{"monitor_id": monitor.id, "channel_id": channel.id} for channel in self.channels],
        )

    def change(self, monitor: Monitor, status: str, at: datetime, note: str) -> None:
        """Record that the status changes at `at`, which is after every change before it."""
        self.changes.append(
            {
                "monitor_id": monitor.id,
                "prev_status": monitor.status,
                "new_status": status,
                "note": note,
                "created_at": at,
            }
        )
        monitor.status, monitor.status_since = status, at
        monitor.is_active = status != "paused"

    def tell(self, monitor: Monitor, event: str, at: datetime, facts: dict[str, Any]) -> None:
        """Record that the channels were told."""
        self.messages.append((at, monitor.id, event, facts))

    def write(self) -> None:
        """Store what has waited for its turn."""
        self.changes.sort(key=lambda row: row["created_at"])
        if self.changes:
            self.session.execute(sa.insert(StatusChange), self.changes)
        self.messages.sort(key=lambda message: message[:3])
        for at, monitor_id, event, facts in self.messages:
            self.session.add_all(
                self._delivery(channel, at, monitor_id, event, facts) for channel in self.channels
            )
            self.session.flush()

    def _delivery(
        self, channel: Channel, at: datetime, monitor_id: int, event: str, facts: dict[str, Any]
    ) -> Delivery:
        """One message that arrived, now and then at a second try, and seldom not at all."""
        luck = self.chances.random()
        tries = 1 if luck < 0.9 else 2 if luck < 0.97 else 3
        attempts = [
            DeliveryAttempt(
                created_at=at + timedelta(seconds=1 + 15 * number**2),
                duration_ms=self.chances.randint(40, 400),
                error=REFUSED if number + 1 < tries or tries == 3 else "",
            )
            for number in range(tries)
        ]
        return Delivery(
            uid=self.uuid(at),
            channel_id=channel.id,
            monitor_id=monitor_id,
            event=event,
            facts=facts,
            state=DeliveryState.FAILED if tries == 3 else DeliveryState.SENT,
            attempt_count=tries,
            created_at=at,
            finished_at=attempts[-1].created_at + timedelta(milliseconds=200),
            attempts=attempts,
        )
