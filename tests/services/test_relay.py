"""The relay: what it posts, what it stores of the answer, and when somebody is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from config import Settings
from sentinelweb.db import db
from sentinelweb.models import Channel, Delivery, Host, MonitoringCycle, Service, User
from sentinelweb.services import relay
from tests.conftest import Clock
from tests.support.receiver import Receiver, Reply

pytestmark = pytest.mark.settings(status_change_threshold=3)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def host(admin: User, make_host: Callable[..., Host], clock: Clock) -> Host:
    return make_host(admin, is_local=True, last_report_at=clock.now)


@pytest.fixture
def relaying(app: Flask, receiver: Receiver, host: Host, clock: Clock) -> Callable[..., Any]:
    """`relaying(500)` lets a cycle pass whose relay is answered so; returns what `run()` does."""
    settings: Settings = app.config["SETTINGS"].model_copy(
        update={"heartbeat_url": f"{receiver.url}/api/heartbeat", "heartbeat_secret_key": "the key"}
    )

    def relaying(code: int | None, *, internet: bool | None = True, times: int = 1) -> int | None:
        found = None
        for _ in range(times):
            clock.advance(seconds=10)
            db.session.add(
                MonitoringCycle(
                    id=f"{clock.now.timestamp():036.0f}",
                    host_id=host.id,
                    created_at=clock.now,
                    internet_status=internet,
                    cycle_duration_ms=5,
                )
            )
            db.session.commit()
            receiver.default = Reply(code or 200, close_after=None if code else 0)
            found = relay.run(settings)
        return found

    return relaying


def codes() -> list[int | None]:
    query = sa.select(MonitoringCycle.worker_status).order_by(MonitoringCycle.created_at)
    return list(db.session.scalars(query))


def alerts() -> list[dict[str, Any]]:
    return list(db.session.scalars(sa.select(Delivery.facts).order_by(Delivery.id)))


@pytest.fixture
def told(host: Host, admin: User, make_channel: Callable[..., Channel]) -> None:
    host.channels = [make_channel(admin)]
    db.session.commit()


def test_it_posts_the_seeds_payload_with_the_bearer_key(
    receiver: Receiver,
    relaying: Callable[..., Any],
    admin: User,
    user: User,
    host: Host,
    make_host: Callable[..., Host],
    make_service: Callable[..., Service],
    clock: Clock,
):
    make_service(admin, name="nextjs", last_check_at=clock.now)
    make_service(admin, name="umami", last_check_at=clock.now, last_result="timeout")
    make_service(admin, name="strapi")
    make_service(admin, name="paused", status="paused")
    make_service(admin, name="an agent's", probe="agent", host_id=make_host(admin).id)
    make_service(user, name="another team's")
    assert relaying(200) == 200
    [call] = receiver.calls
    assert (call.method, call.path) == ("POST", "/api/heartbeat")
    assert call.headers["Authorization"] == "Bearer the key"
    assert call.json == {
        "services": {
            "nextjs": {"status": "healthy"},
            "strapi": {"status": "unknown"},
            "umami": {"status": "timeout"},
        }
    }


@pytest.mark.parametrize("code", [200, 220, 221, 500])
def test_the_code_is_stored_with_the_cycle(relaying: Callable[..., Any], code: int):
    relaying(code)
    assert codes() == [code]


def test_no_answer_is_null(relaying: Callable[..., Any]):
    assert relaying(None) is None
    assert codes() == [None]


def test_without_internet_nobody_is_asked(receiver: Receiver, relaying: Callable[..., Any]):
    relaying(200, internet=False)
    assert receiver.calls == []


def test_where_nobody_knows_of_internet_it_is_tried(
    receiver: Receiver, relaying: Callable[..., Any]
):
    assert relaying(200, internet=None) == 200


def test_a_cycle_that_has_not_ended_is_not_reported(
    app: Flask, receiver: Receiver, host: Host, clock: Clock
):
    db.session.add(MonitoringCycle(id="1", host_id=host.id, created_at=clock.now))
    db.session.commit()
    settings = app.config["SETTINGS"].model_copy(update={"heartbeat_url": receiver.url})
    assert relay.run(settings) is None
    assert receiver.calls == []


@pytest.mark.usefixtures("told")
def test_a_code_that_lasts_is_told_once_and_its_end_at_once(
    relaying: Callable[..., Any], host: Host, clock: Clock
):
    relaying(200)
    relaying(500, times=2)
    assert alerts() == []
    relaying(500, times=3)
    [first] = alerts()
    assert (first["kind"], first["id"], first["name"]) == ("host", host.id, host.name)
    assert (first["previous_code"], first["code"]) == (200, 500)
    relaying(200)
    assert [(facts["previous_code"], facts["code"]) for facts in alerts()] == [
        (200, 500),
        (500, 200),
    ]
    assert alerts()[1]["occurred_at"] == clock.now.isoformat()
    assert set(db.session.scalars(sa.select(Delivery.event))) == {"relay"}


@pytest.mark.usefixtures("told")
def test_no_answer_that_lasts_is_told(relaying: Callable[..., Any]):
    relaying(None, times=3)
    assert [(facts["previous_code"], facts["code"]) for facts in alerts()] == [(200, None)]


@pytest.mark.usefixtures("told")
def test_cycles_without_internet_do_not_count(relaying: Callable[..., Any]):
    relaying(500, times=2)
    relaying(500, times=5, internet=False)
    assert alerts() == []


def test_without_channels_the_change_is_only_noted(relaying: Callable[..., Any], host: Host):
    relaying(500, times=4)
    assert alerts() == []
    db.session.refresh(host)
    assert host.relay_code == 500
