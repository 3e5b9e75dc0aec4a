"""What signals do to their heartbeat's row, by the rules in core/."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sentinelweb.core import runs
from sentinelweb.core.schedule import (
    MAX_PERIOD,
    CronSchedule,
    Deadlines,
    PeriodSchedule,
    Schedule,
    ScheduleError,
)
from sentinelweb.core.signals import Signal, SignalKind
from sentinelweb.core.status import Alert, Decision, Event, Status, decide
from sentinelweb.services.facts import heartbeat_facts
from sentinelweb.services.transitions import Transition

_EVENTS = {
    SignalKind.SUCCESS: Event.PINGED,
    SignalKind.START: Event.STARTED,
    SignalKind.FAIL: Event.FAILED,
    SignalKind.LOG: Event.LOGGED,
}
_MILLISECOND = timedelta(milliseconds=1)


class Steady:
    """A heartbeat that is up, with a period and no run under way, and all of whose signals say
    success: nothing but its deadlines moves.

    Nearly every ping is for such a one. What Heartbeat would make of it is known beforehand, at a
    third of the price.
    """

    __slots__ = ("counted", "grace_period", "id", "last_ping", "name", "period")

    paused = False

    def __init__(self, monitor_id: int, name: str, period: int, grace_period: int) -> None:
        self.id = monitor_id
        self.name = name
        self.period = period
        self.grace_period = grace_period
        self.last_ping: datetime
        self.counted = 0

    def take(self, signal: Signal) -> None:
        """Let `signal` happen, which ends no run whose length could be told."""
        self.counted += 1
        self.last_ping = signal.received_at


@dataclass(slots=True)
class Heartbeat:
    """A heartbeat's row, as each signal of the group leaves it.

    `counted` and `missed` are what the group adds to the counters.
    """

    id: int
    slug: str
    name: str
    description: str
    status: Status
    status_since: datetime
    expected_period: int
    grace_period: int
    cron_expression: str | None
    cron_timezone: str | None
    last_ping: datetime | None
    next_expected_ping: datetime | None
    down_at: datetime | None
    runs: dict[str, str]
    run_down_at: datetime | None
    last_duration_ms: int | None
    failure: str | None
    alert_sent: bool
    alias: str | None
    counted: int = 0
    missed: int = 0
    transitions: list[Transition] = field(default_factory=list)

    @property
    def paused(self) -> bool:
        return self.status is Status.PAUSED

    def take(self, signal: Signal) -> int | None:
        """Let `signal` happen; return how long the run took that it ends, in milliseconds."""
        if self.paused:
            return None
        self.counted += 1
        now, kind = signal.received_at, signal.kind
        is_end = kind is SignalKind.SUCCESS or kind is SignalKind.FAIL
        under_way, took = self._runs_after(signal)
        run_down_at = self._run_deadline_after(kind, under_way, now)
        late_at, down_at = self.next_expected_ping, self.down_at
        if is_end:
            late_at, down_at = self._expected_after(now)
        deadlines = Deadlines.stored(late_at, down_at, run_down_at)
        decision = decide(self.status, _EVENTS[kind], deadlines, now, reason=signal.reason)
        if decision.status is not self.status:
            # Before the rest changes: an alert tells what was.
            self._change_to(decision, now)
        self.runs, self.run_down_at = under_way, run_down_at
        if not is_end:
            return None
        self.last_ping, self.next_expected_ping, self.down_at = now, late_at, down_at
        self.last_duration_ms = None if took is None else round(took / _MILLISECOND)
        self.failure = signal.reason if kind is SignalKind.FAIL else None
        self.alert_sent = self.alert_sent and kind is SignalKind.FAIL
        return self.last_duration_ms

    def _runs_after(self, signal: Signal) -> tuple[dict[str, str], timedelta | None]:
        """The runs under way after `signal`, and how long the one took that it ends."""
        if signal.kind is SignalKind.START:
            return runs.begin(self.runs, signal.rid, signal.received_at), None
        if signal.kind is SignalKind.LOG or not self.runs:
            return self.runs, None
        return runs.end(self.runs, signal.rid, signal.received_at, self.grace_period)

    def _run_deadline_after(
        self, kind: SignalKind, under_way: dict[str, str], now: datetime
    ) -> datetime | None:
        if kind is SignalKind.START:
            # A job that begins again and again, and never ends, must not put it off.
            deadline = now + timedelta(seconds=self.grace_period)
            return min(self.run_down_at, deadline) if self.run_down_at else deadline
        if under_way is self.runs:
            return self.run_down_at
        return runs.must_end_by(under_way, self.grace_period)

    def _expected_after(self, now: datetime) -> tuple[datetime, datetime]:
        """When the next ping is expected, and when the job is down without it."""
        schedule: Schedule = PeriodSchedule(self.expected_period, self.grace_period)
        if self.cron_expression:
            late_at, last_ping = self.next_expected_ping, self.last_ping
            if late_at and last_ping and last_ping <= now < late_at:
                # No instant of the expression lies between, and to look for one is slow.
                return late_at, late_at + timedelta(seconds=self.grace_period)
            schedule = CronSchedule(
                self.cron_expression, self.cron_timezone or "UTC", self.grace_period
            )
        try:
            deadlines = schedule.deadlines(now)
        except ScheduleError:  # a time zone that is no more, say: it must not cost the ping
            deadlines = PeriodSchedule(MAX_PERIOD, self.grace_period).deadlines(now)
        return deadlines.late_at, deadlines.down_at

    def _change_to(self, decision: Decision, now: datetime) -> None:
        facts = heartbeat_facts(self, decision.status, now, note=decision.note)
        self.transitions.append(Transition(self.id, self.status, decision, facts))
        self.missed += decision.alert is Alert.DOWN
        self.status, self.status_since = decision.status, now
