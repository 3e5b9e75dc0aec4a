"""An agent's report: signs of life, recoveries, cycles, services; and the codes of the seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.core.credentials import hash_of
from sentinelweb.core.host_reports import MAX_SERVICES, parse
from sentinelweb.db import db
from sentinelweb.models import (
    Channel,
    Delivery,
    Host,
    MonitoringCycle,
    Service,
    ServiceCheck,
    StatusChange,
    User,
)
from sentinelweb.services import counts, host_reports
from sentinelweb.services.host_reports import Answer
from tests.support.factories import NOW
from tests.support.parallel import together

MakeHost = Callable[..., Host]
MakeChannel = Callable[..., Channel]

HEALTHY = {"status": "healthy"}


def send(host: Host, services: dict[str, Any] | None = None, /, **fields: Any) -> Answer:
    """Report at NOW, unless `now` says otherwise."""
    now = fields.pop("now", NOW)
    body = json.dumps({"services": services or {}, **fields}).encode()
    answer = host_reports.record(host.id, parse(body), now)
    db.session.expire_all()
    return answer


def services(host: Host) -> dict[str | None, Service]:
    found = db.session.scalars(sa.select(Service).where(Service.host_id == host.id))
    return {service.reported_as: service for service in found}


def cycles() -> list[MonitoringCycle]:
    return list(db.session.scalars(sa.select(MonitoringCycle).order_by(MonitoringCycle.created_at)))


def checks() -> list[tuple[str, str]]:
    query = sa.select(ServiceCheck.created_at, ServiceCheck.status).order_by(
        ServiceCheck.created_at
    )
    return [(at.isoformat()[11:19], status) for at, status in db.session.execute(query)]


def notes(monitor: Host | Service) -> list[str]:
    query = sa.select(StatusChange.note).where(StatusChange.monitor_id == monitor.id)
    return list(db.session.scalars(query.order_by(StatusChange.id)))


def deliveries() -> list[Delivery]:
    return list(db.session.scalars(sa.select(Delivery).order_by(Delivery.id)))


def ago(**duration: float) -> str:
    return (NOW - timedelta(**duration)).isoformat()


class TestLife:
    def test_a_first_report_brings_a_host_up_without_a_word(
        self, user: User, make_host: MakeHost, make_channel: MakeChannel
    ) -> None:
        host = make_host(user, status="new", channels=[make_channel(user)])
        assert send(host, agent="1.0") == Answer(200, "recorded", stored=True)
        assert (host.status, host.last_report_at, host.agent) == ("up", NOW, "1.0")
        assert host.overdue_at == NOW + timedelta(seconds=host.silent_after)
        assert deliveries() == []

    def test_a_host_that_was_silent_is_back_at_once_and_told_of(
        self, user: User, make_host: MakeHost, make_channel: MakeChannel
    ) -> None:
        host = make_host(
            user,
            status="down",
            last_report_at=NOW - timedelta(hours=1),
            status_since=NOW - timedelta(minutes=59),
            channels=[make_channel(user)],
        )
        assert send(host) == Answer(200, "recovered", stored=True)
        assert host.status == "up"
        [told] = deliveries()
        assert (told.event, told.facts["down_for"]) == ("up", 59 * 60)
        assert send(host, now=NOW + timedelta(seconds=10)).status == "recorded"

    def test_a_paused_host_records_and_stays_paused(self, user: User, make_host: MakeHost) -> None:
        host = make_host(user, status="paused")
        assert send(host, {"api": HEALTHY}) == Answer(200, "recorded", stored=True)
        assert (host.status, host.last_report_at, host.overdue_at) == ("paused", NOW, None)
        assert services(host)["api"].status == "up"

    def test_many_reports_of_a_silent_host_at_once_recover_it_once(
        self, app: Flask, user: User, make_host: MakeHost, make_channel: MakeChannel
    ) -> None:
        host = make_host(user, status="down", channels=[make_channel(user)])
        host_id = host.id
        body = json.dumps({"services": {"api": HEALTHY}, "at": NOW.isoformat()}).encode()
        answers = together(
            app, [lambda: host_reports.record(host_id, parse(body), NOW) for _ in range(4)]
        )
        assert sorted(answer.status for answer in answers) == ["recorded"] * 3 + ["recovered"]
        assert [item.event for item in deliveries()] == ["up"]
        assert len(cycles()) == 1
        assert list(services(host)) == ["api"]
        assert len(checks()) == 1


class TestServices:
    def test_what_is_reported_first_becomes_a_service_that_alerts_as_its_host_does(
        self, user: User, make_host: MakeHost, make_channel: MakeChannel
    ) -> None:
        channel = make_channel(user)
        host = make_host(user, channels=[channel], tags=["edge"], environment="production")
        send(host, {"nextjs": HEALTHY, "Größe 你好": {"status": "down", "target": "tcp://db:5432"}})
        found = services(host)
        assert {name: item.target for name, item in found.items()} == {
            "nextjs": "nextjs",
            "Größe 你好": "tcp://db:5432",
        }
        nextjs = found["nextjs"]
        assert (nextjs.name, nextjs.probe, nextjs.status) == ("nextjs", "agent", "up")
        assert (nextjs.tags, nextjs.environment) == (["edge"], "production")
        assert nextjs.next_check_at is None
        assert [item.id for item in nextjs.channels] == [channel.id]
        assert counts.by_status("service", [host.team_id])["up"] == 1
        assert counts.by_status("service", [host.team_id])["new"] == 1

    def test_a_name_that_a_person_changed_is_kept(self, user: User, make_host: MakeHost) -> None:
        host = make_host(user)
        send(host, {"api": HEALTHY})
        services(host)["api"].name = "The public API"
        db.session.commit()
        send(host, {"api": HEALTHY}, now=NOW + timedelta(seconds=10))
        assert [item.name for item in services(host).values()] == ["The public API"]

    @pytest.mark.settings(status_change_threshold=2)
    def test_failures_in_a_row_raise_the_alarm_with_the_reason(
        self, user: User, make_host: MakeHost, make_channel: MakeChannel
    ) -> None:
        host = make_host(user, channels=[make_channel(user)])
        broken = {"status": "error", "status_code": 503, "latency_ms": 12.5}
        for seconds in (0, 10, 20):
            send(host, {"api": broken}, now=NOW + timedelta(seconds=seconds))
        service = services(host)["api"]
        assert (service.status, service.failures, service.last_latency_ms) == ("down", 3, 12.5)
        assert [item.facts["note"] for item in deliveries()] == ["HTTP 503"]

    def test_a_new_address_is_taken_over(self, user: User, make_host: MakeHost) -> None:
        host = make_host(user)
        send(host, {"api": HEALTHY | {"target": "https://a.example.com/"}})
        later = NOW + timedelta(seconds=10)
        send(host, {"api": HEALTHY | {"target": "https://b.example.com/"}}, now=later)
        assert services(host)["api"].target == "https://b.example.com/"
        send(host, {"api": HEALTHY}, now=NOW + timedelta(seconds=20))
        assert services(host)["api"].target == "https://b.example.com/"

    def test_more_than_a_host_may_have_are_left_out_and_counted(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user)
        send(host, {f"a{number}": HEALTHY for number in range(MAX_SERVICES - 1)})
        answer = send(host, {f"b{number}": HEALTHY for number in range(3)})
        assert (answer.code, answer.ignored) == (200, 2)
        assert len(services(host)) == MAX_SERVICES

    def test_what_is_no_longer_reported_is_paused_and_comes_back_by_itself(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user)
        send(host, {"api": HEALTHY, "old": {"status": "down"}})
        soon, late = NOW + timedelta(minutes=9), NOW + timedelta(minutes=11)
        send(host, {"api": HEALTHY}, now=soon)
        assert services(host)["old"].status == "new"
        send(host, {"api": HEALTHY}, now=late)
        assert services(host)["old"].status == "paused"
        assert notes(services(host)["old"]) == ["unreported"]
        send(host, {"api": HEALTHY, "old": HEALTHY}, now=late + timedelta(seconds=10))
        assert services(host)["old"].status == "up"
        assert notes(services(host)["old"]) == ["unreported", "reported", "answered"]

    def test_what_a_person_paused_stays_paused(self, user: User, make_host: MakeHost) -> None:
        from sentinelweb.core.status import Decision, Status
        from sentinelweb.db import writing
        from sentinelweb.services import transitions
        from sentinelweb.services.transitions import Transition

        host = make_host(user)
        send(host, {"api": HEALTHY})
        with writing() as session:
            decision = Decision(Status.PAUSED, "paused")
            id_ = services(host)["api"].id
            transitions.apply(session, [Transition(id_, Status.UP, decision)], NOW)
        send(host, {"api": HEALTHY}, now=NOW + timedelta(seconds=10))
        assert services(host)["api"].status == "paused"


class TestCycles:
    def test_the_figures_of_a_host_are_kept(self, user: User, make_host: MakeHost) -> None:
        host = make_host(user)
        send(
            host,
            host={
                "cpu_percent": 12.5,
                "ram_percent": 40,
                "ram_used_mb": 812.3,
                "disk_percent": 71.0,
                "uptime_seconds": 86_400.5,
                "container_count": 3,
                "internet_status": True,
                "ping_ms": 18.2,
                "cycle_duration_ms": 140.4,
            },
            at=ago(seconds=1),
        )
        [cycle] = cycles()
        assert (cycle.host_id, cycle.created_at) == (host.id, NOW - timedelta(seconds=1))
        assert (cycle.cpu_percent, cycle.ram_percent, cycle.ram_used_mb) == (12.5, 40, 812.3)
        assert (cycle.disk_percent, cycle.uptime_seconds) == (71, 86_400.5)
        assert (cycle.container_count, cycle.internet_status, cycle.ping_ms) == (3, True, 18.2)
        assert (cycle.cycle_duration_ms, cycle.worker_status) == (140, None)

    def test_a_report_of_the_seeds_is_a_cycle_of_now(self, user: User, make_host: MakeHost) -> None:
        send(make_host(user), {"strapi": {"status": "unhealthy"}})
        [cycle] = cycles()
        assert (cycle.created_at, cycle.cpu_percent) == (NOW, None)
        assert checks() == [("12:00:00", "down")]

    def test_a_clock_that_is_wrong_is_not_believed(self, user: User, make_host: MakeHost) -> None:
        send(make_host(user), {"api": HEALTHY}, at=(NOW + timedelta(days=1)).isoformat())
        assert [cycle.created_at for cycle in cycles()] == [NOW]

    def test_the_same_report_twice_is_stored_once(self, user: User, make_host: MakeHost) -> None:
        host = make_host(user)
        for seconds in (0, 5):
            now = NOW + timedelta(seconds=seconds)
            assert send(host, {"api": {"status": "down"}}, at=ago(seconds=0), now=now).stored
        assert len(cycles()) == 1
        assert services(host)["api"].failures == 1
        assert host.last_report_at == NOW + timedelta(seconds=5)

    @pytest.mark.settings(status_change_threshold=1)
    def test_a_backlog_is_kept_with_its_times_and_raises_no_alarm(
        self, user: User, make_host: MakeHost, make_channel: MakeChannel
    ) -> None:
        host = make_host(user, channels=[make_channel(user)])
        send(host, {"api": HEALTHY}, now=NOW - timedelta(hours=1), at=ago(hours=1))
        backlog = [
            {"at": ago(minutes=minutes), "services": {"api": {"status": "down"}}}
            for minutes in (30, 20, 10)
        ]
        for _twice in range(2):
            send(host, {"api": HEALTHY}, at=ago(seconds=0), cycles=backlog)
        assert checks() == [
            ("11:00:00", "healthy"),
            ("11:30:00", "down"),
            ("11:40:00", "down"),
            ("11:50:00", "down"),
            ("12:00:00", "healthy"),
        ]
        service = services(host)["api"]
        assert (service.status, service.failures, service.last_check_at) == ("up", 0, NOW)
        assert deliveries() == []
        assert len(cycles()) == 5

    def test_what_is_too_old_or_of_the_future_is_left_out_of_a_backlog(
        self, user: User, make_host: MakeHost
    ) -> None:
        backlog = [{"at": ago(days=8)}, {"at": ago(hours=1)}, {"at": ago(hours=-1)}]
        assert send(make_host(user), cycles=backlog).stored
        assert [item.created_at for item in cycles()] == [NOW - timedelta(hours=1)]

    def test_what_only_a_backlog_reports_makes_no_service(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user)
        send(host, {}, cycles=[{"at": ago(hours=1), "services": {"gone": HEALTHY}}])
        assert services(host) == {}
        assert len(cycles()) == 1

    def test_a_report_that_says_nothing_is_a_sign_of_life_alone(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user)
        assert send(host) == Answer(200, "recorded", stored=True)
        assert (host.status, host.last_report_at, cycles()) == ("up", NOW, [])


_REFUSE_SQLITE = "BEGIN SELECT RAISE(ABORT, 'refused'); END"
_REFUSE_POSTGRES = "$$ BEGIN RAISE EXCEPTION 'refused'; END $$ LANGUAGE plpgsql"


def forbid(table: str, event: str) -> None:
    """Let the database itself refuse to write to a table."""
    with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "sqlite":
            statements = [
                f"CREATE TRIGGER refuse BEFORE {event} ON {table} {_REFUSE_SQLITE}",
            ]
        else:
            statements = [
                f"CREATE FUNCTION refuse() RETURNS trigger AS {_REFUSE_POSTGRES}",
                f"CREATE TRIGGER refuse BEFORE {event} ON {table} EXECUTE FUNCTION refuse()",
            ]
        for statement in statements:
            connection.execute(sa.text(statement))


@pytest.fixture
def healed(app: Flask) -> Any:
    """Undoes what a test did to the database."""
    yield
    db.session.rollback()
    with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("DROP FUNCTION IF EXISTS refuse CASCADE"))
        if sa.inspect(connection).has_table("elsewhere"):
            connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO monitors"))


@pytest.mark.usefixtures("healed")
class TestFaults:
    def test_500_when_not_even_the_time_can_be_written(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user, status="down")
        forbid("hosts", "UPDATE")
        assert send(host, {"api": HEALTHY}) == Answer(500, "error", stored=False)
        assert (host.status, host.last_report_at, cycles()) == ("down", None, [])

    def test_220_when_the_previous_status_cannot_be_read(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user, status="down")
        host_id = host.id
        db.session.commit()
        with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(sa.text("ALTER TABLE monitors RENAME TO elsewhere"))
        report = parse(b'{"services": {"api": {"status": "healthy"}}}')
        assert host_reports.record(host_id, report, NOW) == Answer(220, "blind", stored=False)
        [at] = db.session.execute(sa.select(Host.__table__.c.last_report_at)).scalars()
        assert at == NOW

    @pytest.mark.parametrize("table", ["history", "deliveries"])
    def test_221_when_the_recovery_or_its_alert_cannot_be_written(
        self, user: User, make_host: MakeHost, make_channel: MakeChannel, table: str
    ) -> None:
        host = make_host(user, status="down", channels=[make_channel(user)])
        forbid(table, "INSERT")
        assert send(host, host={"cpu_percent": 1}) == Answer(221, "partial", stored=True)
        assert (host.status, host.last_report_at) == ("down", NOW)
        assert len(cycles()) == 1

    def test_500_when_the_results_cannot_be_written_though_the_host_is_up(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user)
        forbid("monitoring_cycles", "INSERT")
        assert send(host, host={"cpu_percent": 1}) == Answer(500, "error", stored=False)
        assert (host.status, host.last_report_at) == ("up", NOW)


def test_a_key_finds_its_host_and_no_other(user: User, make_host: MakeHost) -> None:
    first = make_host(user, key_hash=hash_of("sw_one"))
    make_host(user, key_hash=hash_of("sw_two"))
    assert host_reports.host_of("sw_one") == first.id
    assert host_reports.host_of("sw_three") is None
    assert host_reports.host_of("") is None
    assert host_reports.host_of("\udcff\0") is None
