"""Group commit in a process of its own, when the database keeps it waiting or it dies."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest
import sqlalchemy as sa

from config import Settings
from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Ping, User
from tests.front_door.conftest import OpenDoor
from tests.support.front_door import FrontDoor
from tests.support.patience import slowness
from tests.support.stack import runs, wait_until

MakeHeartbeat = Callable[..., HeartbeatCheck]

PING = b"GET /ping/nightly HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def heartbeat(user: User, make_heartbeat: MakeHeartbeat) -> HeartbeatCheck:
    return make_heartbeat(user, slug="nightly")


@pytest.fixture
def door(heartbeat: HeartbeatCheck, open_door: OpenDoor) -> FrontDoor:
    return open_door()


def recording(door: FrontDoor) -> psutil.Process:
    def find() -> psutil.Process | None:
        children = door.vitals.children()
        return next((child for child in children if runs(child)), None)

    return wait_until(find, 5)


def kill_recording(door: FrontDoor) -> None:
    process = recording(door)
    process.kill()
    wait_until(lambda: not runs(process), 5)
    wait_until(lambda: recording(door) != process, 5)


@contextmanager
def writers_kept_waiting(settings: Settings) -> Iterator[None]:
    """As somebody does who is in the middle of a transaction."""
    if settings.uses_sqlite:
        with open(f"{settings.data_dir}/sentinelweb.db.lock", "w") as lock:  # noqa: PTH123
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    else:
        with db.engine.connect() as connection, connection.begin():
            connection.execute(sa.text("LOCK TABLE heartbeat_checks IN ACCESS EXCLUSIVE MODE"))
            yield


def count_pings() -> int:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalar(sa.select(sa.func.count()).select_from(Ping)) or 0


def test_pings_that_arrive_together_share_a_commit(
    door: FrontDoor, settings: Settings, heartbeat: HeartbeatCheck
) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(door.client()) for _ in range(40)]
        with writers_kept_waiting(settings):
            for client in clients:
                client.send(PING)
            time.sleep(0.3)
        assert [client.answer().status for client in clients] == [200] * 40
    assert count_pings() == heartbeat.total_pings == 40


def test_a_database_that_keeps_pings_waiting_keeps_nobody_else(
    door: FrontDoor, settings: Settings
) -> None:
    with door.client() as client, writers_kept_waiting(settings):
        client.send(PING)
        for _ in range(5):
            began = time.monotonic()
            assert door.ping("/ping/no/such/address/at/all").status == 404
            assert time.monotonic() - began < 1 * slowness()


def test_what_was_under_way_when_recording_died_is_recorded_by_the_next(
    door: FrontDoor, settings: Settings
) -> None:
    with door.client() as client:
        with writers_kept_waiting(settings):
            client.send(PING)
            time.sleep(0.3)
            kill_recording(door)
        assert client.answer().status == 200
    # PostgreSQL may hear of the kill after the COMMIT: then it is recorded twice, and never not.
    assert count_pings() in ({1} if settings.uses_sqlite else {1, 2})


def test_one_that_is_stopped_does_not_outlive_its_door(door: FrontDoor) -> None:
    assert door.request(PING).status == 200  # it has begun
    process = recording(door)
    process.suspend()
    door.process.kill()
    wait_until(lambda: not runs(process), 10)


def test_a_ping_that_recording_dies_of_twice_is_refused_and_the_others_are_not(
    door: FrontDoor, settings: Settings
) -> None:
    with door.client() as first, door.client() as second:
        with writers_kept_waiting(settings):
            first.send(PING)
            time.sleep(0.3)
            second.send(PING)
            for _ in range(2):
                kill_recording(door)
                time.sleep(1.5)  # until the new one has been told
            answer = first.answer()
            assert (answer.status, answer.json["ok"]) == (503, False)
        assert second.answer().status == 200
    # A refused ping may be stored all the same: PostgreSQL may hear of the kill after the COMMIT.
    assert count_pings() in {1, 2}
