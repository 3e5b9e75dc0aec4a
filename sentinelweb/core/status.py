"""The state machine of every monitor's status (seed 000, "Cálculo de Status")."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sentinelweb.core.schedule import Deadlines


class Status(StrEnum):
    NEW = "new"
    UP = "up"
    LATE = "late"
    DOWN = "down"
    PAUSED = "paused"


class Event(StrEnum):
    """What can happen to a monitor."""

    PINGED = "pinged"
    ANSWERED = "answered"
    STARTED = "started"
    FAILED = "failed"
    LOGGED = "logged"
    TIME_PASSED = "time_passed"
    RESCHEDULED = "rescheduled"
    PAUSED = "paused"
    RESUMED = "resumed"


class Alert(StrEnum):
    """What people are told: once when an incident begins, once when it is over."""

    DOWN = "down"
    UP = "up"


class Decision(NamedTuple):
    """The status to have now, and whom it concerns. `note` says why, for the history."""

    status: Status
    note: str = ""
    alert: Alert | None = None


def decide(
    status: Status,
    event: Event,
    deadlines: Deadlines | None,
    now: datetime,
    *,
    reason: str = "failed",
) -> Decision:
    """Return the status after `event`.

    `deadlines` are those in force after the event (a ping has moved them), or None for a monitor
    that was never pinged, or that has none because we look at it ourselves. `reason` is the note of
    a failure. The first rule that fits decides.
    """
    if event is Event.PAUSED:
        return Decision(Status.PAUSED, "paused")
    if event is Event.RESUMED:
        # The clock starts anew: nobody was expected to ping while we were told not to look.
        return Decision(Status.UP if deadlines else Status.NEW, "resumed")
    if status is Status.PAUSED:
        return Decision(Status.PAUSED)
    if event is Event.PINGED or event is Event.ANSWERED:
        return Decision(Status.UP, event, Alert.UP if status is Status.DOWN else None)
    if event is Event.FAILED:
        return _down(status, reason)
    if deadlines is None:
        return Decision(Status.NEW)
    if event is Event.STARTED or event is Event.LOGGED:
        # Neither ends an incident, and the audit tells what is overdue.
        return Decision(status)
    return _judge(status, event, deadlines, now)


def _judge(status: Status, event: Event, deadlines: Deadlines, now: datetime) -> Decision:
    """What the deadlines make of a monitor that is not paused."""
    if now > deadlines.last_moment:
        unfinished = deadlines.last_moment == deadlines.run_down_at
        return _down(status, "unfinished" if unfinished else "missed")
    if event is Event.TIME_PASSED and status is Status.DOWN:
        # Only a ping or a new schedule ends an incident: a clock set back must not.
        return Decision(Status.DOWN)
    if status is Status.NEW:
        return Decision(Status.NEW)
    recovery = Alert.UP if status is Status.DOWN else None
    if now > deadlines.late_at:
        return Decision(Status.LATE, "late" if recovery is None else "rescheduled", recovery)
    return Decision(Status.UP, "rescheduled", recovery)


def _down(status: Status, note: str) -> Decision:
    return Decision(Status.DOWN, note, None if status is Status.DOWN else Alert.DOWN)


def overdue_at(status: Status, deadlines: Deadlines | None) -> datetime | None:
    """When passing time alone will change the status next; None if it never will."""
    if deadlines is None:
        return None
    if status is Status.NEW:
        return deadlines.run_down_at
    if status is Status.UP:
        return min(deadlines.late_at, deadlines.last_moment)
    if status is Status.LATE:
        return deadlines.last_moment
    return None
