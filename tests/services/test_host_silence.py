"""Silence: a host that stops reporting is down, once; nobody is blamed for our own outages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from sentinelweb.db import db, writing
from sentinelweb.models import (
    Channel,
    Component,
    Delivery,
    HeartbeatCheck,
    Host,
    Outage,
    User,
)
from sentinelweb.services import audit, host_silence, outages, overdue
from tests.support.factories import NOW
from tests.support.parallel import together

MakeHost = Callable[..., Host]
MakeChannel = Callable[..., Channel]


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.fixture
def make_heard(user: User, make_host: MakeHost) -> MakeHost:
    """A host that reported at NOW, and is silent when 60 seconds are over."""

    def make_heard(**values: object) -> Host:
        return make_host(user, **{"last_report_at": NOW, "overdue_at": NOW + seconds(60)} | values)

    return make_heard


def run(after: float) -> dict[str, int]:
    statistics = host_silence.run(NOW + seconds(after)).as_dict()
    db.session.expire_all()
    return statistics


def events() -> list[str]:
    return list(db.session.scalars(sa.select(Delivery.event).order_by(Delivery.id)))


def test_a_silent_host_is_down_and_told_of_once(
    user: User, make_heard: MakeHost, make_channel: MakeChannel
) -> None:
    host = make_heard(channels=[make_channel(user)])
    assert run(60) == {"overdue": 0, "down": 0, "alerts": 0}
    assert not host_silence.is_due(NOW + seconds(60))
    assert host_silence.is_due(NOW + seconds(60.1))
    assert run(61) == {"overdue": 1, "down": 1, "alerts": 1}
    assert (host.status, host.overdue_at) == ("down", None)
    assert run(3600) == {"overdue": 0, "down": 0, "alerts": 0}
    [delivery] = db.session.scalars(sa.select(Delivery))
    facts = delivery.facts
    assert (delivery.event, facts["note"], facts["silent_for"]) == ("down", "silent", 61)


def test_who_never_reported_is_not_missed(user: User, make_host: MakeHost) -> None:
    host = make_host(user)
    run(86_400)
    assert host.status == "new"


@pytest.mark.parametrize("status", ["paused", "down"])
def test_what_cannot_go_down_is_looked_at_once(make_heard: MakeHost, status: str) -> None:
    host = make_heard(status=status)
    assert run(61) == {"overdue": 1, "down": 0, "alerts": 0}
    assert (host.status, host.overdue_at) == (status, None)


def test_more_than_a_batch(make_heard: MakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue, "BATCH", 2)
    for number in range(5):
        make_heard(name=f"web-{number}")
    assert run(61)["down"] == 5


def test_many_audits_at_once_tell_it_once(
    app: Flask, user: User, make_heard: MakeHost, make_channel: MakeChannel
) -> None:
    channel = make_channel(user)
    for number in range(10):
        make_heard(name=f"web-{number}", channels=[channel])
    later = NOW + seconds(61)
    found = together(app, [lambda: host_silence.run(later) for _ in range(4)])
    assert sum(statistics.down for statistics in found) == 10
    assert events() == ["down"] * 10


class TestOurOutages:
    def test_while_nobody_can_be_heard_we_judge_as_of_the_last_sign(
        self, make_heard: MakeHost
    ) -> None:
        host = make_heard()
        outages.sign_of_web(NOW + seconds(30))
        assert not host_silence.is_due(NOW + seconds(600))
        assert run(600)["overdue"] == 0
        assert host.status == "up"

    def test_who_was_silent_before_is_down_whatever_happened_to_us(
        self, make_heard: MakeHost
    ) -> None:
        host = make_heard()
        outages.sign_of_web(NOW + seconds(70))
        run(600)
        assert host.status == "down"

    def test_after_an_outage_the_waiting_begins_anew(self, make_heard: MakeHost) -> None:
        host = make_heard()
        outages.sign_of_web(NOW + seconds(30))
        outages.sign_of_web(NOW + seconds(600))
        with writing() as session:
            web = session.get_one(Component, outages.WEB)
            web.seen_at = NOW + seconds(659)
        assert run(659)["down"] == 0
        assert (host.status, host.overdue_at) == ("up", NOW + seconds(660))
        with writing() as session:
            web = session.get_one(Component, outages.WEB)
            web.seen_at = NOW + seconds(661)
        assert run(661)["down"] == 1

    def test_one_outage_after_another(self, make_heard: MakeHost) -> None:
        host = make_heard()
        with writing() as session:
            session.add_all(
                Outage(began_at=NOW + seconds(began), ended_at=NOW + seconds(ended))
                for began, ended in ((30, 100), (120, 200), (900, 1000))
            )
        run(255)
        assert (host.status, host.overdue_at) == ("up", NOW + seconds(260))
        run(261)
        assert host.status == "down"

    def test_one_before_the_last_report_changes_nothing(self, make_heard: MakeHost) -> None:
        host = make_heard()
        with writing() as session:
            session.add(Outage(began_at=NOW - seconds(50), ended_at=NOW - seconds(1)))
        run(61)
        assert host.status == "down"


class TestOutagesOfThePages:
    """The front door takes pings by itself; what hosts report goes to the pages."""

    def test_while_they_are_away_no_host_is_missed(self, make_heard: MakeHost) -> None:
        host = make_heard()
        outages.sign_of_pages(NOW + seconds(30))
        outages.sign_of_web(NOW + seconds(600))
        assert not host_silence.is_due(NOW + seconds(600))
        assert run(600)["overdue"] == 0
        assert host.status == "up"

    def test_when_they_are_back_the_waiting_begins_anew(self, make_heard: MakeHost) -> None:
        host = make_heard()
        for second in (30, 600, 601):
            outages.sign_of_pages(NOW + seconds(second))
        run(602)
        assert (host.status, host.overdue_at) == ("up", NOW + seconds(660))
        for second in range(604, 662, 3):
            outages.sign_of_pages(NOW + seconds(second))
        run(661)
        assert host.status == "down"

    def test_one_that_was_silent_before_is_down(self, make_heard: MakeHost) -> None:
        host = make_heard()
        outages.sign_of_pages(NOW + seconds(70))
        run(600)
        assert host.status == "down"

    def test_a_job_that_could_ping_meanwhile_is_judged_as_ever(
        self, user: User, make_heartbeat: Callable[..., HeartbeatCheck]
    ) -> None:
        job = make_heartbeat(user, last_ping=NOW, expected_period=60, grace_period=30)
        for second in (30, 600):
            outages.sign_of_pages(NOW + seconds(second))
        audit.run(NOW + seconds(601))
        db.session.expire_all()
        assert job.status == "down"
        assert outages.recent(NOW) == []
