"""Heartbeats as people manage them: created, edited, paused, resumed, rotated, tested, deleted.

Every function takes the user who asks, and finds nothing of other teams: NotFoundError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sentinelweb import clock
from sentinelweb.core import runs
from sentinelweb.core.schedule import Deadlines
from sentinelweb.core.status import Alert, Event, Status, decide, overdue_at
from sentinelweb.db import writing
from sentinelweb.models import HeartbeatCheck, StatusChange
from sentinelweb.services import aliases, counts, monitors, outages, pings, scoping, transitions
from sentinelweb.services.counts import CountKey
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.facts import heartbeat_facts
from sentinelweb.services.scoping import Actor
from sentinelweb.services.transitions import Transition

KIND = "heartbeat"


@dataclass(frozen=True, slots=True)
class HeartbeatValues:
    """What a person decides about a heartbeat. Periods are in seconds."""

    name: str
    description: str = ""
    tags: list[str] = field(default_factory=list)
    environment: str = ""
    expected_period: int = 86_400
    grace_period: int = 3_600
    cron_expression: str | None = None
    cron_timezone: str | None = None
    channel_ids: Sequence[int] = ()
    alias: str | None = None

    def columns(self) -> dict[str, Any]:
        names = (name for name in self.__slots__ if name != "channel_ids")
        return {name: getattr(self, name) for name in names}


def get(actor: Actor, heartbeat_id: int, *, to_change: bool = False) -> HeartbeatCheck:
    return scoping.owned(actor, HeartbeatCheck, heartbeat_id, to_change=to_change)


def create(actor: Actor, values: HeartbeatValues) -> HeartbeatCheck:
    """Add a heartbeat that waits for its first ping, to the user's own team.

    Raise InvalidInputError if its alias is taken.
    """
    with aliases.refused_if_taken(), writing() as session:
        return add(session, scoping.home_team(actor), values, clock.now())


def add(
    session: Session,
    team_id: int,
    values: HeartbeatValues,
    now: datetime,
    *,
    token: str | None = None,
) -> HeartbeatCheck:
    """Write a new heartbeat of a team: the last thing in the caller's transaction."""
    heartbeat = HeartbeatCheck(**values.columns(), team_id=team_id, token=token)
    monitors.add(session, heartbeat, now, values.channel_ids)
    return heartbeat


def edit(actor: Actor, heartbeat_id: int, values: HeartbeatValues) -> HeartbeatCheck:
    """Change a heartbeat. A new schedule is judged at once: it may end or begin an incident.

    Raise InvalidInputError if its alias is taken.
    """
    now = clock.now()
    with aliases.refused_if_taken(), writing() as session:
        heartbeat = scoping.owned_for_update(actor, HeartbeatCheck, heartbeat_id, session)
        schedule_before = heartbeat.schedule
        for name, value in values.columns().items():
            setattr(heartbeat, name, value)
        heartbeat.updated_at = now
        monitors.set_channels(session, heartbeat, values.channel_ids)
        if heartbeat.schedule != schedule_before and heartbeat.status != Status.PAUSED:
            _expect(heartbeat, _deadlines_since_last_ping(session, heartbeat))
            if heartbeat.failure is None:  # what a job said of itself is true of any schedule
                _change(session, heartbeat, Event.RESCHEDULED, now)
    return heartbeat


def pause(actor: Actor, heartbeat_id: int) -> HeartbeatCheck:
    """Expect nothing until it is resumed. An incident under way ends without a message."""
    now = clock.now()
    with writing() as session:
        heartbeat = scoping.owned_for_update(actor, HeartbeatCheck, heartbeat_id, session)
        _expect_nothing(heartbeat)
        _change(session, heartbeat, Event.PAUSED, now)
    return heartbeat


def resume(actor: Actor, heartbeat_id: int) -> HeartbeatCheck:
    """Expect pings again, counted from now if there ever was one."""
    now = clock.now()
    with writing() as session:
        heartbeat = scoping.owned_for_update(actor, HeartbeatCheck, heartbeat_id, session)
        if heartbeat.status == Status.PAUSED:
            _expect(heartbeat, heartbeat.schedule.deadlines(now) if heartbeat.last_ping else None)
            _change(session, heartbeat, Event.RESUMED, now)
    return heartbeat


def rotate_slug(actor: Actor, heartbeat_id: int) -> HeartbeatCheck:
    """Give a new ping URL; the old one is unknown from now on."""
    with writing() as session:
        heartbeat = scoping.owned_for_update(actor, HeartbeatCheck, heartbeat_id, session)
        heartbeat.slug = monitors.new_slug()
        heartbeat.updated_at = clock.now()
    return heartbeat


def delete(actor: Actor, heartbeat_id: int) -> str:
    """Delete a heartbeat with its pings and history. Return its name."""
    with writing() as session:
        heartbeat = scoping.owned_for_update(actor, HeartbeatCheck, heartbeat_id, session)
        remove(session, heartbeat)
    return heartbeat.name


def remove(session: Session, heartbeat: HeartbeatCheck) -> None:
    """Delete a locked heartbeat: the last thing in the caller's transaction."""
    session.delete(heartbeat)
    session.flush()
    counts.shift(session, {CountKey(heartbeat.team_id, KIND, heartbeat.status): -1})


def test_ping(
    actor: Actor, heartbeat_id: int, *, remote_addr: str, user_agent: str
) -> HeartbeatCheck:
    """Ping as the job would; the timeline shows the method TEST."""
    heartbeat = get(actor, heartbeat_id, to_change=True)
    signal = pings.Signal(heartbeat.slug, clock.now(), "TEST", remote_addr, user_agent)
    if pings.record([signal]) == [None]:
        raise NotFoundError  # deleted or rotated since it was read
    return heartbeat


def _expect(heartbeat: HeartbeatCheck, deadlines: Deadlines | None) -> None:
    """Make `deadlines` those of a heartbeat, and judge the runs under way by its present grace."""
    heartbeat.next_expected_ping = deadlines.late_at if deadlines else None
    heartbeat.down_at = deadlines.down_at if deadlines else None
    heartbeat.run_down_at = runs.must_end_by(heartbeat.runs or {}, heartbeat.grace_period)


def _expect_nothing(heartbeat: HeartbeatCheck) -> None:
    heartbeat.runs = heartbeat.failure = None
    _expect(heartbeat, None)


def _change(session: Session, heartbeat: HeartbeatCheck, event: Event, now: datetime) -> None:
    """Let `event` happen to a locked heartbeat, whose deadlines are as it makes them."""
    previous = Status(heartbeat.status)
    decision = decide(previous, event, heartbeat.deadlines, now)
    heartbeat.overdue_at = overdue_at(decision.status, heartbeat.deadlines)
    if decision.alert is Alert.DOWN:
        heartbeat.missed_pings += 1
    elif previous is Status.DOWN and decision.status is not Status.DOWN:
        heartbeat.alert_sent = False
    facts = heartbeat_facts(heartbeat, decision.status, now)
    session.flush()
    transitions.apply(session, [Transition(heartbeat.id, previous, decision, facts)], now)
    session.refresh(heartbeat)


def _deadlines_since_last_ping(session: Session, heartbeat: HeartbeatCheck) -> Deadlines | None:
    """Counted from the last ping, or a resumption after it; None for one that was never pinged."""
    if heartbeat.last_ping is None:
        return None
    resumed_at = session.scalar(
        sa.select(sa.func.max(StatusChange.created_at)).where(
            StatusChange.monitor_id == heartbeat.id,
            StatusChange.created_at > heartbeat.last_ping,
            StatusChange.prev_status == Status.PAUSED,
        )
    )
    counted_from = resumed_at or heartbeat.last_ping
    return outages.deadlines_since(session, heartbeat.schedule, counted_from)
