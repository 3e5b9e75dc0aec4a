"""When a job is expected, late and down: a period or a cron expression, in real (UTC) instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MIN_PERIOD = 1
MAX_PERIOD = 366 * 86_400
MAX_GRACE = 366 * 86_400


class ScheduleError(ValueError):
    """The schedule makes no sense; the message is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """After `late_at` the job is late, after `down_at` it is down."""

    late_at: datetime
    down_at: datetime


@dataclass(frozen=True, slots=True)
class PeriodSchedule:
    """A ping every `period` seconds, tolerated `grace` seconds late."""

    period: int
    grace: int

    def deadlines(self, last_ping: datetime) -> Deadlines:
        late_at = last_ping + timedelta(seconds=self.period)
        return Deadlines(late_at, late_at + timedelta(seconds=self.grace))


@dataclass(frozen=True, slots=True)
class CronSchedule:
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
        """The next `count` expected instants after `after`, in UTC."""
        try:
            local = after.astimezone(ZoneInfo(self.timezone))
            iterator = CronSim(self.expression, local)
            return [next(iterator).astimezone(UTC) for _ in range(count)]
        except CronSimError as error:
            raise ScheduleError(str(error)) from error
        except StopIteration:
            raise ScheduleError("the expression never comes due") from None
        except (KeyError, OSError, ValueError) as error:
            raise ScheduleError(f"unknown time zone {self.timezone!r}") from error


Schedule = PeriodSchedule | CronSchedule
