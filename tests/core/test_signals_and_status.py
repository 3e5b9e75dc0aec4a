"""What starts, failures and logs do to a status."""

from datetime import UTC, datetime, timedelta

import pytest

from sentinelweb.core.schedule import Deadlines
from sentinelweb.core.status import Alert, Decision, Event, Status, decide, overdue_at

NOW = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


REGULAR = Deadlines(at(60), at(90))
RUNNING = Deadlines(at(60), at(90), run_down_at=at(30))
FIRST_RUN = Deadlines.stored(None, None, at(30))


@pytest.mark.parametrize("event", [Event.STARTED, Event.LOGGED])
@pytest.mark.parametrize("status", [Status.UP, Status.LATE, Status.DOWN, Status.PAUSED])
def test_a_start_and_a_log_change_no_status(event, status):
    assert decide(status, event, RUNNING, at(999)) == Decision(status)
    assert decide(Status.NEW, event, FIRST_RUN, at(1)) == Decision(Status.NEW)


@pytest.mark.parametrize("status", [Status.NEW, Status.UP, Status.LATE])
def test_a_failure_is_down_at_once_with_its_reason(status):
    decision = decide(status, Event.FAILED, REGULAR, NOW, reason="exit 3")
    assert decision == Decision(Status.DOWN, "exit 3", Alert.DOWN)


def test_a_failure_in_an_incident_is_not_announced_again():
    assert decide(Status.DOWN, Event.FAILED, REGULAR, NOW).alert is None


def test_a_failure_of_a_paused_heartbeat_means_nothing():
    assert decide(Status.PAUSED, Event.FAILED, REGULAR, NOW) == Decision(Status.PAUSED)


@pytest.mark.parametrize("status", [Status.UP, Status.LATE])
def test_a_run_that_does_not_end_in_time_is_down(status):
    assert overdue_at(status, RUNNING) == at(30)
    assert decide(status, Event.TIME_PASSED, RUNNING, at(30)).status is not Status.DOWN
    decision = decide(status, Event.TIME_PASSED, RUNNING, at(30) + A_MOMENT)
    assert decision == Decision(Status.DOWN, "unfinished", Alert.DOWN)


def test_a_first_run_that_does_not_end_in_time_is_down():
    assert overdue_at(Status.NEW, FIRST_RUN) == at(30)
    assert decide(Status.NEW, Event.TIME_PASSED, FIRST_RUN, at(30)) == Decision(Status.NEW)
    decision = decide(Status.NEW, Event.TIME_PASSED, FIRST_RUN, at(31))
    assert decision == Decision(Status.DOWN, "unfinished", Alert.DOWN)


def test_a_run_under_way_does_not_put_off_the_regular_deadlines():
    deadlines = Deadlines(at(60), at(90), run_down_at=at(500))
    assert overdue_at(Status.UP, deadlines) == at(60)
    assert decide(Status.UP, Event.TIME_PASSED, deadlines, at(61)).status is Status.LATE
    decision = decide(Status.LATE, Event.TIME_PASSED, deadlines, at(91))
    assert decision == Decision(Status.DOWN, "missed", Alert.DOWN)


def test_a_success_ends_an_incident_whatever_it_was():
    assert decide(Status.DOWN, Event.PINGED, REGULAR, NOW).alert is Alert.UP
