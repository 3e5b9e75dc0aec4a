from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sentinelweb.core.results import Result
from tests.probes.conftest import Look
from tests.support.made_certificates import make_certificate, server_context
from tests.support.raw_server import RawServer

Serve = Callable[..., int]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """`serve(name, days=…)` starts a server with such a certificate, which is trusted here."""
    with ExitStack() as running:

        def start(name: str = "localhost", *, days: float = 100, trusted: bool = True) -> int:
            file = make_certificate(tmp_path / "server.pem", name, days=days)
            if trusted:
                monkeypatch.setenv("SSL_CERT_FILE", str(file))
            server = RawServer(lambda connection: connection.recv(1), tls=server_context(file))
            return running.enter_context(server).port

        yield start


def test_a_certificate_that_is_in_order_is_healthy(look: Look, serve: Serve) -> None:
    found = look(f"tls://localhost:{serve()}")
    assert (found.result, found.reason) == (Result.HEALTHY, "")
    assert found.latency_ms is not None
    assert found.certificate_expires_at is not None
    left = found.certificate_expires_at - datetime.now(UTC)
    assert timedelta(days=99) < left < timedelta(days=101)


def test_too_few_days_left_are_an_error(look: Look, serve: Serve) -> None:
    port = serve(days=13.5)
    found = look(f"tls://localhost:{port}")
    assert (found.result, found.reason) == (Result.ERROR, "Certificate expires in 13 days")
    assert found.certificate_expires_at is not None
    assert look(f"tls://localhost:{port}", days="13").result is Result.HEALTHY
    assert look(f"tls://localhost:{port}", days="0").result is Result.HEALTHY


def test_the_last_day_is_one_day(look: Look, serve: Serve) -> None:
    assert look(f"tls://localhost:{serve(days=1.5)}").reason == "Certificate expires in 1 day"


def test_a_certificate_that_has_expired_is_down(look: Look, serve: Serve) -> None:
    found = look(f"tls://localhost:{serve(days=-1)}")
    assert (found.result, found.reason) == (Result.DOWN, "Certificate expired")


def test_a_certificate_of_another_name_is_down(look: Look, serve: Serve) -> None:
    port = serve("other.example.com")
    found = look(f"tls://localhost:{port}")
    assert (found.result, found.reason) == (Result.DOWN, "Certificate of another host")
    found = look(f"tls://localhost:{port}", server_name="other.example.com")
    assert (found.result, found.reason) == (Result.HEALTHY, "")


def test_an_unknown_authority_is_down(look: Look, serve: Serve) -> None:
    found = look(f"tls://localhost:{serve(trusted=False)}")
    assert (found.result, found.reason) == (Result.DOWN, "Certificate not accepted")


def test_an_address_may_have_a_certificate_too(look: Look, serve: Serve) -> None:
    assert look(f"tls://127.0.0.1:{serve('127.0.0.1')}").result is Result.HEALTHY


def test_a_server_that_speaks_no_tls_is_down(look: Look) -> None:
    with RawServer(lambda connection: connection.sendall(b"220 mail.example.com\r\n")) as server:
        found = look(f"tls://127.0.0.1:{server.port}")
    assert (found.result, found.reason) == (Result.DOWN, "No secure connection")


def test_a_server_that_hangs_up_is_down(look: Look) -> None:
    with RawServer(lambda _connection: None) as server:
        found = look(f"tls://127.0.0.1:{server.port}")
    assert found.result is Result.DOWN
    assert found.reason in {"Connection closed", "No secure connection"}


def test_a_server_that_does_not_shake_hands_times_out(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = look(f"tls://127.0.0.1:{server.getsockname()[1]}", timeout=0.3)
    assert (found.result, found.reason) == (Result.TIMEOUT, "Timeout")


@pytest.mark.parametrize("name", ["", "//"])
def test_the_port_is_that_of_https_if_none_is_named(name: str) -> None:
    from sentinelweb import probes

    assert probes.registered()["tls"].clean(f"tls:{name}example.com") == "tls://example.com:443"
