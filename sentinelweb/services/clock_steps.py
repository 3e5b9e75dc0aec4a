"""A clock that was set back: what waits for an instant must not wait for it twice.

A machine that starts with its clock an hour fast, and learns better from NTP, would otherwise look
at no service, try no alert again and miss no ping until that hour has passed once more. A leap
forward is an outage (outages.py).
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from sentinelweb.core import runs
from sentinelweb.core.schedule import ScheduleError
from sentinelweb.core.status import Status, overdue_at
from sentinelweb.db import among, db, writing
from sentinelweb.models import Component, HeartbeatCheck, Service
from sentinelweb.services import host_silence, leases, outbox, process_watch

# Clocks of several machines differ by less, and so little delays nothing that matters.
TOLERANCE = timedelta(seconds=5)
BATCH = 500
BATCHES = 10  # of heartbeats at a look: whoever looks has other things to do

log = structlog.get_logger(__name__)

_services = Service.__table__


class ClockWatch:
    """Compares the clock with one that is never set."""

    def __init__(self) -> None:
        self._began_at: datetime | None = None  # when `monotonic` was 0, by the last look
        self._counted_to: int | None = None  # heartbeats by id; None if none is to be counted anew

    def look(self, now: datetime, monotonic: float) -> None:
        """Begin anew what waits, if the clock was set back since the last look.

        At the first look that is since some part of SentinelWeb recorded itself. `monotonic` is in
        seconds. What fails is tried again at the next look, and that goes on with the heartbeats,
        of which there may be very many.
        """
        elapsed = timedelta(seconds=monotonic)
        if self._began_at:
            expected: datetime | None = self._began_at + elapsed
        else:
            expected = db.session.scalar(sa.select(sa.func.max(Component.seen_at)))
        if expected and expected - now > TOLERANCE:
            _begin_anew(now, expected - now)
            self._counted_to = 0
        self._began_at = now - elapsed
        for _ in range(BATCHES):
            if self._counted_to is not None:
                self._counted_to = _count_anew(now, self._counted_to)


def _begin_anew(now: datetime, step: timedelta) -> None:
    _date_checks_back(now)
    with writing() as session:
        deliveries = outbox.shorten_waits(session, now)
        host_silence.shorten_waits(session, now)
        process_watch.shorten_waits(session, now)
    services = leases.release_all(now)
    log.warning(
        "clock_set_back",
        seconds=round(step.total_seconds()),
        services=services,
        deliveries=deliveries,
    )


def _date_checks_back(now: datetime) -> None:
    """No result is taken that is older than the last (probing.py), as all new ones would be."""
    while True:
        with writing() as session:
            ids = session.scalars(
                sa.select(_services.c.id)
                .where(_services.c.last_check_at > now)
                .limit(BATCH)
                .with_for_update(key_share=True)
            ).all()
            session.execute(
                sa.update(_services).where(among(_services.c.id, ids)).values(last_check_at=now)
            )
        if len(ids) < BATCH:
            return


def _count_anew(now: datetime, last_id: int) -> int | None:
    """Expect the next heartbeats after `last_id` that were pinged in what is now the future as if
    it had been at `now`, which is never too early. Return the last of them, None at the end."""
    with writing() as session:
        heartbeats = _pinged_later(session, now, last_id)
        for heartbeat in heartbeats:
            _count_from(heartbeat, now)
    return heartbeats[-1].id if len(heartbeats) == BATCH else None


def _pinged_later(session: Session, now: datetime, last_id: int) -> list[HeartbeatCheck]:
    query = (
        sa.select(HeartbeatCheck)
        .where(
            HeartbeatCheck.id > last_id,
            HeartbeatCheck.overdue_at > now,
            sa.or_(HeartbeatCheck.last_ping > now, HeartbeatCheck.run_down_at.is_not(None)),
        )
        .order_by(HeartbeatCheck.id)
        .limit(BATCH)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def _count_from(heartbeat: HeartbeatCheck, now: datetime) -> None:
    if heartbeat.last_ping and heartbeat.last_ping > now:
        with contextlib.suppress(ScheduleError):  # then nothing else is known of it either
            deadlines = heartbeat.schedule.deadlines(now)
            heartbeat.next_expected_ping, heartbeat.down_at = deadlines.late_at, deadlines.down_at
    under_way = heartbeat.runs or {}
    if later := runs.begun_after(under_way, now):
        heartbeat.runs = {**under_way, **dict.fromkeys(later, now.isoformat())}
        heartbeat.run_down_at = runs.must_end_by(heartbeat.runs, heartbeat.grace_period)
    heartbeat.overdue_at = overdue_at(Status(heartbeat.status), heartbeat.deadlines)
