"""When a job is expected, late and down: a period or a cron expression, in real (UTC) instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MIN_PERIOD = 1
MAX_PERIOD = 366 * 86_400
MAX_GRACE = 366 * 86_400

MAX_EXPRESSION = 200


class Problem(StrEnum):
    """Why a schedule makes no sense. Forms put it into words."""

    NOT_FIVE_FIELDS = "not five fields"
    BAD_MINUTE = "bad minute"
    BAD_HOUR = "bad hour"
    BAD_DAY = "bad day of the month"  # one that none of the months has is bad, too
    BAD_MONTH = "bad month"
    BAD_WEEKDAY = "bad day of the week"
    NEVER_DUE = "never due"
    UNKNOWN_ZONE = "unknown time zone"


_PROBLEM_OF_CRONSIM = {
    "Bad minute": Problem.BAD_MINUTE,
    "Bad hour": Problem.BAD_HOUR,
    "Bad day-of-month": Problem.BAD_DAY,
    "Bad month": Problem.BAD_MONTH,
    "Bad day-of-week": Problem.BAD_WEEKDAY,
}


class ScheduleError(ValueError):
    """The schedule makes no sense, because of `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class Deadlines(NamedTuple):
    """After `late_at` the job is late, after `down_at` it is down.

    A run that has begun must have ended by `run_down_at`; None while none is under way.
    """

    late_at: datetime
    down_at: datetime
    run_down_at: datetime | None = None

    @classmethod
    def stored(
        cls, late_at: datetime | None, down_at: datetime | None, run_down_at: datetime | None
    ) -> Deadlines | None:
        """From a heartbeat's columns; None if nothing is expected of it.

        Of one that has only ever begun a run, the end of that run is all that is expected.
        """
        if late_at is not None and down_at is not None:
            return cls(late_at, down_at, run_down_at)
        return cls(run_down_at, run_down_at, run_down_at) if run_down_at else None

    @property
    def last_moment(self) -> datetime:
        """After this the job is down, for whichever reason comes first."""
        if self.run_down_at is None:
            return self.down_at
        return min(self.down_at, self.run_down_at)


class PeriodSchedule(NamedTuple):
    """A ping every `period` seconds, tolerated `grace` seconds late."""

    period: int
    grace: int

    def deadlines(self, last_ping: datetime) -> Deadlines:
        late_at = last_ping + timedelta(seconds=self.period)
        return Deadlines(late_at, late_at + timedelta(seconds=self.grace))


class CronSchedule(NamedTuple):
    """A ping after each instant that `expression` names on the clocks of `timezone`.

    Daylight saving follows Debian's cron (and cronsim): a job set for a time that the spring night
    skips runs right after the gap, and one in the repeated autumn hour runs once.
    """

    expression: str
    timezone: str
    grace: int

    def deadlines(self, last_ping: datetime) -> Deadlines:
        """Raise ScheduleError if no instant follows (a 30th of February)."""
        late_at = self.upcoming(last_ping, 1)[0]
        return Deadlines(late_at, late_at + timedelta(seconds=self.grace))

    def upcoming(self, after: datetime, count: int) -> list[datetime]:
        """The next `count` expected instants after `after`, in UTC; fewer if no more follow."""
        iterator = self._parse(after)
        found: list[datetime] = []
        while len(found) < count:
            moment = next(iterator, None)
            if moment is None:
                break
            moment = moment.astimezone(UTC)
            # In the repeated autumn hour cronsim still names the first of the two, which may be
            # over; times that the spring night skips all fall on the end of the gap.
            if moment > (found[-1] if found else after):
                found.append(moment)
        if not found:
            raise ScheduleError(Problem.NEVER_DUE)
        return found

    def _parse(self, after: datetime) -> CronSim:
        if len(self.expression.split()) != 5 or len(self.expression) > MAX_EXPRESSION:
            raise ScheduleError(Problem.NOT_FIVE_FIELDS)
        try:
            zone = ZoneInfo(self.timezone)
        except (KeyError, OSError, ValueError) as error:
            raise ScheduleError(Problem.UNKNOWN_ZONE) from error
        try:
            return CronSim(self.expression, after.astimezone(zone))
        except CronSimError as error:
            raise ScheduleError(_PROBLEM_OF_CRONSIM[str(error)]) from error


Schedule = PeriodSchedule | CronSchedule


def forgive(
    schedule: Schedule, deadlines: Deadlines, began_at: datetime, ended_at: datetime
) -> Deadlines:
    """`deadlines` after a time in which no ping could be received (docs/adr/0003).

    A job that was expected meanwhile may have pinged in vain: its schedule starts anew from the
    end. One that was late before gets back the part of its grace that the outage took.
    """
    if began_at <= deadlines.late_at <= ended_at:
        return schedule.deadlines(ended_at)
    if deadlines.late_at < began_at <= deadlines.down_at:
        return deadlines._replace(down_at=deadlines.down_at + (ended_at - began_at))
    return deadlines
