"""HTTP/1.1 at the front door: order, limits for slow and greedy clients, a clean end."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from sentinelweb.db import db
from sentinelweb.front_door.connection import HEAD_WITHIN
from sentinelweb.models import HeartbeatCheck, Ping, User
from tests.front_door.conftest import OpenDoor
from tests.support.front_door import Client
from tests.support.stack import wait_until

MakeHeartbeat = Callable[..., HeartbeatCheck]

PING = b"GET /ping/nightly HTTP/1.1\r\nHost: localhost\r\n\r\n"
UNKNOWN = b"GET /ping/unknown HTTP/1.1\r\nHost: localhost\r\n\r\n"

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def heartbeat(user: User, make_heartbeat: MakeHeartbeat) -> HeartbeatCheck:
    return make_heartbeat(user, slug="nightly")


def count_pings() -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(Ping)) or 0


def test_pipelined_requests_are_answered_in_their_order(
    heartbeat: HeartbeatCheck, open_door: OpenDoor
) -> None:
    with open_door().client() as client:
        client.send((PING + UNKNOWN) * 200)
        statuses = [client.answer().status for _ in range(400)]
    assert statuses == [200, 404] * 200
    assert count_pings() == 200


def test_a_request_may_come_byte_by_byte(heartbeat: HeartbeatCheck, open_door: OpenDoor) -> None:
    with open_door().client() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index in range(len(PING)):
            client.send(PING[index : index + 1])
        assert client.answer().status == 200


def test_http_1_0_is_answered_and_ended(heartbeat: HeartbeatCheck, open_door: OpenDoor) -> None:
    with open_door().client() as client:
        answer = client.send(b"GET /ping/nightly HTTP/1.0\r\n\r\n").answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert client.is_closed()


def test_chunks_of_http_1_0_end_the_connection(
    heartbeat: HeartbeatCheck, open_door: OpenDoor
) -> None:
    with open_door().client() as client:
        head = b"POST /ping/nightly HTTP/1.0\r\nConnection: keep-alive\r\n"
        chunks = b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        answer = client.send(head + chunks + PING).answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert client.is_closed()


def test_a_client_that_says_no_more_still_gets_its_answer(
    heartbeat: HeartbeatCheck, open_door: OpenDoor
) -> None:
    with open_door().client() as client:
        client.send(PING).socket.shutdown(socket.SHUT_WR)
        assert client.answer().status == 200
        assert client.is_closed()


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # somebody speaks TLS
        b"GET /ping/a HTTP/x\r\n\r\n",
        b"POST /ping/a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /ping/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /ping/a HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_ended(open_door: OpenDoor, data: bytes) -> None:
    with open_door().client() as client:
        assert client.send(data).answer().status == 400
        assert client.is_closed()


def test_a_head_without_end_is_refused(open_door: OpenDoor) -> None:
    with open_door().client() as client:
        client.send(b"GET /ping/a HTTP/1.1\r\n")
        for number in range(1_000):
            client.send(b"X-%d: %s\r\n" % (number, b"x" * 1_000))
            if number == 100:
                break
            time.sleep(0.001)
        assert client.answer().status == 431
        assert client.is_closed()


def test_whoever_is_slow_to_ask_is_told_so(open_door: OpenDoor) -> None:
    door = open_door(
        {"connection.HEAD_WITHIN": 0.5, "connection.BODY_SILENCE": 0.5, "door.TICK": 0.1}
    )
    with door.client() as head, door.client() as body:
        head.send(b"GET /ping/nightly HT")
        body.send(b"POST /ping/nightly HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
        for client in (head, body):
            assert client.answer().status == 408
            assert client.is_closed()


def test_a_body_that_drips_is_given_up_in_the_end(open_door: OpenDoor) -> None:
    door = open_door({"connection.REQUEST_WITHIN": 1, "door.TICK": 0.1})
    with door.client() as client:
        client.send(b"POST /ping/nightly HTTP/1.1\r\nContent-Length: 500\r\n\r\n")
        for _ in range(11):
            client.send(b"x")
            time.sleep(0.1)
        assert client.answer().status == 408


def test_idle_connections_are_ended(heartbeat: HeartbeatCheck, open_door: OpenDoor) -> None:
    door = open_door({"connection.IDLE": 0.5, "door.TICK": 0.1})
    with door.client() as never_asked, door.client() as has_asked:
        assert has_asked.send(PING).answer().status == 200
        assert never_asked.is_closed()
        assert has_asked.is_closed()


def test_hundreds_of_slow_clients_keep_nobody_waiting(
    heartbeat: HeartbeatCheck, open_door: OpenDoor
) -> None:
    door = open_door()
    with ExitStack() as clients:
        for _ in range(400):
            clients.enter_context(door.client()).send(b"POST /ping/nightly HTTP/1.1\r\nX: ")
        began = time.monotonic()
        assert door.request(PING).status == 200
        assert time.monotonic() - began < HEAD_WITHIN  # nobody had to be given up first


def test_a_client_that_reads_nothing_costs_little_memory(
    heartbeat: HeartbeatCheck, open_door: OpenDoor
) -> None:
    door = open_door()
    before = door.vitals.memory_info().rss
    with door.client() as client:
        client.socket.settimeout(1)
        with pytest.raises(TimeoutError):  # because it is read from no more
            client.send(UNKNOWN * 1_000_000)
        assert door.vitals.memory_info().rss - before < 50_000_000


def test_a_stop_answers_what_has_arrived(heartbeat: HeartbeatCheck, open_door: OpenDoor) -> None:
    door = open_door()
    with ExitStack() as stack:
        idle, halfway, *others = (stack.enter_context(door.client()) for _ in range(52))
        assert idle.send(PING).answer().status == 200
        halfway.send(PING[:20])
        for client in others:
            client.send(PING)
        wait_until(lambda: len(door.vitals.net_connections()) >= 53, 5, "52 connections")
        door.process.send_signal(signal.SIGTERM)
        assert [client.answer().status for client in others] == [200] * 50
        assert idle.is_closed()
        answer = halfway.send(PING[20:]).answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert door.process.wait(10) == 0
    assert count_pings() == 52


def test_whoever_connects_during_a_restart_waits_and_is_answered(
    heartbeat: HeartbeatCheck, open_door: OpenDoor
) -> None:
    door = open_door()
    door.process.kill()
    door.process.wait()
    with Client(door.port) as client:
        client.send(PING)
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
