"""Parts that record themselves, and the readiness that follows."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from redis import Redis

from config import Settings
from sentinelweb import clock as application_clock
from sentinelweb import create_app
from sentinelweb.db import db
from sentinelweb.models import Component, Service, User
from sentinelweb.services import liveness, outages
from sentinelweb.services.liveness import AUDIT, CYCLE, SCHEDULER, WORKER
from tests.conftest import Clock
from tests.support.databases import settings_for_tests
from tests.support.parallel import together
from tests.support.patience import slowness
from tests.support.stack import PrivateRedis, wait_until

pytestmark = pytest.mark.usefixtures("connected_parts")

ALL = (SCHEDULER, WORKER, AUDIT, CYCLE)


def test_a_beat_is_recorded_and_grows_old(app: Flask, clock: Clock):
    liveness.beat(WORKER)
    clock.advance(seconds=4)
    assert liveness.ages() == {WORKER: 4.0}
    liveness.beat(WORKER)
    assert liveness.ages() == {WORKER: 0.0}


def test_beats_at_the_same_moment_do_not_collide(app: Flask):
    together(app, [lambda: liveness.beat(WORKER)] * 8)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Component)) == 1


def test_a_beat_from_the_future_is_as_bad_as_an_old_one(app: Flask, clock: Clock):
    liveness.beat(WORKER)
    clock.advance(hours=-1)
    assert liveness.ages()[WORKER] == 3_600


def test_all_parts_together_are_ready(app: Flask):
    for name in ALL:
        liveness.beat(name)
    readiness = liveness.readiness()
    assert list(readiness.parts) == ["database", "redis", *ALL]
    assert readiness.ready
    assert readiness.silent(*ALL) == []


@pytest.mark.parametrize("name", ALL)
def test_a_part_that_is_missing_is_not_ready(app: Flask, name: str):
    for other in ALL:
        if other != name:
            liveness.beat(other)
    readiness = liveness.readiness()
    assert not readiness.ready
    assert readiness.parts[name] == liveness.Part(ok=False)
    assert readiness.silent(*ALL) == [name]


@pytest.mark.parametrize("name", [SCHEDULER, WORKER])
def test_a_part_that_is_stale_is_not_ready(app: Flask, clock: Clock, name: str):
    liveness.beat(name)
    clock.advance(seconds=liveness.STALE_AFTER)
    assert liveness.readiness().parts[name].ok
    clock.advance(seconds=1)
    assert not liveness.readiness().parts[name].ok


@pytest.mark.parametrize("name", [SCHEDULER, WORKER])
def test_a_part_that_was_killed_is_not_ready_though_its_record_is_fresh(
    app: Flask, connected_parts: dict[str, Redis], name: str
):
    for other in ALL:
        liveness.beat(other)
    connected_parts[name].close()
    assert liveness.readiness().silent(*ALL) == [name]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_redis_that_does_not_tell_who_is_connected_makes_nobody_silent(
    settings: Settings, app: Flask, tmp_path: Path
):
    for name in ALL:
        liveness.beat(name)
    (tmp_path / "redis").mkdir()
    with PrivateRedis(tmp_path / "redis") as server, Redis.from_url(server.url) as redis:
        changed = settings.model_copy(update={"redis_url": server.url})
        with create_app(changed).app_context():
            assert liveness.readiness().silent(*ALL) == [SCHEDULER, WORKER]
            redis.execute_command("ACL SETUSER default -client")
            assert liveness.readiness().ready
            db.engine.dispose()


def test_a_front_door_that_records_nothing_is_not_ready(app: Flask, clock: Clock):
    outages.sign_of_web(clock.now)
    assert liveness.readiness().parts["pings"].ok
    clock.advance(seconds=6)
    for name in ALL:
        liveness.beat(name)
    assert liveness.readiness().silent("pings", *ALL) == ["pings"]


@pytest.mark.settings(worker_interval_sec=300)
def test_an_audit_is_stale_after_three_intervals(app: Flask, clock: Clock):
    liveness.beat(AUDIT)
    clock.advance(seconds=900)
    assert liveness.readiness().parts[AUDIT].ok
    clock.advance(seconds=60)
    assert not liveness.readiness().parts[AUDIT].ok


@pytest.mark.settings(loop_interval_seconds=20)
def test_cycles_are_stale_after_three_intervals(app: Flask, clock: Clock):
    liveness.beat(CYCLE)
    clock.advance(seconds=60)
    assert liveness.readiness().parts[CYCLE].ok
    clock.advance(seconds=10)
    assert not liveness.readiness().parts[CYCLE].ok


def test_probing_that_lags_is_told_and_is_no_reason_not_to_be_ready(
    clock: Clock, user: User, make_service: Callable[..., Service]
):
    make_service(user, next_check_at=clock.now)
    clock.advance(minutes=1)
    for name in ALL:
        liveness.beat(name)
    readiness = liveness.readiness()
    assert readiness.lag is not None
    assert readiness.lag.services == 1
    assert readiness.ready


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_without_redis_the_rest_is_told_all_the_same(database_url: str, tmp_path: Path):
    settings = settings_for_tests(
        tmp_path, database_url=database_url, redis_url=f"unix://{tmp_path}/nothing.sock"
    )
    with create_app(settings).app_context():
        liveness.beat(WORKER)
        parts = liveness.readiness().parts
        db.engine.dispose()
    assert not parts["redis"].ok
    assert parts["database"].ok
    assert parts[WORKER].ok


def test_without_the_database_only_redis_is_known(redis_url: str, tmp_path: Path):
    settings = settings_for_tests(
        tmp_path, redis_url=redis_url, database_url="postgresql://127.0.0.1:9/nothing"
    )
    with create_app(settings).app_context():
        readiness = liveness.readiness()
    assert readiness.parts == {
        "database": liveness.Part(ok=False),
        "redis": liveness.Part(ok=True),
    }
    assert readiness.silent(SCHEDULER) == [], "nothing is known about it"


def test_a_pulse_beats_now_and_then_however_often_it_is_asked(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    def seen_at() -> datetime:
        return db.session.scalars(sa.select(Component.seen_at)).one()

    pulse = liveness.Pulse(WORKER)
    monkeypatch.setattr(liveness, "BEAT_EVERY", 3_600)
    pulse.beat()
    first = seen_at()
    for _ in range(10):
        pulse.beat()
    assert seen_at() == first
    monkeypatch.setattr(liveness, "BEAT_EVERY", 0)
    pulse.beat()
    assert seen_at() > first


def test_a_pulse_goes_on_when_the_database_is_away(tmp_path: Path, redis_url: str):
    settings = settings_for_tests(
        tmp_path, redis_url=redis_url, database_url="postgresql://127.0.0.1:9/nothing"
    )
    with create_app(settings).app_context():
        liveness.Pulse(WORKER).beat()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_page_does_not_wait_for_a_redis_that_answers_nothing(
    settings: Settings, app: Flask, tmp_path: Path
):
    (tmp_path / "redis").mkdir()
    with PrivateRedis(tmp_path / "redis") as server:
        changed = settings.model_copy(update={"redis_url": server.url})
        other = create_app(changed)
        with other.app_context():
            server.freeze()
            began = time.monotonic()
            assert liveness.recent_readiness().parts == {}, "nothing is known yet"
            assert time.monotonic() - began < 0.5 * slowness()
            for _ in range(20):
                liveness.recent_readiness()
            # Only the first waits, and not for long.
            assert time.monotonic() - began < 0.8 * slowness()
            wait_until(lambda: liveness.recent_readiness().silent("redis") == ["redis"], 10)
            db.engine.dispose()


def test_what_was_looked_up_lasts_for_two_seconds(app: Flask, monkeypatch: pytest.MonkeyPatch):
    assert liveness.recent_readiness().silent(WORKER) == [WORKER]
    liveness.beat(WORKER)
    assert liveness.recent_readiness().silent(WORKER) == [WORKER], "as it was looked up"
    monkeypatch.setattr(liveness, "RECENT", 0.0)
    assert liveness.recent_readiness().silent(WORKER) == []
    assert application_clock.now() - timedelta(seconds=5) < db.session.scalar(
        sa.select(Component.seen_at)
    )
