from __future__ import annotations

import socket

import pytest

from sentinelweb.core.results import Result
from sentinelweb.outbound import icmp
from tests.probes.conftest import Look


def _may_ping() -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except PermissionError:
            continue
        return True
    return False


needs_permission = pytest.mark.skipif(not _may_ping(), reason="the kernel permits no ping")


@needs_permission
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_machine_that_answers_is_healthy(look: Look, host: str) -> None:
    found = look(f"icmp:[{host}]" if ":" in host else f"icmp:{host}")
    assert (found.result, found.reason) == (Result.HEALTHY, "")
    assert found.latency_ms is not None
    assert found.latency_ms > 0


@needs_permission
def test_many_pings_at_once_do_not_take_each_others_answers(look: Look) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(look, ["icmp:127.0.0.1", "icmp:127.0.0.2"] * 20))
    assert {result.result for result in found} == {Result.HEALTHY}


@needs_permission
def test_a_machine_that_does_not_answer_times_out(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel answers any ping of loopback, but none with a wrong checksum."""
    monkeypatch.setattr(icmp, "_checksum", lambda _data: 1)
    if _kernel_makes_checksums():
        pytest.skip("the kernel makes the checksums")
    found = look("icmp:127.0.0.1", timeout=0.3)
    assert (found.result, found.reason) == (Result.TIMEOUT, "Timeout")


def _kernel_makes_checksums() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except PermissionError:
        return False
    return True


def test_a_name_that_nobody_knows_is_down(look: Look) -> None:
    found = look("icmp:nothing.invalid")
    assert (found.result, found.reason) == (Result.DOWN, "Host not found")


def test_a_kernel_that_permits_no_ping_is_our_own_failure(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(socket.socket):
        def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno=None) -> None:  # noqa: A002 - its base's names
            if proto == socket.IPPROTO_ICMP:
                raise PermissionError
            super().__init__(family, type, proto, fileno)

    monkeypatch.setattr(socket, "socket", Refusing)
    found = look("icmp:127.0.0.1")
    assert (found.result, found.reason) == (Result.UNKNOWN, "Not permitted on this machine")


def test_packets_of_others_are_not_taken_for_the_answer() -> None:
    with socket.socket() as made:
        token = b"t" * 16
        ours = icmp._packet(0, 3, token)
        assert icmp._sequence(made, ours, 0, token) == 3
        assert icmp._sequence(made, b"\x45" + b"h" * 19 + ours, 0, token) == 3
        for packet in (b"", b"x", ours[:8], ours + b"x", icmp._packet(8, 3, token), b"\0" * 24):
            assert icmp._sequence(made, packet, 0, token) == 0


def test_the_checksum_is_that_of_rfc_1071() -> None:
    assert icmp._checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
