"""The second job, end to end: a service that breaks becomes an alert, and its answer ends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from sentinelweb import clock, create_database_app
from sentinelweb.db import db, writing
from sentinelweb.models import (
    Channel,
    Host,
    Monitor,
    MonitoringCycle,
    Service,
    ServiceCheck,
    StatusChange,
    User,
    monitor_channels,
)
from tests.support import factories
from tests.support.databases import settings_for_tests
from tests.support.receiver import Receiver, Reply
from tests.support.running import StartStack
from tests.support.stack import Stack, wait_until


@pytest.fixture
def target() -> Iterator[Receiver]:
    """What the services are served by."""
    with Receiver() as target:
        yield target


@pytest.fixture
def site(
    database_url: str, start_stack: StartStack, tmp_path: Path
) -> Iterator[Callable[..., Stack]]:
    """`site(**settings)` starts one with cycles every second; its database is then `db`."""
    settings = settings_for_tests(tmp_path, database_url=database_url)
    with create_database_app(settings).app_context():

        def site(**values: object) -> Stack:
            return start_stack(
                **{
                    "database_url": database_url,
                    "loop_interval_seconds": 1,
                    "ping_url": "none",
                    **values,
                }
            )

        yield site
        db.session.remove()
        db.engine.dispose()


def administrator() -> User:
    return db.session.scalars(sa.select(User)).one()


def add_service(target: Receiver, **values: Any) -> Service:
    values = {"target": f"{target.url}/", "interval": 1, "next_check_at": clock.now()} | values
    return factories.make_service(administrator(), **values)


def alert(monitor: Monitor, channel: Channel) -> None:
    """Let the channel be told of the monitor. The workers write too: see `writing()`."""
    with writing() as session:
        row = {"monitor_id": monitor.id, "channel_id": channel.id}
        session.execute(sa.insert(monitor_channels), row)


def fresh(service: Service) -> Service:
    db.session.rollback()
    db.session.refresh(service)
    return service


def changes(service: Service) -> list[tuple[str, str]]:
    db.session.rollback()
    rows = db.session.execute(
        sa.select(StatusChange.new_status, StatusChange.note)
        .where(StatusChange.monitor_id == service.id)
        .order_by(StatusChange.id)
    )
    return [(status, note) for status, note in rows]


def looked_at_since(at: datetime) -> int:
    """How many services have a result that is newer than `at`."""
    db.session.rollback()
    return (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(Service).where(Service.last_check_at > at)
        )
        or 0
    )


def probing(stack: Stack) -> list[psutil.Process]:
    """The processes that look at services: the only workers with threads."""
    worker = stack.process_of("flask", "worker")
    return wait_until(
        lambda: (
            found
            if len(found := [child for child in worker.children() if child.num_threads() >= 3]) == 2
            else []
        ),
        20,
        "two processes that probe",
    )


def test_a_service_that_breaks_is_told_after_the_threshold_and_so_is_its_recovery(
    site: Callable[..., Stack], target: Receiver, webhook: Receiver
) -> None:
    site(status_change_threshold=3)
    channel = factories.make_channel(
        administrator(), settings={"url": webhook.url, "method": "POST", "headers": ""}
    )
    service = add_service(target)
    alert(service, channel)
    wait_until(lambda: fresh(service).status == "up", 20)

    target.default = Reply(500)
    [down] = webhook.wait_for(1, seconds=40)
    assert down.json["event"] == "down"
    assert "HTTP 500" in json.dumps(down.json)
    db.session.rollback()
    statuses = db.session.scalars(
        sa.select(ServiceCheck.status)
        .where(ServiceCheck.created_at <= fresh(service).status_since)
        .order_by(ServiceCheck.id)
    ).all()
    assert statuses[-3:] == ["error"] * 3
    assert set(statuses[:-3]) == {"healthy"}

    target.default = Reply(200)
    up = webhook.wait_for(2, seconds=40)[1]
    assert up.json["event"] == "up"
    assert "latency" in json.dumps(up.json)
    wait_until(lambda: fresh(service).status == "up", 20)
    assert changes(service) == [("up", "answered"), ("down", "HTTP 500"), ("up", "answered")]
    assert len(webhook.calls) == 2
    cycles = db.session.scalars(sa.select(MonitoringCycle)).all()
    assert {cycle.host_id for cycle in cycles} == set(
        db.session.scalars(sa.select(Host.id).where(Host.is_local))
    )
    assert max(cycle.services_due for cycle in cycles) == 1


def test_each_cycle_is_relayed_and_a_code_that_lasts_is_told(
    site: Callable[..., Stack], target: Receiver, webhook: Receiver
) -> None:
    with Receiver() as relay:
        site(
            heartbeat_url=f"{relay.url}/api/heartbeat",
            heartbeat_secret_key="the key",
            status_change_threshold=2,
        )
        channel = factories.make_channel(
            administrator(), settings={"url": webhook.url, "method": "POST", "headers": ""}
        )
        host = db.session.scalars(sa.select(Host).where(Host.is_local)).one()
        alert(host, channel)
        relay.default = Reply(500)  # no sooner: what is told to nobody is not told again
        add_service(target, name="nextjs")
        payload = {"services": {"nextjs": {"status": "healthy"}}}
        wait_until(lambda: any(call.json == payload for call in relay.calls), 30)
        assert relay.calls[0].headers["Authorization"] == "Bearer the key"
        webhook.wait_for(1, seconds=30)
        relay.default = Reply(200)
        webhook.wait_for(2, seconds=30)
    assert [call.json["event"] for call in webhook.calls] == ["relay", "relay"]
    db.session.rollback()
    codes = set(db.session.scalars(sa.select(MonitoringCycle.worker_status)))
    assert codes >= {500, 200}


def test_probing_workers_that_are_killed_in_the_middle_lose_nothing(
    site: Callable[..., Stack], target: Receiver
) -> None:
    stack = site(loop_interval_seconds=2)
    target.default = Reply(delay=1)
    services = [add_service(target, interval=2) for _ in range(20)]
    victims = probing(stack)
    wait_until(lambda: len(target.calls) >= 5, 30)
    killed_at = clock.now()
    for victim in victims:
        victim.kill()

    wait_until(lambda: looked_at_since(killed_at + timedelta(seconds=1)) == len(services), 60)
    wait_until(lambda: looked_at_since(clock.now() - timedelta(seconds=15)) == len(services), 60)
    assert [changes(service) for service in services] == [[("up", "answered")]] * len(services)


def test_a_worker_that_comes_back_looks_at_everything_at_once(
    site: Callable[..., Stack], target: Receiver
) -> None:
    stack = site(loop_interval_seconds=2)
    services = [add_service(target, interval=5) for _ in range(20)]
    wait_until(lambda: looked_at_since(clock.now() - timedelta(seconds=60)) == 20, 30)
    target.default = Reply(hang=True)
    count = len(target.calls)
    wait_until(lambda: len(target.calls) > count, 30)  # leased, and in the middle of a look
    target.default = Reply()
    killed_at = clock.now()
    stack.process_of("flask", "worker").kill()

    wait_until(lambda: looked_at_since(killed_at) == len(services), 40)
    db.session.rollback()
    assert {service.status for service in map(fresh, services)} == {"up"}
