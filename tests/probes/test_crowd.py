"""Many looks at once: each gets a result, whatever the others do."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest

from sentinelweb import probes
from sentinelweb.core.results import ProbeResult, Result
from sentinelweb.outbound import Reach
from sentinelweb.outbound.network import Network
from sentinelweb.probes import crowd
from sentinelweb.probes.base import Probe, Target
from sentinelweb.probes.crowd import Item, look_at
from tests.support.raw_server import RawServer, head_of

Found = dict[object, ProbeResult]


def look_at_all(items: list[Item]) -> Found:
    async def look() -> Found:
        async with Network(Reach.PRIVATE) as network:
            return {key: result async for key, result in look_at(items, network)}

    return asyncio.run(look())


def answer_all(connection: socket.socket) -> None:
    while head_of(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(answer_all) as server:
        yield server


class Odd(Probe):
    """A kind whose looks end as their address says."""

    kind = "odd"
    label = icon = summary = "odd"
    example = "odd:healthy"
    schemes = ("odd",)
    order = 99
    under_way: ClassVar[int] = 0
    most: ClassVar[int] = 0

    def clean_address(self, address: str) -> str:
        return address

    async def look(self, target: Target, network: Network) -> ProbeResult:
        match target.address:
            case "raises":
                raise RuntimeError(target.options["token"])
            case "hangs":
                await asyncio.sleep(600)
            case "is cancelled":
                raise asyncio.CancelledError
            case "times out":
                raise TimeoutError
            case "blocks":
                time.sleep(0.5)
                await asyncio.sleep(0.06)
                raise TimeoutError
            case "counts":
                Odd.under_way += 1
                Odd.most = max(Odd.most, Odd.under_way)
                await asyncio.sleep(0.01)
                Odd.under_way -= 1
        return ProbeResult(Result.HEALTHY, latency_ms=1.0)


@pytest.fixture(autouse=True)
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(probes.registered(), "odd", Odd())


def item(key: object, address: str, *, kind: str = "odd", timeout: float = 5.0) -> Item:
    return (key, kind, Target(address, {}, timeout))


def test_every_item_gets_its_own_result(server: RawServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        refused = f"http://127.0.0.1:{closing.getsockname()[1]}/"
    items = [item(n, refused if n % 10 == 0 else server.url, kind="http") for n in range(300)]
    found = look_at_all(items)
    assert len(found) == 300
    for key, result in found.items():
        assert result.result is (Result.DOWN if key % 10 == 0 else Result.HEALTHY)


def test_nothing_to_look_at_is_no_result() -> None:
    assert look_at_all([]) == {}


def test_results_come_as_soon_as_they_are_there() -> None:
    async def look() -> list[object]:
        items = [item("slow", "hangs", timeout=2.0), *(item(n, "healthy") for n in range(20))]
        async with Network(Reach.PRIVATE) as network:
            return [key async for key, _result in look_at(items, network)]

    keys = asyncio.run(look())
    assert keys == [*range(20), "slow"]


def test_what_we_got_wrong_is_unknown_and_takes_nobody_along(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    found = look_at_all(
        [
            ("raises", "odd", Target("raises", {"token": "S3cret"}, 5.0)),
            item("is cancelled", "is cancelled"),
            item("no such kind", "x", kind="nonsense"),
            item("no such address", "\0", kind="http"),
            item("fine", "healthy"),
            item("late", "times out"),
        ]
    )
    assert {key: result.result for key, result in found.items()} == {
        "raises": Result.UNKNOWN,
        "is cancelled": Result.UNKNOWN,
        "no such kind": Result.UNKNOWN,
        "no such address": found["no such address"].result,
        "fine": Result.HEALTHY,
        "late": Result.TIMEOUT,
    }
    assert found["raises"].reason == "Internal error"
    assert found["no such address"].result in {Result.UNKNOWN, Result.DOWN}
    printed = capsys.readouterr()
    assert "S3cret" not in printed.out + printed.err + caplog.text


def test_a_probe_that_ignores_its_time_limit_is_cut_off() -> None:
    began = time.monotonic()
    found = look_at_all([item("hangs", "hangs", timeout=0.1), item("fine", "healthy")])
    assert (found["hangs"].result, found["hangs"].reason) == (Result.UNKNOWN, "Probe did not end")
    assert found["fine"].result is Result.HEALTHY
    assert time.monotonic() - began < 60


def test_a_time_limit_that_passed_while_we_stood_still_is_our_own_failure() -> None:
    found = look_at_all([item("blocks", "blocks", timeout=0.2)])
    assert (found["blocks"].result, found["blocks"].reason) == (
        Result.UNKNOWN,
        "This machine was too busy",
    )


def test_no_more_are_under_way_than_the_network_has_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinelweb.outbound.network.AT_ONCE", 7)
    monkeypatch.setattr(Odd, "most", 0)

    async def look() -> int:
        async with Network(Reach.PRIVATE) as network:

            async def one_crowd() -> int:
                return len(
                    [1 async for _ in look_at([item(n, "counts") for n in range(40)], network)]
                )

            return sum(await asyncio.gather(one_crowd(), one_crowd()))

    assert asyncio.run(look()) == 80
    assert 0 < Odd.most <= 7


def test_those_who_stop_listening_stop_the_looks() -> None:
    async def look() -> set[asyncio.Task[object]]:
        async with Network(Reach.PRIVATE) as network:
            places = network.places._value
            looking = look_at(
                [item("fine", "healthy"), item("hangs", "hangs", timeout=300)], network
            )
            async for _key, _result in looking:
                break
            await looking.aclose()
            await asyncio.sleep(0)  # for the callbacks of those that were cancelled
            assert network.places._value == places
            return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(look()) == set()


def test_items_that_cannot_be_read_are_the_callers_error() -> None:
    def broken() -> Iterator[Item]:
        yield item(1, "healthy")
        raise LookupError

    async def look() -> list[object]:
        async with Network(Reach.PRIVATE) as network:
            return [found async for found in look_at(broken(), network)]

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(look())
    assert caught.group_contains(LookupError)


def test_a_crowd_does_not_make_its_services_look_slow(server: RawServer) -> None:
    """With all begun at once, one in the middle would wait for half of the answers to be read."""
    began = time.monotonic()
    found = look_at_all([item(n, server.url, kind="http", timeout=30) for n in range(500)])
    duration_ms = (time.monotonic() - began) * 1_000
    assert {result.result for result in found.values()} == {Result.HEALTHY}
    latencies = sorted(result.latency_ms or 0.0 for result in found.values())
    assert latencies[250] < duration_ms / 3


def test_the_pulse_counts_what_was_lost() -> None:
    async def beat() -> float:
        pulse = crowd._Pulse()
        beating = asyncio.create_task(pulse.beat())
        await asyncio.sleep(0.01)
        time.sleep(0.3)
        await asyncio.sleep(0.1)
        beating.cancel()
        return pulse.lost

    assert asyncio.run(beat()) > 0.2
