"""The HTTP probe, against servers that behave well and badly."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sentinelweb.core.results import Result
from sentinelweb.outbound import Reach
from sentinelweb.probes.base import InvalidTargetError
from tests.probes.conftest import Look
from tests.support.made_certificates import make_certificate, server_context
from tests.support.raw_server import RawServer, head_of, reset
from tests.support.receiver import Call, Receiver, Reply


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


def refuse_head(call: Call) -> Reply:
    return Reply(405 if call.method == "HEAD" else 200)


class TestResults:
    @pytest.mark.parametrize("status", [200, 204, 299, 301, 304, 399])
    def test_2xx_and_3xx_are_healthy(self, look: Look, server: Receiver, status: int) -> None:
        server.default = Reply(status)
        found = look(server.url)
        assert (found.result, found.status_code, found.reason) == (Result.HEALTHY, status, "")
        assert found.latency_ms is not None
        assert found.latency_ms > 0
        assert found.certificate_expires_at is None

    @pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 599])
    def test_other_codes_are_errors_and_the_reason(
        self, look: Look, server: Receiver, status: int
    ) -> None:
        server.default = Reply(status)
        found = look(server.url)
        assert (found.result, found.status_code) == (Result.ERROR, status)
        assert found.reason == f"HTTP {status}"
        assert found.latency_ms is not None

    def test_where_nothing_listens_it_is_down(self, look: Look) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closing:
            port = closing.getsockname()[1]
        found = look(f"http://127.0.0.1:{port}/")
        assert (found.result, found.reason) == (Result.DOWN, "Connection refused")
        assert (found.latency_ms, found.status_code) == (None, None)

    def test_a_refusal_on_every_address_of_a_name_is_one(self, look: Look) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closing:
            port = closing.getsockname()[1]
        assert look(f"http://localhost:{port}/").reason == "Connection refused"

    def test_a_name_that_nobody_knows_is_down(self, look: Look) -> None:
        found = look("http://nothing.invalid/")
        assert (found.result, found.reason) == (Result.DOWN, "Host not found")

    @pytest.mark.parametrize("reply", [Reply(hang=True), Reply(delay=5), Reply(drip=0.1)])
    def test_no_answer_in_time_is_a_timeout(
        self, look: Look, server: Receiver, reply: Reply
    ) -> None:
        server.default = reply
        found = look(server.url, timeout=0.4)
        assert (found.result, found.reason, found.latency_ms) == (Result.TIMEOUT, "Timeout", None)

    def test_a_connection_that_ends_without_an_answer_is_down(self, look: Look) -> None:
        with RawServer(head_of) as server:
            found = look(server.url)
        assert (found.result, found.reason) == (Result.DOWN, "Connection closed")

    def test_a_connection_that_is_reset_is_down(self, look: Look) -> None:
        def talk(connection: socket.socket) -> None:
            head_of(connection)
            reset(connection)

        with RawServer(talk) as server:
            found = look(server.url)
            assert server.count == 1
        assert (found.result, found.reason) == (Result.DOWN, "Connection closed")

    @pytest.mark.parametrize(
        "answer",
        [
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"220 mail.example.com ESMTP\r\n",
            b"\0" * 100,
            b"HTTP/1.1 two hundred OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        ],
        ids=["ssh", "smtp", "nul", "status", "length", "header", "huge header"],
    )
    def test_what_is_no_http_is_an_error(self, look: Look, answer: bytes) -> None:
        def talk(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(answer)
            connection.recv(1)

        with RawServer(talk) as server:
            found = look(server.url)
        assert (found.result, found.reason) == (Result.ERROR, "Answer not understood")

    def test_header_values_of_any_bytes_are_survived(self, look: Look) -> None:
        def talk(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(b"HTTP/1.1 200 \xff\xfe\r\nServer: \xe9\xff\x80\r\n\r\n")

        with RawServer(talk) as server:
            assert look(server.url).result is Result.HEALTHY

    def test_headers_without_end_are_left_at_the_time_limit_or_before(self, look: Look) -> None:
        def talk(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X-More: " + b"x" * 1_000 + b"\r\n")

        with RawServer(talk) as server:
            found = look(server.url, timeout=1)
        assert found.result in {Result.TIMEOUT, Result.ERROR}

    def test_no_continue_in_the_world_is_an_answer(self, look: Look) -> None:
        def talk(connection: socket.socket) -> None:
            head_of(connection)
            while True:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

        with RawServer(talk) as server:
            found = look(server.url, timeout=1)
        assert found.result is Result.TIMEOUT


class TestRequest:
    def test_head_is_asked_and_nothing_of_ours_is_told(self, look: Look, server: Receiver) -> None:
        look(f"{server.url}/health?a=1#part")
        (call,) = server.calls
        assert (call.method, call.path) == ("HEAD", "/health?a=1")
        assert call.headers["User-Agent"] == "SentinelWeb"
        assert "Cookie" not in call.headers
        assert "Authorization" not in call.headers

    @pytest.mark.parametrize("status", [405, 501])
    def test_get_is_asked_where_head_is_not_known(
        self, look: Look, server: Receiver, status: int
    ) -> None:
        server.default = lambda call: Reply(status if call.method == "HEAD" else 200)
        assert look(server.url).result is Result.HEALTHY
        assert [call.method for call in server.calls] == ["HEAD", "GET"]

    def test_a_head_that_was_chosen_is_not_replaced(self, look: Look, server: Receiver) -> None:
        server.default = refuse_head
        assert look(server.url, method="HEAD").reason == "HTTP 405"
        assert [call.method for call in server.calls] == ["HEAD"]

    def test_method_headers_and_body_are_sent(self, look: Look, server: Receiver) -> None:
        look(
            server.url,
            method="POST",
            headers="X-Health-Check: true\nHost: inner.example.com",
            body='{"ping": "ü"}',
        )
        (call,) = server.calls
        assert call.method == "POST"
        assert call.json == {"ping": "ü"}
        assert call.headers["X-Health-Check"] == "true"
        assert call.headers["Host"] == "inner.example.com"
        assert call.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize(
        ("options", "header"),
        [
            ({"token": "abc"}, "Bearer abc"),
            ({"username": "me", "password": "sécret"}, "Basic bWU6c8OpY3JldA=="),
            ({"username": "me"}, "Basic bWU6"),
            ({"token": "abc", "headers": "authorization: mine"}, "mine"),
        ],
    )
    def test_credentials_become_a_header(
        self, look: Look, server: Receiver, options: dict[str, str], header: str
    ) -> None:
        look(server.url, **options)
        headers = {name.lower(): value for name, value in server.calls[0].headers.items()}
        assert headers["authorization"] == header

    def test_those_in_the_address_do_too(self, look: Look, server: Receiver) -> None:
        look(f"http://me:s%C3%A9cret@127.0.0.1:{server.port}/")
        assert server.calls[0].headers["Authorization"] == "Basic bWU6c8OpY3JldA=="

    def test_cookies_are_forgotten_and_proxies_unused(
        self, look: Look, server: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        server.default = Reply(302, {"Set-Cookie": "who=me", "Location": "/next"})
        look(server.url, follow_redirects="true")
        assert len(server.calls) > 1
        assert all("Cookie" not in call.headers for call in server.calls)

    def test_a_host_of_other_scripts_is_asked_for_by_its_ascii_form(
        self, look: Look, server: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = pretend_that_names_are_here(monkeypatch)
        assert look(f"http://bücher.example:{server.port}/").result is Result.HEALTHY
        assert asked == ["xn--bcher-kva.example"]
        assert server.calls[0].headers["Host"] == f"xn--bcher-kva.example:{server.port}"


class TestAnswer:
    @pytest.mark.parametrize(
        ("codes", "status", "result"),
        [
            ("200", 200, Result.HEALTHY),
            ("200", 201, Result.ERROR),
            ("200-299, 401", 401, Result.HEALTHY),
            ("4xx", 404, Result.HEALTHY),
            ("4XX,500-503", 503, Result.HEALTHY),
            ("2xx", 301, Result.ERROR),
        ],
    )
    def test_the_accepted_codes_may_be_chosen(
        self, look: Look, server: Receiver, codes: str, status: int, result: Result
    ) -> None:
        server.default = Reply(status)
        assert look(server.url, accepted_codes=codes).result is result

    def test_a_keyword_makes_it_get_and_must_be_there(self, look: Look, server: Receiver) -> None:
        server.default = Reply(body="all gööd".encode())
        assert look(server.url, keyword="gööd").result is Result.HEALTHY
        assert server.calls[0].method == "GET"
        found = look(server.url, keyword="bad")
        assert (found.result, found.reason) == (Result.ERROR, "Keyword not found")
        assert found.status_code == 200

    def test_a_keyword_may_have_to_be_absent(self, look: Look, server: Receiver) -> None:
        found = look(server.url, keyword="ok", keyword_absent="true")
        assert (found.result, found.reason) == (Result.ERROR, "Keyword found")
        assert look(server.url, keyword="no", keyword_absent="true").result is Result.HEALTHY

    def test_the_keyword_is_found_in_pages_of_latin_1(self, look: Look, server: Receiver) -> None:
        server.default = Reply(body="déjà vu".encode("latin-1"))
        assert look(server.url, keyword="déjà").result is Result.HEALTHY
        assert look(server.url, keyword="őű").result is Result.ERROR

    @pytest.mark.parametrize(
        ("path", "value", "reason"),
        [
            ("$.status", "ok", ""),
            ("$.status", "", ""),
            ("$.status", "no", "JSON path not matched"),
            ("$.none", "", "JSON path not matched"),
            ("$.checks[1].up", "true", ""),
            ("$.checks[1].up", "1", "JSON path not matched"),
            ("$.checks[0].up", "false", ""),
            ("$.checks[?@.name=='db'].up", "true", ""),
            ("$..name", "db", ""),
            ("$.load", "0.5", ""),
            ("$.load", "0.50", ""),
            ("$.nothing", "null", ""),
            ("$['status']", "ok", ""),
            ("$.version", "2", ""),
            ("$.version", "{", "JSON path not matched"),
        ],
    )
    def test_a_json_path_must_lead_to_the_value(
        self, look: Look, server: Receiver, path: str, value: str, reason: str
    ) -> None:
        server.default = Reply.json(
            {
                "status": "ok",
                "checks": [{"name": "web", "up": False}, {"name": "db", "up": True}],
                "load": 0.5,
                "nothing": None,
                "version": 2,
            }
        )
        assert look(server.url, json_path=path, json_value=value).reason == reason

    @pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", b"[" * 200_000, b"9" * 9_999])
    def test_what_is_no_json_is_an_error(self, look: Look, server: Receiver, body: bytes) -> None:
        server.default = Reply(body=body)
        found = look(server.url, json_path="$.status")
        assert (found.result, found.reason) == (Result.ERROR, "Answer is not JSON")

    def test_json_that_is_nested_without_end_is_survived(
        self, look: Look, server: Receiver
    ) -> None:
        server.default = Reply(body=b"[" * 900 + b"1" + b"]" * 900)
        assert look(server.url, json_path="$..a").reason == "JSON path not matched"

    def test_a_huge_body_is_read_no_further_than_the_limit(self, look: Look) -> None:
        sent = 0

        def talk(connection: socket.socket) -> None:
            nonlocal sent
            head_of(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                sent += connection.send(b"x" * 65_536)

        with RawServer(talk) as server:
            found = look(server.url, keyword="needle")
        assert (found.result, found.reason) == (Result.ERROR, "Keyword not found")
        assert sent < 30_000_000

    def test_a_compressed_bomb_is_not_unpacked_beyond_the_limit(self, look: Look) -> None:
        import zlib

        bomb = zlib.compress(b"\0" * 500_000_000, wbits=31)

        def talk(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                b"Content-Length: %d\r\n\r\n" % len(bomb)
            )
            connection.sendall(bomb)

        with RawServer(talk) as server:
            assert look(server.url, keyword="needle").reason == "Keyword not found"

    def test_a_reset_in_mid_body_is_down_if_the_body_was_needed(self, look: Look) -> None:
        def talk(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nneed")
            reset(connection)

        with RawServer(talk) as server:
            found = look(server.url, keyword="needle")
            assert (found.result, found.reason) == (Result.DOWN, "Connection closed")
            assert look(server.url, method="GET").result is Result.HEALTHY

    def test_a_body_that_drips_is_a_timeout_if_it_was_needed(
        self, look: Look, server: Receiver
    ) -> None:
        def talk(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(200):
                connection.sendall(b"x")
                connection.settimeout(0.05)
                try:
                    connection.recv(1)
                except TimeoutError:
                    continue
                return

        with RawServer(talk) as server:
            assert look(server.url, keyword="needle", timeout=0.5).result is Result.TIMEOUT
            assert look(server.url, method="GET").result is Result.HEALTHY


class TestRedirects:
    def test_one_is_an_answer_unless_it_is_to_be_followed(
        self, look: Look, server: Receiver
    ) -> None:
        server.default = lambda call: (
            Reply(500) if call.path == "/next" else Reply(302, {"Location": "/next"})
        )
        found = look(server.url)
        assert (found.result, found.status_code) == (Result.HEALTHY, 302)
        found = look(server.url, follow_redirects="yes")
        assert (found.result, found.status_code) == (Result.ERROR, 500)

    def test_a_loop_is_an_error(self, look: Look, server: Receiver) -> None:
        server.default = Reply(302, {"Location": "/"})
        found = look(server.url, follow_redirects="true")
        assert (found.result, found.reason) == (Result.ERROR, "Too many redirects")
        assert len(server.calls) <= 12

    @pytest.mark.parametrize(
        "location",
        ["ftp://example.com/", "file:///etc/passwd", "http://[::1", "http://\xff/"],
    )
    def test_one_to_nowhere_is_not_understood(
        self, look: Look, server: Receiver, location: str
    ) -> None:
        server.default = Reply(302, {"Location": location})
        found = look(server.url, follow_redirects="true")
        assert found.result in {Result.ERROR, Result.DOWN}
        assert found.reason in {"Answer not understood", "Host not found"}

    def test_one_to_a_forbidden_address_is_not_followed(self, look: Look, server: Receiver) -> None:
        server.default = Reply(302, {"Location": "http://169.254.169.254/latest/meta-data/"})
        found = look(server.url, follow_redirects="true")
        assert (found.result, found.reason) == (Result.UNKNOWN, "Address not allowed")

    def test_another_site_gets_no_secret(self, look: Look, server: Receiver) -> None:
        with Receiver() as other:
            server.default = Reply(307, {"Location": f"http://me:pw@127.0.0.1:{other.port}/x"})
            look(
                server.url,
                follow_redirects="true",
                method="POST",
                body="x",
                token="S3cret",
                headers="X-Key: S3cret",
            )
            assert "S3cret" in str(server.calls[0].headers)
            assert "S3cret" not in str(other.calls[0].headers)
            assert "Authorization" not in other.calls[0].headers
            assert (other.calls[0].method, other.calls[0].body) == ("POST", b"x")

    def test_the_same_site_gets_them_again(self, look: Look, server: Receiver) -> None:
        server.answer_with(Reply(302, {"Location": "/next"}))
        look(server.url, follow_redirects="true", token="S3cret", method="POST", body="x")
        assert server.calls[1].headers["Authorization"] == "Bearer S3cret"
        assert (server.calls[1].method, server.calls[1].body) == ("GET", b"")

    def test_all_of_them_share_the_time_limit(self, look: Look, server: Receiver) -> None:
        server.default = Reply(302, {"Location": "/"}, delay=0.3)
        assert look(server.url, follow_redirects="true", timeout=1).result is Result.TIMEOUT


class TestAddresses:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
    def test_a_private_one_is_not_called_where_that_is_denied(
        self, look: Look, server: Receiver, host: str
    ) -> None:
        found = look(f"http://{host}:{server.port}/", reach=Reach.PUBLIC)
        assert (found.result, found.reason) == (Result.UNKNOWN, "Address not allowed")
        assert server.calls == []

    @pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
    def test_no_spelling_of_it_helps(self, look: Look, server: Receiver, host: str) -> None:
        found = look(f"http://{host}:{server.port}/", reach=Reach.PUBLIC)
        assert found.result is not Result.HEALTHY
        assert server.calls == []

    def test_a_name_that_means_one_is_not_called(
        self, look: Look, server: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pretend_that_names_are_here(monkeypatch)
        found = look(f"http://rebind.example.com:{server.port}/", reach=Reach.PUBLIC)
        assert (found.result, found.reason) == (Result.UNKNOWN, "Address not allowed")
        assert server.calls == []

    def test_ipv6_serves_and_may_be_left_out(
        self, look: Look, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda _host, port, family, *rest: real(
                "127.0.0.1" if family == socket.AF_INET else "::1", port, family, *rest
            ),
        )
        with Receiver(family=socket.AF_INET6) as server:
            url = f"http://six.example.com:{server.port}/"
            assert look(url).result is Result.HEALTHY
            found = look(url, network={"ipv4_only": True})
            assert (found.result, found.reason) == (Result.DOWN, "Connection refused")
            literal = look(f"http://[::1]:{server.port}/", network={"ipv4_only": True})
            assert literal.result is Result.HEALTHY


class TestOverride:
    """INTERNAL_DNS_OVERRIDE_IP: the services are behind a proxy on the operator's own address."""

    HERE = {"override_ip": "127.0.0.1"}

    def test_every_name_is_asked_for_there_over_plain_http_by_its_own_name(
        self, look: Look, server: Receiver
    ) -> None:
        url = f"https://shop.example.com:{server.port}/health?x=1"
        assert look(url, network=self.HERE).result is Result.HEALTHY
        (call,) = server.calls
        assert call.headers["Host"] == f"shop.example.com:{server.port}"
        assert call.path == "/health?x=1"

    @pytest.mark.parametrize("url", ["https://shop.example.com/", "https://shop.example.com:443/"])
    @pytest.mark.parametrize("reach", list(Reach))
    def test_it_is_the_operators_and_its_port_that_of_http_if_no_other_is_named(
        self, look: Look, monkeypatch: pytest.MonkeyPatch, url: str, reach: Reach
    ) -> None:
        connected = []

        async def connect(_loop: object, made: socket.socket, address: tuple[str, int]) -> None:
            connected.append(address)
            raise ConnectionRefusedError

        monkeypatch.setattr("asyncio.SelectorEventLoop.sock_connect", connect, raising=False)
        assert look(url, network=self.HERE, reach=reach).reason == "Connection refused"
        assert connected == [("127.0.0.1", 80)]

    def test_strangers_get_no_other_port_of_that_machine(
        self, look: Look, server: Receiver
    ) -> None:
        url = f"https://shop.example.com:{server.port}/"
        found = look(url, network=self.HERE, reach=Reach.PUBLIC)
        assert (found.result, found.reason) == (Result.UNKNOWN, "Address not allowed")
        assert server.calls == []

    def test_an_address_needs_no_name_server_and_stays_as_it_is(
        self, look: Look, server: Receiver
    ) -> None:
        assert look(server.url, network={"override_ip": "127.0.0.9"}).result is Result.HEALTHY

    def test_a_redirect_leads_there_too(self, look: Look, server: Receiver) -> None:
        server.answer_with(
            Reply(302, {"Location": f"https://other.example.com:{server.port}/next"})
        )
        found = look(
            f"https://shop.example.com:{server.port}/", network=self.HERE, follow_redirects="true"
        )
        assert found.result is Result.HEALTHY
        assert server.calls[1].headers["Host"] == f"other.example.com:{server.port}"


class TestTLS:
    @pytest.fixture
    def secure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Callable[..., Receiver]]:
        """`secure(name, days=…)`: a server with such a certificate, which is trusted here."""
        started = []

        def start(name: str = "localhost", *, days: float = 100, trusted: bool = True) -> Receiver:
            file = make_certificate(tmp_path / "server.pem", name, days=days)
            if trusted:
                monkeypatch.setenv("SSL_CERT_FILE", str(file))
            started.append(Receiver(tls=server_context(file)))
            return started[-1].__enter__()

        yield start
        for receiver in started:
            receiver.__exit__()

    def test_the_right_host_is_healthy_and_its_certificate_is_noted(
        self, look: Look, secure: Callable[..., Receiver]
    ) -> None:
        for options in ({}, {"verify_tls": "no"}):
            found = look(f"https://localhost:{secure().port}/", **options)
            assert (found.result, found.reason) == (Result.HEALTHY, "")
            assert found.certificate_expires_at is not None
            left = found.certificate_expires_at - datetime.now(UTC)
            assert timedelta(days=99) < left < timedelta(days=101)

    @pytest.mark.parametrize(
        ("certificate", "reason"),
        [
            ({"name": "other.example.com"}, "Certificate of another host"),
            ({"days": -1}, "Certificate expired"),
            ({"trusted": False}, "Certificate not accepted"),
        ],
    )
    def test_a_certificate_that_is_not_in_order_is_down_unless_nobody_cares(
        self,
        look: Look,
        secure: Callable[..., Receiver],
        certificate: dict[str, object],
        reason: str,
    ) -> None:
        server = secure(**certificate)
        found = look(f"https://localhost:{server.port}/")
        assert (found.result, found.reason) == (Result.DOWN, reason)
        assert server.calls == []
        found = look(f"https://localhost:{server.port}/", verify_tls="false")
        assert (found.result, found.reason) == (Result.HEALTHY, "")

    def test_too_few_days_are_an_error_where_that_was_asked_for(
        self, look: Look, secure: Callable[..., Receiver]
    ) -> None:
        url = f"https://localhost:{secure(days=5.5).port}/"
        assert look(url).result is Result.HEALTHY
        found = look(url, certificate_days="14")
        assert (found.result, found.reason) == (Result.ERROR, "Certificate expires in 5 days")
        assert found.status_code == 200

    def test_the_name_is_told_before_the_certificate_is_shown(
        self, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """SNI: a server of many names has a certificate for each."""
        pretend_that_names_are_here(monkeypatch)
        file = make_certificate(tmp_path / "server.pem", "shop.example.com")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        context = server_context(file)
        names = []
        context.sni_callback = lambda _connection, name, _context: names.append(name)
        with Receiver(tls=context) as server:
            assert look(f"https://shop.example.com:{server.port}/").result is Result.HEALTHY
        assert names == ["shop.example.com"]

    def test_a_server_that_speaks_no_tls_is_down(self, look: Look, server: Receiver) -> None:
        found = look(f"https://127.0.0.1:{server.port}/")
        assert (found.result, found.reason) == (Result.DOWN, "No secure connection")

    def test_a_server_that_does_not_shake_hands_times_out(self, look: Look) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            found = look(f"https://127.0.0.1:{server.getsockname()[1]}/", timeout=0.3)
        assert (found.result, found.reason) == (Result.TIMEOUT, "Timeout")

    def test_an_old_protocol_is_down(self, look: Look, tmp_path: Path) -> None:
        context = server_context(make_certificate(tmp_path / "server.pem"))
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with Receiver(tls=context) as server:
            found = look(f"https://localhost:{server.port}/")
        assert (found.result, found.reason) == (Result.DOWN, "No secure connection")


class TestOptions:
    @pytest.mark.parametrize(
        "codes",
        [",", "abc", "20", "2000", "600", "099", "6xx", "300-200", "2xx 3xx", "٢٠٠", "2xx-3xx"],
    )
    def test_codes_that_are_none_are_refused(self, look: Look, codes: str) -> None:
        with pytest.raises(InvalidTargetError, match="Write codes as in") as caught:
            look("http://127.0.0.1:9/", accepted_codes=codes)
        assert caught.value.field == "accepted_codes"

    @pytest.mark.parametrize(
        "path",
        [
            "status", "$[", "$.a b", "$..a..b", "$[?$.a]", "$[0,1]", "$[?match(@.a, '(a+)+$')]",
            "$[?search(@.a, 'x')]", "$[?count(@.*) > 1]", "^", "$[?@.a =~ /x/]", "[" * 150,
        ],
    )  # fmt: skip
    def test_json_paths_that_are_none_or_may_never_end_are_refused(
        self, look: Look, path: str
    ) -> None:
        with pytest.raises(InvalidTargetError, match="path") as caught:
            look("http://127.0.0.1:9/", json_path=path)
        assert caught.value.field == "json_path"

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"body": "x"}, "body"),
            ({"body": "x", "method": "HEAD"}, "body"),
            ({"keyword": "x", "method": "HEAD"}, "keyword"),
            ({"json_path": "$.x", "method": "HEAD"}, "json_path"),
            ({"json_value": "x"}, "json_value"),
            ({"token": "x", "username": "x"}, "token"),
            ({"method": "BREW"}, "method"),
            ({"headers": "no colon"}, "headers"),
            ({"headers": "X: a\x7fb"}, "headers"),
            ({"headers": "Content-Length: 7"}, "headers"),
            ({"headers": "X: ü"}, "headers"),
            ({"token": "a\x7f"}, "token"),
            ({"username": "a:b"}, "username"),
        ],
    )
    def test_what_cannot_be_is_refused_beside_its_field(
        self, look: Look, options: dict[str, str], field: str
    ) -> None:
        with pytest.raises(InvalidTargetError) as caught:
            look("http://127.0.0.1:9/", **options)
        assert caught.value.field == field
        assert str(caught.value).endswith(".")

    @pytest.mark.parametrize(
        "address",
        ["http:", "http://", "http:///x", "http://a b/", "http://a:0/", "http://[::1/", "http:a",
         "http://?x", "http://.", "http://exa<m>ple/", "http://me@/", "https://-a.example.com"],
    )  # fmt: skip
    def test_what_is_no_address_is_refused(self, look: Look, address: str) -> None:
        with pytest.raises(InvalidTargetError):
            look(address)


def pretend_that_names_are_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every name mean 127.0.0.1; return the names as they are asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, *_args: object, **_values: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "reply", [Reply(500, {"X": "S3cret"}, b"S3cret"), Reply(close_after=0), Reply(hang=True)]
)
def test_no_result_and_no_log_line_holds_a_secret(
    look: Look, server: Receiver, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    caplog.set_level(logging.DEBUG)
    server.default = reply
    found = look(
        f"http://me:S3cret@127.0.0.1:{server.port}/S3cret?S3cret", headers="X: S3cret", timeout=1
    )
    assert server.calls
    assert "S3cret" not in str(found) + caplog.text
