"""The network of the probes: kept connections, names, and whom they may reach."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from yarl import URL

from sentinelweb.outbound import Reach, http, names, network
from sentinelweb.outbound.failures import (
    AddressNotAllowedError,
    ClosedError,
    HostNotFoundError,
)
from sentinelweb.outbound.http import Fetched
from sentinelweb.outbound.network import Network
from tests.support.made_certificates import make_certificate, server_context
from tests.support.raw_server import RawServer, head_of, reset

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PATIENCE = 20.0


def answer_all(connection: socket.socket) -> None:
    while head_of(connection):
        connection.sendall(OK)


@pytest.fixture
def server() -> Iterator[RawServer]:
    """Keeps its connections as long as its callers do."""
    with RawServer(answer_all) as server:
        yield server


def run(use: Callable[[Network], Awaitable[None]], **values: object) -> None:
    async def inside() -> None:
        async with Network(Reach.PRIVATE, **values) as entered:
            await use(entered)

    asyncio.run(inside())


def fetch(entered: Network, url: str, **values: object) -> Awaitable[Fetched]:
    return entered.http.fetch("GET", URL(url), **{"seconds": PATIENCE, "read": 100, **values})


class TestKeptConnections:
    def test_one_serves_many_requests(self, server: RawServer) -> None:
        async def use(entered: Network) -> None:
            for _ in range(5):
                assert (await fetch(entered, server.url)).body == b"ok"
            assert server.count == 1

        run(use)

    @pytest.mark.parametrize("end", [socket.socket.close, reset], ids=["closed", "reset"])
    def test_one_that_dies_when_it_is_used_is_not_the_services_failure(
        self, end: Callable[[socket.socket], None]
    ) -> None:
        def talk(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(OK)
            head_of(connection)
            end(connection)

        with RawServer(talk) as server:

            async def use(entered: Network) -> None:
                for method in ("GET", "POST", "GET"):
                    answer = await entered.http.fetch(
                        method, URL(server.url), seconds=PATIENCE, body=b"x", read=10
                    )
                    assert answer.status == 200
                assert server.count == 3

            run(use)

    def test_one_that_was_closed_meanwhile_is_not_used(self, server: RawServer) -> None:
        async def use(entered: Network) -> None:
            for _ in range(3):
                assert (await fetch(entered, server.url)).status == 200
                server.hang_up()
            assert server.count == 3

        run(use)

    def test_one_that_is_silent_now_is_not_the_services_failure(self) -> None:
        """As when a firewall between has forgotten it, and drops what it does not know."""

        def talk(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(OK)
            connection.recv(10_000)
            connection.recv(10_000)

        with RawServer(talk) as server:

            async def use(entered: Network) -> None:
                assert (await fetch(entered, server.url, seconds=2)).lost == 0
                answer = await fetch(entered, server.url, seconds=2)
                assert (answer.status, server.count) == (200, 2)
                assert answer.lost >= 2

            run(use)

    def test_a_fresh_one_that_dies_is_a_failure_at_once(self) -> None:
        with RawServer(head_of) as server:

            async def use(entered: Network) -> None:
                with pytest.raises(ClosedError):
                    await fetch(entered, server.url)
                assert server.count == 1

            run(use)

    def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next(self) -> None:
        def talk(connection: socket.socket) -> None:
            while head_of(connection):
                connection.sendall(OK + b"HTTP/1.1 500 Late\r\nContent-Length: 0\r\n\r\n")

        with RawServer(talk) as server:

            async def use(entered: Network) -> None:
                for _ in range(3):
                    assert (await fetch(entered, server.url)).status == 200
                    await asyncio.sleep(0.01)

            run(use)

    def test_tls_is_kept_too_and_its_certificate_still_known(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = make_certificate(tmp_path / "server.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with RawServer(answer_all, tls=server_context(file)) as server:

            async def use(entered: Network) -> None:
                url = f"https://localhost:{server.port}/"
                answers = [await fetch(entered, url) for _ in range(3)]
                assert len({answer.certificate_expires_at for answer in answers}) == 1
                assert answers[0].certificate_expires_at is not None
                assert server.count == 1

            run(use)

    def test_one_that_did_not_verify_does_not_serve_those_who_want_it(self, tmp_path: Path) -> None:
        file = make_certificate(tmp_path / "server.pem")
        with RawServer(answer_all, tls=server_context(file)) as server:

            async def use(entered: Network) -> None:
                url = f"https://localhost:{server.port}/"
                assert (await fetch(entered, url, verify=False)).status == 200
                with pytest.raises(http.failures.CertificateError):
                    await fetch(entered, url)

            run(use)

    def test_one_that_is_old_is_replaced_when_it_has_answered(
        self, server: RawServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A service may have moved, or renewed its certificate, and nobody closed a connection."""

        async def use(entered: Network) -> None:
            await fetch(entered, server.url)
            monkeypatch.setattr(http, "OLD_SECONDS", 0.0)
            http._old_at.update(dict.fromkeys(http._old_at, 0.0))
            assert (await fetch(entered, server.url)).body == b"ok"
            assert server.count == 1
            assert (await fetch(entered, server.url)).body == b"ok"
            assert server.count == 2

        run(use)

    def test_none_is_kept_when_there_are_too_many(self, server: RawServer) -> None:
        async def use(entered: Network) -> None:
            entered._most_sockets = 0
            for _ in range(3):
                assert (await fetch(entered, server.url)).status == 200
            assert server.count == 3

        run(use)

    def test_none_is_left_open_at_the_end(self, server: RawServer) -> None:
        entered_once: list[Network] = []

        async def use(entered: Network) -> None:
            entered_once.append(entered)
            await fetch(entered, server.url)
            with await entered.connect("127.0.0.1", server.port, seconds=PATIENCE):
                pass
            assert len(entered._sockets) >= 1

        run(use)
        gc.collect()
        assert all(made.fileno() == -1 for made in entered_once[0]._sockets)


class TestNames:
    def test_those_who_ask_at_once_share_a_question(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = count_questions(monkeypatch)

        async def use(entered: Network) -> None:
            found = await asyncio.gather(
                *(entered.addresses("a.example.com") for _ in range(1_000))
            )
            assert found == [["127.0.0.1"]] * 1_000
            assert asked == ["a.example.com"]

        run(use)

    def test_an_answer_is_remembered_for_some_seconds(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = count_questions(monkeypatch)
        monkeypatch.setattr(names, "REMEMBERED_SECONDS", 0.05)

        async def use(entered: Network) -> None:
            await entered.addresses("a.example.com")
            await asyncio.sleep(0.1)
            await entered.addresses("a.example.com")
            assert len(asked) == 2

        run(use)

    def test_one_who_loses_patience_does_not_take_the_answer_from_the_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        release = threading.Event()
        asked = count_questions(monkeypatch, before=lambda: release.wait(PATIENCE))

        async def use(entered: Network) -> None:
            waiting = asyncio.create_task(entered.addresses("a.example.com"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(entered.addresses("a.example.com"), 0.05)
            release.set()
            assert await waiting == ["127.0.0.1"]
            assert len(asked) == 1

        run(use)

    def test_a_hundred_that_hang_do_not_hold_up_another(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        release = threading.Event()

        def hang(host: str, *_: object) -> list[object]:
            if host.startswith("slow"):
                release.wait(PATIENCE)
                return []
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

        monkeypatch.setattr(socket, "getaddrinfo", hang)

        async def use(entered: Network) -> None:
            hanging = [
                asyncio.create_task(entered.addresses(f"slow{n}.example.com")) for n in range(100)
            ]
            await asyncio.sleep(0)
            assert await entered.addresses("quick.example.com") == ["127.0.0.1"]
            release.set()
            found = await asyncio.gather(*hanging, return_exceptions=True)
            assert all(isinstance(error, HostNotFoundError) for error in found)

        run(use)

    def test_one_that_hangs_at_the_end_is_nobodys_error(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        release = threading.Event()
        threads: list[threading.Thread] = []

        def hang(*_: object) -> list[object]:
            threads.append(threading.current_thread())
            release.wait(PATIENCE)
            return []

        monkeypatch.setattr(socket, "getaddrinfo", hang)

        async def use(entered: Network) -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(entered.addresses("a.example.com"), 0.05)

        run(use)
        release.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert caplog.text == ""

    def test_what_is_forgotten_makes_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        count_questions(monkeypatch)
        monkeypatch.setattr(names, "MOST_NAMES", 10)
        monkeypatch.setattr(names, "REMEMBERED_SECONDS", 0.0)

        async def use(entered: Network) -> None:
            for n in range(50):
                await entered.addresses(f"{n}.example.com")
            assert len(entered._names._entries) <= 11

        run(use)

    def test_forbidden_addresses_of_a_name_are_left_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        count_questions(monkeypatch, addresses=["169.254.169.254", "127.0.0.1"])

        async def use(entered: Network) -> None:
            assert await entered.addresses("a.example.com") == ["127.0.0.1"]
            with pytest.raises(AddressNotAllowedError):
                await entered.addresses("169.254.169.254")

        run(use)


def test_no_socket_is_made_for_a_forbidden_address() -> None:
    """Whatever a library or a name server makes of an address, this is the last word."""
    with pytest.raises(AddressNotAllowedError):
        Network(Reach.PUBLIC).make_socket(
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 80))
        )


def test_the_limit_of_open_files_is_raised_as_far_as_we_may() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
        allowed = network._allow_many_files()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard == before[1]
        assert allowed == soft == min(hard, network.MOST_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_connection_is_made_within_its_time_in_all() -> None:
    async def use(entered: Network) -> None:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await entered.connect("127.0.0.1", deaf.getsockname()[1], seconds=0.3)
        assert time.monotonic() - began < PATIENCE

    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        try:
            run(use)
        finally:
            for filler in fillers:
                filler.close()


def count_questions(
    monkeypatch: pytest.MonkeyPatch,
    *,
    before: Callable[[], object] = lambda: None,
    addresses: list[str] | None = None,
) -> list[str]:
    """Let every name mean `addresses`; return the names as they are asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, *_: object) -> list[object]:
        asked.append(host)
        before()
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
            for address in addresses or ["127.0.0.1"]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked
