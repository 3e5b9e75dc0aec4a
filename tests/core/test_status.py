"""The state machine against seed 000's formula, written down a second time in the naive way."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sentinelweb.core.schedule import Deadlines, PeriodSchedule
from sentinelweb.core.status import Alert, Decision, Event, Status, decide, overdue_at

START = datetime(2026, 1, 7, 3, 0, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)

periods = st.integers(1, 100)
graces = st.integers(0, 50)
# Exact multiples of a period or grace happen often this way, and so do the instants around them.
waits = st.one_of(st.integers(1, 200).map(lambda s: timedelta(seconds=s)), st.just(A_MOMENT))


def formula(last_ping: datetime, schedule: PeriodSchedule, now: datetime) -> Status:
    """Seed 000, "Fórmula", word for word."""
    deadline_late = last_ping + timedelta(seconds=schedule.period)
    deadline_down = last_ping + timedelta(seconds=schedule.period + schedule.grace)
    if now > deadline_down:
        return Status.DOWN
    if now > deadline_late:
        return Status.LATE
    return Status.UP


class Heartbeat(RuleBasedStateMachine):
    """What the services do with a heartbeat, with the audit coming whenever it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.schedule = PeriodSchedule(period=60, grace=30)
        self.counted_from: datetime | None = None  # the last ping, or a resumption after it
        self.status = Status.NEW
        self.told_down = False

    @property
    def deadlines(self) -> Deadlines | None:
        return self.schedule.deadlines(self.counted_from) if self.counted_from else None

    def expected(self, now: datetime) -> Status:
        if self.status is Status.PAUSED:
            return Status.PAUSED
        if self.counted_from is None:
            return Status.NEW
        return formula(self.counted_from, self.schedule, now)

    def happen(self, event: Event) -> Decision:
        decision = decide(self.status, event, self.deadlines, self.now)
        if decision.alert is Alert.DOWN:
            assert not self.told_down, "an incident was announced twice"
            assert decision.status is Status.DOWN
            self.told_down = True
        if decision.alert is Alert.UP:
            assert self.told_down, "a recovery was announced of what was never down"
            assert decision.status is not Status.DOWN
        if decision.status is not Status.DOWN:
            self.told_down = False
        self.status = decision.status
        return decision

    @rule(wait=waits)
    def time_passes(self, wait: timedelta) -> None:
        self.now += wait

    @rule()
    def ping(self) -> None:
        was = self.status
        if was is not Status.PAUSED:
            self.counted_from = self.now
        decision = self.happen(Event.PINGED)
        assert decision.status is (Status.PAUSED if was is Status.PAUSED else Status.UP)
        assert (decision.alert is Alert.UP) is (was is Status.DOWN)

    @rule()
    def audit(self) -> None:
        """The audit looks only at what is overdue: that must be all that can have changed."""
        due = overdue_at(self.status, self.deadlines)
        if due is not None and due < self.now:
            was = self.status
            decision = self.happen(Event.TIME_PASSED)
            assert decision.status is not was, "an overdue heartbeat that nothing happens to"
        assert self.status is self.expected(self.now)

    @precondition(lambda self: self.counted_from is not None)
    @rule()
    def audit_twice(self) -> None:
        self.happen(Event.TIME_PASSED)
        assert self.happen(Event.TIME_PASSED).alert is None

    @rule(period=periods, grace=graces)
    def reschedule(self, period: int, grace: int) -> None:
        was = self.status
        self.schedule = PeriodSchedule(period, grace)
        decision = self.happen(Event.RESCHEDULED)
        assert decision.status is self.expected(self.now)
        ended = was is Status.DOWN and decision.status in {Status.UP, Status.LATE}
        assert (decision.alert is Alert.UP) is ended

    @rule()
    def pause(self) -> None:
        assert self.happen(Event.PAUSED) == Decision(Status.PAUSED, "paused")

    @precondition(lambda self: self.status is Status.PAUSED)
    @rule()
    def resume(self) -> None:
        if self.counted_from:
            self.counted_from = self.now
        decision = self.happen(Event.RESUMED)
        assert decision.status is (Status.UP if self.counted_from else Status.NEW)
        assert decision.alert is None

    @invariant()
    def overdue_at_is_when_time_alone_changes_the_status(self) -> None:
        due = overdue_at(self.status, self.deadlines)
        if due is None:
            assert self.status in {Status.NEW, Status.DOWN, Status.PAUSED}
            far = self.now + timedelta(days=36_500)
            assert decide(self.status, Event.TIME_PASSED, self.deadlines, far) == Decision(
                self.status, "missed" if self.status is Status.DOWN else ""
            )
        else:
            assert self.expected(due + A_MOMENT) is not self.status
            # `due` itself is still in time, unless a deadline before it has passed unseen.
            assert self.expected(due) is self.status

    @invariant()
    def an_incident_that_was_announced_is_still_on_or_over(self) -> None:
        assert self.told_down is (self.status is Status.DOWN)


TestHeartbeat = Heartbeat.TestCase


@pytest.mark.parametrize(
    ("hours", "status"),
    [(0, Status.UP), (24, Status.UP), (24.1, Status.LATE), (25, Status.LATE), (25.1, Status.DOWN)],
)
def test_the_practical_example_of_the_seed(hours, status):
    deadlines = PeriodSchedule(period=86_400, grace=3_600).deadlines(START)
    now = START + timedelta(hours=hours)
    assert decide(Status.UP, Event.TIME_PASSED, deadlines, now).status is status


@given(period=periods, grace=graces, wait=waits)
def test_a_clock_set_back_does_not_end_an_incident(period, grace, wait):
    deadlines = PeriodSchedule(period, grace).deadlines(START)
    before = deadlines.late_at - wait
    assert decide(Status.DOWN, Event.TIME_PASSED, deadlines, before) == Decision(Status.DOWN)


@given(event=st.sampled_from(Event), status=st.sampled_from(Status), wait=waits)
def test_what_was_never_pinged_is_never_late(event, status, wait):
    if event in {Event.PINGED, Event.ANSWERED, Event.FAILED}:
        return
    decision = decide(status, event, None, START + wait)
    assert decision.status in {Status.NEW, Status.PAUSED}
    assert decision.alert is None


def test_a_heartbeat_without_grace_goes_down_at_once():
    deadlines = PeriodSchedule(period=60, grace=0).deadlines(START)
    assert overdue_at(Status.UP, deadlines) == deadlines.down_at
    decision = decide(Status.UP, Event.TIME_PASSED, deadlines, deadlines.down_at + A_MOMENT)
    assert decision == Decision(Status.DOWN, "missed", Alert.DOWN)


def test_pausing_a_heartbeat_that_is_down_announces_nothing():
    deadlines = PeriodSchedule(period=60, grace=0).deadlines(START)
    assert decide(Status.DOWN, Event.PAUSED, deadlines, START).alert is None
    assert decide(Status.PAUSED, Event.RESUMED, deadlines, START).alert is None
