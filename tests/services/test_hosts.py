"""Hosts as people manage them: keys, edits, pauses, deletion with all that they recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.core.credentials import hash_of
from sentinelweb.core.host_reports import parse
from sentinelweb.db import db
from sentinelweb.models import (
    Channel,
    Host,
    Monitor,
    MonitoringCycle,
    Service,
    ServiceCheck,
    User,
)
from sentinelweb.services import (
    counts,
    host_list,
    host_page,
    host_reports,
    host_services,
    host_silence,
    hosts,
)
from sentinelweb.services.errors import NotFoundError
from sentinelweb.services.hosts import HostValues
from sentinelweb.services.monitor_list import ListQuery
from tests.conftest import Clock
from tests.support.factories import NOW, team_of
from tests.support.parallel import together

MakeHost = Callable[..., Host]
MakeChannel = Callable[..., Channel]


@pytest.fixture(autouse=True)
def _still(clock: Clock) -> None:
    """Everything happens at NOW, unless a test moves the clock."""


def report(host: Host, *names: str, at: timedelta = timedelta()) -> None:
    body = {"services": {name: {"status": "healthy"} for name in names}}
    host_reports.record(host.id, parse(json.dumps(body).encode()), NOW + at)
    db.session.expire_all()


def count(model: type[Monitor] | type[MonitoringCycle] | type[ServiceCheck]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


class TestKeys:
    def test_a_new_host_has_a_key_that_is_stored_as_its_hash_alone(self, user: User) -> None:
        new = hosts.create(user, HostValues("web-1"))
        assert new.key.startswith("sw_")
        assert len(new.key) >= 3 + 22  # 128 bits in base64
        assert new.host.key_hash == hash_of(new.key)
        assert new.host.key_hint == new.key[:8]
        stored = db.session.execute(sa.text("SELECT * FROM hosts")).all()
        assert new.key not in str(stored)

    def test_it_opens_no_other_host_and_no_two_are_alike(self, user: User) -> None:
        first, second = (hosts.create(user, HostValues(name)) for name in ("a", "b"))
        assert host_reports.host_of(first.key) == first.host.id
        assert host_reports.host_of(second.key) == second.host.id

    def test_a_rotated_key_is_unknown_at_once(self, user: User) -> None:
        old = hosts.create(user, HostValues("web-1"))
        new = hosts.rotate_key(user, old.host.id)
        assert host_reports.host_of(old.key) is None
        assert host_reports.host_of(new.key) == old.host.id


class TestChanges:
    def test_a_host_belongs_to_the_team_of_its_maker_and_is_counted(
        self, user: User, make_channel: MakeChannel
    ) -> None:
        channel = make_channel(user)
        values = HostValues("web-1", "What it does", ["a"], "production", 300, [channel.id])
        host = hosts.create(user, values).host
        assert (host.team_id, host.status, host.silent_after) == (team_of(user).id, "new", 300)
        assert [item.id for item in host.channels] == [channel.id]
        assert counts.by_status("host", [host.team_id])["new"] == 1

    def test_anothers_channel_is_not_found(
        self, user: User, other_user: User, make_channel: MakeChannel
    ) -> None:
        values = HostValues("web-1", channel_ids=[make_channel(other_user).id])
        with pytest.raises(NotFoundError):
            hosts.create(user, values)
        assert count(Host) == 0

    def test_a_new_patience_counts_from_the_last_report(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user)
        report(host)
        hosts.edit(user, host.id, HostValues("web-1", silent_after=300))
        assert host.overdue_at == NOW + timedelta(seconds=300)

    def test_one_that_is_not_waited_for_is_not_waited_for_after_an_edit(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user, status="down", last_report_at=NOW)
        hosts.edit(user, host.id, HostValues("web-2", silent_after=300))
        assert (host.name, host.overdue_at) == ("web-2", None)

    def test_a_paused_host_is_not_missed_and_is_waited_for_anew_when_resumed(
        self, user: User, make_host: MakeHost, clock: Clock
    ) -> None:
        host = make_host(user)
        report(host)
        hosts.pause(user, host.id)
        assert (host.status, host.is_active, host.overdue_at) == ("paused", False, None)
        now = clock.advance(hours=1)
        host_silence.run(now)
        hosts.resume(user, host.id)
        assert (host.status, host.overdue_at) == ("up", now + timedelta(seconds=60))
        hosts.resume(user, host.id)
        assert host.status == "up"

    def test_one_that_never_reported_is_new_when_resumed(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user, status="paused")
        hosts.resume(user, host.id)
        assert (host.status, host.overdue_at) == ("new", None)


class TestDeletion:
    def test_everything_goes_and_the_counts_are_right(
        self, user: User, make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(host_services, "BATCH", 2)
        host, other = make_host(user), make_host(user, name="web-2")
        report(other, "kept")
        for second in range(5):
            report(host, "api", "db", at=timedelta(seconds=second))
        assert hosts.delete(user, host.id) == "web-1"
        assert [item.name for item in db.session.scalars(sa.select(Monitor))] == ["web-2", "kept"]
        assert (count(MonitoringCycle), count(ServiceCheck)) == (1, 1)
        counts.recount()
        assert counts.by_status("service", [other.team_id])["up"] == 1
        assert counts.by_status("host", [other.team_id])["up"] == 1

    def test_twice_at_once_deletes_once(self, app: Flask, user: User, make_host: MakeHost) -> None:
        host = make_host(user)
        report(host, "api")
        host_id, user_id = host.id, user.id

        def delete() -> str:
            try:
                return hosts.delete(db.session.get_one(User, user_id), host_id)
            except NotFoundError:
                return "gone"

        assert sorted(together(app, [delete, delete])) == ["gone", "web-1"]
        assert counts.by_status("service")["up"] == counts.by_status("host")["up"] == 0

    def test_services_that_are_no_longer_reported_can_be_forgotten(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user)
        report(host, "api", "old")
        report(host, "api", at=timedelta(minutes=11))
        assert [item.name for item in host_services.unreported(host)] == ["old"]
        assert host_services.forget_unreported(user, host.id) == 1
        assert [item.name for item in db.session.scalars(sa.select(Service))] == ["api"]
        assert counts.by_status("service", [host.team_id])["paused"] == 0


class TestOurOwnMachine:
    def test_it_can_be_renamed_but_neither_deleted_nor_keyed_nor_paused(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user, is_local=True, last_report_at=NOW)
        assert hosts.edit(user, host.id, HostValues("home")).name == "home"
        for forbidden in (hosts.delete, hosts.rotate_key, hosts.pause, hosts.resume):
            with pytest.raises(NotFoundError):
                forbidden(user, host.id)
        assert (host.status, host.key_hash, count(Host)) == ("up", None, 1)


def test_nothing_of_another_team_is_found(
    user: User, other_user: User, make_host: MakeHost
) -> None:
    host = make_host(other_user)
    for act in (hosts.get, hosts.pause, hosts.resume, hosts.rotate_key, hosts.delete):
        with pytest.raises(NotFoundError):
            act(user, host.id)
    with pytest.raises(NotFoundError):
        hosts.edit(user, host.id, HostValues("mine"))
    with pytest.raises(NotFoundError):
        host_services.forget_unreported(user, host.id)
    assert host_list.find(user, ListQuery()).summaries == []


class TestList:
    def test_each_host_has_its_latest_figures_and_its_services_counted(
        self, user: User, make_host: MakeHost, make_service: Callable[..., Service]
    ) -> None:
        web, local = make_host(user), make_host(user, name="home", is_local=True)
        report(web, "api", "db")
        report(web, "api", "db", at=timedelta(seconds=10))
        make_service(user)
        listed = host_list.find(user, ListQuery(sort="name"))
        own, first = listed.summaries
        assert (own.host.id, own.cycle, own.total) == (local.id, None, 1)
        assert (first.host.id, first.total, first.services["up"]) == (web.id, 2, 2)
        assert first.cycle is not None
        assert first.cycle.created_at == NOW + timedelta(seconds=10)

    def test_its_state_changes_with_what_it_shows(self, user: User, make_host: MakeHost) -> None:
        host = make_host(user)
        states = [host_list.find(user, ListQuery()).state]
        report(host, "api")
        states.append(host_list.find(user, ListQuery()).state)
        assert states[0] != states[1] == host_list.find(user, ListQuery()).state


class TestPage:
    def test_the_last_hour_is_drawn_by_the_minute_with_its_gaps(
        self, user: User, make_host: MakeHost
    ) -> None:
        host = make_host(user)
        for minutes, percent in ((59.5, 10), (59.2, 30), (30.5, 50), (0.2, 90)):
            at = NOW - timedelta(minutes=minutes)
            body = {"services": {}, "host": {"cpu_percent": percent}, "at": at.isoformat()}
            host_reports.record(host.id, parse(json.dumps(body).encode()), at)
        page = host_page.build(host, before=None, page=1, timezone="UTC")
        figure = page.figures["cpu_percent"]
        assert (figure.points[0], figure.points[29], figure.points[59]) == (20, 50, 90)
        assert (figure.latest, figure.most, figure.mean) == (90, 90, 45)
        assert figure.lines(100) == ["0,80.0 0,80.0", "29,50.0 29,50.0", "59,10.0 59,10.0"]
        assert page.figures["ram_percent"].mean is None

    def test_its_state_changes_with_what_it_shows(self, user: User, make_host: MakeHost) -> None:
        host = make_host(user)
        states = {host_page.state(host)}
        report(host, "api")
        states.add(host_page.state(host))
        hosts.edit(user, host.id, HostValues("web-2"))
        states.add(host_page.state(host))
        assert len(states) == 3
        assert host_page.state(host) in states
