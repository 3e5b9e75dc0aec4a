from __future__ import annotations

from collections.abc import Iterator

import dns.rcode
import dns.resolver
import pytest

from sentinelweb.core.results import Result
from sentinelweb.outbound import Reach
from sentinelweb.probes.base import InvalidTargetError
from tests.probes.conftest import Look
from tests.support.name_server import NameServer

RECORDS = {
    ("example.com.", "A"): ["192.0.2.10", "192.0.2.11"],
    ("example.com.", "MX"): ["10 Mail.example.com."],
    ("example.com.", "TXT"): ['"v=spf1" " -all"'],
    ("www.example.com.", "CNAME"): ["example.com."],
    ("xn--bcher-kva.example.", "A"): ["192.0.2.12"],
    ("_dmarc.example.com.", "TXT"): ['"v=DMARC1"'],
}


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer(RECORDS) as server:
        yield server


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("example.com", "A", ""),
        ("example.com", "A", "192.0.2.11"),
        ("Example.COM.", "A", "192.0.2.10"),
        ("example.com", "MX", "10 mail.example.com"),
        ("example.com", "TXT", "v=spf1 -all"),
        ("www.example.com", "CNAME", "Example.com."),
        ("bücher.example", "A", "192.0.2.12"),
        ("_dmarc.example.com", "TXT", ""),
    ],
)
def test_a_record_that_is_there_with_the_value_is_healthy(
    look: Look, server: NameServer, name: str, kind: str, value: str
) -> None:
    found = look(f"dns:{name}", name_server=server.address, record_type=kind, expected_value=value)
    assert (found.result, found.reason) == (Result.HEALTHY, "")
    assert found.latency_ms is not None


def test_another_value_is_an_error(look: Look, server: NameServer) -> None:
    found = look("dns:example.com", name_server=server.address, expected_value="192.0.2.1")
    assert (found.result, found.reason) == (Result.ERROR, "Record has another value")


def test_a_name_that_does_not_exist_is_down(look: Look, server: NameServer) -> None:
    found = look("dns:none.example.com", name_server=server.address)
    assert (found.result, found.reason) == (Result.DOWN, "Host not found")


def test_a_name_without_a_record_of_the_type_is_an_error(look: Look, server: NameServer) -> None:
    found = look("dns:example.com", name_server=server.address, record_type="AAAA")
    assert (found.result, found.reason) == (Result.ERROR, "Record not found")


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_name_server_that_fails_is_an_error(
    look: Look, server: NameServer, code: dns.rcode.Rcode
) -> None:
    server.codes["example.com."] = code
    found = look("dns:example.com", name_server=server.address)
    assert (found.result, found.reason) == (Result.ERROR, "Name server failed")


def test_a_name_server_that_does_not_answer_times_out(look: Look, server: NameServer) -> None:
    server.silent.add("example.com.")
    found = look("dns:example.com", name_server=server.address, timeout=0.5)
    assert (found.result, found.reason) == (Result.TIMEOUT, "Timeout")


def test_an_answer_of_nonsense_is_none(look: Look, server: NameServer) -> None:
    server.garbage.add("example.com.")
    found = look("dns:example.com", name_server=server.address, timeout=0.5)
    assert found.result in {Result.TIMEOUT, Result.ERROR}


def test_a_name_server_may_be_given_by_name(look: Look, server: NameServer) -> None:
    port = server.address.rpartition(":")[2]
    assert look("dns:example.com", name_server=f"localhost:{port}").result is Result.HEALTHY
    assert look("dns:example.com", name_server="nothing.invalid").reason == "Host not found"


def test_a_private_name_server_is_not_asked_where_that_is_denied(
    look: Look, server: NameServer
) -> None:
    found = look("dns:example.com", name_server=server.address, reach=Reach.PUBLIC)
    assert (found.result, found.reason) == (Result.UNKNOWN, "Address not allowed")


def test_a_machine_without_name_servers_is_our_own_failure(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", read)
    found = look("dns:example.com")
    assert (found.result, found.reason) == (Result.UNKNOWN, "No name server")


@pytest.mark.parametrize("value", ["a b", "[::1", "x:99999", "/etc", "@"])
def test_a_name_server_must_be_a_host(look: Look, value: str) -> None:
    with pytest.raises(InvalidTargetError) as caught:
        look("dns:example.com", name_server=value)
    assert caught.value.field == "name_server"
