"""How long the latest runs took."""

from datetime import timedelta

from sentinelweb.core.signals import SignalKind
from sentinelweb.services import pings, run_history
from sentinelweb.services.pings import Signal
from sentinelweb.services.run_history import SHOWN
from tests.support.factories import NOW


def run(heartbeat, began, took, **end):
    at = NOW + timedelta(seconds=began)
    pings.record([Signal(heartbeat.slug, at, kind=SignalKind.START)])
    pings.record([Signal(heartbeat.slug, at + timedelta(seconds=took), **end)])


def test_a_job_that_never_said_when_it_began_has_none(user, make_heartbeat):
    heartbeat = make_heartbeat(user)
    pings.record([Signal(heartbeat.slug, NOW)])
    assert run_history.latest(heartbeat.id) is None


def test_runs_come_oldest_first_with_how_they_ended(user, make_heartbeat):
    heartbeat, other = make_heartbeat(user), make_heartbeat(user)
    run(heartbeat, 0, 5)
    run(heartbeat, 10, 2.5, kind=SignalKind.FAIL, exit_status=3)
    run(heartbeat, 20, 9)
    run(other, 30, 1)
    history = run_history.latest(heartbeat.id)
    assert [(run.took, run.failed, run.exit_status) for run in history.runs] == [
        (5_000, False, None),
        (2_500, True, 3),
        (9_000, False, None),
    ]
    assert (history.usual, history.longest, history.scale) == (5_000, 9_000, 10_000)


def test_only_the_latest_are_read(user, make_heartbeat):
    heartbeat = make_heartbeat(user)
    for number in range(SHOWN + 5):
        run(heartbeat, number * 10, 1 + number / 1_000)
    history = run_history.latest(heartbeat.id)
    assert [run.took for run in history.runs] == [1_000 + number for number in range(5, SHOWN + 5)]
