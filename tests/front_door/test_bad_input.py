"""Every kind of bad input, over a raw socket: never a 5xx, and no ping lost for what it carries."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config import Settings
from sentinelweb import clock, create_database_app
from sentinelweb.db import db
from sentinelweb.models import HeartbeatCheck, Ping, Team
from tests.support.databases import fresh_sqlite, settings_for_tests
from tests.support.front_door import FrontDoor, front_door
from tests.support.servers import TestRun

EXAMPLES = int(os.environ.get("BAD_INPUT_EXAMPLES", "150"))
bad_input = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

# What a header's value can hold at all: anything but the ends of lines.
values = st.binary(max_size=300).map(lambda value: re.sub(rb"[\r\n]", b" ", value))
names = st.sampled_from(
    [
        b"User-Agent", b"X-Forwarded-For", b"X-Forwarded-Host", b"Forwarded", b"Cookie", b"Accept",
        b"Content-Type", b"Content-Encoding", b"Authorization", b"Range", b"If-None-Match",
        b"Referer", b"X-Request-ID", b"Te", b"Via", b"Date", b"Origin", b"Accept-Language",
    ]
)  # fmt: skip
headers = st.lists(st.tuples(names, values), max_size=8)
signals = st.sampled_from([b"", b"/", b"/start", b"/fail", b"/log", b"/0", b"/7", b"/255"])
queries = st.binary(max_size=200).map(lambda text: re.sub(rb"[^\x21-\x7e]", b"%00", text))
bodies = st.binary(max_size=20_000)


@pytest.fixture(scope="module")
def own_settings(test_run: TestRun, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """On SQLite, with one heartbeat, for all examples."""
    directory = tmp_path_factory.mktemp("bad")
    url = fresh_sqlite(test_run, directory)
    return settings_for_tests(directory, database_url=url, trusted_proxies=1)


@pytest.fixture(scope="module")
def door(own_settings: Settings) -> Iterator[FrontDoor]:
    app = create_database_app(own_settings)
    with app.app_context():
        now = clock.now()
        team = Team(name="Team", created_at=now)
        db.session.add(team)
        db.session.flush()
        db.session.add(
            HeartbeatCheck(
                team_id=team.id,
                slug="nightly",
                name="Nightly backup",
                status="paused",
                status_since=now,
                created_at=now,
                updated_at=now,
            )
        )
        db.session.commit()
        environment = {
            "DATA_DIR": str(own_settings.data_dir),
            "DATABASE_URL": own_settings.resolved_database_url,
            "TRUSTED_PROXIES": "1",
        }
        constants = {"connection.HEAD_WITHIN": 0.2, "connection.BODY_SILENCE": 0.2}
        constants |= {"door.TICK": 0.05, "pages.RESTART_PATIENCE": 0}
        with front_door(own_settings.data_dir, environment, constants) as door:
            yield door
        db.session.remove()
        db.engine.dispose()


def count_pings() -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(Ping)) or 0


def statuses(door: FrontDoor, data: bytes) -> list[int]:
    """The statuses of all answers to `data`, after which the client says no more."""
    with door.client() as client:
        received = b""
        try:
            client.send(data)
            client.socket.shutdown(socket.SHUT_WR)
            while part := client.socket.recv(65_536):
                received += part
        except (ConnectionResetError, BrokenPipeError):
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@bad_input
@given(signal=signals, query=queries, extra=headers, body=bodies, chunked=st.booleans())
@example(b"", b"rid=%00", [(b"User-Agent", b"\x00\xff" * 4_096)], b"\x00" * 20_000, True)
@example(b"/fail", b"create=1", [(b"X-Forwarded-For", b"\x00, ::, 1.1.1.1.1")], b"", False)
def test_no_ping_is_refused_for_what_it_carries(
    door: FrontDoor,
    signal: bytes,
    query: bytes,
    extra: list[tuple[bytes, bytes]],
    body: bytes,
    chunked: bool,
) -> None:
    before = count_pings()
    head = [b"POST /ping/nightly%s?%s HTTP/1.1" % (signal, query.replace(b"#", b"%23"))]
    head += [b"%s: %s" % header for header in extra]
    if chunked:
        head.append(b"Transfer-Encoding: chunked")
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    else:
        head.append(b"Content-Length: %d" % len(body))
    assert statuses(door, b"\r\n".join([*head, b"", body])) == [200]
    assert count_pings() == before + 1


# Without the ends of lines, and without what says how long a body is.
lines = st.binary(max_size=100).map(
    lambda line: re.sub(rb"[\r\n]|(?i:content-l|transfer-e)", b" ", line)
)


@bad_input
@given(
    query=st.binary(max_size=100).map(lambda text: re.sub(rb"[\r\n]", b" ", text)),
    garbage=st.lists(lines.filter(bool), max_size=5),
    end=st.sampled_from([b"\r\n", b"\n"]),
)
@example("msg=Übung fertig".encode(), [], b"\r\n")
@example(
    b"msg=\xdcbung\0", [b"garbage", b"X-A : b", "Ünï: z".encode(), b"X\0y: z", b" folded"], b"\n"
)
def test_no_ping_is_refused_for_what_no_parser_takes(
    door: FrontDoor, query: bytes, garbage: list[bytes], end: bytes
) -> None:
    before = count_pings()
    head = [b"GET /ping/nightly?%s HTTP/1.1" % query, b"Host: localhost", *garbage]
    assert statuses(door, end.join([*head, b"", b""])) == [200]
    assert count_pings() == before + 1


@bad_input
@given(
    method=st.sampled_from([b"GET", b"POST", b"PUT", b"OPTIONS", b"TRACE", b"PRI", b"get", b""]),
    target=st.binary(max_size=100),
    version=st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"ICY", b""]),
    extra=st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=100)), max_size=5),
    body=st.binary(max_size=500),
)
def test_nothing_that_looks_like_a_ping_breaks_the_door(
    door: FrontDoor,
    method: bytes,
    target: bytes,
    version: bytes,
    extra: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    head = [b"%s /ping/%s %s" % (method, target, version)]
    head += [b"%s: %s" % header for header in extra]
    answers = statuses(door, b"\r\n".join([*head, b"", body]))
    assert all(status < 500 for status in answers), answers


@bad_input
@given(data=st.binary(max_size=2_000))
@example(b"\r\n" * 1_000)
@example(b"GET /ping/nightly HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n")
@example(b"GET /ping/nightly HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n")
@example(b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n")
def test_nothing_at_all_breaks_the_door(door: FrontDoor, data: bytes) -> None:
    # Whatever else it may be, it must not be asked of the pages, which are not there: 502.
    if re.match(rb"\s*[A-Z]+ /(?!ping/)", data):
        data = b"\x00" + data
    assert all(status < 500 for status in statuses(door, data))
    assert door.ping("/ping/nightly").status == 200


def test_the_door_said_nothing_of_all_this(door: FrontDoor) -> None:
    assert "Traceback" not in door.log.read_text()
    assert door.process.poll() is None
