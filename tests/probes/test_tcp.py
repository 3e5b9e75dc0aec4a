from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sentinelweb.core.results import Result
from tests.probes.conftest import Look
from tests.support.raw_server import RawServer


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(lambda _connection: None) as server:
        yield server


def test_a_port_that_accepts_connections_is_healthy(look: Look, server: RawServer) -> None:
    found = look(f"tcp://127.0.0.1:{server.port}")
    assert (found.result, found.reason, found.status_code) == (Result.HEALTHY, "", None)
    assert found.latency_ms is not None
    assert found.latency_ms > 0


def test_a_name_serves_as_well_as_an_address(look: Look, server: RawServer) -> None:
    assert look(f"tcp://localhost:{server.port}").result is Result.HEALTHY


def test_an_ipv6_address_is_written_in_brackets(look: Look) -> None:
    with RawServer(lambda _connection: None, host="::1") as server:
        assert look(f"tcp://[::1]:{server.port}").result is Result.HEALTHY


def test_a_port_where_nothing_listens_is_down(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    found = look(f"tcp://127.0.0.1:{port}")
    assert (found.result, found.reason) == (Result.DOWN, "Connection refused")
    assert found.latency_ms is None


def test_a_name_that_nobody_knows_is_down(look: Look) -> None:
    found = look("tcp://nothing.invalid:80")
    assert (found.result, found.reason) == (Result.DOWN, "Host not found")


def test_a_port_that_takes_no_connection_times_out(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        try:
            found = look(f"tcp://127.0.0.1:{server.getsockname()[1]}", timeout=0.3)
        finally:
            for filler in fillers:
                filler.close()
    assert (found.result, found.reason) == (Result.TIMEOUT, "Timeout")


def test_the_second_address_of_a_name_counts_when_the_first_is_dead(
    look: Look, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.9", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: answers)
    assert look(f"tcp://two.example.com:{server.port}").result is Result.HEALTHY


@pytest.mark.parametrize("address", ["tcp://example.com", "tcp:example.com", "tcp://a:1/path"])
def test_a_port_must_be_named_and_nothing_else(look: Look, address: str) -> None:
    with pytest.raises(ValueError, match="Enter it as in"):
        look(address)
