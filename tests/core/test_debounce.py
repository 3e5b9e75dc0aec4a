"""From results to a status: the shared state machine, after debounce."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentinelweb.core.debounce import RelayCode, Verdict, judge
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.core.status import Alert, Decision, Status

NOW = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)

HEALTHY = ProbeResult(Result.HEALTHY, latency_ms=3.0, status_code=200)
ERROR = ProbeResult(Result.ERROR, status_code=500, reason="HTTP 500")
UNKNOWN = ProbeResult(Result.UNKNOWN)


def verdict(status: Status, failures: int, found: ProbeResult, threshold: int = 4) -> Verdict:
    return judge(status, failures, found, NOW, threshold=threshold)


@pytest.mark.parametrize("failures", [0, 1, 2])
@pytest.mark.parametrize("status", [Status.NEW, Status.UP])
def test_fewer_failures_than_the_threshold_change_nothing(status: Status, failures: int):
    assert verdict(status, failures, ERROR) == Verdict(Decision(status), failures + 1)


@pytest.mark.parametrize("result", [Result.DOWN, Result.ERROR, Result.TIMEOUT])
def test_the_last_failure_of_the_threshold_is_an_alert_with_its_reason(result: Result):
    found = ProbeResult(result, reason="Connection refused")
    assert verdict(Status.UP, 3, found) == Verdict(
        Decision(Status.DOWN, "Connection refused", Alert.DOWN), 4
    )


def test_a_threshold_of_one_confirms_at_once():
    assert verdict(Status.UP, 0, ERROR, threshold=1).decision.alert is Alert.DOWN


def test_further_failures_are_no_further_alert():
    found = verdict(Status.DOWN, 4, ERROR)
    assert found.decision.status is Status.DOWN
    assert found.decision.alert is None
    assert found.failures == 5


def test_a_lower_threshold_counts_from_the_next_failure():
    assert verdict(Status.UP, 7, ERROR, threshold=3).decision.alert is Alert.DOWN


def test_one_answer_is_a_recovery():
    assert verdict(Status.DOWN, 9, HEALTHY) == Verdict(Decision(Status.UP, "answered", Alert.UP), 0)


def test_one_answer_clears_the_failures_that_were_not_confirmed():
    found = verdict(Status.UP, 3, HEALTHY)
    assert found.failures == 0
    assert found.decision.alert is None


def test_the_first_answer_of_a_new_service_is_no_news():
    found = verdict(Status.NEW, 0, HEALTHY)
    assert (found.decision.status, found.decision.alert) == (Status.UP, None)


@pytest.mark.parametrize("status", list(Status))
def test_a_failure_of_our_own_neither_confirms_nor_clears(status: Status):
    assert verdict(status, 3, UNKNOWN) == Verdict(Decision(status), 3)


@pytest.mark.parametrize("found", [HEALTHY, ERROR])
def test_a_paused_service_stays_paused(found: ProbeResult):
    assert verdict(Status.PAUSED, 3, found).decision.status is Status.PAUSED


def after(state: RelayCode, *codes: int | None) -> RelayCode:
    for code in codes:
        state = state.followed_by(code, threshold=3)
    return state


WELL = RelayCode(200, None, 0)


def test_a_code_of_the_relay_must_last_before_it_counts():
    assert after(WELL, 500, 500).confirmed == 200
    assert after(WELL, 500, 500, 500).confirmed == 500


def test_another_code_in_between_begins_the_count_anew():
    assert after(WELL, 500, 500, 220, 500, 500).confirmed == 200


def test_no_answer_at_all_is_a_code_like_the_others():
    assert after(WELL, None, None).confirmed == 200
    assert after(WELL, None, None, None).confirmed is None


def test_that_all_is_well_again_counts_at_once():
    assert after(WELL, 221, 221, 221, 200).confirmed == 200
