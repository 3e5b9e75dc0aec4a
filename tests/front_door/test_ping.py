"""Pings as jobs send them to the real front door, over a socket."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Ping, User
from tests.front_door.conftest import OpenDoor
from tests.support.factories import team_of
from tests.support.front_door import FrontDoor

MakeHeartbeat = Callable[..., HeartbeatCheck]

LARGE = 10_000_000


@pytest.fixture
def heartbeat(user: User, make_heartbeat: MakeHeartbeat) -> HeartbeatCheck:
    return make_heartbeat(user, name="Backup Diário", slug="nightly")


@pytest.fixture
def door(heartbeat: HeartbeatCheck, open_door: OpenDoor) -> FrontDoor:
    return open_door()


def stored() -> list[Ping]:
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(sa.select(Ping).order_by(Ping.id)))


def get(path: str, *headers: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
    head = [b"%s %s HTTP/1.1" % (method, path.encode()), b"Host: localhost", *headers]
    if body:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, b"", body])


def test_a_ping_is_answered_once_it_is_stored(door: FrontDoor) -> None:
    answer = door.request(get("/ping/nightly", b"User-Agent: curl/8.5.0"))

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["ping-body-limit"] == "10000"
    assert (answer.json["ok"], answer.json["name"]) == (True, "Backup Diário")
    [ping] = stored()
    assert f"{ping.created_at:%Y-%m-%dT%H:%M:%SZ}" == answer.json["timestamp"]
    assert (ping.method, ping.remote_addr, ping.user_agent) == ("GET", "127.0.0.1", "curl/8.5.0")


def test_a_heartbeat_is_pinged_by_its_alias_and_token(
    user: User, make_heartbeat: MakeHeartbeat, open_door: OpenDoor
) -> None:
    make_heartbeat(user, alias="backup-noite", token="secret")
    door = open_door()

    answer = door.ping("/h/backup-noite/secret")
    assert (answer.status, answer.json["ok"]) == (200, True)
    for path in ("/h/backup-noite/wrong", "/h/backup-noite/", "/h/backup-noite/secret/start"):
        refused = door.ping(path)
        assert (refused.status, refused.json["ok"]) == (404, False)
    assert len(stored()) == 1


def test_an_unknown_slug_is_answered_404_in_json(door: FrontDoor) -> None:
    for path in ("/ping/unknown", "/ping/", "/ping/a%00b", "/ping/%ff", "/ping/nightly/sideways"):
        answer = door.ping(path)
        assert (answer.status, answer.json["ok"]) == (404, False), path
    assert stored() == []


def test_head_is_answered_without_a_body(door: FrontDoor) -> None:
    with door.client() as client:
        for _ in range(2):
            answer = client.send(get("/ping/nightly", method=b"HEAD")).answer(head=True)
            assert answer.status == 200
    assert [ping.method for ping in stored()] == ["HEAD", "HEAD"]


def test_another_method_is_refused(door: FrontDoor) -> None:
    answer = door.request(get("/ping/nightly", method=b"DELETE"))
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert stored() == []


@pytest.mark.parametrize(
    ("path", "kind", "exit_status", "status"),
    [
        ("/ping/nightly", "success", None, "up"),
        ("/ping/nightly/", "success", None, "up"),
        ("/ping/nightly/0", "success", 0, "up"),
        ("/ping/nightly/start", "start", None, "new"),
        ("/ping/nightly/log", "log", None, "new"),
        ("/ping/nightly/fail", "fail", None, "down"),
        ("/ping/nightly/255", "fail", 255, "down"),
        ("http://localhost/ping/nightly/7?x", "fail", 7, "down"),
    ],
)
def test_the_path_says_what_kind_of_signal_it_is(
    door: FrontDoor, heartbeat: HeartbeatCheck, path: str, kind: str, exit_status: int, status: str
) -> None:
    assert door.ping(path).status == 200
    [ping] = stored()
    assert (ping.kind, ping.exit_status) == (kind, exit_status)
    assert heartbeat.status == status


def test_a_body_is_kept_cut_and_its_size_told(door: FrontDoor) -> None:
    body = b"\x00\xff" * 8_000
    assert door.request(get("/ping/nightly", method=b"POST", body=body)).status == 200
    [ping] = stored()
    assert (ping.body, ping.body_size) == (body[:10_000], 16_000)


def test_a_huge_body_is_read_and_dropped(door: FrontDoor) -> None:
    body = b"x" * LARGE
    with door.client() as client:
        client.send(get("/ping/nightly", b"Expect: 100-continue", method=b"POST", body=body))
        assert client.answer().status == 100
        assert client.answer().status == 200
    [ping] = stored()
    assert (len(ping.body or b""), ping.body_size) == (10_000, LARGE)


def test_a_chunked_body_is_kept(door: FrontDoor) -> None:
    data = get("/ping/nightly", b"Transfer-Encoding: chunked", method=b"POST")
    assert door.request(data + b"3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n").status == 200
    [ping] = stored()
    assert (ping.body, ping.body_size) == (b"abcde", 5)


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (b"User-Agent: " + b"a" * 8_192, "a" * 200),
        (b"User-Agent: a\x00b\x01", "a\N{REPLACEMENT CHARACTER}b\x01"),
        (b"User-Agent: \xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"User-Agent: ", ""),
        (b"X-Forwarded-For: '; DROP TABLE pings; \xff\x00", ""),
        (b"Cookie: " + b"c" * 40_000, ""),
        (b"Content-Type: application/json; charset=no-such", ""),
    ],
)
def test_whatever_its_headers_carry_a_ping_counts(
    door: FrontDoor, header: bytes, kept: str
) -> None:
    assert door.request(get("/ping/nightly", header)).status == 200
    [ping] = stored()
    assert (ping.user_agent, ping.remote_addr) == (kept, "127.0.0.1")


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (b"203.0.113.7", "203.0.113.7"),
        (b"6.6.6.6, 2001:DB8::1", "2001:db8::1"),
        (b"6.6.6.6, garbage\x00", "127.0.0.1"),
        (b"", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_believed_about_the_address(
    heartbeat: HeartbeatCheck, open_door: OpenDoor, said: bytes, address: str
) -> None:
    door = open_door(trusted_proxies=1)
    assert door.request(get("/ping/nightly", b"X-Forwarded-For: " + said)).status == 200
    assert [ping.remote_addr for ping in stored()] == [address]


def test_create_makes_a_heartbeat_of_the_team_whose_key_it_is(door: FrontDoor, user: User) -> None:
    key = team_of(user).ping_key
    assert door.ping(f"/ping/{key}/weekly-report").status == 404
    assert door.ping(f"/ping/{key}/weekly-report?create=1").json["name"] == "weekly-report"
    assert door.ping(f"/ping/{key}/weekly-report/start").status == 200
    assert door.ping("/ping/weekly-report").status == 404
    assert door.ping("/ping/no-such-key/weekly-report?create=1").status == 404
    assert [ping.kind for ping in stored()] == ["success", "start"]


def test_a_ping_of_a_browser_that_would_rather_speak_http2_counts(door: FrontDoor) -> None:
    upgrade = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMA")
    answer = door.request(get("/ping/nightly", *upgrade))
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert len(stored()) == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_its_body_is_kept(door: FrontDoor, chunked: bool) -> None:
    upgrade = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMA")
    if chunked:
        head = get("/ping/nightly", *upgrade, b"Transfer-Encoding: chunked", method=b"POST")
        data = head + b"4\r\n3 of\r\n3\r\n 12\r\n0\r\n\r\n"
    else:
        data = get("/ping/nightly", *upgrade, method=b"POST", body=b"3 of 12")
    for cut in (len(data), data.index(b"\r\n\r\n") + 4, data.index(b"3 of") + 2, 5):
        with door.client() as client:
            client.send(data[:cut])
            time.sleep(0.05)  # so that it arrives in two pieces
            assert client.send(data[cut:]).answer().status == 200
    assert [(ping.body, ping.body_size) for ping in stored()] == [(b"3 of 12", 7)] * 4


@pytest.mark.parametrize("cut", [10, 30, -3])
def test_what_no_parser_takes_may_come_in_pieces(door: FrontDoor, cut: int) -> None:
    data = get("/ping/nightly?msg=\N{LATIN SMALL LETTER U WITH DIAERESIS}", b"garbage", b"X-A : b")
    with door.client() as client:
        client.send(data[:cut])
        time.sleep(0.05)
        answer = client.send(data[cut:]).answer()
    # What told of a body may be among the garbage: nothing behind it is taken for a request.
    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_a_page_is_refused_as_before_for_what_no_parser_takes(door: FrontDoor) -> None:
    assert door.request(b"GET /heartbeats?msg=\xdc HTTP/1.1\r\nHost: x\r\n\r\n").status == 400
    assert door.request(b"GET /heartbeats HTTP/1.1\r\nHost : x\r\n\r\n").status == 400
