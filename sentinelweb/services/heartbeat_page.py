"""Everything that the page of one heartbeat shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from sentinelweb import clock
from sentinelweb.core.fingerprint import fingerprint
from sentinelweb.core.schedule import CronSchedule
from sentinelweb.core.uptime import Bucket, share_up
from sentinelweb.models import HeartbeatCheck
from sentinelweb.services import run_history, timeline, uptime
from sentinelweb.services.run_history import RunHistory
from sentinelweb.services.timeline import Position, Rank, Timeline

BAR_DAYS = 30
UPCOMING = 3


@dataclass(frozen=True, slots=True)
class HeartbeatPage:
    """`share` is the uptime of the `days`, 0 to 1; `upcoming` is empty for one with a period."""

    heartbeat: HeartbeatCheck
    run_began_at: datetime | None
    upcoming: Sequence[datetime]
    days: Sequence[Bucket]
    share: float | None
    runs: RunHistory | None
    timeline: Timeline


def build(
    heartbeat: HeartbeatCheck, *, before: Position | None, with_pings: bool, timezone: str
) -> HeartbeatPage:
    """The page for a reader whose days are those of `timezone`."""
    now = clock.now()
    schedule = heartbeat.schedule
    days = uptime.daily(heartbeat, now, days=BAR_DAYS, timezone=timezone)
    return HeartbeatPage(
        heartbeat,
        min(map(datetime.fromisoformat, heartbeat.runs.values())) if heartbeat.runs else None,
        schedule.upcoming(now, UPCOMING) if isinstance(schedule, CronSchedule) else [],
        days,
        share_up(days),
        run_history.latest(heartbeat.id),
        timeline.of_monitor(
            heartbeat.id,
            before=before,
            ranks=[rank for rank in Rank if with_pings or rank is not Rank.PING],
        ),
    )


def state(heartbeat: HeartbeatCheck) -> str:
    """A text that changes when anything on the page does. Cheap: asked every few seconds."""
    columns = sa.inspect(HeartbeatCheck).column_attrs
    return fingerprint(
        *(getattr(heartbeat, column.key) for column in columns), timeline.latest_ids(heartbeat.id)
    )
