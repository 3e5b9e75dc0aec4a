"""Everything but pings goes to gunicorn, a real one, and comes back as it answered."""

from __future__ import annotations

import hashlib
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from sentinelweb.models import HeartbeatCheck, User
from tests.front_door.conftest import OpenDoor
from tests.support.front_door import FrontDoor, gunicorn

MakeHeartbeat = Callable[..., HeartbeatCheck]


def ask(path: str = "/", *headers: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
    head = [b"%s %s HTTP/1.1" % (method, path.encode()), b"Host: pages.example.com", *headers]
    if body:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, b"", body])


def test_a_request_reaches_the_pages_and_their_answer_the_client(
    door_with_pages: FrontDoor,
) -> None:
    answer = door_with_pages.request(ask("/a%20b?q=%C3%A9&x", b"Accept-Language: pt", b"A_b: no"))
    assert answer.status == 200
    told = answer.json
    assert (told["method"], told["path"], told["query"]) == ("GET", "/a b", "q=%C3%A9&x")
    assert told["headers"] == {
        "HTTP_HOST": "pages.example.com",
        "HTTP_ACCEPT_LANGUAGE": "pt",
        "HTTP_CONNECTION": "close",
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_X_FORWARDED_PROTO": "http",
        "HTTP_X_FORWARDED_HOST": "pages.example.com",
    }
    assert "server" not in answer.headers


def test_what_a_client_says_of_its_own_origin_is_not_believed(door_with_pages: FrontDoor) -> None:
    lies = (
        b"X-Forwarded-For: 6.6.6.6",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: evil.example.com",
        b"X_Forwarded_For: 6.6.6.6",
        b"SCRIPT_NAME: /evil",
        b"Forwarded: for=6.6.6.6",
        b"Connection: X-Secret",
        b"X-Secret: hop by hop",
    )
    headers = door_with_pages.request(ask("/", *lies)).json["headers"]
    assert headers["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert headers["HTTP_X_FORWARDED_PROTO"] == "http"
    assert headers["HTTP_X_FORWARDED_HOST"] == "pages.example.com"
    assert set(headers) == {
        "HTTP_HOST",
        "HTTP_CONNECTION",
        "HTTP_X_FORWARDED_FOR",
        "HTTP_X_FORWARDED_PROTO",
        "HTTP_X_FORWARDED_HOST",
    }


def test_a_connection_serves_many_pages(door_with_pages: FrontDoor) -> None:
    with door_with_pages.client() as client:
        for method in (b"GET", b"HEAD", b"POST", b"GET"):
            answer = client.send(ask(method=method)).answer(head=method == b"HEAD")
            assert answer.status == 200
        assert client.send(ask("/nothing")).answer().status == 204
        assert client.send(ask()).answer().status == 200


def test_answers_keep_their_order_whoever_gives_them(door_with_pages: FrontDoor) -> None:
    ping = ask("/ping/unknown")
    with door_with_pages.client() as client:
        client.send(ask("/slow/0.3") + ping + ask() + ping)
        assert [client.answer().status for _ in range(4)] == [200, 404, 200, 404]


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_000])
def test_a_body_arrives_whole(door_with_pages: FrontDoor, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    told = door_with_pages.request(ask(method=b"POST", body=body)).json
    assert (told["size"], told["digest"]) == (size, hashlib.sha256(body).hexdigest())
    assert told["length"] == str(size)


def test_a_chunked_body_arrives_whole(door_with_pages: FrontDoor) -> None:
    part = b"y" * 40_000
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for _ in range(10)) + b"0\r\n\r\n"
    told = door_with_pages.request(
        ask("/", b"Transfer-Encoding: chunked", method=b"POST") + chunks
    ).json
    assert (told["size"], told["digest"]) == (400_000, hashlib.sha256(part * 10).hexdigest())


def test_a_slow_upload_does_not_occupy_the_pages(door_with_pages: FrontDoor) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"
    with ExitStack() as stack:
        uploads = [stack.enter_context(door_with_pages.client()) for _ in range(30)]
        for upload in uploads:
            upload.send(head + b"Expect: 100-continue\r\n\r\n")
            assert upload.answer().status == 100
            upload.send(b"12345")
        assert door_with_pages.request(ask()).status == 200  # gunicorn has eight threads
        for upload in uploads:
            assert upload.send(b"67890").answer().json["size"] == 10


def test_an_answer_is_streamed(door_with_pages: FrontDoor) -> None:
    with door_with_pages.client() as client:
        client.send(ask("/stream"))
        client.socket.recv(12, socket.MSG_PEEK)
        began = time.monotonic()
        answer = client.answer()
        assert answer.body == b"part 0\npart 1\npart 2\n"
        assert time.monotonic() - began > 0.4
        assert client.send(ask()).answer().status == 200


def test_http_1_0_gets_a_streamed_answer_until_the_end(door_with_pages: FrontDoor) -> None:
    answer = door_with_pages.request(b"GET /stream HTTP/1.0\r\nHost: a\r\n\r\n")
    assert "transfer-encoding" not in answer.headers
    assert answer.body == b"part 0\npart 1\npart 2\n"


def test_a_large_answer_to_a_slow_reader_is_not_kept_in_memory(
    door_with_pages: FrontDoor,
) -> None:
    before = door_with_pages.vitals.memory_info().rss
    with door_with_pages.client() as client:
        client.send(ask("/large"))
        time.sleep(1)
        assert door_with_pages.vitals.memory_info().rss - before < 10_000_000
        assert len(client.answer().body) == 20_000_000


def test_several_values_of_a_header_are_all_passed_on(door_with_pages: FrontDoor) -> None:
    with door_with_pages.client() as client:
        client.send(ask("/", b"Connection: close"))
        raw = b"".join(iter(lambda: client.socket.recv(65_536), b""))
    assert raw.count(b"Set-Cookie: ") == 2
    assert b"Connection: close" in raw


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"CONNECT example.com:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_what_two_servers_could_read_in_two_ways_is_refused(
    door_with_pages: FrontDoor, data: bytes
) -> None:
    with door_with_pages.client() as client:
        answer = client.send(data).answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert client.is_closed()


def test_an_answer_that_breaks_off_is_not_taken_for_whole(door_with_pages: FrontDoor) -> None:
    with door_with_pages.client() as client:
        client.send(ask("/break"))
        with pytest.raises((ConnectionError, AssertionError)):
            assert len(client.answer().body) == 1_000


def test_a_body_that_the_pages_refuse_unread_gets_their_answer(door_with_pages: FrontDoor) -> None:
    with door_with_pages.client() as client:
        client.send(ask("/refuse", b"Content-Length: 90000000", method=b"POST"))
        client.send(b"x" * 200_000)
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_pages_that_take_too_long_are_apologised_for(door_with_pages: FrontDoor) -> None:
    answer = door_with_pages.request(ask("/slow/4"))
    assert answer.status == 504
    assert answer.json["ok"] is False


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
class TestPagesThatAreAway:
    @pytest.fixture
    def door(self, user: User, make_heartbeat: MakeHeartbeat, open_door: OpenDoor) -> FrontDoor:
        make_heartbeat(user, slug="nightly")
        return open_door({"pages.RESTART_PATIENCE": 1})

    def test_people_read_so_in_their_language_and_pings_go_on(self, door: FrontDoor) -> None:
        accept = (b"Accept: text/html,*/*", b"Accept-Language: de,en;q=0.5")
        with door.client() as waiting:
            waiting.send(ask("/", *accept))
            assert door.ping("/ping/nightly").status == 200
            answer = waiting.answer()
        assert answer.status == 502
        assert answer.headers["retry-after"] == "3"
        assert b'<html lang="en">' in answer.body
        assert b"The pages are starting again" in answer.body
        assert door.request(ask("/api/x")).json["ok"] is False

    def test_who_asks_during_a_short_restart_notices_nothing(self, door: FrontDoor) -> None:
        with door.client() as client:
            client.send(ask())
            with gunicorn(door.pages, "tests.support.echo_pages:app"):
                assert client.answer().status == 200

    def test_pages_that_hang_or_die_do_not_touch_pings(self, door: FrontDoor) -> None:
        with gunicorn(door.pages, "tests.support.echo_pages:app") as pages:
            for process in (pages, *pages.children()):
                process.send_signal(signal.SIGSTOP)
            with door.client() as waiting:
                waiting.send(ask())
                for _ in range(20):
                    assert door.ping("/ping/nightly").status == 200
                for process in (*pages.children(), pages):
                    process.kill()
                assert waiting.answer().status == 502
                assert door.ping("/ping/nightly").status == 200
