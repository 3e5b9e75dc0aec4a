"""The machine that SentinelWeb runs on, as a Host of the first administrator's team."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask

from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Delivery, Host, StatusChange, User
from sentinelweb.services import counts, local_host
from tests.conftest import Clock
from tests.support.factories import team_of
from tests.support.parallel import together


def ensure() -> int | None:
    with writing() as session:
        return local_host.ensure(session)


def report(host: Host, clock: Clock) -> Host:
    with writing() as session:
        local_host.reports(session, host.id, clock.now)
    db.session.refresh(host)
    return host


def test_without_an_administrator_there_is_none(app: Flask, user: User):
    assert ensure() is None
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Host)) == 0


def test_it_is_made_once_in_the_first_administrators_team(
    user: User, make_user: Callable[..., User]
):
    first = make_user("first@example.com", is_admin=True)
    make_user("second@example.com", is_admin=True)
    host_id = ensure()
    host = db.session.get_one(Host, host_id)
    assert (host.is_local, host.team_id) == (True, team_of(first).id)
    assert host.name == socket.gethostname()
    assert host.overdue_at is None
    assert ensure() == host_id
    assert counts.by_status("host")["new"] == 1


def test_of_many_at_once_one_makes_it(app: Flask, admin: User):
    assert len(set(together(app, [ensure] * 6))) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Host)) == 1


def test_the_host_of_an_agent_is_not_it(admin: User, make_host: Callable[..., Host]):
    other = make_host(admin)
    assert ensure() != other.id


def test_its_first_report_is_its_first_answer(admin: User, clock: Clock):
    host = db.session.get_one(Host, ensure())
    report(host, clock)
    assert (host.status, host.last_report_at) == ("up", clock.now)
    clock.advance(seconds=10)
    report(host, clock)
    assert host.last_report_at == clock.now
    changes = db.session.scalars(sa.select(StatusChange.new_status)).all()
    assert changes == ["up"]


def test_one_that_was_down_is_told_to_be_back(
    admin: User,
    clock: Clock,
    make_host: Callable[..., Host],
    make_channel: Callable[..., Channel],
):
    host = make_host(admin, is_local=True, status="down", status_since=clock.now)
    host.channels = [make_channel(admin)]
    db.session.commit()
    clock.now += timedelta(minutes=5)
    report(host, clock)
    [delivery] = db.session.scalars(sa.select(Delivery))
    assert (delivery.event, delivery.facts["down_for"]) == ("up", 300)
