"""Heartbeats of processes as they arrive at the real front door, over a socket."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sentinelweb import clock
from sentinelweb.db import db
from sentinelweb.extensions import settings
from sentinelweb.models import HeartbeatCheck, Process, User
from sentinelweb.services import api_keys, process_tokens, processes
from sentinelweb.services.processes import ProcessValues
from tests.front_door.conftest import OpenDoor
from tests.support.front_door import Answer, FrontDoor

MakeHeartbeat = Callable[..., HeartbeatCheck]


@pytest.fixture
def process(user: User) -> Process:
    return processes.register(user, ProcessValues(name="Import"), keep_alive=True)


@pytest.fixture
def token(process: Process) -> str:
    return process_tokens.issue(process.slug, settings(), clock.now())


@pytest.fixture
def door(process: Process, open_door: OpenDoor) -> FrontDoor:
    return open_door()


def beat(process_id: str, secret: str, *, body: bytes = b"", method: bytes = b"POST") -> bytes:
    return b"\r\n".join(
        [
            b"%s /heartbeat/%s/register HTTP/1.1" % (method, process_id.encode()),
            b"Host: localhost",
            b"Authorization: Bearer " + secret.encode(),
            b"Content-Length: %d" % len(body),
            b"",
            body,
        ]
    )


def send(door: FrontDoor, data: bytes) -> Answer:
    answer = door.request(data)
    db.session.rollback()
    db.session.expire_all()
    return answer


def test_a_heartbeat_is_answered_once_it_is_stored(
    process: Process, token: str, door: FrontDoor
) -> None:
    before = process.last_heartbeat
    told = {"progress": 40, "message": "Row 4,000"}
    answer = send(door, beat(process.slug, token, body=json.dumps(told).encode()))
    assert (answer.status, answer.json["processId"]) == (200, process.slug)
    assert process.last_heartbeat > before
    assert (process.progress, process.message) == (40, "Row 4,000")


def test_a_key_that_may_write_is_as_good(process: Process, user: User, door: FrontDoor) -> None:
    for can_write, status in ((True, 200), (False, 404)):
        secret = api_keys.create(user, name="Key", can_write=can_write)[1]
        assert send(door, beat(process.slug, secret)).status == status


@pytest.mark.parametrize("secret", ["", "swk_wrong", "a.b.c", "é.é.é"])
def test_who_shows_nothing_good_is_refused(process: Process, door: FrontDoor, secret: str) -> None:
    before = process.last_heartbeat
    assert send(door, beat(process.slug, secret)).status in {401, 404}
    assert process.last_heartbeat == before


def test_an_unknown_process_is_not_found(token: str, user: User, door: FrontDoor) -> None:
    secret = api_keys.create(user, name="Key", can_write=True)[1]
    assert send(door, beat("LongLivedProcess_x", secret)).status == 404


def test_pings_and_heartbeats_may_come_together(
    process: Process, token: str, user: User, make_heartbeat: MakeHeartbeat, door: FrontDoor
) -> None:
    heartbeat = make_heartbeat(user, slug="nightly")
    ping = b"GET /ping/nightly HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with door.client() as client:
        client.send((ping + beat(process.slug, token)) * 50)
        answers = [client.answer() for _ in range(100)]
    assert {answer.status for answer in answers} == {200}
    assert ["name" in answer.json for answer in answers] == [True, False] * 50
    db.session.rollback()
    db.session.refresh(heartbeat)
    assert heartbeat.total_pings == 50


def test_a_body_of_nonsense_counts(process: Process, token: str, door: FrontDoor) -> None:
    for body in (b"\0\xff", b"{", b"x" * 100_000):
        assert send(door, beat(process.slug, token, body=body)).status == 200
