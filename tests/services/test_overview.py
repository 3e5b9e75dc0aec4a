"""What the home page finds: what is wrong first, and no more than it can show."""

from datetime import timedelta

import pytest

from sentinelweb.core.status import Status
from sentinelweb.db import db, writing
from sentinelweb.models import Monitor, MonitoringCycle, Outage
from sentinelweb.services import overview
from tests.support.factories import NOW

HOUR = timedelta(hours=1)


def names(rows):
    return [row.name for row in rows]


def add_cycle(host, at=NOW, **figures):
    with writing() as session:
        session.add(
            MonitoringCycle(id=f"cycle-{at.isoformat()}", host_id=host.id, created_at=at, **figures)
        )


@pytest.fixture(autouse=True)
def _now(clock):
    """The clock stands still."""


class TestWrong:
    def test_what_is_down_comes_before_what_is_late_and_the_latest_first(
        self, user, make_heartbeat, make_service, make_host
    ):
        down = {"status": "down"}
        make_service(user, name="first", status_since=NOW - 3 * HOUR, **down)
        make_host(user, name="second", status_since=NOW - 2 * HOUR, **down)
        make_heartbeat(user, name="third", status_since=NOW - HOUR, **down)
        make_heartbeat(user, name="late", status="late", status_since=NOW)
        make_heartbeat(user, name="well", last_ping=NOW)
        found = overview.find(user)
        assert names(found.wrong) == ["third", "second", "first", "late"]
        assert found.total("down") == 3
        assert found.unseen == {}

    def test_a_row_says_why(self, user, make_heartbeat, make_service):
        make_heartbeat(user, status="down", failure="exit 3", status_since=NOW - HOUR)
        make_service(user, status="down", last_error="HTTP 500", status_since=NOW)
        service, heartbeat = overview.find(user).wrong
        assert service.last_error == "HTTP 500"
        assert heartbeat.failure == "exit 3"

    def test_there_is_room_for_the_worst_and_the_rest_is_counted(
        self, user, make_heartbeat, make_service, monkeypatch
    ):
        monkeypatch.setattr(overview, "WORST", 3)
        for hour in range(3):
            make_service(
                user, name=f"service {hour}", status="down", status_since=NOW - hour * HOUR
            )
        make_heartbeat(user, name="down", status="down", status_since=NOW - 10 * HOUR)
        make_heartbeat(user, name="late", status="late")
        found = overview.find(user)
        assert names(found.wrong) == ["service 0", "service 1", "service 2"]
        assert found.unseen == {"heartbeat": 2}

    def test_late_ones_take_the_room_that_is_left(self, user, make_heartbeat, monkeypatch):
        monkeypatch.setattr(overview, "WORST", 2)
        make_heartbeat(user, name="down", status="down")
        make_heartbeat(user, name="late", status="late", status_since=NOW)
        make_heartbeat(user, name="later", status="late", status_since=NOW - HOUR)
        assert names(overview.find(user).wrong) == ["down", "late"]

    def test_what_is_anothers_is_not_there(self, user, other_user, make_service, make_host):
        host = make_host(other_user, status="down", last_report_at=NOW)
        add_cycle(host, cpu_percent=1)
        make_service(other_user, status="down")
        make_service(other_user, last_check_at=NOW, failures=1)
        found = overview.find(user)
        assert found.total() == 0
        assert (found.wrong, found.hosts, found.services) == ([], [], [])


class TestLatest:
    def test_of_each_kind_those_that_changed_last_are_shown(
        self, user, make_heartbeat, make_service
    ):
        for number in range(overview.LATEST + 2):
            at = NOW - number * HOUR
            make_heartbeat(user, name=f"heartbeat {number}", last_ping=at)
            make_service(user, name=f"service {number}", last_check_at=at)
        found = overview.find(user)
        wanted = range(overview.LATEST)
        assert names(found.heartbeats) == [f"heartbeat {number}" for number in wanted]
        assert names(found.services) == [f"service {number}" for number in wanted]

    def test_what_is_wrong_is_not_shown_twice(self, user, make_heartbeat, make_service):
        make_heartbeat(user, status="late")
        make_service(user, status="down")
        found = overview.find(user)
        assert (found.heartbeats, found.services) == ([], [])

    def test_services_that_fail_and_are_not_down_yet_come_first(self, user, make_service):
        make_service(user, name="steady", last_check_at=NOW)
        make_service(
            user,
            name="shaky",
            last_check_at=NOW - HOUR,
            last_result="timeout",
            last_error="Timeout",
            failures=2,
        )
        make_service(user, name="dead", status="down", failures=900)
        found = overview.find(user)
        assert names(found.services) == ["shaky", "steady"]
        assert (found.services[0].failures, found.services[0].last_error) == (2, "Timeout")

    def test_one_that_has_never_answered_is_among_them(self, user, make_service):
        make_service(user, failures=1, last_check_at=NOW, last_result="down", status="new")
        [row] = overview.find(user).services
        assert row.failures == 1


class TestProcesses:
    def test_those_under_way_are_shown_and_those_that_ended_are_not(self, user, make_process):
        make_process(user, name="under way", progress=40)
        make_process(user, name="ended", status="paused", ended_at=NOW)
        found = overview.find(user)
        assert names(found.processes) == ["under way"]
        assert found.paused == 0

    def test_one_that_died_is_wrong(self, user, make_process):
        make_process(user, status="down", exit_status=3)
        [row] = overview.find(user).wrong
        assert row.exit_status == 3


class TestHosts:
    def test_a_host_shows_the_figures_of_its_last_cycle(self, user, make_host):
        host = make_host(user, last_report_at=NOW)
        add_cycle(host, NOW - HOUR, cpu_percent=90)
        add_cycle(host, NOW, cpu_percent=12.5, ram_percent=50, services_late=3)
        [row] = overview.find(user).hosts
        assert (row.cpu_percent, row.ram_percent, row.disk_percent) == (12.5, 50, None)
        assert (row.cycle_at, row.services_late) == (NOW, 3)

    def test_a_host_that_never_reported_is_there_too(self, user, make_host):
        make_host(user)
        [row] = overview.find(user).hosts
        assert row.cycle_at is None

    def test_those_in_trouble_come_first_then_our_own_machine(self, user, make_host):
        make_host(user, name="b", last_report_at=NOW)
        make_host(user, name="A", last_report_at=NOW)
        make_host(user, name="z", last_report_at=NOW, is_local=True)
        make_host(user, name="y", status="down")
        assert names(overview.find(user).hosts) == ["y", "z", "A", "b"]


class TestState:
    def test_it_is_the_same_while_nothing_changes(self, user, make_heartbeat, make_service):
        make_heartbeat(user, last_ping=NOW)
        make_service(user, status="down")
        assert overview.find(user).state == overview.find(user).state

    @pytest.mark.parametrize(
        "changes", [{"name": "Renamed"}, {"environment": "staging"}, {"last_error": "Timeout"}]
    )
    def test_it_changes_with_whatever_is_shown(self, user, make_service, changes):
        service = make_service(user, status="down", last_error="HTTP 500")
        before = overview.find(user).state
        with writing() as session:
            for name, value in changes.items():
                setattr(session.get(type(service), service.id), name, value)
        assert overview.find(user).state != before

    def test_it_changes_with_a_cycle_a_channel_and_an_outage(self, user, make_host, make_channel):
        host = make_host(user, last_report_at=NOW)
        states = [overview.find(user).state]
        add_cycle(host, cpu_percent=1)
        states.append(overview.find(user).state)
        make_channel(user)
        states.append(overview.find(user).state)
        with writing() as session:
            session.add(Outage(began_at=NOW - HOUR, ended_at=NOW))
        states.append(overview.find(user).state)
        assert len(set(states)) == 4

    def test_a_monitor_deleted_meanwhile_is_left_out(self, user, make_service):
        service = make_service(user, status="down")
        key = ("service", service.id)
        with writing() as session:
            session.delete(session.get(Monitor, service.id))
        assert overview._known(overview._details([key]), [key]) == []


class TestEmpty:
    def test_there_is_nothing_without_monitors(self, user):
        found = overview.find(user)
        assert found.is_empty
        assert not found.has_channel

    def test_our_own_machine_is_nothing_that_somebody_added(self, user, make_host):
        make_host(user, is_local=True)
        assert overview.find(user).is_empty
        make_host(user, name="web-2")
        assert not overview.find(user).is_empty

    def test_the_total_is_of_kinds_and_statuses(self, user, make_heartbeat, make_service):
        make_heartbeat(user, last_ping=NOW)
        make_service(user, last_check_at=NOW)
        make_service(user, status="paused")
        found = overview.find(user)
        assert found.total() == 3
        assert found.total(Status.UP) == 2
        assert found.total("up", "paused", kind="service") == 2


def test_it_reads_no_more_when_everything_is_down(user, make_service):
    """The queries name how many rows they want, whatever there is."""
    for _number in range(overview.WORST + 5):
        make_service(user, status="down")
    db.session.commit()
    found = overview.find(user)
    assert len(found.wrong) == overview.WORST
    assert found.unseen == {"service": 5}
