"""Time in each state and outages, by day, week or month: measured from changes of status alone.

Every moment of a span counts as exactly one of the Parts, so that they always add up to it. What
nobody watched is never passed off as up: before the monitor was first heard of, and while we
ourselves could hear nobody.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from sentinelweb.core.silence import Span
from sentinelweb.core.status import Status
from sentinelweb.core.uptime import Change


class Part(StrEnum):
    """`UNKNOWN` is time in which nobody watched."""

    UP = "up"
    LATE = "late"
    DOWN = "down"
    PAUSED = "paused"
    UNKNOWN = "unknown"


_PART_OF = {
    Status.NEW: Part.UNKNOWN,
    Status.UP: Part.UP,
    Status.LATE: Part.LATE,
    Status.DOWN: Part.DOWN,
    Status.PAUSED: Part.PAUSED,
}


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which it was down. `ended_at` is None while it is."""

    began_at: datetime
    ended_at: datetime | None

    def length(self, now: datetime) -> timedelta:
        return (self.ended_at or now) - self.began_at


@dataclass(slots=True)
class Period:
    """`incidents` are those that began in it. Its end is at most now."""

    start: datetime
    end: datetime
    spent: dict[Part, timedelta] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def time_in(self, part: Part) -> timedelta:
        return self.spent.get(part, timedelta())

    @property
    def watched(self) -> timedelta:
        """Paused time was not watched either, but by somebody's will."""
        return self.time_in(Part.UP) + self.time_in(Part.LATE) + self.time_in(Part.DOWN)

    @property
    def share_up(self) -> float | None:
        """Of the time that was watched, 0 to 1; None if none was. Late counts as up."""
        return 1 - self.time_in(Part.DOWN) / self.watched if self.watched else None

    @property
    def share_unknown(self) -> float:
        return self.time_in(Part.UNKNOWN) / self.length if self.length else 0.0

    def longest(self, now: datetime) -> timedelta | None:
        return max((incident.length(now) for incident in self.incidents), default=None)

    @property
    def mean_time_to_repair(self) -> timedelta | None:
        """Of the incidents that are over."""
        over = [
            incident.ended_at - incident.began_at
            for incident in self.incidents
            if incident.ended_at
        ]
        return sum(over, timedelta()) / len(over) if over else None

    @property
    def mean_time_between_failures(self) -> timedelta | None:
        """The time that it was up, for each time that it went down."""
        well = self.time_in(Part.UP) + self.time_in(Part.LATE)
        return well / len(self.incidents) if self.incidents else None

    def budget(self, target: float) -> ErrorBudget:
        """What an agreement on `target` percent allows of it."""
        return ErrorBudget(self.watched * (1 - target / 100), self.time_in(Part.DOWN))


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    allowed: timedelta
    used: timedelta

    @property
    def left(self) -> timedelta:
        """Negative when the agreement is broken."""
        return self.allowed - self.used

    @property
    def share_left(self) -> float:
        """0 to 1."""
        return max(0.0, self.left / self.allowed) if self.allowed else float(not self.used)


def measure(
    changes: Sequence[Change], deaf: Sequence[Span], bounds: Sequence[datetime], now: datetime
) -> list[Period]:
    """Measure each span between two `bounds`, up to now.

    `changes` and `bounds` ascend, and so do the times in which we could hear nobody (`deaf`), none
    of which overlaps another.
    """
    periods = [Period(start, min(end, now)) for start, end in pairwise(bounds) if start < now]
    if not periods:
        return []
    first, last = periods[0].start, periods[-1].end
    cuts = {first, last}
    cuts.update(period.end for period in periods)
    cuts.update(change.at for change in changes)
    for began_at, ended_at in deaf:
        cuts.update((began_at, ended_at))
    moments = [change.at for change in changes]
    position = 0
    for start, end in pairwise(sorted(cut for cut in cuts if first <= cut <= last)):
        while periods[position].end <= start:
            position += 1
        part = _part_at(start, changes, moments, deaf)
        period = periods[position]
        period.spent[part] = period.time_in(part) + (end - start)
    _add_incidents(periods, changes)
    return periods


def _part_at(
    moment: datetime, changes: Sequence[Change], moments: Sequence[datetime], deaf: Sequence[Span]
) -> Part:
    place = bisect_right(moments, moment) - 1
    if place < 0:
        return Part.UNKNOWN
    part = _PART_OF[changes[place].status]
    if part is Part.PAUSED:
        return part  # nobody meant to listen
    around = bisect_right(deaf, moment, key=lambda span: span[0]) - 1
    return Part.UNKNOWN if around >= 0 and moment < deaf[around][1] else part


def _add_incidents(periods: Sequence[Period], changes: Sequence[Change]) -> None:
    starts = [period.start for period in periods]
    began_at: datetime | None = None
    for change in changes:
        if change.status is Status.DOWN:
            began_at = began_at or change.at
        elif began_at is not None:
            _add(periods, starts, Incident(began_at, change.at))
            began_at = None
    if began_at is not None:
        _add(periods, starts, Incident(began_at, None))


def _add(periods: Sequence[Period], starts: Sequence[datetime], incident: Incident) -> None:
    place = bisect_right(starts, incident.began_at) - 1
    if place >= 0 and incident.began_at < periods[place].end:
        periods[place].incidents.append(incident)
